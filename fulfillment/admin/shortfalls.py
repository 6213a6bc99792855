"""Shortfalls: units sold with no stock behind them."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from inventory.admin.base import OpenFilter, RecordAdmin, badge
from inventory.admin.export import CsvExport

from ..models import Shortfall, ShortfallKind


@admin.register(Shortfall)
class ShortfallAdmin(CsvExport, RecordAdmin):
    """Oversells and backorders; they close by themselves when no unit is short any more."""

    empty_hint = _("No unit was sold that was not there.")
    list_display = ("found_at", "sku", "channel", "order", "kind_label", "quantity", "still_short", "closed_at")
    list_select_related = ("line__sku", "line__order__channel")
    list_filter = (
        OpenFilter, ("kind", ChoicesDropdownFilter), ("cause", ChoicesDropdownFilter),
        ("line__order__channel", RelatedDropdownFilter),
        ("found_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("line__sku__code", "line__sku__name", "line__order__external_id")
    date_hierarchy = "found_at"
    fields = (
        ("sku", "channel", "order"),
        ("kind_label", "cause", "quantity", "still_short"),
        ("found_at", "closed_at"),
    )
    csv_columns = (
        ("found_at", "found_at"), ("channel", "line.order.channel.code"), ("order", "line.order.external_id"),
        ("sku", "line.sku.code"), ("kind", "kind"), ("cause", "cause"),
        ("quantity", "quantity"), ("still_short", "line.short"),
        ("closed_at", "closed_at"),
    )  # fmt: skip

    @display(description=_("SKU"), ordering="line__sku__code")
    def sku(self, shortfall: Shortfall) -> str:
        """The SKU's code."""
        return str(shortfall.line.sku)

    @display(description=_("channel"), ordering="line__order__channel__code")
    def channel(self, shortfall: Shortfall) -> str:
        """The channel's code."""
        return shortfall.line.order.channel.code

    @display(description=_("order"))
    def order(self, shortfall: Shortfall) -> str:
        """The order's id."""
        return shortfall.line.order.external_id

    @display(description=_("kind"), ordering="kind")
    def kind_label(self, shortfall: Shortfall) -> SafeString:
        """Oversell or backorder."""
        return badge(shortfall.get_kind_display(), "bad" if shortfall.kind == ShortfallKind.OVERSELL else "warn")

    @display(description=_("still short"))
    def still_short(self, shortfall: Shortfall) -> int:
        """Units short now."""
        return shortfall.line.short
