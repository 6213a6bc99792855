"""Months that are closed: what stock was worth, for ever, and which accounts it belongs to."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .append_only import append_only
from .catalog import Costing, Sku
from .company import Company
from .location import Location


class JournalKind(models.TextChoices):
    """What a line of the journal is about, in its order."""

    RECEIPTS = "receipts", _("Receipts")
    LANDED = "landed", _("Landed costs")
    COGS = "cogs", _("Cost of goods sold")
    ADJUSTMENTS = "adjustments", _("Adjustments")
    TRANSFERS = "transfers", _("Transfers between companies")
    ASSEMBLY = "assembly", _("Assembly, rounding")
    REVALUATION = "revaluation", _("Switches of costing")
    INVENTORY = "inventory", _("Stock")


class Period(models.Model):
    """A company's closed month. Its hash is over all of its valuation and the period before it."""

    company = models.ForeignKey(Company, models.PROTECT, related_name="periods", verbose_name=_("company"))
    first_day = models.DateField(_("month"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), help_text=_("Not included."))
    opening = models.DecimalField(_("opening value"), max_digits=24, decimal_places=2)
    closing = models.DecimalField(_("closing value"), max_digits=24, decimal_places=2)
    hash = models.BinaryField(_("hash"))
    closed_by = models.CharField(_("closed by"), max_length=150)
    closed_at = models.DateTimeField(_("closed at"))
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("closed period")
        verbose_name_plural = _("closed periods")
        ordering = ["-first_day", "company"]
        constraints = [models.UniqueConstraint(fields=["company", "first_day"], name="period_closed_once")]
        triggers = append_only("closed periods are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.company} {self.first_day:%Y-%m}"


class PeriodAmount(models.Model):
    """By how much stock's value changed in a closed period, for one cause."""

    period = models.ForeignKey(Period, models.PROTECT, related_name="amounts", verbose_name=_("period"))
    kind = models.CharField(_("kind"), max_length=12, choices=JournalKind)
    amount = models.DecimalField(_("amount"), max_digits=24, decimal_places=2)

    class Meta:
        verbose_name = _("amount of a closed period")
        verbose_name_plural = _("amounts of closed periods")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["period", "kind"], name="period_amount_once")]
        triggers = append_only("amounts of closed periods are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount}"


class Valuation(models.Model):
    """What a SKU's units at a location were worth when a period ended. Each row's hash is over it and the one before."""

    period = models.ForeignKey(
        Period, models.PROTECT, related_name="valuation", verbose_name=_("period"), db_index=False
    )
    position = models.BigIntegerField(_("position"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="+", verbose_name=_("SKU"))
    location = models.ForeignKey(
        Location, models.PROTECT, related_name="+", verbose_name=_("location"), null=True, blank=True, db_index=False,
        help_text=_("Empty: recorded in the period, but made known after it."),
    )  # fmt: skip
    costing = models.CharField(_("method"), max_length=10, choices=Costing)
    quantity = models.BigIntegerField(_("units"))
    value = models.DecimalField(_("value"), max_digits=24, decimal_places=2)
    hash = models.BinaryField(_("hash"))

    class Meta:
        verbose_name = _("valuation of a closed period")
        verbose_name_plural = _("valuations of closed periods")
        ordering = ["period", "position"]
        constraints = [models.UniqueConstraint(fields=["period", "position"], name="valuation_once")]
        triggers = append_only("valuations are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.sku}: {self.value}"


class AccountMap(models.Model):
    """The account of the general ledger that a cause belongs to; where there is none, the usual one is taken."""

    kind = models.CharField(_("kind"), max_length=12, choices=JournalKind, unique=True)
    account = models.CharField(_("account"), max_length=30)
    name = models.CharField(_("name"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["account"]

    def __str__(self) -> str:
        return f"{self.account} {self.name}".strip()
