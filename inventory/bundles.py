"""What bundles are made of: the verbs that say so.

A bundle's components may be bundles. ``BundlePart`` has what each comes to in the end, so that nobody who counts, promises or
owes has to follow them. One recipe changes at a time, all over the house: two people, each putting the other's bundle into
their own, would make a circle that neither can see.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from .errors import StockError
from .kernel.quantities import LARGEST
from .models import BundleComponent, BundleMode, BundlePart, BundlePlace, Location, Sku
from .signals import stock_changed

#: A bundle in a bundle in a bundle.
DEEPEST = 3

#: So many different SKUs make one bundle at most, bundles in it resolved.
MOST_PARTS = 200

#: Key of the advisory lock on all recipes; any number that no other advisory lock of ours uses.
_RECIPES_LOCK = 7103


class BundleError(StockError):
    """A bundle cannot be made up so. ``rows`` has a sentence for each component that is wrong, by its place in the list."""

    def __init__(self, rows: Mapping[int, str]) -> None:
        self.rows = dict(rows)
        super().__init__("; ".join(list(self.rows.values())[:5]))


@dataclass(frozen=True, slots=True)
class Component:
    """So many units of a SKU in one bundle."""

    sku: Sku
    quantity: int = 1


Links = Mapping[int, Mapping[int, int]]  # by bundle: its components and their units, by id


@transaction.atomic
def set_components(bundle: Sku, components: Sequence[Component]) -> None:
    """Make a bundle of these; none makes it a SKU by itself again. Raises BundleError, having changed nothing.

    What is reserved stays as it is: a kit ships as it was promised.
    """
    take_turn()
    rows = {one.component_id: one for one in BundleComponent.objects.filter(bundle=bundle)}
    if [(row.component_id, row.quantity) for row in rows.values()] == [
        (one.sku.pk, one.quantity) for one in components
    ]:
        return
    if errors := complaints(bundle, components):
        raise BundleError(errors)
    BundleComponent.objects.filter(bundle=bundle).delete()
    BundleComponent.objects.bulk_create(
        BundleComponent(bundle=bundle, component=one.sku, quantity=one.quantity) for one in components
    )
    _resolve(bundle)


@transaction.atomic
def set_make_up(
    bundle: Sku,
    *,
    mode: str | None = None,
    ships_together: bool | None = None,
    places: Mapping[Location, str] | None = None,
) -> None:
    """Say how a bundle comes to be where it is sold, and at which locations otherwise; what is not given stays."""
    take_turn()
    held = Sku.objects.get(pk=bundle.pk)
    held.bundle_mode = held.bundle_mode if mode is None else mode
    held.ships_together = held.ships_together if ships_together is None else ships_together
    bundle.bundle_mode, bundle.ships_together = held.bundle_mode, held.ships_together
    changed = Sku.objects.filter(pk=bundle.pk).exclude(bundle_mode=held.bundle_mode, ships_together=held.ships_together)
    moved = changed.update(bundle_mode=held.bundle_mode, ships_together=held.ships_together) > 0
    if places is not None:
        wanted = {place.pk: str(mode) for place, mode in places.items()}
        if wanted != dict(BundlePlace.objects.filter(bundle=bundle).values_list("location", "mode")):
            BundlePlace.objects.filter(bundle=bundle).delete()
            BundlePlace.objects.bulk_create(
                BundlePlace(bundle=bundle, location_id=place, mode=mode) for place, mode in wanted.items()
            )
            moved = True
    if moved:
        _resolve(bundle)


def complaints(bundle: Sku, components: Sequence[Component]) -> dict[int, str]:
    """Why a SKU cannot be made of these, by the place of each in the list."""
    return _complaints(bundle, components, _links([bundle.pk], [one.sku.pk for one in components]))


def complaints_among(bundle: Sku, components: Sequence[Component], links: Links) -> dict[int, str]:
    """The same among recipes as they are going to be: ``links`` has those around the bundle, and those in it."""
    return _complaints(bundle, components, links)


def links_of(sku_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """The recipes of these SKUs, of all bundles around them, and of all that is in any of those."""
    return _links(sku_ids, sku_ids)


def take_turn() -> None:
    """Until this transaction ends nobody else changes a recipe."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_RECIPES_LOCK])


_LINKS = """
WITH RECURSIVE above (id) AS (
    SELECT unnest(%s::bigint[])
    UNION SELECT around.bundle_id FROM inventory_bundlecomponent around JOIN above ON around.component_id = above.id
), below (id) AS (
    (SELECT id FROM above UNION SELECT unnest(%s::bigint[]))
    UNION SELECT inside.component_id FROM inventory_bundlecomponent inside JOIN below ON inside.bundle_id = below.id
)
SELECT bundle_id, component_id, quantity FROM inventory_bundlecomponent
WHERE bundle_id IN (SELECT id FROM below) ORDER BY id
"""


