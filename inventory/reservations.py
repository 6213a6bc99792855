"""Promises: units set aside for a holder, given back, or shipped.

The caller holds the holder's own lock (the order's row), so that only one transaction at a time moves one holder's
promises; the levels are locked here, once, for all of the batch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from .errors import InsufficientStock, Short
from .kernel import clock
from .kit_promises import pairs_of, reserve_kits
from .ledger import post
from .locks import LockedLevel, LockedLevels, Pair, lock_levels
from .models import Location, Sku, State
from .promises import Book, Change, Fulfil, Held, Kit, Promise, Release, Reserve, Row, Step
from .recipes import recipes_of

__all__ = ["Change", "Fulfil", "Release", "Reserve", "Step", "change_reservations", "held_by"]

# What the holders hold, and whether any SKU that is to be reserved is a bundle: most are not, and cost no statement more.
_HELD = """
SELECT asked.bundles, r.id, r.holder_id, l.sku_id, l.location_id, r.level_id, r.quantity, r.fulfilled, r.released, r.kit,
    r.units_per_kit
FROM (SELECT EXISTS (SELECT 1 FROM inventory_bundlepart WHERE bundle_id = ANY(%s)) AS bundles) asked
LEFT JOIN (
    inventory_reservation r JOIN inventory_stocklevel l ON l.id = r.level_id
) ON r.holder_kind = %s AND r.holder_id = ANY(%s)
ORDER BY r.id
"""

_STORE = """
INSERT INTO inventory_reservation (holder_kind, holder_id, level_id, kit, units_per_kit, quantity, fulfilled, released,
    reserved_at)
