"""News that the ledger tells to whoever is above it."""

from django.dispatch import Signal

#: Available changed, and with it that of the bundles that these SKUs are parts of. Sent once per posting, inside its transaction,
#: with ``sku_ids`` (list of int, those whose available changed), ``cause`` (text: sale, adjustment, ...), ``reference`` (text)
#: and ``new_levels`` (True where a level was created in this transaction, which no share lock can wait for).
stock_changed = Signal()

#: Promises may lose units: ``holders`` (list of (kind, id)). Sent before any level is locked. Whoever knows such holders locks
#: its own rows of them now, in their order, as before every change of a promise.
promises_concerned = Signal()

#: Promises lost units that are gone: ``losses`` (list of ``inventory.losses.Loss``: holder and units) and
#: ``reference`` (text). Sent once, in the transaction that takes the units off, after its entries.
promises_lost = Signal()
