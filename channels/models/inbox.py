"""What channels told us, as they told it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .channel import Channel


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")
    PARKED = "parked", _("Parked")


class DeliverySource(models.TextChoices):
    WEBHOOK = "webhook", _("Webhook")
    POLL = "poll", _("Order poll")


class Delivery(models.Model):
    """One raw inbound event, stored before it was answered. Kept as evidence; never edited."""

    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="deliveries", verbose_name=_("channel"), db_index=False
    )
    source = models.CharField(_("source"), max_length=10, choices=DeliverySource, default=DeliverySource.WEBHOOK)
    event_id = models.CharField(_("event"), max_length=200)
    body_hash = models.BinaryField(_("hash of the body"))
    topic = models.CharField(_("topic"), max_length=100, blank=True)
    order_ref = models.CharField(_("order"), max_length=200, blank=True)
    lane = models.PositiveSmallIntegerField(_("lane"), default=0, help_text=_("Deliveries of one order share one."))
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField(_("body"))
    stored_at = models.DateTimeField(_("stored at"))
    status = models.CharField(_("status"), max_length=10, choices=DeliveryStatus, default=DeliveryStatus.WAITING)
    conflicting = models.BooleanField(
        _("conflicting"), default=False, help_text=_("The same event came before with other contents.")
    )
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "event_id", "body_hash"], name="delivery_once"),
        ]
        indexes = [
            models.Index(fields=["channel", "lane", "id"], name="delivery_waiting", condition=Q(status="waiting")),
            models.Index(fields=["channel", "order_ref"], name="delivery_order"),
            models.Index(fields=["-stored_at"], name="delivery_stored_at"),
            models.Index(fields=["-id"], name="delivery_parked", condition=Q(status="parked")),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.topic} {self.event_id}"
