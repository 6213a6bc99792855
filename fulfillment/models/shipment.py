"""Parcels that leave."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inventory.models import Location

from .order import SalesOrder, SalesOrderLine


class ShipmentStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    DISPATCHED = "dispatched", _("Dispatched")
    REJECTED = "rejected", _("Rejected")


class NewsStatus(models.TextChoices):
    """Whether the channel knows."""

    NONE = "", _("Nothing to tell")
    OWED = "owed", _("To be told")
    TOLD = "told", _("Told")
    PARKED = "parked", _("Parked")


class Shipment(models.Model):
    """Whole or partial lines of one order, from one location."""

    order = models.ForeignKey(SalesOrder, models.PROTECT, related_name="shipments", verbose_name=_("sales order"))
    location = models.ForeignKey(Location, models.PROTECT, related_name="+", verbose_name=_("location"))
    carrier = models.CharField(_("carrier"), max_length=100, blank=True)
    service = models.CharField(_("service"), max_length=100, blank=True)
    tracking_number = models.CharField(_("tracking number"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=ShipmentStatus, default=ShipmentStatus.DRAFT)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    dispatched_at = models.DateTimeField(_("dispatched at"), null=True, blank=True)
    news = models.CharField(_("channel told"), max_length=10, choices=NewsStatus, blank=True, default=NewsStatus.NONE)
    news_key = models.UUIDField(_("key of the news"), null=True, blank=True)
    news_attempts = models.PositiveIntegerField(_("attempts"), default=0)
    news_next_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    news_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        ordering = ["-id"]
        indexes = [models.Index(fields=["news_next_at"], name="shipment_news_owed", condition=Q(news="owed"))]

    def __str__(self) -> str:
        return f"{self.order} #{self.pk}"


class ShipmentLine(models.Model):
    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines", verbose_name=_("shipment"))
    line = models.ForeignKey(SalesOrderLine, models.PROTECT, related_name="shipment_lines", verbose_name=_("line"))
    quantity = models.BigIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("shipment line")
        verbose_name_plural = _("shipment lines")
        constraints = [
            models.UniqueConstraint(fields=["shipment", "line"], name="shipment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="shipment_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.line} x {self.quantity}"
