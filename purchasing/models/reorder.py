"""When to buy: rules, and the alerts that sales raise."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inventory.models import Location, Sku


class ReorderRule(models.Model):
    """At or below the reorder point, buy. Without a location the point is compared over all of them."""

    sku = models.ForeignKey(Sku, models.CASCADE, related_name="reorder_rules", verbose_name=_("SKU"))
    location = models.ForeignKey(
        Location,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("location"),
        help_text=_("Empty means all locations together."),
    )
    reorder_point = models.BigIntegerField(_("reorder point"), validators=[MinValueValidator(0)])
    quantity = models.BigIntegerField(
        _("quantity to buy"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty suggests twice the reorder point less the inventory position."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("reorder rule")
        verbose_name_plural = _("reorder rules")
        ordering = ["sku__code"]
        constraints = [
            models.UniqueConstraint(fields=["sku", "location"], name="reorder_rule_once", nulls_distinct=False),
            models.CheckConstraint(condition=Q(reorder_point__gte=0), name="reorder_point_not_negative"),
        ]

    def __str__(self) -> str:
        return gettext("%(sku)s: reorder at %(point)s") % {"sku": self.sku, "point": self.reorder_point}


class ReorderCheck(models.Model):
    """A SKU whose stock moved and whose rules have not been looked at since."""

    sku = models.OneToOneField(Sku, models.CASCADE, primary_key=True, db_constraint=False)
    owed_at = models.DateTimeField(_("owed at"))

    class Meta:
        verbose_name = _("reorder check")
        verbose_name_plural = _("reorder checks")

    def __str__(self) -> str:
        return str(self.sku_id)


class ReorderAlert(models.Model):
    """A rule's point was crossed. One only for a rule until a person has dealt with it or stock is above the point again."""

    rule = models.ForeignKey(ReorderRule, models.CASCADE, related_name="alerts", verbose_name=_("rule"))
    position = models.BigIntegerField(_("inventory position"))
    reorder_point = models.BigIntegerField(_("reorder point"))
    suggested_quantity = models.BigIntegerField(_("suggested quantity"))
    raised_at = models.DateTimeField(_("raised at"), db_index=True)
    closed_at = models.DateTimeField(_("dealt with at"), null=True, blank=True)
    closed_by = models.CharField(_("dealt with by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("reorder alert")
        verbose_name_plural = _("reorder alerts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule"], name="reorder_alert_open_once", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return gettext("%(sku)s: %(position)s left") % {"sku": self.rule.sku, "position": self.position}
