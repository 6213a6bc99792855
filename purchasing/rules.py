"""Reorder rules change through this verb: what they ask is looked at in the same breath."""

from django.db import transaction

from inventory.kernel.workqueue import ring

from .models import ReorderRule
from .replenishment import CHECK, mark


@transaction.atomic
def save_rule(rule: ReorderRule) -> ReorderRule:
    """Save a new or changed rule; a SKU that is at its point already raises its alert at once."""
    rule.save()
    if mark([rule.sku_id], firm=True):
        ring(CHECK)
    return rule