SELECT %s, holder_id, level_id, kit, units_per_kit, quantity, fulfilled, released, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS new (holder_id, level_id, kit, units_per_kit, quantity, fulfilled, released)
ON CONFLICT (holder_kind, holder_id, level_id, kit)
DO UPDATE SET quantity = excluded.quantity, fulfilled = excluded.fulfilled, released = excluded.released
"""


@transaction.atomic(savepoint=False)
def change_reservations(
    steps: Sequence[Step], *, holder_kind: str, actor: str, cause: str, reference: str = ""
) -> dict[int, Change]:
    """Carry out the steps in their order under one lock; the change of each holder, by its id.

    Raises InsufficientStock, having moved nothing, where a ``whole`` Reserve is short.
    """
    if not steps:
        return {}
    book = _open(steps, holder_kind)
    for step in steps:
        if isinstance(step, Reserve):
            _reserve(book, step)
        elif isinstance(step, Release):
            _release(book, step)
        else:
            _fulfil(book, step)
    if book.shorts:
        raise InsufficientStock(_name_shorts(book))
    post(book.postings, actor=actor, cause=cause, reference=reference, levels=book.levels)
    _store(book, holder_kind)
    return dict(book.changes)


def _open(steps: Sequence[Step], holder_kind: str) -> Book:
    """Read what is held, and lock every level that the steps may touch."""
    skus = {step.sku_id for step in steps if isinstance(step, Reserve)}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [sorted(skus), holder_kind, sorted({step.holder_id for step in steps})])
        rows = cursor.fetchall()
    held = [row[2:] for row in rows if row[1] is not None]
    recipes = recipes_of(skus) if rows[0][0] else {}
    pairs: set[Pair] = {(sku_id, location_id) for _, sku_id, location_id, *_ in held}
    for step in steps:
        if not isinstance(step, Reserve):
            continue
        recipe = recipes.get(step.sku_id)
        pairs.update(pairs_of(step, recipe) if recipe else ((step.sku_id, place) for place in step.locations))
    levels = lock_levels(pairs, create=False)
    book = Book(levels, recipes, _promises(held, levels), {level.id: level.available for level in levels.values()})
    for step in steps:
        book.held.setdefault(step.holder_id, {})
    return book


def _promises(rows: Iterable[Sequence[Any]], levels: LockedLevels) -> dict[int, Held]:
    found: dict[int, Held] = {}
    for holder_id, sku_id, location_id, level_id, quantity, fulfilled, released, kit, per_kit in rows:
        row = Row(levels[sku_id, location_id], quantity, fulfilled, released, kit, per_kit)
        held = found.setdefault(holder_id, {})
        if not kit:
            held[level_id] = row
            continue
        whole = held.setdefault(-kit, Kit(kit))
        assert isinstance(whole, Kit)
        whole.rows[level_id] = row
    return found


def _reserve(book: Book, step: Reserve) -> None:
    recipe = book.recipes.get(step.sku_id)
    left = _reserve_units(book, step) if recipe is None else reserve_kits(book, step, recipe)
    change = book.changes[step.holder_id]
    change.reserved += step.quantity - left
    change.short += left


def _reserve_units(book: Book, step: Reserve) -> int:
    """Set units of a SKU by itself aside; how many are short."""
    pairs = ((step.sku_id, location) for location in step.locations)
    sources = [book.levels[pair] for pair in pairs if pair in book.levels]
    covering = next((level for level in sources if book.free[level.id] >= step.quantity), None)
    left = step.quantity
    for level in [covering] if covering else sources:
        units = min(left, book.free[level.id])
        if units <= 0:
            continue
        row = book.held[step.holder_id].setdefault(level.id, Row(level))
        assert isinstance(row, Row)
        book.reserve(step, row, units)
        left -= units
    if left and step.whole:
        book.shorts.append((step, step.quantity - left, ()))
    return left


def _release(book: Book, step: Release) -> None:
    left = step.quantity
    for promise in reversed(list(book.held[step.holder_id].values())):
        units = min(left, promise.open)
        if units <= 0 or step.location_id not in (None, promise.location_id):
            continue
        left -= units
        for row, moved in promise.take(units, last_first=True):
            row.released += moved
            book.post(step, row, moved, State.RESERVED, State.AVAILABLE)
            book.free[row.level.id] += moved
    book.changes[step.holder_id].released += step.quantity - left


def _fulfil(book: Book, step: Fulfil) -> None:
    left = step.quantity
    for promise in _from(step.location_id, book.held[step.holder_id]):
        units = min(left, promise.open)
        if units <= 0:
            continue
        left -= units
        for row, moved in promise.take(units):
            row.fulfilled += moved
            book.post(step, row, moved, State.RESERVED, State.CUSTOMER)
    book.changes[step.holder_id].fulfilled += step.quantity - left


def _from(location_id: int | None, held: Held) -> list[Promise]:
    """What may ship from a location: what lies there, then kits whose components lie at several."""
    every = list(held.values())
    if location_id is None:
        return every
    scattered = [promise for promise in every if promise.location_id is None]
    return [promise for promise in every if promise.location_id == location_id] + scattered


def _store(book: Book, holder_kind: str) -> None:
    if not book.touched:
        return
    columns = [  # in the order of reserving, which their ids keep
        (*key, row.units_per_kit, row.quantity, row.fulfilled, row.released) for key, row in book.touched.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [holder_kind, clock.now(), *map(list, zip(*columns, strict=True))])


def _name_shorts(book: Book) -> list[Short]:
    steps = [step for step, _there, _lacking in book.shorts]
    parts = {part_id for _step, _there, lacking in book.shorts for part_id, *_units in lacking}
    skus = {step.sku_id for step in steps} | parts
    codes = dict(Sku.objects.filter(pk__in=skus).values_list("pk", "code"))
    single = {step.locations[0] for step in steps if len(step.locations) == 1}
    places = dict(Location.objects.filter(pk__in=single).values_list("pk", "code"))
    found = []
    for step, there, lacking in book.shorts:
        place = places.get(step.locations[0], "") if len(step.locations) == 1 else ""
        short_parts = [Short(codes[part_id], place, wanted, units) for part_id, wanted, units in lacking]
        found.append(Short(codes[step.sku_id], place, step.quantity, there, tuple(short_parts)))
    return found


@dataclass(frozen=True, slots=True)
class Holding:
    """What a holder is promised and what has left, of one kind and at one location; None: its components lie at several."""

    holder_id: int
    location_id: int | None
    open: int
    left: int  # for the customer
    parts: Mapping[int, int]  # units of each SKU in one of the holder's units
    places: frozenset[int]  # the locations that have what is open


def held_by(holder_kind: str, holder_ids: Collection[int]) -> list[Holding]:
    """What these holders hold and held, in the order of reserving. Nothing is locked. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [[], holder_kind, sorted(holder_ids)])
        rows = [row[2:] for row in cursor.fetchall() if row[1] is not None]
    levels = LockedLevels()
    for _holder, sku_id, location_id, level_id, *_units in rows:
        levels[sku_id, location_id] = LockedLevel(level_id, sku_id, location_id, 0, 0, 0, 0, 0, 0, 0, b"")
    found = []
    for holder_id, held in _promises(rows, levels).items():
        found += [
            Holding(holder_id, one.location_id, one.open, one.left, one.parts, one.places) for one in held.values()
        ]
    return found
