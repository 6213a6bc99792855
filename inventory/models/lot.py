"""Lots of SKUs that keep them: which units came together, until when they are good, and where they are."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .append_only import append_only
from .catalog import Sku
from .ledger import StockLevel

#: The lot of units of which nobody knows the lot: those that were there before lots were kept, found ones, returned ones.
UNASSIGNED = "unassigned"


class LotPlace(models.TextChoices):
    """Where units of a lot are. The last seven are outside.

    Promises pin no lot, so available and reserved units are one shelf.
    """

    SHELF = "shelf", _("Shelf")
    QUARANTINE = "quarantine", _("Quarantine")
    DAMAGED = "damaged", _("Damaged")
    HOLD = "hold", _("Hold")
    IN_TRANSIT = "in_transit", _("In transit")
    SUPPLIER = "supplier", _("Supplier")
    CUSTOMER = "customer", _("Customer")
    ADJUSTMENT = "adjustment", _("Adjustment")
    TRANSFER = "transfer", _("Another location")
    ASSEMBLY = "assembly", _("Assembly")
    UNLOTTED = "unlotted", _("Before lots were kept")
    OTHER_LOT = "other_lot", _("Another lot")


#: Places of units that are at a level, in the order in which every row lists them.
PLACES = (LotPlace.SHELF, LotPlace.QUARANTINE, LotPlace.DAMAGED, LotPlace.HOLD, LotPlace.IN_TRANSIT)

#: Something of the lot is there. The index below has this very condition, so that old lots cost nothing.
SOMETHING = Q(shelf__gt=0) | Q(quarantine__gt=0) | Q(damaged__gt=0) | Q(hold__gt=0) | Q(in_transit__gt=0)


class Lot(models.Model):
    """Units of one SKU that were made together. It has one expiry date for ever, or none."""

    sku = models.ForeignKey(Sku, models.PROTECT, related_name="lots", verbose_name=_("SKU"), db_index=False)
    code = models.CharField(_("code"), max_length=100, help_text=_("As it is printed on the goods."))
    expires_on = models.DateField(
        _("expires on"),
        null=True,
        blank=True,
        help_text=_("From the beginning of this day on it is not sold. Empty: never."),
    )
    created_at = models.DateTimeField(_("known since"))
    recalled_at = models.DateTimeField(_("recalled at"), null=True, blank=True)
    recalled_by = models.CharField(_("recalled by"), max_length=150, blank=True)
    recall_reason = models.CharField(_("why it was recalled"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        ordering = ["sku__code", "expires_on", "id"]
        constraints = [models.UniqueConstraint(fields=["sku", "code"], name="lot_once")]
        indexes = [
            models.Index(fields=["expires_on"], name="lot_expiry", condition=Q(expires_on__isnull=False)),
            models.Index(fields=["code"], name="lot_code"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_recalled(self) -> bool:
        """Whether none of it may be sold."""
        return self.recalled_at is not None


class LotLevel(models.Model):
    """Units of one lot at one level by place: the projection of that pair's lot entries."""

    level = models.ForeignKey(
        StockLevel, models.PROTECT, related_name="lot_levels", verbose_name=_("stock level"), db_index=False
    )
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="lot_levels", verbose_name=_("lot"))
    shelf = models.BigIntegerField(_("shelf"), default=0, help_text=_("Available and reserved units."))
    quarantine = models.BigIntegerField(_("quarantine"), default=0)
    damaged = models.BigIntegerField(_("damaged"), default=0)
    hold = models.BigIntegerField(_("hold"), default=0)
    in_transit = models.BigIntegerField(_("in transit"), default=0, help_text=_("On its way here."))

    class Meta:
        verbose_name = _("units of a lot")
        verbose_name_plural = _("units of lots")
        ordering = ["level", "lot"]
        constraints = [
            models.UniqueConstraint(fields=["level", "lot"], name="lot_level_once"),
            *(
                models.CheckConstraint(condition=Q(**{f"{place}__gte": 0}), name=f"lot_{place}_not_negative")
                for place in ("shelf", "quarantine", "damaged", "hold", "in_transit")
            ),
        ]
        indexes = [models.Index(fields=["level"], name="lot_level_held", condition=SOMETHING)]

    def __str__(self) -> str:
        return f"{self.lot}, {self.level}"

    @property
    def on_hand(self) -> int:
        """Units physically there."""
        return self.shelf + self.quarantine + self.damaged + self.hold


class LotEntry(models.Model):
    """Units of a lot that moved, for ever: which lots the units of a ledger entry were of."""

    level = models.ForeignKey(
        StockLevel, models.PROTECT, related_name="lot_entries", verbose_name=_("stock level"), db_index=False
    )
    number = models.BigIntegerField(
        _("ledger entry"), help_text=_("The level's entry of this number, or the last one before.")
    )
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="lot_entries", verbose_name=_("lot"), db_index=False)
    from_place = models.CharField(_("from"), max_length=12, choices=LotPlace)
    to_place = models.CharField(_("to"), max_length=12, choices=LotPlace)
    quantity = models.BigIntegerField(_("quantity"))
    shelf_after = models.BigIntegerField(_("shelf after"))
    quarantine_after = models.BigIntegerField(_("quarantine after"))
    damaged_after = models.BigIntegerField(_("damaged after"))
    hold_after = models.BigIntegerField(_("hold after"))
    in_transit_after = models.BigIntegerField(_("in transit after"))
    reference = models.CharField(_("reference"), max_length=200, blank=True, help_text=_("The document behind it."))
    actor = models.CharField(_("actor"), max_length=150)
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("lot entry")
        verbose_name_plural = _("lot entries")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="lot_entry_quantity_positive"),
            models.CheckConstraint(condition=~Q(from_place=models.F("to_place")), name="lot_entry_moves_units"),
        ]
        indexes = [
            models.Index(fields=["lot", "level", "id"], name="lot_entry_trace"),
            models.Index(fields=["level", "number"], name="lot_entry_of_entry"),
            models.Index(
                fields=["level", "lot", "reference"],
                name="lot_entry_under_way",
                condition=Q(from_place="in_transit") | Q(to_place="in_transit"),
            ),
        ]
        triggers = append_only("lot entries are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.lot}, {self.level} #{self.number}"
