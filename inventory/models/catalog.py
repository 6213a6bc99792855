"""What is counted and sold."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
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


#: Keeps a SKU's own code among its codes; when it is renamed, the former one stays as an old one.
_KEEP_OWN_CODE = """
IF TG_OP = 'UPDATE' THEN
    IF NEW.code = OLD.code THEN
        RETURN NEW;
    END IF;
    UPDATE inventory_skucode SET kind = 'old' WHERE sku_id = NEW.id AND kind = 'own';
    UPDATE inventory_skucode SET kind = 'own', units = 1 WHERE sku_id = NEW.id AND code = NEW.code;
    IF FOUND THEN
        RETURN NEW;
    END IF;
END IF;
INSERT INTO inventory_skucode (sku_id, code, kind, units) VALUES (NEW.id, NEW.code, 'own', 1);
RETURN NEW;
"""


class Costing(models.TextChoices):
    """By which rule the cost of what leaves is told."""

    FIFO = "fifo", _("First in, first out")
    AVERAGE = "average", _("Moving average")


class BundleMode(models.TextChoices):
    """How a bundle comes to be where it is sold."""

    VIRTUAL = "virtual", _("Put together when sold")
    PRE_PACKED = "pre_packed", _("Pre-packed")


class Sku(models.Model):
    """The smallest thing counted and sold. A bundle is one too: it is made of others."""

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
    volume_cm3 = models.PositiveIntegerField(_("volume in cm³"), null=True, blank=True)
    costing = models.CharField(
        _("costing"), max_length=10, choices=Costing, default=Costing.FIFO, db_default=Costing.FIFO
    )
    tags = ArrayField(models.CharField(max_length=50), verbose_name=_("tags"), default=list, blank=True)
    tracks_lots = models.BooleanField(
        _("keeps lots"),
        default=False,
        db_default=False,
        help_text=_("Units that come in name their lot; what expires first leaves first."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    bundle_mode = models.CharField(
        _("made up"),
        max_length=10,
        choices=BundleMode,
        default=BundleMode.VIRTUAL,
        db_default=BundleMode.VIRTUAL,
        help_text=_(
            "A bundle's components are taken when it is sold, or it is packed before and has stock of its own."
        ),
    )
    ships_together = models.BooleanField(
        _("ships together"),
        default=True,
        db_default=True,
        help_text=_("All components of one bundle come from one location."),
    )

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        ordering = ["code"]
        triggers = [
            pgtrigger.Trigger(
                name="keep_own_code",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("code"),  # type: ignore[no-untyped-call]
                func=_KEEP_OWN_CODE,
            )
        ]

    def __str__(self) -> str:
        return self.code


class CodeKind(models.TextChoices):
    """What a code is. The database keeps ``OWN`` and ``OLD`` as SKUs are made and renamed."""

    OWN = "own", _("The SKU's own")
    OLD = "old", _("Old")
    BARCODE = "barcode", _("Barcode")
    SUPPLIER = "supplier", _("Supplier's")
    CASE = "case", _("On a case")


class SkuCode(models.Model):
    """A code under which a SKU is known; its own is one of them, so that no two SKUs can share any.

    Scanned, it stands for so many units: 12 where it is on a case of 12.
    """

    sku = models.ForeignKey(Sku, models.CASCADE, related_name="codes", verbose_name=_("SKU"))
    code = models.CharField(_("code"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=CodeKind, default=CodeKind.BARCODE)
    units = models.PositiveIntegerField(
        _("units"), default=1, validators=[MinValueValidator(1)], help_text=_("What one scan of it stands for.")
    )

    class Meta:
        verbose_name = _("code of a SKU")
        verbose_name_plural = _("codes of SKUs")
        ordering = ["sku", "code"]
        constraints = [
            models.UniqueConstraint(fields=["code"], name="sku_code_once"),
            models.UniqueConstraint(fields=["sku"], name="sku_own_code_once", condition=Q(kind="own")),
            models.CheckConstraint(
                condition=Q(units=1) | Q(units__gt=1, kind__in=["barcode", "supplier", "case"]), name="sku_code_units"
            ),
        ]

    def __str__(self) -> str:
        return self.code
