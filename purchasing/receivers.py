"""What this app does when an app below it tells news."""

from typing import Any

from django.dispatch import receiver

from fulfillment.signals import shortfall_found
from inventory.kernel.workqueue import ring
from inventory.models import BundlePart, Sku
from inventory.signals import stock_changed

from . import replenishment


@receiver(stock_changed, dispatch_uid="purchasing.mark")
def mark_for_reorder(sender: Any, *, sku_ids: list[int], new_levels: bool, **news: Any) -> None:
    """Stock moved: the rules of these SKUs are to be looked at."""
    if replenishment.mark(sku_ids, firm=new_levels):
        ring(replenishment.CHECK)


@receiver(shortfall_found, dispatch_uid="purchasing.mark_short")
def mark_short(sender: Any, *, lines: list[dict[str, Any]], **news: Any) -> None:
    """Units were sold that are not there: the position fell, though available stood at 0 already."""
    codes = {line["sku"] for line in lines}
    parts = BundlePart.objects.filter(bundle__code__in=codes).values_list("component")
    skus = [sku_id for (sku_id,) in Sku.objects.filter(code__in=codes).order_by().values_list("pk").union(parts)]
    if replenishment.mark(skus, firm=True):
        ring(replenishment.CHECK)
