"""Lines of an order named in a body, and the order itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from inventory.api.access import caller_of
from inventory.api.errors import Refused
from inventory.models import Location, Reservation

from ..models import SalesOrder, SalesOrderLine
from ..recording import HOLDER
from .orders import seen_by


class OrderId(serializers.CharField):
    """An order, named by its id."""

    def to_internal_value(self, data: Any) -> SalesOrder:  # type: ignore[override]
        """The order, where the caller may see it."""
        text = super().to_internal_value(data)
        caller = caller_of(self.context["request"])
        if text.isascii() and text.isdigit() and len(text) <= 18:
            order = seen_by(caller, SalesOrder.objects.select_related("channel")).filter(pk=int(text)).first()
            if order is not None:
                return order
        raise serializers.ValidationError(_("There is no order {value}.").format(value=text[:50]))

    def to_representation(self, value: Any) -> str:
        """The id as text."""
        return str(value.pk)


def find_lines(order: SalesOrder, rows: Iterable[Mapping[str, Any]]) -> list[SalesOrderLine]:
    """The order's lines that the rows name, each once. Raises Refused naming the rows that name none."""
    known = {line.external_id: line for line in order.lines.select_related("sku").order_by("position")}
    errors: dict[str, list[str]] = {}
    found: dict[str, SalesOrderLine] = {}
    for index, row in enumerate(rows):
        line = known.get(row["line"])
        if line is None:
            some = ", ".join(list(known)[:20])
            errors[f"lines.{index}.line"] = [_("The order has no such line; it has: {lines}.").format(lines=some)]
        elif line.external_id in found:
            errors[f"lines.{index}.line"] = [_("The line is named twice.")]
        else:
            found[line.external_id] = line
    if errors:
        path, messages = next(iter(errors.items()))
        raise Refused(f"{path}: {messages[0]}", fields=errors)
    return list(found.values())


def only_place(order: SalesOrder) -> Location | None:
    """The one location that holds stock for the order; None where it is none or several."""
    lines = SalesOrderLine.objects.filter(order=order).values("pk")
    held = Reservation.objects.filter(holder_kind=HOLDER, holder_id__in=lines)
    places = {row.level.location for row in held.select_related("level__location") if row.open_quantity}
    return places.pop() if len(places) == 1 else None
