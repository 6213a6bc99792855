"""What a person should know now."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AlertKind(models.TextChoices):
    OVERSELL = "oversell", _("Oversold")
    REORDER = "reorder", _("Reorder")
    DISCONNECTED = "disconnected", _("Channel disconnected")
    PARKED = "parked", _("Parked")
    DRIFT = "drift", _("Drift")
    BACKUP = "backup", _("Backup")
    LEDGER = "ledger", _("Ledger")


class Alert(models.Model):
    """One matter that waits for a person. The same matter again counts up instead of adding a row."""

    kind = models.CharField(_("kind"), max_length=20, choices=AlertKind)
    subject = models.CharField(_("subject"), max_length=200, help_text=_("The SKU, order or channel that it is about."))
    message = models.CharField(_("message"), max_length=500)
    count = models.PositiveIntegerField(_("times"), default=1)
    raised_at = models.DateTimeField(_("raised at"), db_index=True)
    repeated_at = models.DateTimeField(_("last time"))
    closed_at = models.DateTimeField(_("dealt with at"), null=True, blank=True)
    closed_by = models.CharField(_("dealt with by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-repeated_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="alert_open_once", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return self.message
