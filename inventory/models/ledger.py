"""The ledger: entries are the truth, levels are their projection.

Only ``inventory.ledger`` writes either of them.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .append_only import append_only
from .catalog import Sku
from .location import Location


class State(models.TextChoices):
    """Where a unit is. The last five are outside: units come from there and go there."""

    AVAILABLE = "available", _("Available")
    RESERVED = "reserved", _("Reserved")
    QUARANTINE = "quarantine", _("Quarantine")
    DAMAGED = "damaged", _("Damaged")
    HOLD = "hold", _("Hold")
    IN_TRANSIT = "in_transit", _("In transit")
    SUPPLIER = "supplier", _("Supplier")
    CUSTOMER = "customer", _("Customer")
    ADJUSTMENT = "adjustment", _("Adjustment")
    TRANSFER = "transfer", _("Another location")
    ASSEMBLY = "assembly", _("Assembly")


#: States of units that are at a location, in the order in which every row and hash lists them.
ON_HAND = (State.AVAILABLE, State.RESERVED, State.QUARANTINE, State.DAMAGED, State.HOLD)

#: Those, and what is on its way to the location: it left another one and has not come; kept at the destination, never on hand.
INSIDE = (*ON_HAND, State.IN_TRANSIT)

#: What a person may add to, take from and move between. Reservations follow their orders, units in transit their transfers.
BY_HAND = (State.AVAILABLE, State.QUARANTINE, State.DAMAGED, State.HOLD)


class Reason(models.TextChoices):
    """Why units moved. Text of people's own goes into the entry's note, with the reason ``other``."""

    SALE = "sale", _("Sale")
    CANCELLATION = "cancellation", _("Cancellation")
    REFUND = "refund", _("Refund before shipment")
    SHIPMENT = "shipment", _("Shipment")
    RETURN = "return", _("Return")
    RECEIPT = "receipt", _("Receipt")
    OPENING = "opening", _("Opening stock")
    COUNT = "count", _("Count")
    DAMAGE = "damage", _("Damage")
    THEFT = "theft", _("Theft")
    LOSS = "loss", _("Loss")
    FOUND = "found", _("Found")
    QUALITY = "quality", _("Quality check")
    ASSEMBLY = "assembly", _("Assembly")
    RELOCATION = "relocation", _("Moved to another location")
    CORRECTION = "correction", _("Correction")
    EXPIRED = "expired", _("Expired")
    RECALL = "recall", _("Recall of a lot")
    OTHER = "other", _("Other")


class StockLevel(models.Model):
    """Units of one SKU at one location by state: the projection of that pair's entries."""

    sku = models.ForeignKey(Sku, models.PROTECT, related_name="levels", verbose_name=_("SKU"))
    location = models.ForeignKey(Location, models.PROTECT, related_name="levels", verbose_name=_("location"))
    available = models.BigIntegerField(_("available"), default=0)
    reserved = models.BigIntegerField(_("reserved"), default=0)
    quarantine = models.BigIntegerField(_("quarantine"), default=0)
    damaged = models.BigIntegerField(_("damaged"), default=0)
    hold = models.BigIntegerField(_("hold"), default=0)
    in_transit = models.BigIntegerField(_("in transit"), default=0, db_default=0, help_text=_("On its way here."))
    number = models.BigIntegerField(_("last entry's number"), default=0)
    hash = models.BinaryField(_("last entry's hash"), default=b"")
    keeps_lots = models.BooleanField(
        _("keeps lots"), default=False, db_default=False, help_text=_("As its SKU does: read along with the lock.")
    )

    class Meta:
        verbose_name = _("stock level")
        verbose_name_plural = _("stock levels")
        ordering = ["sku__code", "location__priority", "location__code"]
        constraints = [
            models.UniqueConstraint(fields=["sku", "location"], name="stock_level_once"),
            *(
                models.CheckConstraint(condition=Q(**{f"{state}__gte": 0}), name=f"{state}_not_negative")
                for state in ("available", "reserved", "quarantine", "damaged", "hold", "in_transit")
            ),
        ]
        indexes = [models.Index(fields=["location"], name="stock_level_location")]

    def __str__(self) -> str:
        return f"{self.sku} @ {self.location}"

    @property
    def unavailable(self) -> int:
        """On hand, not sellable."""
        return self.quarantine + self.damaged + self.hold

    @property
    def on_hand(self) -> int:
        """Physically there, sellable or not."""
        return self.available + self.reserved + self.unavailable


class LedgerEntry(models.Model):
    """Units that moved from one state to another, for ever. Numbered without gaps within its level."""

    level = models.ForeignKey(
        StockLevel, models.PROTECT, related_name="entries", verbose_name=_("stock level"), db_index=False
    )
    number = models.BigIntegerField(_("number"))
    from_state = models.CharField(_("from"), max_length=12, choices=State)
    to_state = models.CharField(_("to"), max_length=12, choices=State)
    quantity = models.BigIntegerField(_("quantity"))
    available_after = models.BigIntegerField(_("available after"))
    reserved_after = models.BigIntegerField(_("reserved after"))
    quarantine_after = models.BigIntegerField(_("quarantine after"))
    damaged_after = models.BigIntegerField(_("damaged after"))
    hold_after = models.BigIntegerField(_("hold after"))
    in_transit_after = models.BigIntegerField(_("in transit after"), default=0, db_default=0)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    note = models.CharField(_("note"), max_length=200, blank=True)
    reference = models.CharField(_("reference"), max_length=200, blank=True, help_text=_("The document behind it."))
    actor = models.CharField(_("actor"), max_length=150)
    key = models.CharField(_("key"), max_length=200, null=True, blank=True, help_text=_("Makes a retry harmless."))
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("By the clock of whoever reports it."))
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("By our clock, read under the lock."))
    hash = models.BinaryField(_("hash"), help_text=_("SHA-256 over the previous entry's hash and this entry."))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["level", "number"], name="entry_number_once"),
            models.UniqueConstraint(fields=["key"], name="entry_key_once", condition=Q(key__isnull=False)),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="entry_quantity_positive"),
            models.CheckConstraint(condition=~Q(from_state=F("to_state")), name="entry_moves_units"),
        ]
        indexes = [
            models.Index(fields=["reference"], name="entry_reference", condition=~Q(reference="")),
            models.Index(fields=["recorded_at"], name="entry_recorded_at"),
        ]
        triggers = append_only("ledger entries are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.level} #{self.number}"

    @property
    def balance(self) -> int:
        """Units on hand at the level after this entry."""
        return self.available_after + self.reserved_after + self.quarantine_after + self.damaged_after + self.hold_after
