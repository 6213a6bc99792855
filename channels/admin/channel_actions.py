"""What people do to channels: stop selling, disconnect, resume, read back.

Each has a page of its own that says what will happen and asks for a reason.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action
from unfold.enums import ActionVariant

from inventory.admin.base import actor
from inventory.admin.pages import ask, ask_about_rows, find, list_of, page_of
from inventory.kernel.workqueue import ring

from .. import selling
from ..models import Channel, StockTarget

STOP_SAYS = (
    gettext_lazy("Every listing is told 0 and stays at 0 until you resume."),
    gettext_lazy(
        "It takes effect as each listing acknowledges; until then it may still sell, and a banner counts them."
    ),
    gettext_lazy("Orders that come in are still recorded."),
)
DISCONNECT_SAYS = (
    gettext_lazy(
        "Nothing is sent to the channel any more. The last numbers stay on sale there and nobody lowers them."
    ),
    gettext_lazy("To take the goods off sale, stop selling first and wait until every listing has acknowledged 0."),
    gettext_lazy("A banner stays on every page until you resume."),
)
RESUME_SAYS = (gettext_lazy("The present number of every listing is sent, and it sells again."),)
READ_SAYS = (
    gettext_lazy("The channel is asked what it shows now; what is not our number is recorded as drift and repaired."),
)


class ChannelActions:
    """The named actions of the pages on channels."""

    actions = ("stop_selected", "disconnect_selected", "resume_selected")
    actions_list = ("stop_all", "resume_all")
    actions_detail = (
        "resume_one",
        "stop_one",
        {
            "title": gettext_lazy("More"),
            "icon": "more_vert",
            "items": ["disconnect_one", "read_back", "add_listing", "targets"],
        },
    )

    # Permissions are methods: the theme looks dotted ones up in the database whenever Django checks itself.

    def has_offer_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may add listings."""
        return bool(request.user.has_perm("channels.add_listing"))

    def has_targets_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may look at targets."""
        return bool(request.user.has_perm("channels.view_stocktarget"))

    @action(description=gettext_lazy("Stop selling everywhere"), icon="block", url_path="stop-all",
            permissions=["operate"], variant=ActionVariant.DANGER)  # fmt: skip
    def stop_all(self, request: HttpRequest) -> HttpResponse:
        """Stop all channels."""
        chosen = Channel.objects.filter(is_active=True)
        return self._ask_all(request, chosen, _stop, title=_("Stop selling everywhere"), says=STOP_SAYS, danger=True)

    @action(description=gettext_lazy("Resume all"), icon="play_arrow", url_path="resume-all", permissions=["operate"])
    def resume_all(self, request: HttpRequest) -> HttpResponse:
        """Resume all channels that are stopped or disconnected."""
        says = RESUME_SAYS if _halted().exists() else (_("No channel is stopped or disconnected."),)
        return self._ask_all(request, _halted(), _resume, title=_("Resume all"), says=says)

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """There is nothing to resume where nothing is stopped."""
        found: list[Any] = super().get_actions_list(request)  # type: ignore[misc]
        return found if _halted().exists() else [one for one in found if one.path != "resume-all"]

    @admin.action(description=gettext_lazy("Stop selling"), permissions=["operate"])
    def stop_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse:
        """Stop the chosen channels."""
        return self._ask_chosen(
            request, queryset, "stop_selected", _stop, title=_("Stop selling"), says=STOP_SAYS, danger=True
        )

    @admin.action(description=gettext_lazy("Disconnect"), permissions=["operate"])
    def disconnect_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse:
        """Disconnect the chosen channels."""
        return self._ask_chosen(
            request,
            queryset,
            "disconnect_selected",
            _disconnect,
            title=_("Disconnect"),
            says=DISCONNECT_SAYS,
            danger=True,
        )

    @admin.action(description=gettext_lazy("Resume"), permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse:
        """Resume the chosen channels."""
        return self._ask_chosen(request, queryset, "resume_selected", _resume, title=_("Resume"), says=RESUME_SAYS)

    @action(description=gettext_lazy("Stop selling"), icon="block", url_path="stop", permissions=["operate"],
            variant=ActionVariant.DANGER)  # fmt: skip
    def stop_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop this channel."""
        return self._ask_one(request, object_id, _stop, title=_("Stop selling"), says=STOP_SAYS, danger=True)

    @action(description=gettext_lazy("Disconnect"), icon="link_off", url_path="disconnect", permissions=["operate"])
    def disconnect_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Disconnect this channel."""
        return self._ask_one(request, object_id, _disconnect, title=_("Disconnect"), says=DISCONNECT_SAYS, danger=True)

    @action(description=gettext_lazy("Resume"), icon="play_arrow", url_path="resume", permissions=["operate"])
    def resume_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Resume this channel."""
        return self._ask_one(request, object_id, _resume, title=_("Resume"), says=RESUME_SAYS)

    @action(description=gettext_lazy("Read back"), icon="sync", url_path="read-back", permissions=["operate"])
    def read_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the channel what it shows."""
        return self._ask_one(request, object_id, _read_back, title=_("Read back"), says=READ_SAYS)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only what makes sense in the channel's state."""
        channel = Channel.objects.filter(pk=object_id).first()
        found = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        if channel is None:
            return found
        stopped, away = channel.stopped_at is not None, channel.disconnected_at is not None
        senseless = {"stop": stopped, "disconnect": away, "resume": not (stopped or away)}
        return [one for one in found if not senseless.get(one.path)]

    @action(
        description=gettext_lazy("Add listing"),
        icon="add",
        url_path="add-listing",
        permissions=["offer"],
    )
    def add_listing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new listing of this channel."""
        return redirect(f"{reverse('admin:channels_listing_add')}?channel={int(object_id)}")

    @action(
        description=gettext_lazy("Targets"),
        icon="target",
        url_path="targets",
        permissions=["targets"],
    )
    def targets(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Where this channel's numbers go."""
        return redirect(list_of(StockTarget, f"channel__id__exact={int(object_id)}"))

    def _ask_one(self: Any, request: HttpRequest, object_id: str, deed: "Deed", **page: Any) -> HttpResponse:
        channel = find(self, request, object_id)
        page["title"] = f"{page['title']}: {channel.name}"
        return ask(
            self, request, subjects=[channel], back=page_of(channel),
            deed=lambda values: deed([channel], actor(request)), **page,
        )  # fmt: skip

    def _ask_chosen(
        self: Any, request: HttpRequest, queryset: QuerySet[Channel], name: str, deed: "Deed", **page: Any
    ) -> HttpResponse:
        return ask_about_rows(
            self, request, queryset, action=name,
            deed=lambda ids, values: deed(list(Channel.objects.filter(pk__in=ids)), actor(request)), **page,
        )  # fmt: skip

    def _ask_all(
        self: Any, request: HttpRequest, queryset: QuerySet[Channel], deed: "Deed", **page: Any
    ) -> HttpResponse:
        channels = list(queryset)
        return ask(
            self, request, subjects=channels, back=list_of(Channel),
            deed=lambda values: deed(channels, actor(request)), **page,
        )  # fmt: skip


Deed = Callable[[list[Channel], str], str]


def _halted() -> QuerySet[Channel]:
    """Channels that do not sell because a person said so."""
    halted = Q(stopped_at__isnull=False) | Q(disconnected_at__isnull=False)
    return Channel.objects.filter(halted, is_active=True)


def _stop(channels: list[Channel], who: str) -> str:
    selling.stop_selling(channels, actor=who)
    return ngettext(
        "Selling on %d channel is being stopped.", "Selling on %d channels is being stopped.", len(channels)
    ) % len(channels)


def _disconnect(channels: list[Channel], who: str) -> str:
    for channel in channels:
        selling.disconnect(channel, actor=who)
    return ngettext("%d channel is disconnected.", "%d channels are disconnected.", len(channels)) % len(channels)


def _resume(channels: list[Channel], who: str) -> str:
    for channel in channels:
        selling.resume(channel, actor=who)
    return ngettext("%d channel sells again.", "%d channels sell again.", len(channels)) % len(channels)


def _read_back(channels: list[Channel], who: str) -> str:
    for channel in channels:
        ring("channels.tasks.read_back", channel.pk)
    return _("The channel is being read back; drifts appear in their list.")
