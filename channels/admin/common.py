"""What the pages on channels share: where a target stands, and the rows' codes."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from inventory.admin.base import ConditionFilter

from ..models import Debt, StockTarget

#: What became of a target, the worst first, and the colour it is shown in.
STANDING = {
    "parked": (_("Parked"), "bad"),
    "waiting": (_("To be tried again"), "warn"),
    "in_flight": (_("In flight"), ""),
    "owed": (_("Owed"), ""),
    "unknown": (_("Unknown"), "warn"),
    "behind": (_("Behind"), "warn"),
    "settled": (_("Up to date"), "good"),
    "inactive": (_("Inactive"), ""),
}


def with_owed(targets: QuerySet[StockTarget]) -> QuerySet[StockTarget]:
    """Targets, each with whether a number is owed to it."""
    return targets.annotate(
        owed=Exists(Debt.objects.filter(channel_id=OuterRef("channel_id"), target_id=OuterRef("pk")))
    )


def standing(target: Any) -> str:
    """Where one target stands; it must come from ``with_owed``."""
    if not target.is_active:
        return "inactive"
    if target.parked_reason:
        return "parked"
    if target.claimed_until is not None:
        return "in_flight"
    if target.next_attempt_at is not None:
        return "waiting"
    if target.owed:
        return "owed"
    if target.shown is None:
        return "unknown"
    return "settled" if target.shown == target.published else "behind"


def standing_filter(condition: Callable[[Q], Q] = lambda condition: condition) -> type[ConditionFilter]:
    """A list's filter by where targets stand; ``condition`` carries it over to other rows."""
    found = {
        "parked": ~Q(parked_reason=""),
        "waiting": Q(next_attempt_at__isnull=False),
        "in_flight": Q(claimed_until__isnull=False),
        "owed": Q(Exists(Debt.objects.filter(channel_id=OuterRef("channel_id"), target_id=OuterRef("pk")))),
        "unknown": Q(shown=None),
    }
    conditions = {name: (STANDING[name][0], condition(rows)) for name, rows in found.items()}
    attributes = {"title": _("state"), "parameter_name": "standing", "conditions": conditions}
    return type("StandingFilter", (ConditionFilter,), attributes)


def worst(targets: list[Any]) -> str:
    """Where a listing stands: as its worst target does."""
    found = {standing(target) for target in targets}
    return next((name for name in STANDING if name in found), "inactive")


def total(numbers: list[int | None]) -> int | None:
    """The sum over targets; unknown where one of them is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if numbers and len(known) == len(numbers) else None
