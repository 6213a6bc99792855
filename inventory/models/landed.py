"""Freight, duty and the like: what it costs to have goods where they are."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .append_only import append_only
from .company import Company
from .ledger import LedgerEntry


class LandedMethod(models.TextChoices):
    VALUE = "value", _("By value")
    QUANTITY = "quantity", _("By quantity")
    WEIGHT = "weight", _("By weight")
    VOLUME = "volume", _("By volume")
    EQUAL = "equal", _("Equally")


class LandedCost(models.Model):
    """A charge that is shared among receipts. It is never edited: cancelling books the same shares the other way."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    company = models.ForeignKey(Company, models.PROTECT, related_name="landed_costs", verbose_name=_("company"))
    method = models.CharField(_("method"), max_length=10, choices=LandedMethod)
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    rate = models.DecimalField(_("rate"), max_digits=20, decimal_places=10, default=1)
    base_amount = models.DecimalField(_("amount in the base currency"), max_digits=20, decimal_places=2)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"))
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancel_reason = models.CharField(_("reason for cancelling"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("landed cost")
        verbose_name_plural = _("landed costs")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, base_amount__gte=0), name="landed_cost_positive")
        ]

    def __str__(self) -> str:
        return self.code


class LandedShare(models.Model):
    """What one receipt bears of a landed cost, to the cent."""

    landed = models.ForeignKey(LandedCost, models.PROTECT, related_name="shares", verbose_name=_("landed cost"))
    entry = models.ForeignKey(
        LedgerEntry, models.PROTECT, related_name="+", verbose_name=_("receipt"), db_constraint=False
    )
    amount = models.DecimalField(_("share"), max_digits=20, decimal_places=2)

    class Meta:
        verbose_name = _("share of a landed cost")
        verbose_name_plural = _("shares of a landed cost")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["landed", "entry"], name="landed_share_once")]
        triggers = append_only("shares of landed costs are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.landed}: {self.amount}"
