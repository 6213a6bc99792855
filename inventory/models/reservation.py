"""Units promised to demand, not yet shipped."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .ledger import StockLevel


class ReservationStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    FULFILLED = "fulfilled", _("Fulfilled")
    RELEASED = "released", _("Released")


class Reservation(models.Model):
    """What one holder (an order line, say) has been promised from one level.

    ``holder_kind`` and ``holder_id`` are opaque here: the ledger knows no order form. Of ``quantity`` units,
    ``fulfilled`` left and ``released`` went back; the rest is open and counted in the level's ``reserved``.

    A holder that is promised kits has a row for each of their components: rows with the same ``kit`` belong together, and
    ``units_per_kit`` of them make one. So a kit stays what it was made of when it was promised.
    """

    level = models.ForeignKey(StockLevel, models.PROTECT, related_name="reservations", verbose_name=_("stock level"))
    holder_kind = models.CharField(_("holder's kind"), max_length=20)
    holder_id = models.BigIntegerField(_("holder"))
    quantity = models.BigIntegerField(_("quantity"))
    fulfilled = models.BigIntegerField(_("fulfilled"), default=0)
    released = models.BigIntegerField(_("released"), default=0)
    kit = models.IntegerField(
        _("kit"), default=0, db_default=0, help_text=_("Counts the holder's kinds of kits; 0: units by themselves.")
    )
    units_per_kit = models.BigIntegerField(_("units per kit"), default=1, db_default=1)
    reserved_at = models.DateTimeField(_("reserved at"))

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        constraints = [
            models.UniqueConstraint(fields=["holder_kind", "holder_id", "level", "kit"], name="reservation_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=F("fulfilled") + F("released"), fulfilled__gte=0, released__gte=0),
                name="reservation_not_overdrawn",
            ),
            models.CheckConstraint(
                condition=Q(kit=0, units_per_kit=1) | Q(kit__gt=0, units_per_kit__gt=0), name="reservation_of_kits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level}, {self.holder_kind.replace('_', ' ')} {self.holder_id}"

    @property
    def open_quantity(self) -> int:
        """Units still promised."""
        return self.quantity - self.fulfilled - self.released

    @property
    def status(self) -> ReservationStatus:
        if self.open_quantity:
            return ReservationStatus.PENDING
        return ReservationStatus.FULFILLED if self.fulfilled else ReservationStatus.RELEASED
