"""What this app does when an app below it tells news."""

from typing import Any

from django.dispatch import receiver

from inventory.signals import stock_changed

from . import publishing


@receiver(stock_changed, dispatch_uid="channels.owe")
def owe_listings(sender: Any, *, sku_ids: list[int], new_levels: bool, **news: Any) -> None:
    """Available changed: every listing of these SKUs is owed a number."""
    publishing.owe_skus(sku_ids, firm=new_levels)
