"""Counts: what people find on the shelf, against what the ledger said at that instant."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .catalog import Sku
from .location import Location


class CountStatus(models.TextChoices):
    DRAFT = "draft", _("Being counted")
    SUBMITTED = "submitted", _("To be approved")
    APPROVED = "approved", _("Approved")
    CANCELLED = "cancelled", _("Cancelled")


class CountScope(models.TextChoices):
    """What was asked for."""

    SKUS = "skus", _("Chosen SKUs")
    CLASS = "class", _("A class")
    STALE = "stale", _("Not counted for some days")
    ALL = "all", _("All SKUs of the location")


class StockClass(models.TextChoices):
    """Classes by the value that left a location: the few that make most of it are A."""

    A = "A", _("A: most of the value moved")
    B = "B", _("B: some of it")
    C = "C", _("C: the rest")


class Count(models.Model):
    """One count of one location: drafted, counted, submitted, approved or cancelled."""

    code = models.CharField(_("code"), max_length=100, unique=True)
    location = models.ForeignKey(Location, models.PROTECT, related_name="counts", verbose_name=_("location"))
    scope = models.CharField(_("asked for"), max_length=10, choices=CountScope)
    scope_value = models.CharField(_("which"), max_length=20, blank=True, help_text=_("The class, or the days."))
    blind = models.BooleanField(
        _("blind"), default=False, help_text=_("Whoever counts is not shown how many units are expected.")
    )
    status = models.CharField(_("status"), max_length=10, choices=CountStatus, default=CountStatus.DRAFT)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.CharField(_("opened by"), max_length=150)
    created_at = models.DateTimeField(_("opened at"))
    submitted_by = models.CharField(_("submitted by"), max_length=150, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    approved_by = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("count")
        verbose_name_plural = _("counts")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.code

    @property
    def asked_for(self) -> str:
        """What was asked for, in words."""
        if self.scope == CountScope.CLASS:
            return _now("Class %s") % self.scope_value
        if self.scope == CountScope.STALE:
            return _now("Not counted for %s days") % self.scope_value
        return str(CountScope(self.scope).label)

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.status in (CountStatus.DRAFT, CountStatus.SUBMITTED)


class CountLine(models.Model):
    """One SKU of a count. ``expected`` and ``number`` are what its level said at the instant when it was counted."""

    count = models.ForeignKey(Count, models.CASCADE, related_name="lines", verbose_name=_("count"), db_index=False)
    location = models.ForeignKey(Location, models.PROTECT, related_name="+", verbose_name=_("location"), db_index=False)
    is_open = models.BooleanField(_("open"), default=True, editable=False)
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="count_lines", verbose_name=_("SKU"))
    stock_class = models.CharField(_("class"), max_length=1, choices=StockClass, default=StockClass.C)
    counted = models.BigIntegerField(_("counted"), null=True, blank=True, help_text=_("Empty: not counted yet."))
    picked = models.BigIntegerField(
        _("picked"), default=0, help_text=_("Taken from the shelf for orders, and not shipped yet.")
    )
    expected = models.BigIntegerField(_("expected"), null=True, blank=True)
    variance = models.BigIntegerField(_("variance"), null=True, blank=True)
    number = models.BigIntegerField(_("last entry when it was counted"), null=True, blank=True)
    counted_at = models.DateTimeField(_("counted at"), null=True, blank=True)
    counted_by = models.CharField(_("counted by"), max_length=150, blank=True)
    recount = models.PositiveIntegerField(_("recount"), default=0, help_text=_("How often it was counted anew."))
    earlier = models.JSONField(_("counted before"), default=list, blank=True)

    class Meta:
        verbose_name = _("count line")
        verbose_name_plural = _("count lines")
        ordering = ["count", "sku__code"]
        constraints = [
            models.UniqueConstraint(fields=["count", "sku"], name="count_line_once"),
            models.UniqueConstraint(fields=["location", "sku"], name="count_line_open_once", condition=Q(is_open=True)),
            models.CheckConstraint(condition=Q(counted__gte=0) | Q(counted=None), name="count_not_negative"),
            models.CheckConstraint(condition=Q(picked__gte=0), name="count_picked_not_negative"),
            models.CheckConstraint(
                condition=Q(counted=None, expected=None, variance=None)
                | Q(
                    counted__isnull=False,
                    expected__isnull=False,
                    variance__isnull=False,
                    variance=F("counted") + F("picked") - F("expected"),
                ),
                name="count_variance_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count}: {self.sku}"

    @property
    def found(self) -> int | None:
        """Units that are there: on the shelf, and off it for orders that have not left."""
        return None if self.counted is None else self.counted + self.picked


class CountTolerance(models.Model):
    """How far a count of a class may be off before a second person has to approve it."""

    stock_class = models.CharField(_("class"), max_length=1, choices=StockClass, unique=True)
    units = models.PositiveBigIntegerField(
        _("units"), null=True, blank=True, help_text=_("More units than this need a second person. Empty: no limit.")
    )
    percent = models.DecimalField(
        _("percent of expected"),
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1000))],
        help_text=_("A larger share than this needs a second person. Empty: no limit."),
    )

    class Meta:
        verbose_name = _("count tolerance")
        verbose_name_plural = _("count tolerances")
        ordering = ["stock_class"]

    def __str__(self) -> str:
        return self.stock_class


class RecountCause(models.TextChoices):
    OVERSELL = "oversell", _("Oversold")


class RecountRequest(models.Model):
    """A SKU that should be counted soon at a location; closed by the approved count, or by a person."""

    sku = models.ForeignKey(Sku, models.PROTECT, related_name="recount_requests", verbose_name=_("SKU"))
    location = models.ForeignKey(Location, models.PROTECT, related_name="+", verbose_name=_("location"))
    cause = models.CharField(_("cause"), max_length=10, choices=RecountCause)
    wanted_at = models.DateTimeField(_("wanted at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    count = models.ForeignKey(
        Count, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("answered by")
    )

    class Meta:
        verbose_name = _("wanted recount")
        verbose_name_plural = _("wanted recounts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["sku", "location"], name="recount_wanted_once", condition=Q(closed_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.sku} @ {self.location}"
