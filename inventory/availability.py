"""The only home of the formulas over stock levels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import F
from django.db.models.expressions import CombinedExpression

#: For annotations over StockLevel: units physically there.
ON_HAND: CombinedExpression = F("available") + F("reserved") + F("quarantine") + F("damaged") + F("hold")


@dataclass(frozen=True, slots=True)
class LevelAt:
    """One level at one instant, in units."""

    sku: str
    location: str
    available: int
    reserved: int
    quarantine: int
    damaged: int
    hold: int
    in_transit: int

    @property
    def on_hand(self) -> int:
        return self.available + self.reserved + self.quarantine + self.damaged + self.hold


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a bundle is made up: units of each part (SKU's id) in one kit, bundles in it resolved."""

    bundle_id: int
    parts: Mapping[int, int]
    ships_together: bool = True
    is_virtual: bool = True
    otherwise_at: frozenset[int] = frozenset()  # locations (ids) where it is made up the other way

    def is_made_at(self, location_id: int) -> bool:
        """Whether it is put together when sold there; else it has been packed before."""
        return self.is_virtual != (location_id in self.otherwise_at)


@dataclass(frozen=True, slots=True)
class Kits:
    """How many of a bundle are there, and the part (SKU's id) of which more would make more; None where none would."""

    packed: int = 0
    made: int = 0
    limit_id: int | None = None
    packed_at: Mapping[int, int] = field(default_factory=dict)  # by location's id
    made_at: Mapping[int, int] = field(default_factory=dict)  # the same, where it is made

    @property
    def available(self) -> int:
        """Packed before, and those that can be put together."""
        return self.packed + self.made


#: Units available of a SKU at a location, by their ids.
Available = Callable[[int, int], int]


def kits_of_parts(parts: Mapping[int, int], there: Callable[[int], int]) -> int:
    """How many kits so many units of each part make: the least over the parts."""
    return min((max(0, there(part_id)) // units for part_id, units in parts.items()), default=0)


def count_kits(recipe: Recipe, locations: Sequence[int], available: Available) -> Kits:
    """How many of a bundle these locations have together: what is packed, and what their components make.

    Where it ships together each kit comes from one location; otherwise its components may come from any of them.
    """
    packed_at = {place: available(recipe.bundle_id, place) for place in locations}
    packed = sum(packed_at.values())
    makers = [place for place in locations if recipe.is_made_at(place)]
    if not makers:
        return Kits(packed, packed_at=packed_at)

    def pooled(part_id: int) -> int:
        return sum(available(part_id, place) for place in makers)

    made_at = {place: kits_of_parts(recipe.parts, lambda part, place=place: available(part, place)) for place in makers}  # type: ignore[misc]
    made = sum(made_at.values()) if recipe.ships_together else kits_of_parts(recipe.parts, pooled)
    if made > sum(made_at.values()):  # those that no place makes alone are counted where the first of their parts lie
        first = next(place for place in makers if any(available(part, place) for part in recipe.parts))
        made_at[first] += made - sum(made_at.values())
    limit_id = min(recipe.parts, key=lambda part: (pooled(part) // recipe.parts[part], part), default=None)
    return Kits(packed, made, limit_id, packed_at, made_at)


def count_for_sale(sku_id: int, recipe: Recipe | None, locations: Sequence[int], available: Available) -> int:
    """Units of a SKU, or kits of a bundle, that these locations have for sale together."""
    if recipe is None:
        return sum(available(sku_id, place) for place in locations)
    return count_kits(recipe, locations, available).available


_AT = """
SELECT sku.code, location.code, entry.available_after, entry.reserved_after, entry.quarantine_after,
    entry.damaged_after, entry.hold_after, entry.in_transit_after
FROM inventory_stocklevel level
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
JOIN LATERAL (
    SELECT * FROM inventory_ledgerentry e
    WHERE e.level_id = level.id AND e.recorded_at <= %(at)s ORDER BY e.number DESC LIMIT 1
) entry ON TRUE
WHERE (%(skus)s::text[] IS NULL OR sku.code = ANY(%(skus)s))
    AND (%(locations)s::text[] IS NULL OR location.code = ANY(%(locations)s))
ORDER BY sku.code, location.priority, location.code
"""


def levels_at(
    at: datetime, *, sku_codes: Collection[str] | None = None, location_codes: Collection[str] | None = None
) -> list[LevelAt]:
    """Stock levels as the entries recorded up to that instant say; levels that did not exist yet are absent."""
    given = {
        "at": at,
        "skus": None if sku_codes is None else list(sku_codes),
        "locations": None if location_codes is None else list(location_codes),
    }
    with connection.cursor() as cursor:
        cursor.execute(_AT, given)
        return [LevelAt(*row) for row in cursor.fetchall()]
