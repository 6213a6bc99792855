"""Bins: where in a location a SKU lies, as people call the place."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .ledger import StockLevel


class LevelBin(models.Model):
    """A bin of a level; several are in their order, the first is where to look first. It says nothing of how many are in it."""

    level = models.ForeignKey(
        StockLevel, models.CASCADE, related_name="bins", verbose_name=_("stock level"), db_index=False
    )
    bin = models.CharField(_("bin"), max_length=50)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    sort_key = models.CharField(_("sorted by"), max_length=400, editable=False, db_collation="C")

    class Meta:
        verbose_name = _("bin")
        verbose_name_plural = _("bins")
        ordering = ["level", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["level", "bin"], name="level_bin_once")]
        indexes = [
            models.Index(fields=["level", "position"], name="level_bin_first"),
            models.Index(fields=["bin"], name="level_bin_name"),
        ]

    def __str__(self) -> str:
        return self.bin
