"""Allocation rules change through these verbs: what they touch is owed in the same transaction."""

from django.db import transaction

from inventory.kernel import clock

from . import publishing
from .allocation import registry
from .models import AllocationRule


@transaction.atomic
def save_rule(rule: AllocationRule) -> AllocationRule:
    """Save a new or changed rule. Raises RuleError where its value makes no sense, LookupError for an unknown kind."""
    registry.get(rule.kind).check(rule.value)
    before = AllocationRule.objects.filter(pk=rule.pk).first() if rule.pk else None
    rule.felt_at = clock.now()
    rule.save()
    if before is not None:
        publishing.owe_rule(before)
    publishing.owe_rule(rule)
    return rule


@transaction.atomic
def delete_rule(rule: AllocationRule) -> None:
    """Delete a rule; the numbers without it are owed."""
    publishing.owe_rule(rule)
    rule.delete()
