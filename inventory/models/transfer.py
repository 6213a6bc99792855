"""Units that go from one location to another: asked for, sent off, and then received, lost or taken back."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .catalog import Sku
from .location import Location


class TransferStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    DISPATCHED = "dispatched", _("Dispatched")
    PARTLY_RECEIVED = "partly_received", _("Partly received")
    RECEIVED = "received", _("Received")
    CANCELLED = "cancelled", _("Cancelled")


#: Of these something may still be dispatched or received.
OPEN = (TransferStatus.DRAFT, TransferStatus.DISPATCHED, TransferStatus.PARTLY_RECEIVED)


class StepKind(models.TextChoices):
    CREATED = "created", _("Created")
    AMENDED = "amended", _("Amended")
    DISPATCHED = "dispatched", _("Dispatched")
    RECEIVED = "received", _("Received")
    LOST = "lost", _("Reported lost")
    CANCELLED = "cancelled", _("Cancelled")


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Questions about many transfers."""

    def at(self, location_ids: frozenset[int] | None) -> "TransferQuerySet":
        """Those that come from or go to one of these locations; None is all of them."""
        if location_ids is None:
            return self
        return self.filter(Q(from_location__in=location_ids) | Q(to_location__in=location_ids))


class Transfer(models.Model):
    """A document: what is to go from one location to another, and how far it has come."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    from_location = models.ForeignKey(
        Location, models.PROTECT, related_name="transfers_out", verbose_name=_("from location")
    )
    to_location = models.ForeignKey(
        Location, models.PROTECT, related_name="transfers_in", verbose_name=_("to location")
    )
    status = models.CharField(_("status"), max_length=20, choices=TransferStatus, default=TransferStatus.DRAFT)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"))
    dispatched_at = models.DateTimeField(_("dispatched at"), null=True, blank=True, help_text=_("The first time."))
    closed_at = models.DateTimeField(
        _("closed at"), null=True, blank=True, help_text=_("When nothing was left to dispatch or receive.")
    )

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(from_location=F("to_location")), name="transfer_goes_elsewhere")
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_draft(self) -> bool:
        """Whether nothing has left yet."""
        return self.status == TransferStatus.DRAFT

    @property
    def is_open(self) -> bool:
        """Whether something may still be dispatched or received."""
        return self.status in OPEN


class TransferLine(models.Model):
    """Units of one SKU: asked for, dispatched, and what became of those."""

    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="lines", verbose_name=_("transfer"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="transfer_lines", verbose_name=_("SKU"))
    position = models.PositiveIntegerField(_("position"), default=0)
    quantity = models.BigIntegerField(_("asked for"))
    dispatched = models.BigIntegerField(_("dispatched"), default=0)
    received = models.BigIntegerField(_("received"), default=0, help_text=_("Good ones, for sale."))
    damaged = models.BigIntegerField(_("received damaged"), default=0)
    lost = models.BigIntegerField(_("lost"), default=0)
    returned = models.BigIntegerField(
        _("taken back"), default=0, help_text=_("By cancelling, to where they came from.")
    )

    class Meta:
        verbose_name = _("transfer line")
        verbose_name_plural = _("transfer lines")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["transfer", "sku"], name="transfer_names_a_sku_once"),
            models.CheckConstraint(
                condition=Q(
                    quantity__gt=0, quantity__gte=F("dispatched"), received__gte=0, damaged__gte=0, lost__gte=0,
                    returned__gte=0, dispatched__gte=F("received") + F("damaged") + F("lost") + F("returned"),
                ),
                name="transfer_line_adds_up",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.transfer}, {self.sku}"

    @property
    def waiting(self) -> int:
        """Units that have not been dispatched yet."""
        return self.quantity - self.dispatched

    @property
    def settled(self) -> int:
        """Units that were dispatched and are no longer under way."""
        return self.received + self.damaged + self.lost + self.returned

    @property
    def under_way(self) -> int:
        """Units that left and have not come, as the destination's ``in_transit`` counts them."""
        return self.dispatched - self.settled


class TransferStep(models.Model):
    """What somebody did to a transfer, and when. Its key makes the same request harmless the second time."""

    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="steps", verbose_name=_("transfer"))
    kind = models.CharField(_("step"), max_length=20, choices=StepKind)
    units = models.BigIntegerField(_("units"), default=0)
    actor = models.CharField(_("actor"), max_length=150)
    note = models.CharField(_("note"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"))
    key = models.CharField(_("key"), max_length=200, null=True, blank=True, unique=True)
    fingerprint = models.BinaryField(_("fingerprint of what was asked"), default=b"")

    class Meta:
        verbose_name = _("transfer step")
        verbose_name_plural = _("transfer steps")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.transfer}, {self.get_kind_display()}"
