"""What bundles are made of, read many at once: by whoever computes what is for sale, and by whoever promises it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from .availability import Available, Kits, Recipe, count_kits
from .models import BundleMode, Location, StockLevel

#: Of SKUs (a list, given twice), those and the bundles that they are parts of; to be compared as ``= {WITH_BUNDLES}``.
WITH_BUNDLES = """ANY(
    %s::bigint[] || ARRAY(SELECT bundle_id FROM inventory_bundlepart WHERE component_id = ANY(%s::bigint[]))
)"""

#: The same the other way: SKUs, and what the bundles among them are made of.
WITH_PARTS = """ANY(
    %s::bigint[] || ARRAY(SELECT component_id FROM inventory_bundlepart WHERE bundle_id = ANY(%s::bigint[]))
)"""

_RECIPES = """
SELECT part.bundle_id, part.component_id, part.units, sku.ships_together, sku.bundle_mode, ARRAY(
    SELECT place.location_id FROM inventory_bundleplace place
    WHERE place.bundle_id = part.bundle_id AND place.mode <> sku.bundle_mode
)
FROM inventory_bundlepart part JOIN inventory_sku sku ON sku.id = part.bundle_id
WHERE part.bundle_id = ANY(%s) ORDER BY part.bundle_id, part.component_id
"""


def recipes_of(sku_ids: Collection[int]) -> dict[int, Recipe]:
    """The recipes of the bundles among these SKUs, by id. One query."""
    if not sku_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_RECIPES, [sorted(sku_ids)])
        return _read(cursor.fetchall())


def _read(rows: Iterable[Sequence[Any]]) -> dict[int, Recipe]:
    parts: dict[int, dict[int, int]] = {}
    heads: dict[int, tuple[bool, bool, frozenset[int]]] = {}
    for bundle_id, component_id, units, ships_together, mode, otherwise_at in rows:
        parts.setdefault(bundle_id, {})[component_id] = units
        heads[bundle_id] = (ships_together, mode == BundleMode.VIRTUAL, frozenset(otherwise_at))
    return {bundle_id: Recipe(bundle_id, parts[bundle_id], *head) for bundle_id, head in heads.items()}


def members(recipes: Mapping[int, Recipe]) -> set[int]:
    """The bundles (ids) and all of their parts."""
    return set(recipes).union(*(recipe.parts for recipe in recipes.values()))


def kits_now(sku_ids: Collection[int], *, location_ids: Collection[int] | None = None) -> dict[int, Kits]:
    """How many there are now of each bundle among these SKUs, by its id: at all active locations, or at these. Three queries."""
    recipes = recipes_of(sku_ids)
    if not recipes:
        return {}
    places = Location.objects.order_by("priority", "code")
    places = places.filter(is_active=True) if location_ids is None else places.filter(pk__in=location_ids)
    places_ids = list(places.values_list("pk", flat=True))
    available = available_of(members(recipes))
    return {bundle_id: count_kits(recipe, places_ids, available) for bundle_id, recipe in recipes.items()}


def available_of(sku_ids: Collection[int]) -> Available:
    """Says how many units are available of one of these SKUs at a location. Nothing is locked. One query."""
    rows = StockLevel.objects.filter(sku__in=sku_ids, available__gt=0).order_by()
    return units_at({(sku, place): units for sku, place, units in rows.values_list("sku", "location", "available")})


def units_at(levels: Mapping[tuple[int, int], int]) -> Available:
    """Says the same of units by (SKU, location); none where there is no level."""
    return lambda sku_id, location_id: levels.get((sku_id, location_id), 0)
