"""Order lines that wait for their listing: choosing the SKU makes the listing, and the lines go on."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from channels import registration
from channels.connectors.base import ConnectorError
from channels.credentials import connector_of
from inventory.admin.base import BigTable, ConditionFilter, RecordAdmin, money
from inventory.admin.pages import ask, ask_about_rows, find, page_of
from inventory.errors import StockError
from inventory.people.roles import Standing

from .. import intake
from ..coverage import seen_at
from ..models import SalesOrderLine
from .forms import MapForm
from .order_filters import PARKED_CONDITIONS
from .parked import parked_page


class ParkedFilter(ConditionFilter):
    """Lines that wait for a person."""

    title = gettext_lazy("state")
    parameter_name = "state"
    conditions = PARKED_CONDITIONS


@admin.register(SalesOrderLine)
class SalesOrderLineAdmin(BigTable, RecordAdmin):
    """Lines of all orders."""

    empty_hint = gettext_lazy("Lines come with their orders.")
    list_display = (
        "order_id_text", "channel", "external_id", "sku", "listing_key", "quantity", "reserved", "short", "shipped",
        "parked_reason",
    )  # fmt: skip
    list_display_links = ("order_id_text",)
    list_select_related = ("order__channel", "sku")
    list_filter = (
        ParkedFilter, ("order__channel", RelatedDropdownFilter), ("fulfilled_by", ChoicesDropdownFilter),
        ("parked_reason", FieldTextFilter),
    )  # fmt: skip
    search_fields = ("order__external_id", "listing_key__startswith", "sku__code__exact")
    search_help_text = gettext_lazy("Order's id, channel's id, whole SKU code")
    ordering = ("-id",)
    actions = ("retry_selected",)
    actions_detail = ("map_listing", "retry_one")
    fields = (
        ("order", "external_id"), ("sku", "listing_key"), ("quantity", "price", "fulfilled_by"),
        ("reserved", "short", "shipped"), ("cancelled", "refunded", "returned"), ("parked_reason", "parked_detail"),
    )  # fmt: skip

    custom_urls = (("parked/", "parked", parked_page),)

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """What is parked is nobody's who is limited to locations."""
        return bool(request.user.has_perm("fulfillment.change_parked"))

    def has_map_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Mapping makes a listing."""
        return bool(request.user.has_perm("channels.add_listing"))

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """Of orders that hold or held stock at this person's locations."""
        places = standing.location_ids if standing else frozenset()
        return rows if places is None else rows.filter(order__in=seen_at(places))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only lines that wait for their listing are mapped or looked at again."""
        waits = SalesOrderLine.objects.filter(pk=object_id).exclude(parked_reason="").exists()
        return super().get_actions_detail(request, object_id) if waits else []

    @display(description=gettext_lazy("unit price"))
    def price(self, line: SalesOrderLine) -> str | None:
        """With its currency."""
        return money(line.unit_price, line.order.currency)

    @display(description=gettext_lazy("order"), ordering="order_id")
    def order_id_text(self, line: SalesOrderLine) -> str:
        """The order's id."""
        return line.order.external_id

    @display(description=gettext_lazy("channel"))
    def channel(self, line: SalesOrderLine) -> str:
        """The channel's code."""
        return line.order.channel.code

    @admin.action(description=gettext_lazy("Look for their listings again"), permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[SalesOrderLine]) -> HttpResponse:
        """Resolve the chosen lines."""
        return ask_about_rows(
            self, request, queryset, action="retry_selected", title=_("Look for their listings again"),
            deed=lambda ids, values: _resolve(ids),
        )  # fmt: skip

    @action(description=gettext_lazy("Look again"), icon="refresh", url_path="retry", permissions=["operate"])
    def retry_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Resolve this line."""
        line = find(self, request, object_id)
        return ask(
            self, request, title=_("Look for its listing again"), subjects=[line], back=page_of(line),
            deed=lambda values: _resolve([line.pk]),
        )  # fmt: skip

    @action(description=gettext_lazy("Map to a SKU"), icon="sell", url_path="map", permissions=["map"])
    def map_listing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say which SKU the channel's id means."""
        line = find(self, request, object_id)
        channel, key = line.order.channel, line.listing_key
        fields = connector_of(channel).external_fields

        def deed(values: dict[str, Any]) -> str:
            external = {fields[0].name: key} if fields else {}
            registration.create_listing(channel=channel, sku=values["sku"], external=external)
            return _("%(key)s on %(channel)s is %(sku)s now; the lines that waited for it go on.") % {
                "key": key, "channel": channel.name, "sku": values["sku"],
            }  # fmt: skip

        waiting = SalesOrderLine.objects.filter(
            order__channel=channel, listing_key=key, parked_reason="unknown_listing"
        )
        count = waiting.count()
        says = [
            _("%(channel)s calls it %(key)s.") % {"channel": channel.name, "key": key},
            ngettext(
                "%d line waits for it and will reserve at once.",
                "%d lines wait for it and will reserve at once.",
                count,
            )
            % count,
            _("The new listing is told its number like every other."),
        ]
        return ask(
            self, request, title=_("Map %s to a SKU") % key, deed=deed, says=says, subjects=[line], back=page_of(line),
            form_class=MapForm, refusals=(ConnectorError, StockError), submit=_("Map"),
        )  # fmt: skip


def _resolve(ids: list[int]) -> str:
    found = intake.resolve_parked(ids)
    return ngettext("%d line found its listing.", "%d lines found their listings.", found) % found
