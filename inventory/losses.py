"""Units that are gone although they were promised: the promises that no longer have one behind them end, the latest first.

Whoever holds a promise locks its own row before levels are locked (an order before stock: see ``reservations``), so the
holders have to be known before the levels are. They are looked up first and told to the apps above, which lock them; then the
levels are locked, and it is looked again. Where somebody else is concerned by then, nothing was done and everything is let go:
``HoldersMoved``. So no transaction ever waits for a holder while it has a level.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import connection

from .ledger import Posting
from .locks import LockedLevels, Pair
from .models import Reason, State, StockLevel
from .signals import promises_concerned, promises_lost

Holder = tuple[str, int]  # (kind, id)


class HoldersMoved(Exception):
    """Other holders are concerned than were told. Let go of all locks, and begin anew."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A promise, and how many of its units are gone."""

    reservation_id: int
    holder_kind: str
    holder_id: int
    sku_id: int
    location_id: int
    units: int

    @property
    def holder(self) -> Holder:
        """Who was promised them."""
        return self.holder_kind, self.holder_id


_OPEN = """
SELECT level_id, id, holder_kind, holder_id, quantity - fulfilled - released FROM inventory_reservation
WHERE level_id = ANY(%s) AND quantity > fulfilled + released ORDER BY reserved_at DESC, id DESC
"""

_RELEASE = """
UPDATE inventory_reservation held SET released = held.released + lost.units
FROM unnest(%s::bigint[], %s::bigint[]) AS lost (id, units) WHERE held.id = lost.id
"""


def tell_holders(missing: Mapping[Pair, int]) -> set[Holder]:
    """Tell whom it would concern now if so many units were missing; they have locked what they hold when this returns."""
    rows = StockLevel.objects.filter(
        sku__in=[sku_id for sku_id, _ in missing], location__in={location_id for _, location_id in missing}
    )
    levels = {
        (level.sku_id, level.location_id): (level.pk, level.available)
        for level in rows
        if (level.sku_id, level.location_id) in missing
    }
    told = {loss.holder for loss in _find(missing, levels)}
    if told:
        promises_concerned.send(tell_holders, holders=sorted(told))
    return told


def find_losses(missing: Mapping[Pair, int], *, levels: LockedLevels, told: Collection[Holder]) -> list[Loss]:
    """The promises that lose units, the levels being locked. Raises HoldersMoved where one of them was not told."""
    found = _find(missing, {pair: (level.id, level.available) for pair, level in levels.items() if pair in missing})
    if not {loss.holder for loss in found} <= set(told):
        raise HoldersMoved
    return found


def release_postings(losses: Collection[Loss], *, reason: Reason, reference: str) -> list[Posting]:
    """The ledger's side of it: each promise's lost units become available, for the loss to be taken from there."""
    return [
        Posting(one.sku_id, one.location_id, State.RESERVED, State.AVAILABLE, one.units, reason, reference)
        for one in losses
    ]


def end_promises(losses: Collection[Loss], *, reference: str) -> None:
    """The promises' side of it, and the news for their holders."""
    if not losses:
        return
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [[one.reservation_id for one in losses], [one.units for one in losses]])
    promises_lost.send(end_promises, losses=list(losses), reference=reference)


def _find(missing: Mapping[Pair, int], levels: Mapping[Pair, tuple[int, int]]) -> list[Loss]:
    """Which promises would lose units: by level (id, available), those made last first."""
    short = {pair: units - levels[pair][1] for pair, units in missing.items() if pair in levels}
    short = {pair: units for pair, units in short.items() if units > 0}
    if not short:
        return []
    promises: dict[int, list[tuple[int, str, int, int]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [[levels[pair][0] for pair in short]])
        for level_id, *promise in cursor.fetchall():
            promises[level_id].append(tuple(promise))
    found = []
    for (sku_id, location_id), left in sorted(short.items()):
        for reservation_id, kind, holder_id, held in promises[levels[sku_id, location_id][0]]:
            units = min(left, held)
            if units <= 0:
                break
            found.append(Loss(reservation_id, kind, holder_id, sku_id, location_id, units))
            left -= units
    return found
