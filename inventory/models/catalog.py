"""What is counted and sold."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """What a buyer thinks of as one thing; groups SKUs for browsing and for rules."""

    code = models.CharField(_("code"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=300)
    category = models.CharField(_("category"), max_length=100, blank=True, db_index=True)
    brand = models.CharField(_("brand"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Sku(models.Model):
    """The smallest thing counted and sold."""

    code = models.CharField(_("code"), max_length=100, unique=True, help_text=_("Case-sensitive."))
    product = models.ForeignKey(Product, models.PROTECT, related_name="skus", verbose_name=_("product"))
    name = models.CharField(_("name"), max_length=300)
    barcode = models.CharField(_("barcode"), max_length=50, blank=True, db_index=True)
    unit_cost = models.DecimalField(
        _("unit cost"), max_digits=14, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    price = models.DecimalField(
        _("price"), max_digits=14, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO 4217, as USD."))
    weight_grams = models.PositiveIntegerField(_("weight in grams"), null=True, blank=True)
    tags = ArrayField(models.CharField(max_length=50), verbose_name=_("tags"), default=list, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code
