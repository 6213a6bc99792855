"""The ledger, to read."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from ..models import LedgerEntry
from .base import BigTable, RecordAdmin, fingerprint
from .export import CsvExport


@admin.register(LedgerEntry)
class LedgerEntryAdmin(CsvExport, BigTable, RecordAdmin):
    """Every movement of every unit: who, when, why, from which document. Nothing here can be edited."""

    empty_hint = _("Every movement of stock is kept here, from the first one on.")
    list_display = (
        "recorded_at",
        "sku",
        "location",
        "number",
        "movement",
        "quantity",
        "balance",
        "reason_text",
        "reference",
        "actor",
    )
    list_select_related = ("level__sku", "level__location")
    list_filter = (
        ("level__location", RelatedDropdownFilter),
        ("reason", ChoicesDropdownFilter),
        ("from_state", ChoicesDropdownFilter),
        ("to_state", ChoicesDropdownFilter),
        ("actor", FieldTextFilter),
        ("recorded_at", RangeDateTimeFilter),
    )
    search_fields = ("level__sku__code__iexact", "level__sku__barcode__exact", "reference", "key__exact")
    search_help_text = _("Whole SKU code or barcode, reference")
    fields = (
        ("sku", "location"),
        ("number", "quantity"),
        ("from_state", "to_state"),
        ("available_after", "reserved_after"),
        ("quarantine_after", "damaged_after", "hold_after", "in_transit_after"),
        "balance",
        ("reason", "note"),
        ("reference", "actor"),
        "key",
        ("occurred_at", "recorded_at"),
        "hash_text",
    )
    csv_columns = (
        ("id", "id"),
        ("sku", "level.sku.code"),
        ("location", "level.location.code"),
        ("number", "number"),
        ("from_state", "from_state"),
        ("to_state", "to_state"),
        ("quantity", "quantity"),
        ("balance", "balance"),
        ("reason", "reason"),
        ("note", "note"),
        ("reference", "reference"),
        ("actor", "actor"),
        ("occurred_at", "occurred_at"),
        ("recorded_at", "recorded_at"),
    )

    @display(description=_("SKU"))
    def sku(self, entry: LedgerEntry) -> str:
        """The SKU's code."""
        return entry.level.sku.code

    @display(description=_("location"))
    def location(self, entry: LedgerEntry) -> str:
        """The location's code."""
        return entry.level.location.code

    @display(description=_("movement"))
    def movement(self, entry: LedgerEntry) -> str:
        """From where to where."""
        return f"{entry.get_from_state_display()} → {entry.get_to_state_display()}"

    @display(description=_("on hand after"))
    def balance(self, entry: LedgerEntry) -> int:
        """Units on hand after it."""
        return entry.balance

    @display(description=_("reason"), ordering="reason")
    def reason_text(self, entry: LedgerEntry) -> str:
        """The reason, and a person's own words."""
        return f"{entry.get_reason_display()}: {entry.note}" if entry.note else entry.get_reason_display()

    @display(description=_("hash"))
    def hash_text(self, entry: LedgerEntry) -> SafeString:
        """The chained hash, as the checker prints it."""
        return fingerprint(entry.hash)
