"""Who is in, who was kept out, and the record of both."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from ..models import AccessEvent, AttemptCount, LoginSession
from ..people import attempts, sessions
from ..people.login import UNKNOWN
from .base import BigTable, RecordAdmin, actor, badge
from .pages import ask, ask_about_rows, find, list_of


@admin.register(LoginSession)
class SessionAdmin(RecordAdmin):
    """Every browser in which somebody is logged in."""

    empty_hint = gettext_lazy("Nobody is logged in.")
    list_display = ("user", "device", "address", "started_at", "seen_at", "verified_at")
    list_select_related = ("user",)
    list_filter = (("user", RelatedDropdownFilter), ("started_at", RangeDateTimeFilter))
    search_fields = ("user__username", "user__first_name", "address", "agent")
    actions = ("end_selected",)
    actions_detail = ("end_one",)
    fields = ("user", "device", "agent", "address", ("started_at", "seen_at"), "verified_at")

    @display(description=gettext_lazy("browser"))
    def device(self, session: LoginSession) -> str:
        """The browser in words."""
        return sessions.device(session.agent)

    @admin.action(description=gettext_lazy("End"), permissions=["operate"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[LoginSession]) -> HttpResponse:
        """Log the chosen ones out."""
        return ask_about_rows(
            self, request, queryset, action="end_selected", title=_("End sessions"),
            says=[_("Who works there has to log in again.")], deed=lambda ids, values: _end(request, ids),
        )  # fmt: skip

    @action(description=gettext_lazy("End"), icon="logout", url_path="end", permissions=["operate"])
    def end_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Log this one out."""
        session = find(self, request, object_id)
        return ask(
            self, request, title=_("End session: %s") % session, subjects=[session], back=list_of(LoginSession),
            says=[_("Who works there has to log in again.")], deed=lambda values: _end(request, [session.pk]),
        )  # fmt: skip


@admin.register(AttemptCount)
class AttemptAdmin(RecordAdmin):
    """Failed attempts that still count."""

    empty_hint = gettext_lazy("Nobody has guessed wrong lately.")
    list_display = ("kind", "account_text", "address", "failures", "since", "state")
    list_filter = (("kind", ChoicesDropdownFilter), ("since", RangeDateTimeFilter))
    search_fields = ("account", "address")
    actions = ("unlock_selected",)
    fields = ("kind", "account_text", "address", "failures", "since", "state")

    @display(description=gettext_lazy("account"), ordering="account")
    def account_text(self, count: AttemptCount) -> str:
        """Whose, or the address as a whole."""
        if count.account.startswith(UNKNOWN):
            return _("an unknown name (%s)") % count.account.removeprefix(UNKNOWN)[:6]
        return count.account or _("(all of the address)")

    @display(description=gettext_lazy("state"))
    def state(self, count: AttemptCount) -> SafeString:
        """Whether it refuses more."""
        return badge(_("locked"), "bad") if attempts.is_locked(count) else badge(_("counting"))

    @admin.action(description=gettext_lazy("Unlock"), permissions=["operate"])
    def unlock_selected(self, request: HttpRequest, queryset: QuerySet[AttemptCount]) -> HttpResponse:
        """Forget the chosen ones."""
        return ask_about_rows(
            self, request, queryset, action="unlock_selected", title=_("Unlock"),
            says=[_("The failures are forgotten; the next attempt is looked at.")],
            deed=lambda ids, values: _unlock(request, ids),
        )  # fmt: skip


@admin.register(AccessEvent)
class EventAdmin(BigTable, RecordAdmin):
    """Who invited, changed, came, failed and was reset. Nothing here can be edited."""

    empty_hint = gettext_lazy("Who comes in, and who lets whom in, is kept here.")
    list_display = ("at", "kind", "actor", "subject", "detail", "address")
    list_filter = (
        ("kind", ChoicesDropdownFilter), ("actor", FieldTextFilter), ("subject", FieldTextFilter),
        ("at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("actor", "subject", "address", "detail")
    fields = ("at", "kind", ("actor", "subject"), "detail", "address")


def _end(request: HttpRequest, ids: list[Any]) -> str:
    count = sessions.end(LoginSession.objects.filter(pk__in=ids), actor=actor(request), request=request)
    return ngettext("%d session has ended.", "%d sessions have ended.", count) % count


def _unlock(request: HttpRequest, ids: list[Any]) -> str:
    count = attempts.unlock(list(AttemptCount.objects.filter(pk__in=ids)), actor=actor(request))
    return ngettext("%d counter is forgotten.", "%d counters are forgotten.", count) % count
