"""Forms of the pages on which people act on orders, parcels and returns."""

from typing import Any

from django import forms
from django.db.models import F, QuerySet, Sum
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from inventory.admin.forms import ReasonForm, only_places, sku_field
from inventory.models import Location, Reservation

from ..models import Return, ReturnLine, SalesOrder, SalesOrderLine
from ..recording import HOLDER


class ShipForm(ReasonForm):
    """From where, with whom. The place that holds most of the order is proposed."""

    location = forms.ModelChoiceField(
        Location.objects.feeding(), label=_("From"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    carrier = forms.CharField(label=_("Carrier"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget)
    service = forms.CharField(label=_("Service"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget)
    tracking_number = forms.CharField(
        label=_("Tracking number"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget
    )
    dispatch = forms.BooleanField(
        label=_("It leaves now"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )
    field_order = ("location", "carrier", "service", "tracking_number", "dispatch", "reason")

    def __init__(self, *args: Any, order: SalesOrder, places: frozenset[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_places(self.fields["location"], places)
        held = Reservation.objects.filter(holder_kind=HOLDER, holder_id__in=order.lines.values("pk"))
        units = Sum(F("quantity") - F("fulfilled") - F("released"))
        most = held.values("level__location").annotate(units=units).order_by("-units").first()
        if most is not None:
            self.fields["location"].initial = most["level__location"]


#: A form asks about so many lines; who has more does them in turns, or by the API.
LINES_AT_ONCE = 100


def shipped_lines(order: SalesOrder) -> QuerySet[SalesOrderLine]:
    """The lines of which something could come back."""
    return order.lines.filter(shipped__gt=0).select_related("sku").order_by("position")


def due_lines(parcel: Return) -> QuerySet[ReturnLine]:
    """The lines of which something has still to come back."""
    seen = F("restocked") + F("quarantined") + F("missing")
    return parcel.lines.filter(quantity__gt=seen).select_related("line__sku").order_by("pk")


def beyond(rows: QuerySet[Any]) -> list[str]:
    """What a form says that has not room for all lines."""
    count = rows.count()
    if count <= LINES_AT_ONCE:
        return []
    said = gettext("Here are the first %(shown)d of %(count)d lines. Come back for the others, or use the API.")
    return [said % {"shown": LINES_AT_ONCE, "count": count}]


class AnnounceForm(ReasonForm):
    """For each line shipped: how many units come back."""

    def __init__(self, *args: Any, order: SalesOrder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shipped = list(shipped_lines(order)[:LINES_AT_ONCE])
        for line in self.shipped:
            self.fields[f"line_{line.pk}"] = forms.IntegerField(
                label=_("%(sku)s (%(shipped)d shipped)")
                % {"sku": line.sku or line.listing_key, "shipped": line.shipped},
                min_value=0,
                max_value=line.shipped,
                initial=0,
                widget=UnfoldAdminIntegerFieldWidget,
            )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean(self) -> dict[str, Any]:
        """At least one unit; ``announced`` is what ``returns.create_return`` takes, without the reason."""
        values = super().clean() or {}
        units = [(line, values.get(f"line_{line.pk}") or 0) for line in self.shipped]
        announced = [(line, count) for line, count in units if count]
        if not announced and not self.errors:
            self.add_error(None, _("Say how many units come back.") if self.shipped else _("Nothing was shipped yet."))
        return {**values, "announced": announced}


class ReceiveForm(ReasonForm):
    """For each line announced: how many came back, and in what state."""

    DISPOSITIONS = (("restock", _("to stock")), ("quarantine", _("to quarantine")), ("missing", _("missing")))
    location = forms.ModelChoiceField(
        Location.objects.filter(is_active=True),
        label=_("Received at"),
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
    )

    def __init__(self, *args: Any, parcel: Return, places: frozenset[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_places(self.fields["location"], places)
        left_from = parcel.order.shipments.order_by("-pk").first()
        if left_from is not None:
            self.fields["location"].initial = left_from.location_id
        self.parcel_lines = list(due_lines(parcel)[:LINES_AT_ONCE])
        for line in self.parcel_lines:
            due = line.quantity - line.restocked - line.quarantined - line.missing
            for code, label in self.DISPOSITIONS:
                self.fields[f"{code}_{line.pk}"] = forms.IntegerField(
                    label=_("%(sku)s %(where)s (%(due)d due)") % {"sku": line.line.sku, "where": label, "due": due},
                    min_value=0,
                    max_value=due,
                    initial=due if code == "restock" else 0,
                    widget=UnfoldAdminIntegerFieldWidget,
                )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean(self) -> dict[str, Any]:
        """No more than was announced, and at least something; ``received`` is what ``returns.receive`` takes."""
        values = super().clean() or {}
        received = []
        for line in self.parcel_lines:
            found = {code: values.get(f"{code}_{line.pk}") or 0 for code, _label in self.DISPOSITIONS}
            due = line.quantity - line.restocked - line.quarantined - line.missing
            if sum(found.values()) > due:
                said = _("%(counted)d units of %(due)d due.") % {"counted": sum(found.values()), "due": due}
                self.add_error(f"restock_{line.pk}", said)
            units = {code: count for code, count in found.items() if count}
            if units:
                received.append((line.line, units, values.get("location")))
        if not received and not self.errors:
            self.add_error(None, _("Say how many units came back."))
        return {**values, "received": received}


class MapForm(ReasonForm):
    """The SKU behind a channel's unknown id."""

    sku = sku_field()
    field_order = ("sku", "reason")
