"""News about buying."""

from django.dispatch import Signal

#: Reorder alerts were raised: ``alert_ids``. Sent inside the transaction that raises them.
reorder_raised = Signal()

#: Reorder alerts were dealt with, or the position is above the point again: ``alert_ids``.
reorder_closed = Signal()
