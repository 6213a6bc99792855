"""Listings: what is offered where, what it shows, and why this number."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from inventory.admin.base import BackOfficeAdmin, badge
from inventory.admin.exchange import Exchange
from inventory.admin.export import CsvExport
from inventory.admin.pages import ask, ask_about_rows, find, page_of
from inventory.templatetags.figures import instant

from .. import registration
from ..connectors import registry
from ..models import Channel, Listing, StockTarget
from ..numbers import explanations_now
from .common import STANDING, standing_filter, total, with_owed, worst
from .listing_form import ListingForm, external_names, listing_form
from .targets import PUSH_SAYS, push


def of_target(condition: Q) -> Q:
    """Listings with an active target for which a condition holds."""
    targets = StockTarget.objects.filter(condition, is_active=True, listing=OuterRef("pk"))
    return Q(Exists(targets))


@admin.register(Listing)
class ListingAdmin(Exchange, CsvExport, BackOfficeAdmin):
    """One SKU on one channel each."""

    empty_hint = gettext_lazy(
        "A listing says under which id a channel sells a SKU. Add a channel first, then its listings."
    )
    list_display = (
        "sku", "channel", "external_key", "published", "shown", "state", "pushed_at", "last_error", "fulfilled_by",
        "is_active",
    )  # fmt: skip
    list_select_related = ("sku__product", "channel")
    list_filter = (
        ("channel", RelatedDropdownFilter),
        ("sku", AutocompleteSelectFilter),
        standing_filter(of_target),
        ("fulfilled_by", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("sku__code", "sku__name", "sku__barcode", "external_key")
    search_help_text = gettext_lazy("SKU code, name, barcode, channel's id")
    autocomplete_fields = ("channel", "sku")
    exchanges = "listings"
    actions_list = ("export_csv", "bring_in_file", "write_all")
    actions = ("push_selected",)
    actions_detail = ("push_one", "all_channels")
    csv_columns = (
        ("channel", "channel.code"), ("sku", "sku.code"), ("external_id", "external_key"),
        ("published", lambda row: total([target.published for target in row.live])),
        ("shown", lambda row: total([target.shown for target in row.live])),
        ("status", lambda row: worst(row.live)), ("fulfilled_by", "fulfilled_by"), ("active", "is_active"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        """With its targets, in one more query for the whole list."""
        targets = with_owed(StockTarget.objects.filter(is_active=True))
        return super().get_queryset(request).prefetch_related(Prefetch("targets", targets, to_attr="live"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Listing | None:
        """A listing that knows whether its reader may open the rules behind its number."""
        listing: Any = super().get_object(request, object_id, from_field)
        if listing is not None:
            listing.links_rules = request.user.has_perm("channels.view_allocationrule")
        return listing

    # The form -------------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One of a channel whose plug-in is gone is only shown: nobody could check its ids."""
        return super().has_change_permission(request, obj) and (obj is None or obj.channel.connector in registry.all())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """With the ids that the channel's connector needs."""
        kwargs["form"] = listing_form(self._channel(request, obj))
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is offered; for a saved one also what it shows and why."""
        offered = [("channel", "sku"), *external_names(self._channel(request, obj)), ("fulfilled_by", "is_active")]
        fieldsets: list[Any] = [(None, {"fields": offered})]
        if obj:
            now = [("published", "shown", "state"), ("pushed_at", "last_error")]
            fieldsets.insert(0, (_("Now"), {"fields": now}))
            if request.user.has_perm("channels.view_allocationrule"):
                fieldsets.insert(1, (_("Why this number"), {"fields": ["explanation"]}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A listing stays on its channel; its SKU and ids can be mapped anew."""
        return ("channel", "published", "shown", "state", "pushed_at", "last_error", "explanation") if obj else ()

    def save_model(self, request: HttpRequest, obj: Listing, form: ListingForm, change: bool) -> None:
        """Make or change it by the verbs that the API uses too."""
        values = {name: form.cleaned_data[name] for name in ("sku", "fulfilled_by", "is_active")}
        values["external"] = form.external()
        if change:
            registration.update_listing(obj, **values)
            return
        made = registration.create_listing(channel=form.cleaned_data["channel"], **values)
        obj.__dict__.update(made.__dict__)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders name listings: make it inactive instead, and it is told 0."""
        return False

    def _channel(self, request: HttpRequest, obj: Any) -> Channel | None:
        if obj:
            return obj.channel
        given = request.POST.get("channel") or request.GET.get("channel") or ""
        return Channel.objects.filter(pk=int(given)).first() if given.isdigit() else None

    # Columns and fields ---------------------------------------------------------------------------------------

    @display(description=gettext_lazy("published"))
    def published(self, listing: Any) -> int | None:
        """The number last computed."""
        return total([target.published for target in listing.live])

    @display(description=gettext_lazy("shown"))
    def shown(self, listing: Any) -> int | None:
        """What we believe the channel shows."""
        return total([target.shown for target in listing.live])

    @display(description=gettext_lazy("state"))
    def state(self, listing: Any) -> Any:
        """Where its worst target stands."""
        return badge(*STANDING[worst(listing.live)])

    @display(description=gettext_lazy("acknowledged at"))
    def pushed_at(self, listing: Any) -> Any:
        """The last acknowledgement."""
        return instant(max((target.pushed_at for target in listing.live if target.pushed_at), default=None))

    @display(description=gettext_lazy("last error"))
    def last_error(self, listing: Any) -> str | None:
        """What the channel complained of, or why it is parked."""
        errors = (target.parked_reason or (target.last_error if target.attempts else "") for target in listing.live)
        return next((error[:80] for error in errors if error), None)

    @display(description=gettext_lazy("step by step"))
    def explanation(self, listing: Listing) -> str:
        """Each rule with the number that came in and the one that went out."""
        parts = sorted(explanations_now([listing]).get(listing.pk, {}).items())
        return render_to_string("admin/explanation.html", {"parts": parts, "links_rules": listing.links_rules})  # type: ignore[attr-defined]

    # Actions --------------------------------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Push now"), permissions=["operate"])
    def push_selected(self, request: HttpRequest, queryset: QuerySet[Listing]) -> HttpResponse:
        """Push the chosen listings."""
        return ask_about_rows(
            self, request, queryset, action="push_selected", title=_("Push now"), says=PUSH_SAYS,
            deed=lambda ids, values: push(_targets(ids), values),
        )  # fmt: skip

    @action(description=gettext_lazy("Push now"), icon="send", url_path="push", permissions=["operate"])
    def push_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Push this listing."""
        listing = find(self, request, object_id)
        return ask(
            self, request, title=_("Push now"), says=PUSH_SAYS, subjects=[listing], back=page_of(listing),
            deed=lambda values: push(_targets([listing.pk]), values),
        )  # fmt: skip

    @action(description=gettext_lazy("All channels"), icon="view_column", url_path="everywhere", permissions=["view"])
    def all_channels(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The SKU on every channel side by side."""
        return redirect("sku-everywhere", pk=find(self, request, object_id).sku_id)


def _targets(listing_ids: list[int]) -> list[int]:
    return list(StockTarget.objects.filter(listing__in=listing_ids, is_active=True).values_list("pk", flat=True))
