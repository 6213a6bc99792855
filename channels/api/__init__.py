"""The REST door to channels, listings, rules and the inbox."""
