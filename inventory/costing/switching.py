"""A SKU's method of costing is switched at a period's start: both are kept, so nothing is computed anew."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from ..errors import CostError
from ..kernel import clock
from ..models import Costing, CostingChange, Period, Sku
from .projection import lock_horizon


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@transaction.atomic
def switch_costing(sku: Sku, costing: str, *, reason: str, actor: str) -> CostingChange | None:
    """Value a SKU by another method from the start of the first month that no company has closed; None where it is so already.

    The difference between both methods on that day is booked in that month. Raises CostError where no reason is given.
    """
    lock_horizon()
    held = Sku.objects.select_for_update(no_key=True).get(pk=sku.pk)
    sku.costing = costing
    if held.costing == costing:
        return None
    if not reason.strip():
        raise CostError(_("say why the method of costing is switched"), field="costing_reason")
    closed = Period.objects.order_by("-first_day").values_list("first_day", flat=True).first()
    change = CostingChange.objects.create(
        sku=held, before=Costing(held.costing), costing=Costing(costing), from_day=closed and month_after(closed),
        reason=reason.strip()[:200], actor=actor, at=clock.now(),
    )  # fmt: skip
    held.costing = costing
    held.save(update_fields=["costing"])
    return change
