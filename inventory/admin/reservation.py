"""Reservations, to read."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import F, Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from ..models import Reservation
from ..models.reservation import ReservationStatus
from .base import BigTable, ConditionFilter, RecordAdmin, badge


class StatusFilter(ConditionFilter):
    """Open or ended, computed from the quantities."""

    title = _("status")
    parameter_name = "status"
    conditions: ClassVar = {
        "open": (_("Open"), Q(quantity__gt=F("fulfilled") + F("released"))),
        "ended": (_("Ended"), Q(quantity=F("fulfilled") + F("released"))),
    }


def holder_page(reservation: Reservation) -> str:
    """The page of whoever holds it, known by the name of its kind; empty where there is none."""
    suffix = f"{reservation.holder_kind.replace('_', '')}_change"
    names = (f"{entry.opts.app_label}_{entry.opts.model_name}_change" for entry in admin.site._registry.values())
    name = next((name for name in names if name.endswith(suffix)), "")
    return reverse(f"admin:{name}", args=(reservation.holder_id,)) if name else ""


@admin.register(Reservation)
class ReservationAdmin(BigTable, RecordAdmin):
    """What is promised to whom, from where."""

    empty_hint = _("Orders reserve stock; what is promised shows here.")
    list_display = (
        "reserved_at",
        "sku",
        "location",
        "holder",
        "quantity",
        "fulfilled",
        "released",
        "open_units",
        "state",
    )
    list_select_related = ("level__sku", "level__location")
    list_filter = (
        StatusFilter,
        ("level__location", RelatedDropdownFilter),
        ("reserved_at", RangeDateTimeFilter),
    )
    search_fields = ("level__sku__code__iexact", "level__sku__barcode__exact", "holder_id__exact")
    search_help_text = _("Whole SKU code, barcode, holder's number")
    ordering = ("-id",)
    fields = (
        "holder",
        ("sku", "location"),
        ("quantity", "open_units"),
        ("fulfilled", "released"),
        "state",
        "reserved_at",
    )

    @display(description=_("SKU"))
    def sku(self, reservation: Reservation) -> str:
        """The SKU's code."""
        return reservation.level.sku.code

    @display(description=_("location"))
    def location(self, reservation: Reservation) -> str:
        """The location's code."""
        return reservation.level.location.code

    @display(description=_("holder"))
    def holder(self, reservation: Reservation) -> str:
        """Who holds it, with the way there where the back office has a page of it."""
        name = f"{reservation.holder_kind.replace('_', ' ')} {reservation.holder_id}"
        address = holder_page(reservation)
        return format_html('<a class="so-link" href="{}">{}</a>', address, name) if address else name

    @display(description=_("open"))
    def open_units(self, reservation: Reservation) -> int:
        """Units still promised."""
        return reservation.open_quantity

    @display(description=_("status"))
    def state(self, reservation: Reservation) -> SafeString:
        """Pending, fulfilled or released."""
        levels = {ReservationStatus.FULFILLED: "good", ReservationStatus.RELEASED: "warn"}
        return badge(reservation.status.label, levels.get(reservation.status, ""))
