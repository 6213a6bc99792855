"""Simulated marketplaces: real HTTP servers on loopback that speak the wire contract of the ``http`` connector.

They are the independent counterparty of the product: pure Python, no Django, no import of the product's code, their
own signatures, their own stock books, their own clock. What they say about lag and oversold units comes from their own
books.

    spec = MarketplaceSpec(code="shopify-uk", secret="whsec_...", offers=(Offer("A", "SKU-A", 100),))
    world = Marketplaces([spec], "http://127.0.0.1:8000")
    world.start()
    world.channel("shopify-uk").buy("A", quantity=2)
    world.stop()

``python -m channels.simulators.serve --config FILE`` runs the same world as a process of its own, driven over a control
endpoint (see ``control.py`` and ``remote.py``).
"""

from channels.simulators.faults import Faults
from channels.simulators.handles import Marketplaces
from channels.simulators.spec import MarketplaceSpec, Offer

__all__ = ["Faults", "MarketplaceSpec", "Marketplaces", "Offer"]
