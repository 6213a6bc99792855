"""Promises: units set aside for a holder, given back, or shipped.

The caller holds the holder's own lock (the order's row), so that only one transaction at a time moves one holder's
promises; the levels are locked here, once, for all of the batch.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from .errors import InsufficientStock, Short
from .kernel import clock
from .ledger import Posting, post
from .locks import LockedLevel, LockedLevels, lock_levels
from .models import Location, Lot, Reason, Sku, State


@dataclass(frozen=True, slots=True)
class Reserve:
    """Set units aside, from the first location that covers them, else split over the locations in their order."""

    holder_id: int
    sku_id: int
    quantity: int
    locations: Sequence[int]
    reason: str = Reason.SALE
    reference: str = ""
    occurred_at: datetime | None = None
    whole: bool = False  # refuse where short, instead of reserving what there is
    actor: str = ""  # else the batch's


@dataclass(frozen=True, slots=True)
class Release:
    """Give units back, those reserved last first; at one location only, where given."""

    holder_id: int
    quantity: int
    reason: str = Reason.CANCELLATION
    reference: str = ""
    occurred_at: datetime | None = None
    location_id: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Fulfil:
    """Ship units out of what is reserved, those reserved first first; from one location only, and of one lot, where given."""

    holder_id: int
    quantity: int
    location_id: int | None = None
    reason: str = Reason.SHIPMENT
    reference: str = ""
    occurred_at: datetime | None = None
    actor: str = ""
    lot: Lot | None = None


Step = Reserve | Release | Fulfil


@dataclass(slots=True)
class Change:
    """What became of one holder, in units."""

    reserved: int = 0
    released: int = 0
    fulfilled: int = 0
    short: int = 0


@dataclass(slots=True)
class _Row:
    """A reservation as it will stand: of one holder at one level."""

    level: LockedLevel
    quantity: int = 0
    fulfilled: int = 0
    released: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.fulfilled - self.released


@dataclass(slots=True)
class _Batch:
    levels: LockedLevels
    free: dict[int, int]  # by level: available as the steps so far leave it
    rows: dict[int, dict[int, _Row]]  # by holder, by level, in the order of reserving
    changes: dict[int, Change] = field(default_factory=lambda: defaultdict(Change))
    postings: list[Posting] = field(default_factory=list)
    shorts: list[tuple[Reserve, int]] = field(default_factory=list)
    touched: set[tuple[int, int]] = field(default_factory=set)

    def post(self, step: Step, row: _Row, units: int, source: str, target: str) -> None:
        level = row.level
        self.postings.append(
            Posting(
                level.sku_id,
                level.location_id,
                source,
                target,
                units,
                reason=step.reason,
                reference=step.reference,
                occurred_at=step.occurred_at,
                actor=step.actor,
                lot=step.lot if isinstance(step, Fulfil) else None,
            )
        )
        self.touched.add((step.holder_id, level.id))


_HELD = """
SELECT r.holder_id, l.sku_id, l.location_id, r.level_id, r.quantity, r.fulfilled, r.released
FROM inventory_reservation r JOIN inventory_stocklevel l ON l.id = r.level_id
WHERE r.holder_kind = %s AND r.holder_id = ANY(%s) ORDER BY r.id
"""

_STORE = """
INSERT INTO inventory_reservation (holder_kind, holder_id, level_id, quantity, fulfilled, released, reserved_at)
SELECT %s, holder_id, level_id, quantity, fulfilled, released, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS new (holder_id, level_id, quantity, fulfilled, released)
ON CONFLICT (holder_kind, holder_id, level_id)
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
    held = _held(holder_kind, sorted({step.holder_id for step in steps}))
    batch = _lock(steps, held)
    for step in steps:
        if isinstance(step, Reserve):
            _reserve(batch, step)
        elif isinstance(step, Release):
            _release(batch, step)
        else:
            _fulfil(batch, step)
    if batch.shorts:
        raise InsufficientStock(_name_shorts(batch.shorts))
    post(batch.postings, actor=actor, cause=cause, reference=reference, levels=batch.levels)
    _store(batch, holder_kind)
    return dict(batch.changes)


def _held(holder_kind: str, holders: list[int]) -> list[tuple[int, int, int, int, int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [holder_kind, holders])
        return list(cursor.fetchall())


def _lock(steps: Sequence[Step], held: list[tuple[int, int, int, int, int, int, int]]) -> _Batch:
    pairs = {(sku_id, location_id) for _, sku_id, location_id, *_ in held}
    pairs |= {(step.sku_id, location) for step in steps if isinstance(step, Reserve) for location in step.locations}
    levels = lock_levels(pairs, create=False)
    rows: dict[int, dict[int, _Row]] = defaultdict(dict)
    for holder_id, sku_id, location_id, level_id, quantity, fulfilled, released in held:
        rows[holder_id][level_id] = _Row(levels[sku_id, location_id], quantity, fulfilled, released)
    return _Batch(levels, {level.id: level.available for level in levels.values()}, rows)


def _reserve(batch: _Batch, step: Reserve) -> None:
    pairs = ((step.sku_id, location) for location in step.locations)
    sources = [batch.levels[pair] for pair in pairs if pair in batch.levels]
    covering = next((level for level in sources if batch.free[level.id] >= step.quantity), None)
    left = step.quantity
    for level in [covering] if covering else sources:
        units = min(left, batch.free[level.id])
        if units <= 0:
            continue
        row = batch.rows[step.holder_id].setdefault(level.id, _Row(level))
        row.quantity += units
        left -= units
        batch.post(step, row, units, State.AVAILABLE, State.RESERVED)
        batch.free[level.id] -= units
    change = batch.changes[step.holder_id]
    change.reserved += step.quantity - left
    change.short += left
    if left and step.whole:
        batch.shorts.append((step, step.quantity - left))


def _release(batch: _Batch, step: Release) -> None:
    left = step.quantity
    for row in reversed(list(batch.rows[step.holder_id].values())):
        units = min(left, row.open)
        if units <= 0 or step.location_id not in (None, row.level.location_id):
            continue
        row.released += units
        left -= units
        batch.post(step, row, units, State.RESERVED, State.AVAILABLE)
        batch.free[row.level.id] += units
    batch.changes[step.holder_id].released += step.quantity - left


def _fulfil(batch: _Batch, step: Fulfil) -> None:
    left = step.quantity
    for row in batch.rows[step.holder_id].values():
        units = min(left, row.open)
        if units <= 0 or step.location_id not in (None, row.level.location_id):
            continue
        row.fulfilled += units
        left -= units
        batch.post(step, row, units, State.RESERVED, State.CUSTOMER)
    batch.changes[step.holder_id].fulfilled += step.quantity - left


def _store(batch: _Batch, holder_kind: str) -> None:
    rows = [(holder, level, batch.rows[holder][level]) for holder, level in sorted(batch.touched)]
    if not rows:
        return
    columns = [(holder, level, row.quantity, row.fulfilled, row.released) for holder, level, row in rows]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [holder_kind, clock.now(), *map(list, zip(*columns, strict=True))])


def _name_shorts(shorts: list[tuple[Reserve, int]]) -> list[Short]:
    codes = dict(Sku.objects.filter(pk__in={step.sku_id for step, _ in shorts}).values_list("pk", "code"))
    single = {step.locations[0] for step, _ in shorts if len(step.locations) == 1}
    places = dict(Location.objects.filter(pk__in=single).values_list("pk", "code"))
    return [
        Short(
            codes[step.sku_id],
            places.get(step.locations[0], "") if len(step.locations) == 1 else "",
            step.quantity,
            there,
        )
        for step, there in shorts
    ]
