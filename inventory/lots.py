"""Which lots the units of an entry are of: the only writer of what lots have, called by the ledger as it posts.

It runs under the lock of the levels, for those alone whose SKU keeps lots, and takes at most three statements however many
lots there are: read what lots have, write it, write the trace. Promises pin no lot: a sale that reserves moves nothing here.
What leaves without a named lot is taken from what expires first, then from the oldest lot; lots without a date come last.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import connection

from .errors import LotError, LotShort, Short
from .kernel import clock
from .locks import LockedLevel, LockedLevels
from .models import UNASSIGNED, Location, Lot, LotPlace, Sku, State
from .models.lot import PLACES

if TYPE_CHECKING:
    from .ledger import Entry, Posting

_SHELVED = frozenset({State.AVAILABLE.value, State.RESERVED.value})
_INSIDE = frozenset(place.value for place in PLACES)
_APART = frozenset({LotPlace.QUARANTINE.value, LotPlace.DAMAGED.value, LotPlace.HOLD.value})


def place_of(state: str) -> str:
    """The place of a lot's units in that state."""
    return LotPlace.SHELF.value if state in _SHELVED else str(state)


@dataclass(slots=True)
class Held:
    """What a level has of a lot, as the postings leave it. ``sent`` has units in transit by their transfer."""

    lot_id: int
    code: str
    expires_on: date | None
    recalled: bool
    units: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_INSIDE, 0))
    sent: dict[str, int] = field(default_factory=dict)

    @property
    def turn(self) -> tuple[date, int]:
        """When it is its turn to leave: expires first, then oldest."""
        return self.expires_on or date.max, self.lot_id

    def may_be_sold(self, today: date) -> bool:
        """Whether it is neither expired nor recalled."""
        return not self.recalled and (self.expires_on is None or self.expires_on > today)


@dataclass(slots=True)
class _Shelf:
    """All lots of one level."""

    level: LockedLevel
    today: date
    unassigned_id: int | None
    lots: dict[int, Held] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Move:
    """A posting of a level that keeps lots."""

    level: LockedLevel
    number: int
    source: str
    target: str
    quantity: int
    reference: str
    actor: str
    at: datetime
    lot: Lot | None = None
    unlotted: bool = False


_READ = """
SELECT level.id, location.time_zone, unassigned.id, lot.id, lot.code, lot.expires_on, lot.recalled_at IS NOT NULL,
    held.shelf, held.quarantine, held.damaged, held.hold, held.in_transit, under_way.sent
FROM inventory_stocklevel level
JOIN inventory_location location ON location.id = level.location_id
LEFT JOIN inventory_lot unassigned ON unassigned.sku_id = level.sku_id AND unassigned.code = %s
LEFT JOIN inventory_lotlevel held ON held.level_id = level.id
    AND (held.shelf > 0 OR held.quarantine > 0 OR held.damaged > 0 OR held.hold > 0 OR held.in_transit > 0)
LEFT JOIN inventory_lot lot ON lot.id = held.lot_id
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(one.reference, one.units) AS sent
    FROM (
        SELECT reference, sum(CASE WHEN to_place = 'in_transit' THEN quantity ELSE -quantity END) AS units
        FROM inventory_lotentry moved
        WHERE moved.level_id = level.id AND moved.lot_id = held.lot_id AND moved.reference = ANY(%s)
            AND (moved.from_place = 'in_transit' OR moved.to_place = 'in_transit')
        GROUP BY reference
    ) one
) under_way ON held.in_transit > 0
WHERE level.id = ANY(%s)
"""

_STORE = """
INSERT INTO inventory_lotlevel (level_id, lot_id, shelf, quarantine, damaged, hold, in_transit)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT (level_id, lot_id) DO UPDATE SET shelf = excluded.shelf, quarantine = excluded.quarantine,
    damaged = excluded.damaged, hold = excluded.hold, in_transit = excluded.in_transit
"""

_TRACE = """
INSERT INTO inventory_lotentry (level_id, number, lot_id, from_place, to_place, quantity, shelf_after, quarantine_after,
    damaged_after, hold_after, in_transit_after, reference, actor, recorded_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
"""


def record(postings: Sequence["Posting"], entries: Sequence["Entry"], levels: LockedLevels) -> None:
    """Say of which lots the units of these entries are. Raises LotError, LotShort."""
    moves = []
    for posting, entry in zip(postings, entries, strict=True):
        level = levels[posting.sku_id, posting.location_id]
        if posting.lot is not None:
            _check_lot(posting.lot, level)
        source, target = place_of(entry.from_state), place_of(entry.to_state)
        if level.keeps_lots and source != target:
            moves.append(_Move(
                level, entry.number, source, target, entry.quantity, entry.reference, entry.actor, entry.recorded_at,
                posting.lot, posting.unlotted,
            ))  # fmt: skip
    if moves:
        book = _Book(_read(moves))
        for move in moves:
            book.carry_out(move)
        book.write()


