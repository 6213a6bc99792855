"""News that the ledger tells to whoever is above it."""

from django.dispatch import Signal

#: Available changed. Sent once per posting, inside its transaction, with
#: ``sku_ids`` (list of int, those whose available changed), ``cause`` (text: sale, adjustment, ...), ``reference`` (text)
#: and ``new_levels`` (True where a level was created in this transaction, which no share lock can wait for).
stock_changed = Signal()
