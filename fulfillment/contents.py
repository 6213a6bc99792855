"""What units of a line were made of when they left: a kit comes back as its components."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from inventory.models import Sku
from inventory.recipes import recipes_of
from inventory.reservations import held_by

from .models import SalesOrderLine
from .recording import HOLDER

Parts = Mapping[int, int]  # units of each SKU (id) in one unit of a line


@dataclass(slots=True)
class Contents:
    """Units of one line that have left and are not back, those shipped first first."""

    runs: list[tuple[int, Parts]]  # units that are made alike, and of what
    keep_lots: frozenset[int] = frozenset()  # SKUs (ids) among their components that keep lots

    def take(self, units: int) -> Iterator[tuple[int, Parts]]:
        """So many of them, in runs."""
        while units > 0 and self.runs:
            there, parts = self.runs[0]
            some = min(units, there)
            self.runs[0] = (there - some, parts)
            if some == there:
                self.runs.pop(0)
            if some:
                yield some, parts
            units -= some


def contents_of(lines: Collection[SalesOrderLine]) -> dict[int, Contents]:
    """What has left for these lines and is not back, by line. What left unreserved is as its SKU is made up now."""
    runs: dict[int, list[tuple[int, Parts]]] = {line.pk: [] for line in lines}
    for holding in held_by(HOLDER, runs):
        if holding.left:
            runs[holding.holder_id].append((holding.left, holding.parts))
    rest = {line.pk: line.shipped - sum(units for units, _parts in runs[line.pk]) for line in lines}
    unreserved = {line.sku_id for line in lines if rest[line.pk] > 0 and line.sku_id is not None}
    recipes = recipes_of(unreserved)
    for line in lines:
        if rest[line.pk] > 0 and line.sku_id is not None:
            recipe = recipes.get(line.sku_id)
            parts = recipe.parts if recipe and recipe.is_virtual else {line.sku_id: 1}
            runs[line.pk].append((rest[line.pk], parts))
    components = {part for some in runs.values() for _units, parts in some for part in parts}
    components -= {line.sku_id for line in lines if line.sku_id is not None}
    lots = Sku.objects.filter(pk__in=components, tracks_lots=True).values_list("pk", flat=True) if components else ()
    found = {line.pk: Contents(runs[line.pk], frozenset(lots)) for line in lines}
    for line in lines:
        list(found[line.pk].take(line.returned))
    return found
