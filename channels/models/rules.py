"""What a merchant decides about the numbers that channels see."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inventory.models import Sku

from ..allocation import choices
from .channel import Channel


class AllocationRule(models.Model):
    """One decision of one kind. It applies where all its given fields match; the most specific of a kind wins."""

    kind = models.CharField(_("kind"), max_length=40, choices=choices)
    channel = models.ForeignKey(Channel, models.CASCADE, null=True, blank=True, verbose_name=_("channel"))
    sku = models.ForeignKey(Sku, models.CASCADE, null=True, blank=True, verbose_name=_("SKU"))
    category = models.CharField(_("category"), max_length=100, blank=True)
    tag = models.CharField(_("tag"), max_length=50, blank=True)
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=4, null=True, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    felt_at = models.DateTimeField(
        _("felt at"), default=timezone.now, editable=False, help_text=_("When its listings were last owed a number.")
    )

    class Meta:
        verbose_name = _("allocation rule")
        verbose_name_plural = _("allocation rules")
        ordering = ["kind", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(starts_at__lt=models.F("ends_at")),
                name="rule_starts_before_it_ends",
            )
        ]

    def __str__(self) -> str:
        scope = " + ".join(str(part) for part in (self.channel, self.sku, self.category, self.tag) if part)
        value = "" if self.value is None else f" {self.value.normalize():f}"
        return f"{self.get_kind_display()}{value} ({scope or _('all')})"
