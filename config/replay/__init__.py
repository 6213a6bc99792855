"""A merchant's order log, sold again through the channels' signed webhooks.

``reading`` turns a file into rows, ``planning`` rows into sales and returns, ``market`` performs them on simulated
marketplaces, ``outcome`` says what the product made of it.
"""