def begin(levels: Iterable[LockedLevel], lot: Lot, *, under_way: dict[int, dict[str, int]], actor: str) -> None:
    """The lot takes all that these levels have; ``under_way`` says by level which transfers have how many in transit."""
    at, held = clock.now(), list(levels)
    book = _Book({level.id: _Shelf(level, at.date(), lot.pk) for level in held})
    for level in held:
        for place in PLACES:
            states = _SHELVED if place == LotPlace.SHELF else (place.value,)
            left = sum(getattr(level, state) for state in states)
            sent = under_way.get(level.id, {}) if place == LotPlace.IN_TRANSIT else {}
            for reference, units in [*sent.items(), ("", left - sum(sent.values()))]:
                if units > 0:
                    book.carry_out(_Move(
                        level, level.number, LotPlace.UNLOTTED, place, units, reference, actor, at, lot
                    ))  # fmt: skip
    book.write()


def relabel(
    level: LockedLevel, *, place: str, source: Lot, target: Lot, units: int, reference: str, actor: str
) -> None:
    """Units of one lot turn out to be of another; they stay where they are. Raises LotShort."""
    common = (units, reference, actor, clock.now())
    leaving = _Move(level, level.number, place, LotPlace.OTHER_LOT, *common, source)
    coming = _Move(level, level.number, LotPlace.OTHER_LOT, place, *common, target)
    book = _Book(_read([leaving]))
    for move in (leaving, coming):
        book.carry_out(move)
    book.write()


class _Book:
    """What lots have, and the trace of what is done to it."""

    def __init__(self, shelves: dict[int, _Shelf]) -> None:
        self.shelves = shelves
        self.rows: list[tuple[Any, ...]] = []
        self.touched: dict[tuple[int, int], Held] = {}
        self.carried: dict[tuple[int, str], list[tuple[Held, int]]] = defaultdict(list)

    def carry_out(self, move: _Move) -> None:
        """Take the units of a move from their lots, and give them to the same."""
        shelf = self.shelves[move.level.id]
        parts = _leaving(shelf, move) if move.source in _INSIDE else self._coming(shelf, move)
        for held, units in parts:
            if move.source in _INSIDE:
                held.units[move.source] -= units
                if move.source == LotPlace.IN_TRANSIT and move.reference in held.sent:
                    held.sent[move.reference] -= units
            if move.target in _INSIDE:
                held.units[move.target] += units
                if move.target == LotPlace.IN_TRANSIT:
                    held.sent[move.reference] = held.sent.get(move.reference, 0) + units
            elif move.target == LotPlace.TRANSFER:
                self.carried[move.level.sku_id, move.reference].append((held, units))
            self.touched[move.level.id, held.lot_id] = held
            self.rows.append((
                move.level.id, move.number, held.lot_id, move.source, move.target, units,
                *(held.units[place] for place in PLACES), move.reference, move.actor, move.at,
            ))  # fmt: skip

    def write(self) -> None:
        """Store it."""
        if not self.rows:
            return
        levels = [(*key, *(held.units[place] for place in PLACES)) for key, held in self.touched.items()]
        with connection.cursor() as cursor:
            cursor.execute(_STORE, [list(column) for column in zip(*levels, strict=True)])
            cursor.execute(_TRACE, [list(column) for column in zip(*self.rows, strict=True)])

    def _coming(self, shelf: _Shelf, move: _Move) -> list[tuple[Held, int]]:
        """The lots that units from outside are of: as named, as they left the other location, or nobody knows."""
        if move.source == LotPlace.TRANSFER and move.lot is None:
            left = self.carried.pop((move.level.sku_id, move.reference), [])
            if sum(units for _held, units in left) == move.quantity:
                return [(_same(shelf, lot.lot_id, lot.code, lot.expires_on, lot.recalled), n) for lot, n in left]
        if move.lot is not None:
            lot = move.lot
            held = _same(shelf, lot.pk, lot.code, lot.expires_on, lot.is_recalled)
            if move.target == LotPlace.SHELF and move.source not in (LotPlace.UNLOTTED, LotPlace.OTHER_LOT):
                _check_sale(held, shelf)
        elif move.unlotted or move.source == LotPlace.TRANSFER:
            held = _same(shelf, _unassigned_id(shelf), UNASSIGNED, None, False)
        else:
            said = "{sku} keeps lots: say of which lot the {units} units are"
            raise LotError(said.format(sku=_sku(move.level), units=move.quantity))
        return [(held, move.quantity)]


