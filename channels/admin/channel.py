"""Channels: adding one, what it does now, and stopping it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from inventory.admin.base import BackOfficeAdmin, ConditionFilter, actor, badge

from .. import lag, registration
from ..connectors import registry
from ..models import Channel, ChannelLocation, Debt, Listing, Mode, StockTarget
from .channel_actions import ChannelActions
from .channel_form import KINDS, PLAIN, ChannelForm, channel_form, names_of, plugins_of


class StateFilter(ConditionFilter):
    """Channels by what they do now."""

    title = gettext_lazy("state")
    parameter_name = "state"
    conditions: ClassVar = {
        "stopped": (gettext_lazy("Selling stopped"), Q(stopped_at__isnull=False)),
        "disconnected": (gettext_lazy("Disconnected"), Q(disconnected_at__isnull=False)),
    }


class FeedingInline(TabularInline):
    """The locations whose stock the channel shows."""

    model = ChannelLocation
    extra = 0
    autocomplete_fields = ("location",)
    verbose_name_plural = gettext_lazy("Feeding locations (none: all of ours)")


@admin.register(Channel)
class ChannelAdmin(ChannelActions, BackOfficeAdmin):
    """Shop windows, changed by the verbs of ``registration`` and ``selling``."""

    empty_hint = gettext_lazy("Add a channel: a marketplace or shop that sells your stock.")
    list_display = (
        "code",
        "name",
        "connector",
        "state",
        "listing_count",
        "owed",
        "parked",
        "last_answer",
        "last_error",
    )
    list_select_related = ("lane",)
    list_filter = (
        StateFilter, ("connector", ChoicesDropdownFilter), ("mode", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )  # fmt: skip
    search_fields = ("code", "name", "base_url")
    inlines = (FeedingInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        """With the numbers of its listings, of debts and of parked targets."""

        def count(rows: QuerySet) -> Coalesce:
            of_channel = rows.filter(channel=OuterRef("pk")).order_by().values("channel")
            return Coalesce(Subquery(of_channel.annotate(found=Count("*")).values("found")), 0)

        return super().get_queryset(request).annotate(
            listings_found=count(Listing.objects.filter(is_active=True)),
            debts_found=count(Debt.objects.all()),
            parked_found=count(StockTarget.objects.exclude(parked_reason="")),
        )  # fmt: skip

    # The form -------------------------------------------------------------------------------------------------

    @property
    def conditional_fields(self) -> dict[str, str]:
        """Which fields a new channel's form shows for which connector."""
        conditions = {
            name: _shown_for([plugin.code])
            for plugin in registry.all().values()
            for kind in KINDS
            for name in names_of(plugin, kind)
        }
        urls = [plugin.code for plugin in registry.all().values() if plugin.needs_base_url]
        return {**conditions, "base_url": _shown_for(urls)}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """With the fields that the connector says it needs."""
        kwargs["form"] = channel_form(obj.connector if obj else None)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Name, connection, and how it is treated; a saved channel also says how it fares."""
        plugins = plugins_of(obj.connector if obj else None)
        connection = ["base_url", *(name for kind in KINDS for plugin in plugins for name in names_of(plugin, kind))]
        if obj and not any(plugin.needs_base_url for plugin in plugins):
            connection.remove("base_url")
        fieldsets: list[Any] = [
            (None, {"fields": [("code", "name"), "connector", ("mode", "is_active")]}),
            (_("Connection"), {"fields": connection}),
            (
                _("How it is treated"),
                {"fields": [("priority", "fee_percent"), ("currency", "backorders"), "orders_from"]},
            ),
        ]
        if obj:
            fieldsets.insert(
                0, (_("Now"), {"fields": ["webhook", ("state", "speed"), ("owed", "parked"), "lane_state"]})
            )
        return [part for part in fieldsets if part[1]["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The code is part of the webhook's address; another connector is another channel."""
        return ("code", "connector", "state", "webhook", "owed", "parked", "speed", "lane_state") if obj else ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Channel | None:
        """With the webhook's address as this person reaches us."""
        channel: Any = super().get_object(request, object_id, from_field)
        if channel is not None:
            channel.webhook_url = request.build_absolute_uri(channel.webhook_path)
        return channel

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One whose plug-in is gone is only shown: nobody could check what was changed."""
        return super().has_change_permission(request, obj) and (obj is None or obj.connector in registry.all())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A channel with a history is made inactive instead."""
        return super().has_delete_permission(request, obj) and obj is not None and not obj.listings_found

    def save_model(self, request: HttpRequest, obj: Channel, form: ChannelForm, change: bool) -> None:
        """Make or change the channel by the verb that the API uses too."""
        if not request.user.has_perm("channels.change_channel" if change else "channels.add_channel"):
            return
        fields = {name: form.cleaned_data[name] for name in PLAIN if name in form.cleaned_data and name != "code"}
        given = {**fields, "settings": form.all_settings(), "credentials": form.given("credentials")}
        if change:
            registration.update_channel(obj, actor=actor(request), **given)
            return
        made = registration.create_channel(
            code=form.cleaned_data["code"], connector=form.cleaned_data["connector"], locations=[],
            actor=actor(request), **given,
        )  # fmt: skip
        obj.__dict__.update(made.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The feeding locations, by the same verb."""
        for formset in formsets:
            formset.save(commit=False)  # only for the history, which asks it what has changed
            if formset.model is ChannelLocation and formset.has_changed():
                rows = [row for row in formset.cleaned_data if row and not row.get("DELETE")]
                places = [(row["location"], row.get("remote", "")) for row in rows]
                registration.update_channel(form.instance, locations=places, actor=actor(request))

    # Columns and fields ---------------------------------------------------------------------------------------

    @display(description=gettext_lazy("state"))
    def state(self, channel: Channel) -> SafeString:
        """What it does now."""
        if channel.connector not in registry.all():
            return badge(_("Plug-in missing"), "bad")
        if channel.disconnected_at is not None:
            return badge(_("Disconnected"), "bad")
        if channel.stopped_at is not None:
            return badge(_("Selling stopped"), "bad")
        if not channel.is_active:
            return badge(_("Inactive"), "warn")
        return badge(_("Shadow"), "warn") if channel.mode == Mode.SHADOW else badge(_("Selling"), "good")

    @display(description=gettext_lazy("listings"), ordering="listings_found")
    def listing_count(self, channel: Any) -> int:
        """Active ones."""
        return channel.listings_found

    @display(description=gettext_lazy("owed numbers"), ordering="debts_found")
    def owed(self, channel: Any) -> int:
        """Targets that wait for a number."""
        return channel.debts_found

    @display(description=gettext_lazy("parked"), ordering="parked_found")
    def parked(self, channel: Any) -> int:
        """Targets that wait for a person."""
        return channel.parked_found

    @display(description=gettext_lazy("last answer"), ordering="lane__answered_at")
    def last_answer(self, channel: Channel) -> Any:
        """When the channel last answered."""
        lane = getattr(channel, "lane", None)
        return lane.answered_at if lane else None

    @display(description=gettext_lazy("last error"))
    def last_error(self, channel: Channel) -> str | None:
        """What it last complained of, while it does."""
        lane = getattr(channel, "lane", None)
        return lane.last_error[:80] or None if lane and lane.failures else None

    @display(description=gettext_lazy("webhook URL"))
    def webhook(self, channel: Channel) -> SafeString:
        """The address to give to the channel."""
        address = getattr(channel, "webhook_url", channel.webhook_path)
        return format_html('<code class="so-copy">{}</code>', address)

    @display(description=gettext_lazy("sync lag"))
    def speed(self, channel: Channel) -> str:
        """How fast sales reach it."""
        found = lag.percentiles(channel.pk)
        shown = [f"{name} {seconds:.2f} s" for name, seconds in found.items() if seconds is not None]
        return ", ".join(shown) or _("No sale in the last hour")

    @display(description=gettext_lazy("sending"))
    def lane_state(self, channel: Channel) -> str:
        """Whether numbers leave, and if not, why."""
        lane = getattr(channel, "lane", None)
        if lane is None or not lane.failures:
            return _("No failure")
        said = [ngettext("%d failure", "%d failures in a row", lane.failures) % lane.failures]
        if lane.not_before is not None:
            said.append(_("tried again at %s") % localize(timezone.localtime(lane.not_before)))
        return "; ".join((*said, lane.last_error or "–"))


def _shown_for(connectors: list[str]) -> str:
    """The browser's condition for a field: a new channel's connector is one of these; a saved one's is settled."""
    return f"typeof connector === 'undefined' || {connectors}.includes(connector)"
