"""The REST door to what a person should know now."""
