"""What a channel showed when it was read back, where that was not our number."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .outbox import StockTarget


class Drift(models.Model):
    """The channel's number was not ours after settling."""

    target = models.ForeignKey(StockTarget, models.CASCADE, related_name="drifts", verbose_name=_("target"))
    expected = models.BigIntegerField(_("expected"))
    found = models.BigIntegerField(_("found"))
    excess = models.BigIntegerField(_("excess"), help_text=_("What the channel offered beyond our number."))
    found_at = models.DateTimeField(_("found at"), db_index=True)

    class Meta:
        verbose_name = _("drift")
        verbose_name_plural = _("drifts")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.target}: {self.expected} -> {self.found}"
