"""A shop to look at: a made-up merchant with a catalogue, three warehouses and thirty channels full of shoppers."""
