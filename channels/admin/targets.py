"""Stock targets and the history of pushes, to read; and to hasten."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from inventory.admin.base import BigTable, RecordAdmin, badge
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, ask_about_rows, find, list_of, page_of

from .. import sync
from ..models import PushLog, StockTarget
from .common import STANDING, standing, standing_filter, with_owed


def push(ids: list[int], values: dict[str, Any]) -> str:
    """Owe each of them a number now."""
    sync.push_now(ids)
    text = ngettext("%d number is computed and sent now.", "%d numbers are computed and sent now.", len(ids))
    return text % len(ids)


def retry(ids: list[int], values: dict[str, Any]) -> str:
    """Take them out of the parking lot and try again."""
    sync.unpark(ids)
    text = ngettext("%d target is tried again now.", "%d targets are tried again now.", len(ids))
    return text % len(ids)


PUSH_SAYS = (
    gettext_lazy("The number is computed from the stock of this moment and sent, also where it has not changed."),
)
RETRY_SAYS = (
    gettext_lazy("The target leaves the parking lot, its attempts start again at none, and its number is sent."),
)


@admin.register(StockTarget)
class StockTargetAdmin(CsvExport, RecordAdmin):
    """Where each number goes: what is in flight, what came of it, what is parked."""

    empty_hint = gettext_lazy("Each listing has a target as soon as it is added.")
    list_display = (
        "sku",
        "channel",
        "remote",
        "state",
        "published",
        "shown",
        "in_flight",
        "outcome",
        "attempts",
        "parked_reason",
    )
    list_display_links = ("sku",)
    list_select_related = ("listing__sku", "channel")
    list_filter = (
        ("channel", RelatedDropdownFilter),
        standing_filter(),
        ("outcome", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("listing__sku__code", "listing__sku__name", "listing__external_key", "parked_reason", "last_error")
    search_help_text = gettext_lazy("SKU code, name, channel's id or error")
    ordering = ("-pk",)
    actions = ("push_selected", "retry_selected")
    actions_detail = ("push_one", "retry_one", "pushes")
    fields = (
        ("sku", "channel", "remote"),
        ("state", "is_active"),
        ("published", "shown", "in_flight"),
        ("outcome", "last_error"),
        ("attempts", "next_attempt_at"),
        "parked_reason",
        ("sent_at", "pushed_at"),
        ("version", "claimed_until"),
        "flight_key",
        ("suspect", "suspect_at"),
    )
    csv_columns = (
        ("channel", "channel.code"),
        ("sku", "listing.sku.code"),
        ("remote", "remote"),
        ("published", "published"),
        ("shown", "shown"),
        ("outcome", "outcome"),
        ("attempts", "attempts"),
        ("parked_reason", "parked_reason"),
        ("last_error", "last_error"),
        ("pushed_at", "pushed_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockTarget]:
        """With whether a number is owed."""
        return with_owed(super().get_queryset(request))

    @display(description=gettext_lazy("SKU"), ordering="listing__sku__code")
    def sku(self, target: StockTarget) -> str:
        """The SKU's code."""
        return target.listing.sku.code

    @display(description=gettext_lazy("state"))
    def state(self, target: StockTarget) -> Any:
        """Where it stands."""
        return badge(*STANDING[standing(target)])

    @admin.action(description=gettext_lazy("Push now"), permissions=["operate"])
    def push_selected(self, request: HttpRequest, queryset: QuerySet[StockTarget]) -> HttpResponse:
        """Push the chosen targets."""
        return ask_about_rows(
            self,
            request,
            queryset,
            action="push_selected",
            deed=push,
            title=_("Push now"),
            says=PUSH_SAYS,
        )

    @admin.action(description=gettext_lazy("Retry (unpark)"), permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[StockTarget]) -> HttpResponse:
        """Unpark the chosen targets."""
        return ask_about_rows(
            self,
            request,
            queryset,
            action="retry_selected",
            deed=retry,
            title=_("Retry"),
            says=RETRY_SAYS,
        )

    @action(description=gettext_lazy("Push now"), icon="send", url_path="push", permissions=["operate"])
    def push_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Push this target."""
        return self._ask_one(request, object_id, push, _("Push now"), PUSH_SAYS)

    @action(description=gettext_lazy("Retry (unpark)"), icon="refresh", url_path="retry", permissions=["operate"])
    def retry_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Unpark this target."""
        return self._ask_one(request, object_id, retry, _("Retry"), RETRY_SAYS)

    @action(description=gettext_lazy("Pushes"), icon="outbox", url_path="pushes", permissions=["view"])
    def pushes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Every number sent to it."""
        return redirect(list_of(PushLog, f"target__id__exact={find(self, request, object_id).pk}"))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only what is parked can be unparked."""
        found = super().get_actions_detail(request, object_id)
        parked = StockTarget.objects.filter(pk=object_id).exclude(parked_reason="").exists()
        return [one for one in found if parked or one.path != "retry"]

    def _ask_one(self, request: HttpRequest, object_id: str, deed: Any, title: str, says: Any) -> HttpResponse:
        target = find(self, request, object_id)
        return ask(
            self,
            request,
            title=title,
            says=says,
            subjects=[target],
            back=page_of(target),
            deed=lambda values: deed([target.pk], values),
        )


@admin.register(PushLog)
class PushLogAdmin(BigTable, RecordAdmin):
    """Every number computed and sent, and how long it took."""

    empty_hint = gettext_lazy("Every number sent to a channel is kept here for a while.")
    list_display = ("computed_at", "sku", "channel", "quantity", "outcome", "lag", "sent_at", "acknowledged_at")
    list_select_related = ("target__listing__sku", "channel")
    list_filter = (
        ("channel", RelatedDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        ("computed_at", RangeDateTimeFilter),
    )
    search_fields = ("target__listing__sku__code__iexact", "target__listing__external_key__exact")
    search_help_text = gettext_lazy("A whole SKU code or channel's id")
    fields = (
        ("sku", "channel"),
        ("quantity", "outcome"),
        ("stored_at", "owed_at"),
        ("computed_at", "sent_at"),
        ("acknowledged_at", "lag"),
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Also by target, which a target's page links to."""
        return lookup == "target__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description=gettext_lazy("SKU"))
    def sku(self, push: PushLog) -> str:
        """The SKU's code."""
        return push.target.listing.sku.code

    @display(description=gettext_lazy("lag"))
    def lag(self, push: PushLog) -> str | None:
        """From the delivery, else the debt, to the acknowledgement."""
        if push.acknowledged_at is None:
            return None
        return f"{(push.acknowledged_at - (push.stored_at or push.owed_at)).total_seconds():.3f} s"
