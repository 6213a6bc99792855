"""Worlds to sell in: bulk seeding, and runs that measure the product against marketplaces of its own."""