def _links(bundle_ids: Sequence[int], sku_ids: Sequence[int] = ()) -> dict[int, dict[int, int]]:
    """What these bundles, all that are around them, and all that is in any of those or in these SKUs, are made of."""
    found: dict[int, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, [list(bundle_ids), list(sku_ids)])
        for bundle_id, component_id, quantity in cursor.fetchall():
            found.setdefault(bundle_id, {})[component_id] = quantity
    return found


def _complaints(bundle: Sku, components: Sequence[Component], links: Links) -> dict[int, str]:
    errors: dict[int, str] = {}
    seen: set[int] = set()
    tried = {**links, bundle.pk: {one.sku.pk: one.quantity for one in components}}
    around = _highest(bundle.pk, links)
    for place, one in enumerate(components):
        if not 0 < one.quantity <= 1_000_000:
            errors[place] = _("{sku}: 1 to 1,000,000 units can be in a bundle.").format(sku=one.sku)
        elif one.sku.pk in seen:
            errors[place] = _("{sku} is named twice.").format(sku=one.sku)
        elif chain := _way(one.sku.pk, bundle.pk, links):
            errors[place] = _("{bundle} cannot be in itself: {chain}.").format(
                bundle=bundle, chain=_name_chain([bundle.pk, *chain])
            )
        elif len(around) - 1 + len(chain := _deepest(one.sku.pk, links)) > DEEPEST:
            errors[place] = _("Bundles are nested at most {most} deep: {chain}.").format(
                most=DEEPEST, chain=_name_chain([*around, *chain])
            )
        seen.add(one.sku.pk)
    if not errors and components and (said := _too_much({bundle.pk} | _around(bundle.pk, links), tried)):
        errors[0] = said
    return errors


def _too_much(bundle_ids: Collection[int], links: Links) -> str:
    """Why one of these bundles would come to more than can be reckoned with; empty where none does."""
    for bundle_id in bundle_ids:
        parts = _parts(bundle_id, links, set())
        if len(parts) > MOST_PARTS:
            return _("A bundle is made of at most {most} different SKUs.").format(most=MOST_PARTS)
        if max(parts.values()) > LARGEST:
            return _("A bundle holds at most {most} units of a SKU, bundles in it resolved.").format(most=LARGEST)
    return ""


def _way(start: int, goal: int, links: Links) -> list[int]:
    """The bundles from one to another in it, both ends with it; empty where there is no way."""
    if start == goal:
        return [goal]
    for component_id in links.get(start, ()):
        if way := _way(component_id, goal, links):
            return [start, *way]
    return []


def _deepest(sku_id: int, links: Links) -> list[int]:
    """The longest chain from a SKU downwards, itself first."""
    return [sku_id, *max((_deepest(one, links) for one in links.get(sku_id, ())), key=len, default=[])]


def _highest(sku_id: int, links: Links) -> list[int]:
    """The longest chain of bundles around a SKU, the outermost first, itself last."""
    around = [bundle_id for bundle_id, inside in links.items() if sku_id in inside]
    return [*max((_highest(one, links) for one in around), key=len, default=[]), sku_id]


def _around(sku_id: int, links: Links) -> set[int]:
    """The bundles (ids) that a SKU is in, however deep."""
    around = {bundle_id for bundle_id, inside in links.items() if sku_id in inside}
    return around.union(*(_around(one, links) for one in around))


def _name_chain(chain: Sequence[int]) -> str:
    codes = dict(Sku.objects.filter(pk__in=chain).values_list("pk", "code"))
    return " > ".join(codes[one] for one in chain)


def _resolve(bundle: Sku) -> None:
    """Write down anew what a bundle and those around it come to, and tell whoever sells them."""
    links = _links([bundle.pk])
    bundle_ids = {bundle.pk} | _around(bundle.pk, links)
    packed = set(Sku.objects.filter(pk__in=links, bundle_mode=BundleMode.PRE_PACKED).values_list("pk", flat=True))
    BundlePart.objects.filter(bundle__in=bundle_ids).delete()
    BundlePart.objects.bulk_create(
        BundlePart(bundle_id=bundle_id, component_id=component_id, units=units)
        for bundle_id in sorted(bundle_ids)
        for component_id, units in sorted(_parts(bundle_id, links, packed).items())
    )
    stock_changed.send(
        set_components, sku_ids=sorted(bundle_ids), cause="catalogue", reference=bundle.code, new_levels=True
    )  # nothing to wait at: no level was locked


def _parts(bundle_id: int, links: Links, packed: Collection[int]) -> dict[int, int]:
    """Units of each SKU in one bundle; bundles in it resolved, unless they are packed before."""
    found: dict[int, int] = {}
    for component_id, quantity in links.get(bundle_id, {}).items():
        whole = component_id not in links or component_id in packed
        inside = {component_id: 1} if whole else _parts(component_id, links, packed)
        for part_id, units in inside.items():
            found[part_id] = found.get(part_id, 0) + quantity * units
    return found
