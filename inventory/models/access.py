"""Who may call the API, and what they have already asked for."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from .location import Location


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    WAREHOUSE = "warehouse", _("Warehouse")
    BUYER = "buyer", _("Buyer")
    ACCOUNTANT = "accountant", _("Accountant")
    ADMIN = "admin", _("Administrator")


class ApiKey(AbstractAPIKey):
    """A program's key: shown once, stored hashed, revocable, with a role and perhaps limited to locations."""

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.VIEWER)
    locations = models.ManyToManyField(
        Location, verbose_name=_("locations"), blank=True, help_text=_("None means all of them.")
    )

    class Meta(AbstractAPIKey.Meta):
        verbose_name = _("API key")  # type: ignore[assignment]
        verbose_name_plural = _("API keys")  # type: ignore[assignment]


class IdempotentRequest(models.Model):
    """A write that was asked for under a key, and its answer, stored in the deed's own transaction."""

    owner = models.CharField(_("owner"), max_length=150)
    key = models.CharField(_("key"), max_length=200)
    fingerprint = models.BinaryField(_("fingerprint of method, path and body"))
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    body = models.JSONField(_("answer"), null=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="idempotent_request_once")]

    def __str__(self) -> str:
        return f"{self.owner}:{self.key}"
