"""Which orders concern people and programs that are limited to locations."""

from typing import Any

from django.db.models import QuerySet

from inventory.models import Reservation

from .models import SalesOrder, SalesOrderLine
from .recording import HOLDER


def seen_at(location_ids: frozenset[int] | None, orders: "QuerySet[Any] | None" = None) -> "QuerySet[Any]":
    """The orders that hold or held stock at these locations; None is all of them."""
    rows = SalesOrder.objects.all() if orders is None else orders
    if location_ids is None:
        return rows
    held = Reservation.objects.filter(holder_kind=HOLDER, level__location__in=location_ids)
    return rows.filter(pk__in=SalesOrderLine.objects.filter(pk__in=held.values("holder_id")).values("order"))


def is_covered(order: SalesOrder, *, location_ids: frozenset[int] | None) -> bool:
    """Whether an order holds stock nowhere else: only then may it be held or cancelled from there."""
    if location_ids is None:
        return True
    held = Reservation.objects.filter(holder_kind=HOLDER, holder_id__in=order.lines.values("pk"))
    return not held.exclude(level__location__in=location_ids).exists()
