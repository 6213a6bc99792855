"""Sales orders with their lines, and a sale's walk."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator

from inventory.admin.base import RecordAdmin, actor, pretty
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, find, list_of, page_of
from inventory.errors import StockError
from inventory.models import LedgerEntry

from .. import orders, shipping
from ..models import OrderStatus, SalesOrder, SalesOrderLine
from ..walk import reaches, sale_lag, started_at, walk
from .forms import ShipForm
from .order_filters import NeedFilter

STATUS_LABELS = {
    OrderStatus.PENDING: "info", OrderStatus.OPEN: "info", OrderStatus.PAUSED: "warning",
    OrderStatus.SHIPPED: "success", OrderStatus.CANCELLED: "",
}  # fmt: skip


class LineInline(TabularInline):
    """The lines, to read."""

    model = SalesOrderLine
    fields = readonly_fields = (
        "external_id", "sku", "quantity", "reserved", "short", "shipped", "cancelled", "refunded", "returned",
        "unit_price", "fulfilled_by", "parked",
    )  # fmt: skip
    extra = 0
    can_delete = False
    per_page = 100
    ordering = ("position",)
    verbose_name_plural = gettext_lazy("Lines")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SalesOrderLine]:
        """One query for all lines."""
        return super().get_queryset(request).select_related("sku", "order__channel")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Orders are facts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """So are their lines."""
        return False

    @display(description=gettext_lazy("parked because"))
    def parked(self, line: SalesOrderLine) -> str | None:
        """Why it waits, with what the channel calls it."""
        return f"{line.parked_reason}: {line.listing_key}" if line.parked_reason else None


@admin.register(SalesOrder)
class SalesOrderAdmin(CsvExport, RecordAdmin):
    """Demand as channels state it."""

    paginator = InfinitePaginator
    list_display = ("external_id", "channel", "state", "placed_at", "recorded_at", "units", "units_short", "problem")
    list_select_related = ("channel",)
    list_filter = (
        ("channel", RelatedDropdownFilter),
        ("status", ChoicesDropdownFilter),
        NeedFilter,
        ("placed_at", RangeDateTimeFilter),
        ("recorded_at", RangeDateTimeFilter),
    )
    search_fields = ("external_id", "lines__sku__code__exact")
    search_help_text = gettext_lazy("Part of the order's id, or a SKU's whole code")
    inlines = (LineInline,)
    actions_detail = ("walk_page", "ship", "hold", "release", "cancel", "entries")
    fields = (
        ("channel", "external_id", "version"), ("state", "problem"), ("placed_at", "recorded_at"),
        ("promised_at", "ship_by"), ("currency", "delivery_link"), "ship_to_text",
    )  # fmt: skip
    csv_columns = (
        ("channel", "channel.code"), ("order", "external_id"), ("status", "status"), ("placed_at", "placed_at"),
        ("recorded_at", "recorded_at"), ("units", "unit_sum"), ("short", "short_sum"), ("currency", "currency"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SalesOrder]:
        """With the sums over the lines."""
        return super().get_queryset(request).annotate(
            unit_sum=Coalesce(line_sum("quantity"), 0), short_sum=Coalesce(line_sum("short"), 0)
        )  # fmt: skip

    # Columns and fields ---------------------------------------------------------------------------------------

    @display(description=gettext_lazy("status"), label=STATUS_LABELS)
    def state(self, order: SalesOrder) -> tuple[str, str]:
        """Pending, open, paused, shipped or cancelled."""
        return order.status, order.get_status_display()

    @display(description=gettext_lazy("units"))
    def units(self, order: Any) -> int:
        """Units ordered."""
        return order.unit_sum

    @display(description=gettext_lazy("short"))
    def units_short(self, order: Any) -> int | None:
        """Units with no stock behind them."""
        return order.short_sum or None

    @display(description=gettext_lazy("ship to"))
    def ship_to_text(self, order: SalesOrder) -> SafeString:
        """The address, as the channel gave it."""
        return pretty(order.ship_to)

    @display(description=gettext_lazy("first delivery"))
    def delivery_link(self, order: SalesOrder) -> SafeString | None:
        """The raw event it came by."""
        if order.delivery_id is None:
            return None
        address = reverse("admin:channels_delivery_change", args=(order.delivery_id,))
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, _("Show the raw event"))

    # Actions --------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Walk"), icon="conversion_path", url_path="walk", permissions=["view"])
    def walk_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The sale's hops with their times."""
        order = find(self, request, object_id)
        told = reaches(order)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Walk of order %s") % order.external_id,
            "opts": self.opts,
            "original": order,
            "hops": walk(order, told),
            "reaches": told,
            "slowest": next((one for one in told if one.counts and one.lag_seconds is not None), None),
            "sale_lag": sale_lag(order, told),
            "start": started_at(order),
            "back": page_of(order),
        }
        return TemplateResponse(request, "admin/walk.html", context)

    @action(description=gettext_lazy("Ship"), icon="local_shipping", url_path="ship", permissions=["operate"])
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A parcel of everything outstanding, or a draft of one."""
        order = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            wanted = {name: values[name] for name in ("location", "carrier", "service", "tracking_number")}
            shipment = shipping.create_shipment(order=order, actor=actor(request), **wanted)
            if values["dispatch"]:
                shipping.dispatch(shipment, actor=actor(request))
                return _("Shipment %s has left; the channel is told.") % shipment.pk
            return _("Shipment %s is drafted.") % shipment.pk

        says = [_("All units outstanding go into one parcel. Dispatching takes them off the stock of that location.")]
        return ask(
            self, request, title=_("Ship order %s") % order.external_id, deed=deed, says=says, subjects=[order],
            back=page_of(order), form_class=ShipForm, refusals=(StockError, shipping.ShippingError), submit=_("Ship"),
        )  # fmt: skip

    @action(description=gettext_lazy("Hold"), icon="pause", url_path="hold", permissions=["operate"])
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pause it."""
        says = [_("The order waits for a person; its units stay reserved.")]
        return self._ask(request, object_id, orders.hold_order, _("Hold order"), says, _("The order is paused."))

    @action(description=gettext_lazy("Release"), icon="play_arrow", url_path="release", permissions=["operate"])
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it go on."""
        return self._ask(request, object_id, orders.release_order, _("Release order"), [], _("The order goes on."))

    @action(
        description=gettext_lazy("Cancel"), icon="cancel", url_path="cancel", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel what has not left yet."""
        says = [
            _("Units that have not left are released and sold again; every channel is told."),
            _("The marketplace is not told: cancel there too, else it will still expect the goods."),
        ]
        return self._ask(request, object_id, orders.cancel_order, _("Cancel order"), says, _("The order is cancelled."))

    @action(description=gettext_lazy("Ledger"), icon="receipt_long", url_path="entries", permissions=["view"])
    def entries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Every movement that it caused."""
        return redirect(list_of(LedgerEntry, urlencode({"q": find(self, request, object_id).reference})))

    def _ask(
        self, request: HttpRequest, object_id: str, verb: Any, title: str, says: list[str], done: str
    ) -> HttpResponse:
        order = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            verb(order, actor=actor(request))
            return done

        return ask(
            self, request, title=f"{title} {order.external_id}", deed=deed, says=says, subjects=[order],
            back=page_of(order), danger=verb is orders.cancel_order, refusals=(StockError, orders.OrderError),
        )  # fmt: skip


def line_sum(field: str) -> Any:
    """The sum of a line's field over an order, as a subquery."""
    lines = SalesOrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    return Subquery(lines.annotate(total=Sum(field)).values("total"))
