"""Units that come back."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .order import SalesOrder, SalesOrderLine


class ReturnStatus(models.TextChoices):
    EXPECTED = "expected", _("Expected")
    PARTLY_RECEIVED = "partly_received", _("Partly received")
    RECEIVED = "received", _("Received")


class Return(models.Model):
    """Goods announced back for one order. What money goes back is the channel's matter."""

    order = models.ForeignKey(SalesOrder, models.PROTECT, related_name="returns", verbose_name=_("sales order"))
    status = models.CharField(_("status"), max_length=20, choices=ReturnStatus, default=ReturnStatus.EXPECTED)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.order} R{self.pk}"


class ReturnLine(models.Model):
    """Units of one line announced back, and where those that came went."""

    parcel = models.ForeignKey(Return, models.CASCADE, related_name="lines", verbose_name=_("return"))
    line = models.ForeignKey(SalesOrderLine, models.PROTECT, related_name="return_lines", verbose_name=_("line"))
    quantity = models.BigIntegerField(_("announced"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    restocked = models.BigIntegerField(_("restocked"), default=0)
    quarantined = models.BigIntegerField(_("quarantined"), default=0)
    missing = models.BigIntegerField(_("missing"), default=0)

    class Meta:
        verbose_name = _("return line")
        verbose_name_plural = _("return lines")
        constraints = [
            models.UniqueConstraint(fields=["parcel", "line"], name="return_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=F("restocked") + F("quarantined") + F("missing"), quantity__gt=0),
                name="return_line_not_overdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line} x {self.quantity}"
