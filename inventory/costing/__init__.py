"""What stock cost: a projection of the ledger's entries, off the walk of a sale.

``order`` lines entries up, once and for ever; ``projection`` values them in that order with the arithmetic of ``book``;
``values`` reads any instant; ``landed`` shares charges; ``periods`` and ``journal`` close months.
"""
