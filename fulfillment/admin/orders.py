"""Sales orders with their lines, and a sale's walk."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from inventory.admin.base import BigTable, RecordAdmin, badge, money
from inventory.admin.export import CsvExport
from inventory.admin.inlines import ReadInline
from inventory.people.roles import Standing

from ..coverage import seen_at
from ..models import OrderStatus, SalesOrder, SalesOrderLine
from .order_actions import OrderActions
from .order_filters import NeedFilter

#: The parts of an address in the order in which people write them.
ADDRESS = ("name", "company", "address1", "address2", "street", "postal_code", "city", "region", "country")
LEVELS = {OrderStatus.PAUSED: "warn", OrderStatus.SHIPPED: "good", OrderStatus.CANCELLED: "warn"}


class LineInline(ReadInline):
    """The lines, to read."""

    model = SalesOrderLine
    fields = readonly_fields = (
        "external_id", "sku", "quantity", "reserved", "short", "shipped", "cancelled", "refunded", "returned",
        "price", "fulfilled_by", "parked",
    )  # fmt: skip
    joins = ("sku", "order__channel")
    ordering = ("position",)
    verbose_name_plural = gettext_lazy("Lines")

    @display(description=gettext_lazy("unit price"))
    def price(self, line: SalesOrderLine) -> str | None:
        """With its currency."""
        return money(line.unit_price, line.order.currency)

    @display(description=gettext_lazy("parked because"))
    def parked(self, line: SalesOrderLine) -> str | None:
        """Why it waits, with what the channel calls it."""
        return f"{line.parked_reason}: {line.listing_key}" if line.parked_reason else None


@admin.register(SalesOrder)
class SalesOrderAdmin(OrderActions, CsvExport, BigTable, RecordAdmin):
    """Demand as channels state it."""

    empty_hint = gettext_lazy("Orders come by webhook, by poll, or by the API for a channel of manual orders.")
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
    search_help_text = gettext_lazy("Part of order's id, or whole SKU code")
    inlines = (LineInline,)
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

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """Orders that hold or held stock at this person's locations."""
        return seen_at(standing.location_ids if standing else frozenset(), rows)

    # Columns and fields ---------------------------------------------------------------------------------------

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, order: SalesOrder) -> SafeString:
        """Pending, open, paused, shipped or cancelled."""
        return badge(order.get_status_display(), LEVELS.get(OrderStatus(order.status), ""))

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
        """The address, as the channel gave it: what it calls the parts, where we know no better, stands before them."""
        told = {name: text for name, text in order.ship_to.items() if text not in (None, "", [], {})}
        lines = [str(told.pop(name)) for name in ADDRESS if name in told]
        return format_html_join(
            mark_safe("<br>"), "{}", ((line,) for line in (*lines, *(f"{name}: {text}" for name, text in told.items())))
        )

    @display(description=gettext_lazy("first delivery"))
    def delivery_link(self, order: SalesOrder) -> SafeString | None:
        """The raw event it came by."""
        if order.delivery_id is None:
            return None
        address = reverse("admin:channels_delivery_change", args=(order.delivery_id,))
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, _("Show the raw event"))


def line_sum(field: str) -> Any:
    """The sum of a line's field over an order, as a subquery."""
    lines = SalesOrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
    return Subquery(lines.annotate(total=Sum(field)).values("total"))
