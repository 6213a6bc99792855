"""Units that are gone although they were promised: the promises that no longer have one behind them end, the latest first.

A kit of which a component is gone is gone as a whole: its other components are given back.

Whoever holds a promise locks its own row before levels are locked (an order before stock: see ``reservations``), so the
holders have to be known before the levels are. They are looked up first and told to the apps above, which lock them; then the
levels are locked, those of broken kits' other components with them, and it is looked again. Where somebody or something else
is concerned by then, nothing was done and everything is let go: ``HoldersMoved``. So no transaction ever waits for a holder
while it has a level.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from django.db import connection

from .ledger import Posting
from .locks import LockedLevels, Pair
from .models import Reason, State, StockLevel
from .signals import promises_concerned, promises_lost

Holder = tuple[str, int]  # (kind, id)


class HoldersMoved(Exception):
    """Others are concerned than were told. Let go of all locks, and begin anew."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Units of one reservation that its holder no longer has."""

    reservation_id: int
    sku_id: int
    location_id: int
    units: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A promise that loses units of what its holder holds: kits, where that is a bundle."""

    holder_kind: str
    holder_id: int
    units: int
    given_back: tuple[GivenBack, ...]

    @property
    def holder(self) -> Holder:
        """Who was promised them."""
        return self.holder_kind, self.holder_id


@dataclass(frozen=True, slots=True)
class Told:
    """Whom it would concern, and the levels that have to be locked for it besides those that lose units."""

    holders: frozenset[Holder] = frozenset()
    pairs: frozenset[Pair] = frozenset()


# The open promises at these levels, and the other components of the kits among them, those reserved last first.
_OPEN = """
WITH here AS (
    SELECT * FROM inventory_reservation WHERE level_id = ANY(%s) AND quantity > fulfilled + released
), concerned AS (
    SELECT * FROM here
    UNION
    SELECT other.* FROM inventory_reservation other JOIN here ON here.kit > 0 AND other.kit = here.kit
        AND other.holder_kind = here.holder_kind AND other.holder_id = here.holder_id
    WHERE other.quantity > other.fulfilled + other.released
)
SELECT r.id, level.sku_id, level.location_id, r.holder_kind, r.holder_id, r.kit, r.units_per_kit,
    r.quantity - r.fulfilled - r.released
FROM concerned r JOIN inventory_stocklevel level ON level.id = r.level_id ORDER BY r.reserved_at DESC, r.id DESC
"""

_RELEASE = """
UPDATE inventory_reservation held SET released = held.released + lost.units
FROM unnest(%s::bigint[], %s::bigint[]) AS lost (id, units) WHERE held.id = lost.id
"""


def tell_holders(missing: Mapping[Pair, int]) -> Told:
    """Tell whom it would concern now if so many units were missing; they have locked what they hold when this returns."""
    rows = StockLevel.objects.filter(
        sku__in=[sku_id for sku_id, _ in missing], location__in={location_id for _, location_id in missing}
    )
    levels = {
        (level.sku_id, level.location_id): (level.pk, level.available)
        for level in rows
        if (level.sku_id, level.location_id) in missing
    }
    losses = _find(missing, levels)
    told = Told(frozenset(loss.holder for loss in losses), frozenset(_pairs(losses)))
    if told.holders:
        promises_concerned.send(tell_holders, holders=sorted(told.holders))
    return told


def find_losses(missing: Mapping[Pair, int], *, levels: LockedLevels, told: Told) -> list[Loss]:
    """The promises that lose units, the levels being locked. Raises HoldersMoved where one of them was not told."""
    found = _find(missing, {pair: (level.id, level.available) for pair, level in levels.items() if pair in missing})
    if not {loss.holder for loss in found} <= told.holders or not _pairs(found) <= levels.keys():
        raise HoldersMoved
    return found


def release_postings(losses: Collection[Loss], *, reason: Reason, reference: str) -> list[Posting]:
    """The ledger's side of it: each promise's lost units become available, for the loss to be taken from there."""
    return [
        Posting(one.sku_id, one.location_id, State.RESERVED, State.AVAILABLE, one.units, reason, reference)
        for loss in losses
        for one in loss.given_back
    ]


def end_promises(losses: Collection[Loss], *, reference: str) -> None:
    """The promises' side of it, and the news for their holders."""
    if not losses:
        return
    units: dict[int, int] = defaultdict(int)
    for loss in losses:
        for one in loss.given_back:
            units[one.reservation_id] += one.units
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [list(units), list(units.values())])
    promises_lost.send(end_promises, losses=list(losses), reference=reference)


@dataclass(slots=True)
class _Held:
    """An open reservation, as the search so far leaves it."""

    id: int
    sku_id: int
    location_id: int
    holder: Holder
    kit: int
    units_per_kit: int
    open: int
    together: "list[_Held]" = field(default_factory=list)  # the rows of its kit, itself among them

    @property
    def pair(self) -> Pair:
        return self.sku_id, self.location_id

    def take(self, units: int) -> tuple[int, list[GivenBack]]:
        """Give up enough for so many units of this row: how many of the holder's units, and what is given back."""
        units = min(units, self.open)
        if not self.kit:
            return units, [self._give(units)]
        kits = -(-units // self.units_per_kit)
        given: list[GivenBack] = []
        for (_sku_id, per_kit), rows in _by_component(self).items():
            left = kits * per_kit
            for row in rows:
                if some := min(left, row.open):
                    given.append(row._give(some))
                    left -= some
        return kits, given

    def _give(self, units: int) -> GivenBack:
        self.open -= units
        return GivenBack(self.id, self.sku_id, self.location_id, units)


def _by_component(held: _Held) -> dict[tuple[int, int], list[_Held]]:
    """The rows of a kit by (SKU, units per kit), the one that is meant before the others."""
    found: dict[tuple[int, int], list[_Held]] = defaultdict(list)
    for row in sorted(held.together, key=lambda one: one is not held):
        found[row.sku_id, row.units_per_kit].append(row)
    return found


def _find(missing: Mapping[Pair, int], levels: Mapping[Pair, tuple[int, int]]) -> list[Loss]:
    """Which promises would lose units: by level (id, available), those made last first."""
    free = {pair: levels[pair][1] for pair in missing if pair in levels}
    short = [pair for pair in sorted(free) if missing[pair] > free[pair]]
    if not short:
        return []
    promises: dict[Pair, list[_Held]] = defaultdict(list)
    for held in _open([levels[pair][0] for pair in short]):
        promises[held.pair].append(held)
    found = []
    for pair in short:
        for held in promises[pair]:
            lacking = missing[pair] - free[pair]
            if lacking <= 0:
                break
            if not held.open:
                continue
            units, given = held.take(lacking)
            found.append(Loss(*held.holder, units, tuple(given)))
            for one in given:
                if (one.sku_id, one.location_id) in free:
                    free[one.sku_id, one.location_id] += one.units
    return found


def _open(level_ids: list[int]) -> Iterator[_Held]:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [level_ids])
        rows = [
            _Held(pk, sku_id, location_id, (kind, holder_id), kit, per_kit, units)
            for pk, sku_id, location_id, kind, holder_id, kit, per_kit, units in cursor.fetchall()
        ]
    together: dict[tuple[Holder, int], list[_Held]] = defaultdict(list)
    for row in rows:
        if row.kit:
            together[row.holder, row.kit].append(row)
            row.together = together[row.holder, row.kit]
    return iter(rows)


def _pairs(losses: Collection[Loss]) -> set[Pair]:
    return {(one.sku_id, one.location_id) for loss in losses for one in loss.given_back}
