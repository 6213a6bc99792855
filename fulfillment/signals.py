"""News about orders. Each is sent inside the transaction that makes it true."""

from django.dispatch import Signal

#: Orders were recorded or changed: ``order_ids``.
sale_recorded = Signal()

#: Lines have units with no stock behind them: ``lines`` (list of dict: order, sku, units, kind).
shortfall_found = Signal()

#: Lines wait for a person: ``channel_code``, ``lines`` (list of dict: order, line, reason, detail).
lines_parked = Signal()

#: A delivery waits for a person: ``channel_code``, ``delivery_id``, ``reason``, ``detail``.
delivery_parked = Signal()
