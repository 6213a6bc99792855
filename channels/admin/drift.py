"""Drifts: where a channel's number was not ours."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from inventory.admin.base import ConditionFilter, RecordAdmin
from inventory.admin.export import CsvExport

from ..models import Drift


class ExcessFilter(ConditionFilter):
    """Drifts that could have sold what is not there."""

    title = _("excess")
    parameter_name = "excess"
    conditions: ClassVar = {
        "yes": (_("Offered too much"), Q(excess__gt=0)),
        "no": (_("Offered too little"), Q(excess=0)),
    }


@admin.register(Drift)
class DriftAdmin(CsvExport, RecordAdmin):
    """What was read back, what it should have been, and what the channel offered beyond it."""

    empty_hint = _("No channel showed another number than ours when it was read back.")
    list_display = ("found_at", "sku", "channel", "remote", "expected", "found", "excess")
    list_select_related = ("target__listing__sku", "target__channel")
    list_filter = (("target__channel", RelatedDropdownFilter), ExcessFilter, ("found_at", RangeDateTimeFilter))
    search_fields = ("target__listing__sku__code", "target__listing__sku__name", "target__listing__external_key")
    date_hierarchy = "found_at"
    fields = (("sku", "channel", "remote"), ("expected", "found", "excess"), "found_at")
    csv_columns = (
        ("found_at", "found_at"),
        ("channel", "target.channel.code"),
        ("sku", "target.listing.sku.code"),
        ("remote", "target.remote"),
        ("expected", "expected"),
        ("found", "found"),
        ("excess", "excess"),
    )

    @display(description=_("SKU"), ordering="target__listing__sku__code")
    def sku(self, drift: Drift) -> str:
        """The SKU's code."""
        return drift.target.listing.sku.code

    @display(description=_("channel"), ordering="target__channel__code")
    def channel(self, drift: Drift) -> str:
        """The channel's code."""
        return drift.target.channel.code

    @display(description=_("remote location"))
    def remote(self, drift: Drift) -> str:
        """The channel's own location."""
        return drift.target.remote
