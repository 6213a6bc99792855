"""What is sold as one thing and made of several."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .catalog import BundleMode, Sku
from .location import Location


class BundleComponent(models.Model):
    """Units of one SKU in a bundle, as people say it. A component may be a bundle itself."""

    bundle = models.ForeignKey(Sku, models.CASCADE, related_name="components", verbose_name=_("bundle"), db_index=False)
    component = models.ForeignKey(Sku, models.PROTECT, related_name="in_bundles", verbose_name=_("component"))
    quantity = models.PositiveIntegerField(
        _("quantity"), default=1, validators=[MinValueValidator(1)], help_text=_("Units in one bundle.")
    )

    class Meta:
        verbose_name = _("component of a bundle")
        verbose_name_plural = _("components of bundles")
        ordering = ["bundle__code", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["bundle", "component"], name="bundle_component_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="bundle_component_quantity_positive"),
            models.CheckConstraint(condition=~Q(bundle=F("component")), name="bundle_not_its_own_component"),
        ]

    def __str__(self) -> str:
        return f"{self.bundle}: {self.quantity} x {self.component}"


class BundlePart(models.Model):
    """What a bundle is made of in the end, bundles in it resolved: what its stock follows from and who is owed.

    Kept by ``inventory.bundles``. A pre-packed bundle in a bundle is a part itself: it has stock of its own.
    """

    bundle = models.ForeignKey(Sku, models.CASCADE, related_name="parts", verbose_name=_("bundle"), db_index=False)
    component = models.ForeignKey(Sku, models.CASCADE, related_name="part_of", verbose_name=_("component"))
    units = models.BigIntegerField(_("units"))

    class Meta:
        verbose_name = _("part of a bundle")
        verbose_name_plural = _("parts of bundles")
        constraints = [
            models.UniqueConstraint(fields=["bundle", "component"], name="bundle_part_once", include=["units"]),
            models.CheckConstraint(condition=Q(units__gt=0), name="bundle_part_units_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.bundle}: {self.units} x {self.component}"


class BundlePlace(models.Model):
    """A location where a bundle is made up otherwise than elsewhere."""

    bundle = models.ForeignKey(
        Sku, models.CASCADE, related_name="bundle_places", verbose_name=_("bundle"), db_index=False
    )
    location = models.ForeignKey(Location, models.CASCADE, related_name="+", verbose_name=_("location"))
    mode = models.CharField(_("made up"), max_length=10, choices=BundleMode)

    class Meta:
        verbose_name = _("bundle at a location")
        verbose_name_plural = _("bundles at locations")
        ordering = ["bundle__code", "location__code"]
        constraints = [models.UniqueConstraint(fields=["bundle", "location"], name="bundle_place_once")]

    def __str__(self) -> str:
        return f"{self.bundle} @ {self.location}"


class AssemblyKind(models.TextChoices):
    ASSEMBLE = "assemble", _("Assembled")
    DISASSEMBLE = "disassemble", _("Taken apart")


class Assembly(models.Model):
    """Kits that were put together, or taken apart, at one location. A document: never changed, undone by another one."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=AssemblyKind)
    bundle = models.ForeignKey(Sku, models.PROTECT, related_name="assemblies", verbose_name=_("bundle"))
    location = models.ForeignKey(Location, models.PROTECT, related_name="+", verbose_name=_("location"))
    quantity = models.BigIntegerField(_("kits"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    actor = models.CharField(_("actor"), max_length=150)
    made_at = models.DateTimeField(_("made at"))
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("undoes")
    )

    class Meta:
        verbose_name = _("assembly")
        verbose_name_plural = _("assemblies")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="assembly_quantity_positive")]

    def __str__(self) -> str:
        return self.code

    @property
    def reference(self) -> str:
        """How the ledger names it, on both sides: what went in and what came out."""
        return f"assembly:{self.code}"


class AssemblyPart(models.Model):
    """Units of one component in each of the kits."""

    assembly = models.ForeignKey(
        Assembly, models.CASCADE, related_name="parts", verbose_name=_("assembly"), db_index=False
    )
    component = models.ForeignKey(Sku, models.PROTECT, related_name="+", verbose_name=_("component"))
    units = models.BigIntegerField(_("units per kit"))

    class Meta:
        verbose_name = _("part of an assembly")
        verbose_name_plural = _("parts of assemblies")
        constraints = [
            models.UniqueConstraint(fields=["assembly", "component"], name="assembly_part_once"),
            models.CheckConstraint(condition=Q(units__gt=0), name="assembly_part_units_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.assembly}: {self.units} x {self.component}"
