"""Bins of stock levels: text, several of each, in natural order (A-2 before A-10). They move no unit."""

import re
from collections.abc import Sequence

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from .errors import StockError
from .locks import lock_levels
from .models import LevelBin, Location, Sku

LONGEST, MOST = 50, 20
_DIGITS = re.compile(r"\d+")
_WIDTH = 12


class BinError(StockError):
    """A bin cannot be called so, or there are too many of one level."""


def natural(text: str) -> str:
    """What a bin is sorted by: numbers in it count as numbers, capitals as small letters."""
    return _DIGITS.sub(lambda found: found[0].lstrip("0").rjust(_WIDTH, "0"), text.casefold())


@transaction.atomic
def put(*, sku: Sku, location: Location, bins: Sequence[str]) -> list[str]:
    """The bins of a SKU at a location from now on, in this order; none takes them away. Raises BinError."""
    wanted = list(dict.fromkeys(_checked(name) for name in bins))
    if len(wanted) > MOST:
        raise BinError(_("at most %d bins") % MOST)
    level = lock_levels([(sku.pk, location.pk)], create=bool(wanted)).get((sku.pk, location.pk))
    if level is not None:
        LevelBin.objects.filter(level=level.id).delete()
        LevelBin.objects.bulk_create(
            LevelBin(level_id=level.id, bin=name, position=position, sort_key=natural(name))
            for position, name in enumerate(wanted)
        )
    return wanted


@transaction.atomic
def add(*, sku: Sku, location: Location, name: str) -> None:
    """One more bin, after those that there are; nothing where it is one of them. Raises BinError."""
    lock_levels([(sku.pk, location.pk)])
    held = list(LevelBin.objects.filter(level__sku=sku, level__location=location).order_by("position", "id"))
    names = [one.bin for one in held]
    if _checked(name) not in names:
        put(sku=sku, location=location, bins=[*names, name])


def first_key(level: OuterRef) -> Subquery:
    """The sorting key of the first bin of that level; NULL where it has none."""
    rows = LevelBin.objects.filter(level=level).order_by("position", "id")
    return Subquery(rows.values("sort_key")[:1])


def names_of(level: OuterRef) -> ArraySubquery:
    """The names of that level's bins, in their order."""
    return ArraySubquery(LevelBin.objects.filter(level=level).order_by("position", "id").values("bin"))


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST or not name.isprintable() or "," in name:
        said = _("“%(name)s” cannot be a bin: 1 to %(most)d printable characters, no comma")
        raise BinError(said % {"name": name[:LONGEST], "most": LONGEST})
    return name
