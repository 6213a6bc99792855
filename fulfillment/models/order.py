"""Demand as the channel states it: a fact."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels.models import Channel, Delivery, FulfilledBy, Listing
from inventory.models import Sku


class OrderStatus(models.TextChoices):
    PENDING = "pending", _("Pending payment")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    SHIPPED = "shipped", _("Shipped")
    CANCELLED = "cancelled", _("Cancelled")


def order_reference(channel_code: str, external_id: str) -> str:
    """How the ledger names an order."""
    return f"order:{channel_code}/{external_id}"


class SalesOrder(models.Model):
    """One order of one channel, in the newest version that we know."""

    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="orders", verbose_name=_("channel"), db_index=False
    )
    external_id = models.CharField(_("order"), max_length=200)
    version = models.BigIntegerField(_("version"), help_text=_("The channel's own; grows with each change."))
    status = models.CharField(_("status"), max_length=10, choices=OrderStatus)
    status_before_pause = models.CharField(max_length=10, blank=True, editable=False)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    ship_to = models.JSONField(_("ship to"), default=dict, blank=True)
    placed_at = models.DateTimeField(_("placed at"), help_text=_("By the channel's clock."))
    promised_at = models.DateTimeField(_("promised at"), null=True, blank=True)
    ship_by = models.DateTimeField(_("ship by"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("By our clock, at its first version."))
    delivery = models.ForeignKey(
        Delivery,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("first delivery"),
        db_index=False,
    )
    problem = models.CharField(_("needs a look"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("sales order")
        verbose_name_plural = _("sales orders")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="sales_order_once")]
        indexes = [
            models.Index(fields=["-placed_at"], name="sales_order_placed_at"),
            models.Index(fields=["-id"], name="sales_order_problem", condition=~Q(problem="")),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.external_id}"

    @property
    def reference(self) -> str:
        """How the ledger names this order."""
        return order_reference(self.channel.code, self.external_id)


class SalesOrderLine(models.Model):
    """One line: quantities are cumulative. A line without a SKU waits for its listing."""

    order = models.ForeignKey(
        SalesOrder, models.CASCADE, related_name="lines", verbose_name=_("sales order"), db_index=False
    )
    external_id = models.CharField(_("line"), max_length=200)
    position = models.PositiveIntegerField(_("position"))
    listing_key = models.CharField(_("the channel's id of what was sold"), max_length=200, blank=True)
    listing = models.ForeignKey(
        Listing, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("listing")
    )
    sku = models.ForeignKey(
        Sku, models.PROTECT, null=True, blank=True, related_name="order_lines", verbose_name=_("SKU")
    )
    fulfilled_by = models.CharField(_("fulfilled by"), max_length=10, choices=FulfilledBy, default=FulfilledBy.US)
    quantity = models.BigIntegerField(_("quantity"))
    cancelled = models.BigIntegerField(_("cancelled"), default=0)
    refunded = models.BigIntegerField(_("refunded"), default=0)
    shipped = models.BigIntegerField(_("shipped"), default=0)
    returned = models.BigIntegerField(_("returned"), default=0)
    reserved = models.BigIntegerField(_("reserved"), default=0)
    short = models.BigIntegerField(_("short"), default=0)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=4, null=True, blank=True)
    parked_reason = models.CharField(_("parked because"), max_length=40, blank=True)
    parked_detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("sales order line")
        verbose_name_plural = _("sales order lines")
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "external_id"], name="sales_order_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, cancelled__gte=0, refunded__gte=0, shipped__gte=0, returned__gte=0)
                & Q(reserved__gte=0, short__gte=0),
                name="line_quantities_not_negative",
            ),
            models.CheckConstraint(condition=Q(reserved__lte=F("quantity")), name="line_reserves_what_it_orders"),
        ]
        indexes = [
            models.Index(fields=["sku"], name="line_sku"),
            models.Index(fields=["sku"], name="line_short", condition=Q(short__gt=0)),
            models.Index(fields=["listing_key"], name="line_parked", condition=~Q(parked_reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.external_id}"

    @property
    def outstanding(self) -> int:
        """Units still to be shipped."""
        return max(0, self.quantity - self.cancelled - self.refunded - self.shipped)
