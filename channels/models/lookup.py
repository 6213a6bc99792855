"""Orders to be asked for: a channel said that they changed, and not how."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .channel import Channel


class OrderLookup(models.Model):
    """One order that a channel is to be asked for. Inserted with the news that names it, deleted once its answer is stored."""

    channel = models.ForeignKey(Channel, models.CASCADE, verbose_name=_("channel"), db_index=False)
    order_ref = models.CharField(_("order"), max_length=200)
    owed_at = models.DateTimeField(_("owed at"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    last_error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("order to ask for")
        verbose_name_plural = _("orders to ask for")
        constraints = [models.UniqueConstraint(fields=["channel", "order_ref"], name="order_lookup_once")]
        indexes = [models.Index(fields=["next_attempt_at"], name="order_lookup_due")]

    def __str__(self) -> str:
        return f"{self.channel_id}/{self.order_ref}"
