"""Shipments."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from inventory import bins
from inventory.admin.base import BigTable, RecordAdmin, actor, badge, places_of
from inventory.admin.inlines import ReadInline
from inventory.admin.pages import ask, find, page_of
from inventory.errors import StockError
from inventory.models import StockLevel

from .. import news, shipping
from ..models import Shipment, ShipmentLine, ShipmentStatus
from ..models.shipment import NewsStatus

LEVELS = {ShipmentStatus.DISPATCHED: "good", ShipmentStatus.REJECTED: "warn"}

#: Actions on drafts alone, by their path.
OF_DRAFTS = {"dispatch", "reject"}


class ShipmentLineInline(ReadInline):
    """What is in the parcel; parcels are made on the order's page."""

    model = ShipmentLine
    fields = readonly_fields = ("line", "sku", "bins_text", "quantity")
    joins = ("line__sku", "line__order__channel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShipmentLine]:
        """In the order of a walk along the shelves of the place that it leaves."""
        here = StockLevel.objects.filter(sku=OuterRef("line__sku"), location=OuterRef("shipment__location"))
        rows = super().get_queryset(request).annotate(level_id=Subquery(here.values("pk")[:1]))
        level = OuterRef("level_id")
        rows = rows.annotate(bin_names=bins.names_of(level), bin_key=bins.first_key(level))
        return rows.order_by(F("bin_key").asc(nulls_last=True), "pk")

    @display(description=gettext_lazy("bins"))
    def bins_text(self, line: Any) -> str:
        """Where it lies."""
        return ", ".join(line.bin_names)

    @display(description=gettext_lazy("SKU"))
    def sku(self, line: ShipmentLine) -> str:
        """The SKU's code."""
        return str(line.line.sku)


@admin.register(Shipment)
class ShipmentAdmin(BigTable, RecordAdmin):
    """Parcels that leave, and whether their channels know."""

    empty_hint = gettext_lazy("Open an order and ship it.")
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
    actions_detail = ("dispatch_parcel", "reject_draft", "tell_again")
    fields = (
        ("order", "location"), ("state", "dispatched_at"), ("carrier", "service", "tracking_number"),
        ("news", "news_attempts", "news_next_at"), "news_error", "created_at",
    )  # fmt: skip

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, shipment: Shipment) -> SafeString:
        """Draft, dispatched or rejected."""
        return badge(shipment.get_status_display(), LEVELS.get(ShipmentStatus(shipment.status), ""))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only drafts are dispatched or rejected; only who refused the news is told again."""
        found = super().get_actions_detail(request, object_id)
        row = Shipment.objects.filter(pk=object_id).values_list("status", "news").first() or ("", "")
        senseless = (set() if row[0] == ShipmentStatus.DRAFT else OF_DRAFTS) | (
            set() if row[1] == NewsStatus.PARKED else {"tell"}
        )
        return [one for one in found if one.path not in senseless]

    @action(description=gettext_lazy("Dispatch"), icon="local_shipping", url_path="dispatch", permissions=["operate"])
    def dispatch_parcel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It leaves."""
        shipment = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            shipping.dispatch(shipment, places=places_of(request), actor=actor(request))
            return _("Shipment %s has left; the channel is told.") % shipment.pk

        says = [_("All of its units leave %s, and the channel is told the tracking number.") % shipment.location]
        return ask(
            self, request, title=_("Dispatch shipment %s") % shipment.pk, deed=deed, says=says, subjects=[shipment],
            back=page_of(shipment), refusals=(StockError, shipping.ShippingError), submit=_("Dispatch"),
        )  # fmt: skip

    @action(
        description=gettext_lazy("Reject"),
        icon="block",
        url_path="reject",
        permissions=["operate"],
        variant=ActionVariant.DANGER,
    )
    def reject_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It will not leave."""
        shipment = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            shipping.reject(shipment, reason=values["reason"], actor=actor(request))
            return _("Shipment %s is rejected; its units can be shipped otherwise.") % shipment.pk

        says = [_("The draft is closed. Its units stay reserved for the order and are free for other shipments.")]
        return ask(
            self, request, title=_("Reject shipment %s") % shipment.pk, deed=deed, says=says, subjects=[shipment],
            back=page_of(shipment), refusals=(StockError, shipping.ShippingError), submit=_("Reject"), danger=True,
        )  # fmt: skip

    @action(
        description=gettext_lazy("Tell the channel again"), icon="campaign", url_path="tell", permissions=["operate"]
    )
    def tell_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Owe the news again that the channel refused."""
        shipment = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            if news.tell_again([shipment.pk]):
                return _("The channel is told again now.")
            return _("Nothing was parked: the channel knows, or is being told.")

        says = [
            _("The channel refused the news of this parcel, or never took it. It is told again from the first attempt.")
        ]
        return ask(
            self, request, title=_("Tell %s again") % shipment.order.channel.name, deed=deed, says=says,
            subjects=[shipment], back=page_of(shipment),
        )  # fmt: skip
