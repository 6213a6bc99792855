"""Shop windows and what is offered in them."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from inventory.models import Location, Sku

from ..connectors import choices


class Mode(models.TextChoices):
    LIVE = "live", _("Live")
    SHADOW = "shadow", _("Shadow: everything is computed, nothing is sent")


class FulfilledBy(models.TextChoices):
    US = "us", _("Us")
    CHANNEL = "channel", _("The channel")


class ChannelQuerySet(models.QuerySet["Channel"]):
    def connected(self) -> "ChannelQuerySet":
        """Channels that numbers are sent to."""
        return self.filter(is_active=True, disconnected_at=None)


class Channel(models.Model):
    """One shop window: an account on a marketplace, a web shop, a POS."""

    code = models.SlugField(_("code"), max_length=50, unique=True, help_text=_("Part of the webhook's address."))
    name = models.CharField(_("name"), max_length=200)
    connector = models.CharField(_("connector"), max_length=40, choices=choices)
    base_url = models.URLField(_("base URL"), max_length=500, blank=True)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    credentials_text = EncryptedTextField(_("credentials"), default="{}", editable=False)
    priority = models.IntegerField(_("priority"), default=100, help_text=_("Lower numbers come first."))
    fee_percent = models.DecimalField(
        _("fee in percent"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO 4217; empty takes any."))
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.LIVE)
    orders_from = models.DateTimeField(
        _("orders from"), default=timezone.now, help_text=_("Orders placed earlier are left to the shop.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    stopped_at = models.DateTimeField(_("selling stopped at"), null=True, blank=True, editable=False)
    disconnected_at = models.DateTimeField(_("disconnected at"), null=True, blank=True, editable=False)
    orders_read_until = models.DateTimeField(_("orders read until"), null=True, blank=True, editable=False)
    stock_read_at = models.DateTimeField(_("stock read back at"), null=True, blank=True, editable=False)
    token_lease_until = models.DateTimeField(_("token being fetched until"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    locations = models.ManyToManyField(Location, through="ChannelLocation", verbose_name=_("locations"))

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering = ["priority", "code"]

    def __str__(self) -> str:
        return self.code

    @property
    def is_connected(self) -> bool:
        """Whether this channel is worked for at all."""
        return self.is_active and self.disconnected_at is None

    @property
    def sends(self) -> bool:
        """Whether numbers leave for this channel."""
        return self.is_connected and self.mode == Mode.LIVE

    @property
    def webhook_path(self) -> str:
        return f"/webhooks/{self.code}/"


class ChannelLocation(models.Model):
    """A location that feeds a channel, and the channel's own name for it. A channel without any is fed by all of ours."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="location_map", verbose_name=_("channel"))
    location = models.ForeignKey(Location, models.PROTECT, verbose_name=_("location"))
    remote = models.CharField(
        _("remote location"), max_length=100, blank=True, help_text=_("Empty where the channel has only one.")
    )

    class Meta:
        verbose_name = _("feeding location")
        verbose_name_plural = _("feeding locations")
        constraints = [models.UniqueConstraint(fields=["channel", "location"], name="channel_location_once")]

    def __str__(self) -> str:
        return f"{self.location} -> {self.remote or self.channel}"


class ListingQuerySet(models.QuerySet["Listing"]):
    def active(self) -> "ListingQuerySet":
        return self.filter(is_active=True, channel__is_active=True)


class Listing(models.Model):
    """One SKU offered on one channel under the channel's own id."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="listings", verbose_name=_("channel"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="listings", verbose_name=_("SKU"))
    external: "models.JSONField[dict[str, Any]]" = models.JSONField(_("the channel's ids"), default=dict, blank=True)
    external_key = models.CharField(_("the channel's id"), max_length=200, editable=False)
    fulfilled_by = models.CharField(_("fulfilled by"), max_length=10, choices=FulfilledBy, default=FulfilledBy.US)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ListingQuerySet.as_manager()

    class Meta:
        verbose_name = _("listing")
        verbose_name_plural = _("listings")
        ordering = ["channel__code", "sku__code"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_key"], name="listing_external_once"),
            models.CheckConstraint(condition=~Q(external_key=""), name="listing_has_external"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} on {self.channel}"