def _leaving(shelf: _Shelf, move: _Move) -> list[tuple[Held, int]]:
    """The lots to take units of a level from. Raises LotShort where they have too few that may go there."""
    there = [held for held in shelf.lots.values() if held.units[move.source]]
    if move.lot is not None:
        there = [held for held in there if held.lot_id == move.lot.pk]
    elif move.source == LotPlace.IN_TRANSIT:
        there.sort(key=lambda held: (not held.sent.get(move.reference), held.code != UNASSIGNED, held.turn))
    else:
        there.sort(key=lambda held: held.turn)
    usable = [held for held in there if not _is_for_sale(move) or held.may_be_sold(shelf.today)]
    parts: list[tuple[Held, int]] = []
    left = move.quantity
    for mine_only in (True, False) if move.source == LotPlace.IN_TRANSIT else (False,):
        for held in usable:
            taken = sum(units for one, units in parts if one is held)
            most = held.units[move.source] - taken
            units = min(left, most, held.sent.get(move.reference, 0)) if mine_only else min(left, most)
            if units > 0:
                parts.append((held, units))
                left -= units
    if left:
        raise _short(shelf, move, there, move.quantity - left)
    return parts


def _is_for_sale(move: _Move) -> bool:
    """Whether units go where only good ones may: to customers, into kits, to sale elsewhere, back to sale."""
    if move.source == LotPlace.SHELF:
        return move.target in (LotPlace.CUSTOMER, LotPlace.ASSEMBLY) or (
            move.target == LotPlace.TRANSFER and move.lot is None
        )
    return move.target == LotPlace.SHELF and move.source in _APART


def _same(shelf: _Shelf, lot_id: int, code: str, expires_on: date | None, recalled: bool) -> Held:
    """What the level has of that lot; nothing yet, perhaps."""
    return shelf.lots.setdefault(lot_id, Held(lot_id, code, expires_on, recalled))


def _unassigned_id(shelf: _Shelf) -> int:
    if shelf.unassigned_id is None:
        made, _is_new = Lot.objects.get_or_create(
            sku_id=shelf.level.sku_id, code=UNASSIGNED, defaults={"created_at": clock.now()}
        )
        shelf.unassigned_id = made.pk
    return shelf.unassigned_id


def _check_lot(lot: Lot, level: LockedLevel) -> None:
    if lot.sku_id != level.sku_id:
        raise LotError(f"lot {lot.code} is of another SKU than {_sku(level)}")
    if not level.keeps_lots:
        raise LotError(f"{_sku(level)} keeps no lots: leave the lot {lot.code} out")


def _check_sale(held: Held, shelf: _Shelf) -> None:
    if not held.may_be_sold(shelf.today):
        raise LotError(f"{_sku(shelf.level)}: {_why_not(held)} and cannot be put up for sale; choose another state")


def _why_not(held: Held) -> str:
    return f"lot {held.code} was recalled" if held.recalled else f"lot {held.code} expired on {held.expires_on}"


def _short(shelf: _Shelf, move: _Move, there: Sequence[Held], found: int) -> LotShort:
    sku, location = _sku(move.level), Location.objects.get(pk=move.level.location_id).code
    where = str(LotPlace(move.source).label).lower()
    if move.lot is not None:
        units = sum(held.units[move.source] for held in there)
        said = f"lot {move.lot.code} of {sku} at {location} ({where}): {move.quantity} wanted, {units} there"
    else:
        said = f"{sku} at {location} ({where}): {move.quantity} wanted, {found} there of lots that may leave"
    barred = [held for held in there if _is_for_sale(move) and not held.may_be_sold(shelf.today)]
    reasons = [f"{_why_not(held)} ({held.units[move.source]} units)" for held in barred]
    return LotShort("; ".join([said, *reasons]), [Short(sku, location, move.quantity, found)])


def _sku(level: LockedLevel) -> str:
    return Sku.objects.values_list("code", flat=True).get(pk=level.sku_id)


def _read(moves: Sequence[_Move]) -> dict[int, _Shelf]:
    """The lots of the levels that are moved, locked along with their levels."""
    levels = {move.level.id: move.level for move in moves}
    under_way = sorted({move.reference for move in moves if LotPlace.IN_TRANSIT in (move.source, move.target)})
    at = moves[0].at
    shelves: dict[int, _Shelf] = {}
    for level_id, zone, unassigned, *lot in _rows([UNASSIGNED, under_way, sorted(levels)]):
        shelf = shelves.get(level_id)
        if shelf is None:
            shelf = shelves[level_id] = _Shelf(levels[level_id], at.astimezone(ZoneInfo(zone)).date(), unassigned)
        if lot[0] is not None:
            lot_id, code, expires_on, recalled, *units, sent = lot
            named = dict(zip((place.value for place in PLACES), units, strict=True))
            shelf.lots[lot_id] = Held(lot_id, code, expires_on, recalled, named, _whole(sent))
    return shelves


def _rows(values: list[Any]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_READ, values)
        yield from cursor.fetchall()


def _whole(sent: Any) -> dict[str, int]:
    """Units by transfer, as the database aggregates them."""
    if isinstance(sent, str):
        sent = json.loads(sent)
    return {reference: int(units) for reference, units in (sent or {}).items()}
