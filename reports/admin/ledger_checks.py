"""Ledger checks: when everything was last compared with everything, and what did not fit."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display

from inventory.admin.base import ConditionFilter, RecordAdmin, actor, badge
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, list_of
from inventory.kernel.areas import Area
from inventory.people.roles import standing_of

from ..ledger_checks import ask_for_check, in_words
from ..models import LedgerCheck

CHECK_SAYS = (
    gettext_lazy("Every entry, level, reservation and transfer is compared at one instant; nothing is changed."),
    gettext_lazy("Sales go on meanwhile. It takes seconds to minutes; the result stands in this list."),
)


class FoundFilter(ConditionFilter):
    """Checks by what came of them."""

    title = gettext_lazy("result")
    parameter_name = "result"
    conditions = {
        "whole": (gettext_lazy("No differences"), Q(differences=0)),
        "differs": (gettext_lazy("Differences"), Q(differences__gt=0)),
        "failed": (gettext_lazy("Not made"), Q(differences=None, finished_at__isnull=False)),
        "waiting": (gettext_lazy("Waiting or at work"), Q(finished_at=None)),
    }


@admin.register(LedgerCheck)
class LedgerCheckAdmin(CsvExport, RecordAdmin):
    """A record for people; a worker makes the checks."""

    empty_hint = gettext_lazy("The first check is made within minutes of the start, then one every night.")
    list_display = ("asked_at", "result", "by_kind", "finished_at", "took", "asked_by", "remark")
    list_filter = (FoundFilter, ("asked_at", RangeDateTimeFilter))
    search_fields = ("asked_by", "remark")
    actions_list = ("check_now", "export_csv")
    fields = (
        ("result", "by_kind"), ("asked_at", "asked_by"), ("started_at", "finished_at"), ("took", "remark"), "named",
    )  # fmt: skip
    csv_columns = (
        ("asked_at", "asked_at"), ("asked_by", "asked_by"), ("started_at", "started_at"), ("finished_at", "finished_at"),
        ("differences", "differences"), ("remark", "remark"),
    )  # fmt: skip

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who looks after the house may have it checked; everybody who sees stock sees what was found."""
        standing = standing_of(request.user)
        return standing is not None and standing.changes(Area.SETTINGS) and not standing.is_limited

    @action(description=gettext_lazy("Check now"), icon="fact_check", url_path="check-now", permissions=["operate"])
    def check_now(self, request: HttpRequest) -> HttpResponse:
        """Ask for a check."""

        def deed(_values: dict[str, Any]) -> str:
            ask_for_check(actor=actor(request))
            return _("The ledger is being checked; the result stands here in a moment.")

        back = list_of(LedgerCheck)
        return ask(self, request, title=_("Check the ledger now"), says=CHECK_SAYS, deed=deed, back=back)

    @display(description=gettext_lazy("result"), ordering="differences")
    def result(self, check: LedgerCheck) -> SafeString:
        """What was found, in a word."""
        if check.differences is not None:
            return badge(in_words(check.differences).capitalize(), "bad" if check.differences else "good")
        if check.finished_at is not None:
            return badge(_("Not made"), "bad")
        return badge(_("At work") if check.started_at else _("Waiting"))

    @display(description=gettext_lazy("by kind"))
    def by_kind(self, check: LedgerCheck) -> str | None:
        """How many of each kind."""
        return ", ".join(f"{kind} {count}" for kind, count in check.kinds.items()) or None

    @display(description=gettext_lazy("the first ones"))
    def named(self, check: LedgerCheck) -> Any:
        """The first differences, each with its numbers."""
        if not check.first:
            return None
        more = (check.differences or 0) - len(check.first)
        return render_to_string("admin/ledger_differences.html", {"rows": check.first, "more": more})

    @display(description=gettext_lazy("duration"))
    def took(self, check: LedgerCheck) -> Any:
        """From its start to its end."""
        return None if check.duration is None else _("%.1f s") % check.duration.total_seconds()
