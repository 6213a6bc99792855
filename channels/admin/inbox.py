"""The inbox: what channels told us, as they told it."""

import json
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from inventory.admin.base import BigTable, RecordAdmin, actor, badge, fingerprint, pretty
from inventory.admin.pages import ask, ask_about_rows, find, page_of

from .. import inbox
from ..models import Delivery, DeliveryStatus

#: Characters of a body that a page shows; the rest is counted.
SHOWN_CHARACTERS = 50_000

REPLAY_SAYS = (
    gettext_lazy(
        "It is read again as if it had just come. What was recorded already stays as it is: nothing moves twice."
    ),
)


def readable(body: bytes | memoryview) -> SafeString:
    """Bytes from outside as text that cannot do anything: indented where they are JSON, escaped always."""
    text = bytes(body).decode("utf-8", errors="backslashreplace")
    if len(text) <= SHOWN_CHARACTERS:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    rest = len(text) - SHOWN_CHARACTERS
    more = _("… and %d more characters") % rest if rest > 0 else ""
    text = text[:SHOWN_CHARACTERS].replace("\x00", "\\x00")
    return format_html('<pre class="so-code">{}</pre><p class="so-note">{}</p>', text, more)


@admin.register(Delivery)
class DeliveryAdmin(BigTable, RecordAdmin):
    """Raw events with what became of them; kept as evidence."""

    empty_hint = gettext_lazy("What channels tell us is stored here. Give each channel the webhook URL of its page.")
    list_display = ("stored_at", "channel", "source", "topic", "order_ref", "event_id", "state", "reason", "settled_at")
    list_display_links = ("stored_at", "event_id")
    list_select_related = ("channel",)
    list_filter = (
        ("channel", RelatedDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        ("reason", FieldTextFilter),
        ("conflicting", BooleanRadioFilter),
        ("stored_at", RangeDateTimeFilter),
    )
    search_fields = ("event_id__startswith", "order_ref__startswith")
    search_help_text = gettext_lazy("Start of an event's or order's id")
    actions = ("replay_selected",)
    actions_detail = ("replay_one",)
    fields = (
        ("channel", "source", "topic"),
        ("event_id", "order_ref"),
        ("state", "conflict"),
        ("reason", "detail"),
        ("stored_at", "settled_at"),
        "body_text",
        "headers_text",
        "body_fingerprint",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Lists need no bodies."""
        return super().get_queryset(request).defer("body", "headers")

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, delivery: Delivery) -> SafeString:
        """Waiting, done or parked."""
        levels = {DeliveryStatus.DONE: "good", DeliveryStatus.PARKED: "bad"}
        return badge(delivery.get_status_display(), levels.get(DeliveryStatus(delivery.status), ""))

    @display(description=gettext_lazy("conflicting"))
    def conflict(self, delivery: Delivery) -> SafeString | str:
        """Whether its id came before with other contents."""
        return badge(_("The same event came before with other contents"), "warn") if delivery.conflicting else _("no")

    @display(description=gettext_lazy("body"))
    def body_text(self, delivery: Delivery) -> SafeString:
        """The body, to read."""
        return readable(delivery.body)

    @display(description=gettext_lazy("headers"))
    def headers_text(self, delivery: Delivery) -> SafeString:
        """The headers kept with it."""
        return pretty(delivery.headers)

    @display(description=gettext_lazy("hash of the body"))
    def body_fingerprint(self, delivery: Delivery) -> SafeString:
        """As hexadecimal digits."""
        return fingerprint(delivery.body_hash)

    @admin.action(description=gettext_lazy("Replay"), permissions=["operate"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse:
        """Read the chosen deliveries again."""
        return ask_about_rows(
            self,
            request,
            queryset,
            action="replay_selected",
            title=_("Replay deliveries"),
            says=REPLAY_SAYS,
            deed=lambda ids, values: _replay(request, ids),
        )

    @action(description=gettext_lazy("Replay"), icon="replay", url_path="replay", permissions=["operate"])
    def replay_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Read this delivery again."""
        delivery = find(self, request, object_id)
        return ask(
            self,
            request,
            title=_("Replay delivery"),
            says=REPLAY_SAYS,
            subjects=[delivery],
            back=page_of(delivery),
            deed=lambda values: _replay(request, [delivery.pk]),
        )


def _replay(request: HttpRequest, ids: list[Any]) -> str:
    count = inbox.replay(ids, actor=actor(request))
    return ngettext("%d delivery is read again.", "%d deliveries are read again.", count) % count
