"""Alerts: what a person should know now."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from inventory.admin.base import OpenFilter, RecordAdmin, actor, badge
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, ask_about_rows, find, page_of

from .. import alerts
from ..models import Alert, AlertKind

CLOSE_SAYS = (gettext_lazy("The alert counts as dealt with. The same matter, if it happens again, raises a new one."),)


#: Kinds under which units may be sold that are not there.
GRAVE = (AlertKind.OVERSELL, AlertKind.DISCONNECTED, AlertKind.LEDGER)


@admin.register(Alert)
class AlertAdmin(CsvExport, RecordAdmin):
    """One matter each; the same matter again counts up."""

    empty_hint = gettext_lazy("Nothing needs your attention.")
    list_display = ("repeated_at", "kind_label", "subject", "message", "count", "raised_at", "closed_at", "closed_by")
    list_display_links = ("repeated_at", "message")
    list_filter = (OpenFilter, ("kind", ChoicesDropdownFilter), ("repeated_at", RangeDateTimeFilter))
    search_fields = ("subject", "message", "closed_by")
    date_hierarchy = "raised_at"
    actions = ("close_selected",)
    actions_detail = ("close_one",)
    fields = (("kind_label", "subject"), "message", "count", ("raised_at", "repeated_at"), ("closed_at", "closed_by"))
    csv_columns = (
        ("kind", "kind"), ("subject", "subject"), ("message", "message"), ("count", "count"),
        ("raised_at", "raised_at"), ("repeated_at", "repeated_at"), ("closed_at", "closed_at"),
        ("closed_by", "closed_by"),
    )  # fmt: skip

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_label(self, alert: Alert) -> SafeString:
        """What it is about."""
        return badge(alert.get_kind_display(), "bad" if alert.kind in GRAVE else "warn")

    @admin.action(description=gettext_lazy("Mark as dealt with"), permissions=["operate"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[Alert]) -> HttpResponse:
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
    open_alerts = Alert.objects.filter(pk__in=ids, closed_at=None)
    count = 0
    for alert in open_alerts:
        alerts.close(alert, actor=actor(request))
        count += 1
    return ngettext("%d alert is closed.", "%d alerts are closed.", count) % count
