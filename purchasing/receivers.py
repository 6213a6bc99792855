"""What this app does when an app below it tells news."""

from typing import Any

from django.dispatch import receiver

from inventory.kernel.workqueue import ring
from inventory.signals import stock_changed

from . import replenishment


@receiver(stock_changed, dispatch_uid="purchasing.mark")
def mark_for_reorder(sender: Any, *, sku_ids: list[int], new_levels: bool, **news: Any) -> None:
    """Stock moved: the rules of these SKUs are to be looked at."""
    if replenishment.mark(sku_ids, firm=new_levels):
        ring(replenishment.CHECK)
