"""When to buy: rules, and the alerts that sales raised."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from inventory.admin.base import BackOfficeAdmin, OpenFilter, RecordAdmin, actor
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, ask_about_rows, find, page_of

from .. import replenishment, rules
from ..models import ReorderAlert, ReorderRule

CLOSE_SAYS = (gettext_lazy("The alert counts as dealt with. The next crossing of the reorder point raises a new one."),)


@admin.register(ReorderRule)
class ReorderRuleAdmin(BackOfficeAdmin):
    """At or below the reorder point, buy."""

    empty_hint = gettext_lazy("Say at which number of units a SKU is to be bought again.")
    list_display = ("sku", "sku_name", "location", "reorder_point", "quantity", "is_active")
    list_select_related = ("sku", "location")
    list_filter = (("location", RelatedDropdownFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("sku__code", "sku__name", "sku__barcode")
    autocomplete_fields = ("sku", "location")
    fields = (("sku", "location"), ("reorder_point", "quantity"), "is_active")

    def save_model(self, request: HttpRequest, obj: ReorderRule, form: Any, change: bool) -> None:
        """A SKU that is at its point already raises its alert at once."""
        rules.save_rule(obj)

    @display(description=gettext_lazy("name"), ordering="sku__name")
    def sku_name(self, rule: ReorderRule) -> str:
        """The SKU's name."""
        return rule.sku.name


@admin.register(ReorderAlert)
class ReorderAlertAdmin(CsvExport, RecordAdmin):
    """Points that were crossed."""

    empty_hint = gettext_lazy("The sale that crosses a reorder point raises an alert here.")
    list_display = (
        "raised_at",
        "sku",
        "location",
        "position",
        "reorder_point",
        "suggested_quantity",
        "closed_at",
        "closed_by",
    )
    list_select_related = ("rule__sku", "rule__location")
    list_filter = (
        OpenFilter, ("rule__location", RelatedDropdownFilter), ("rule__sku", AutocompleteSelectFilter),
        ("raised_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("rule__sku__code", "rule__sku__name", "closed_by")
    date_hierarchy = "raised_at"
    actions = ("close_selected",)
    actions_detail = ("close_one",)
    fields = (
        ("sku", "location"), ("position", "reorder_point", "suggested_quantity"), "raised_at",
        ("closed_at", "closed_by"),
    )  # fmt: skip
    csv_columns = (
        ("raised_at", "raised_at"), ("sku", "rule.sku.code"), ("location", "rule.location.code"),
        ("position", "position"), ("reorder_point", "reorder_point"), ("suggested_quantity", "suggested_quantity"),
        ("closed_at", "closed_at"), ("closed_by", "closed_by"),
    )  # fmt: skip

    @display(description=gettext_lazy("SKU"), ordering="rule__sku__code")
    def sku(self, alert: ReorderAlert) -> str:
        """The SKU's code."""
        return alert.rule.sku.code

    @display(description=gettext_lazy("location"))
    def location(self, alert: ReorderAlert) -> str:
        """The location's code, or all."""
        return alert.rule.location.code if alert.rule.location else _("all")

    @admin.action(description=gettext_lazy("Mark as dealt with"), permissions=["operate"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[ReorderAlert]) -> HttpResponse:
        """Deal with the chosen alerts."""
        return ask_about_rows(
            self, request, queryset, action="close_selected", title=_("Mark as dealt with"), says=CLOSE_SAYS,
            deed=lambda ids, values: _close(request, ids),
        )  # fmt: skip

    @action(description=gettext_lazy("Mark as dealt with"), icon="done", url_path="close", permissions=["operate"])
    def close_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Deal with this alert."""
        alert = find(self, request, object_id)
        return ask(
            self, request, title=_("Mark as dealt with"), says=CLOSE_SAYS, subjects=[alert], back=page_of(alert),
            deed=lambda values: _close(request, [alert.pk]),
        )  # fmt: skip


def _close(request: HttpRequest, ids: list[Any]) -> str:
    alerts = ReorderAlert.objects.filter(pk__in=ids, closed_at=None)
    count = 0
    for alert in alerts:
        replenishment.close_alert(alert, actor=actor(request))
        count += 1
    return ngettext("%d alert is closed.", "%d alerts are closed.", count) % count
