"""The REST door to orders, shipments, returns and what is short or parked."""
