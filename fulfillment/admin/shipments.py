"""Shipments."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from inventory.admin.base import RecordAdmin, actor
from inventory.admin.pages import ask, find, page_of
from inventory.errors import StockError

from .. import shipping
from ..models import Shipment, ShipmentLine, ShipmentStatus


class ShipmentLineInline(TabularInline):
    """What is in the parcel, to read."""

    model = ShipmentLine
    fields = readonly_fields = ("line", "sku", "quantity")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShipmentLine]:
        """One query for all lines."""
        return super().get_queryset(request).select_related("line__sku", "line__order__channel")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Parcels are made on the order's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """And stay as they are."""
        return False

    @display(description=gettext_lazy("SKU"))
    def sku(self, line: ShipmentLine) -> str:
        """The SKU's code."""
        return str(line.line.sku)


@admin.register(Shipment)
class ShipmentAdmin(RecordAdmin):
    """Parcels that leave, and whether their channels know."""

    paginator = InfinitePaginator
    list_display = (
        "id",
        "order",
        "location",
        "state",
        "carrier",
        "tracking_number",
        "dispatched_at",
        "news",
        "news_error",
    )
    list_display_links = ("id", "order")
    list_select_related = ("order__channel", "location")
    list_filter = (
        ("status", ChoicesDropdownFilter), ("news", ChoicesDropdownFilter), ("location", RelatedDropdownFilter),
        ("order__channel", RelatedDropdownFilter), ("dispatched_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("order__external_id", "tracking_number", "carrier")
    inlines = (ShipmentLineInline,)
    actions_detail = ("dispatch_parcel",)
    fields = (
        ("order", "location"), ("state", "dispatched_at"), ("carrier", "service", "tracking_number"),
        ("news", "news_attempts", "news_next_at"), "news_error", "created_at",
    )  # fmt: skip

    @display(
        description=gettext_lazy("status"), label={ShipmentStatus.DRAFT: "info", ShipmentStatus.DISPATCHED: "success"}
    )
    def state(self, shipment: Shipment) -> tuple[str, str]:
        """Draft or dispatched."""
        return shipment.status, shipment.get_status_display()

    @action(description=gettext_lazy("Dispatch"), icon="local_shipping", url_path="dispatch", permissions=["operate"])
    def dispatch_parcel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It leaves."""
        shipment = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            shipping.dispatch(shipment, actor=actor(request))
            return _("Shipment %s has left; the channel is told.") % shipment.pk

        says = [_("All of its units leave %s, and the channel is told the tracking number.") % shipment.location]
        return ask(
            self, request, title=_("Dispatch shipment %s") % shipment.pk, deed=deed, says=says, subjects=[shipment],
            back=page_of(shipment), refusals=(StockError, shipping.ShippingError), submit=_("Dispatch"),
        )  # fmt: skip
