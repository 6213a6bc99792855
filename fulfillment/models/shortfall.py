"""Units sold with no stock behind them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .order import SalesOrderLine


class ShortfallKind(models.TextChoices):
    BACKORDER = "backorder", _("Backorder")
    OVERSELL = "oversell", _("Oversell")


class ShortfallCause(models.TextChoices):
    """Why units have nothing behind them."""

    SOLD = "sold", _("Sold beyond what there was")
    LOST = "lost", _("Lost after it was reserved")


class Shortfall(models.Model):
    """Units of an order line with no stock behind them. Closed when none is short any more."""

    line = models.OneToOneField(SalesOrderLine, models.CASCADE, related_name="shortfall", verbose_name=_("line"))
    kind = models.CharField(_("kind"), max_length=10, choices=ShortfallKind)
    cause = models.CharField(
        _("cause"), max_length=10, choices=ShortfallCause, default=ShortfallCause.SOLD, db_default=ShortfallCause.SOLD
    )
    quantity = models.BigIntegerField(_("units short at intake"))
    found_at = models.DateTimeField(_("found at"), db_index=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("shortfall")
        verbose_name_plural = _("shortfalls")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="shortfall_positive")]
        indexes = [models.Index(fields=["-id"], name="shortfall_open", condition=Q(closed_at=None))]

    def __str__(self) -> str:
        return f"{self.line}: {self.quantity}"
