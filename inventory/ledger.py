"""The one door to every quantity: the only writer of ledger entries and stock levels.

An entry moves units from one state to another within a level, or between a level and the outside. It carries the level's
balance after it, a number without gaps within its level, and a hash over the hash before it, so that any past instant can be
read and any later edit is found.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from . import lots
from .errors import InsufficientStock, InvalidMovement, Short
from .kernel import clock
from .kernel.quantities import LARGEST
from .locks import LockedLevel, LockedLevels, lock_levels
from .models import Location, Lot, Reason, Sku
from .models.ledger import INSIDE
from .signals import stock_changed

#: What of a document's name an entry keeps: a channel's order ids may be as long as that by themselves.
LONGEST_REFERENCE = 200

_INSIDE = frozenset(state.value for state in INSIDE)


@dataclass(frozen=True, slots=True)
class Posting:
    """Units to be moved, as asked for. ``occurred_at`` defaults to the instant of recording."""

    sku_id: int
    location_id: int
    from_state: str
    to_state: str
    quantity: int
    reason: str = Reason.OTHER
    reference: str = ""
    note: str = ""
    occurred_at: datetime | None = None
    key: str | None = None
    actor: str = ""  # else who posts them all
    lot: Lot | None = None  # of a SKU that keeps lots; what leaves without one is taken by expiry
    unlotted: bool = False  # nobody knows the lot of what comes in


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as it was recorded: the row of the ledger, in the order of its columns."""

    level_id: int
    number: int
    from_state: str
    to_state: str
    quantity: int
    available_after: int
    reserved_after: int
    quarantine_after: int
    damaged_after: int
    hold_after: int
    in_transit_after: int
    reason: str
    note: str
    reference: str
    actor: str
    key: str | None
    occurred_at: datetime
    recorded_at: datetime
    hash: bytes


_INSERT = """
INSERT INTO inventory_ledgerentry (level_id, number, from_state, to_state, quantity, available_after, reserved_after,
    quarantine_after, damaged_after, hold_after, in_transit_after, reason, note, reference, actor, key, occurred_at,
    recorded_at, hash)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::timestamptz[], %s::timestamptz[], %s::bytea[])
"""

_UPDATE = """
UPDATE inventory_stocklevel AS level
SET available = new.available, reserved = new.reserved, quarantine = new.quarantine, damaged = new.damaged,
    hold = new.hold, in_transit = new.in_transit, number = new.number, hash = new.hash
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bytea[]) AS new (id, available, reserved, quarantine, damaged, hold, in_transit, number, hash)
WHERE level.id = new.id
"""

_MARK = "UPDATE inventory_stocklevel SET keeps_lots = %s WHERE id = ANY(%s)"


@transaction.atomic(savepoint=False)
def post(
    postings: Sequence[Posting], *, actor: str, cause: str, reference: str = "", levels: LockedLevels | None = None
) -> list[Entry]:
    """Record the postings in their order, all of them or none, and tell the news.

    ``levels`` are levels that the caller has locked already; otherwise they are locked here. Raises InsufficientStock where a
    state would fall below zero and InvalidMovement where a posting makes no sense.
    """
    if not postings:
        return []
    for posting in postings:
        _check(posting)
    if levels is None:
        levels = lock_levels((posting.sku_id, posting.location_id) for posting in postings)
    before = {level.id: level.available for level in levels.values()}
    recorded_at = clock.now()
    entries = [_apply(posting, levels, actor, recorded_at) for posting in postings]
    touched = list({level.id: level for level in (levels[p.sku_id, p.location_id] for p in postings)}.values())
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [list(column) for column in zip(*map(_row, entries), strict=True)])
        cursor.execute(_UPDATE, [list(column) for column in zip(*map(_state, touched), strict=True)])
    if any(level.keeps_lots for level in touched) or any(posting.lot for posting in postings):
        lots.record(postings, entries, levels)
    changed = sorted({level.sku_id for level in touched if level.available != before[level.id]})
    if changed:
        stock_changed.send(post, sku_ids=changed, cause=cause, reference=reference, new_levels=levels.created)
    return entries


@transaction.atomic
def mark_lots(levels: LockedLevels, *, kept: bool) -> None:
    """Let these levels, locked already, keep lots from now on, or no more. What they have does not change."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [kept, sorted(level.id for level in levels.values())])
    for level in levels.values():
        level.keeps_lots = kept


def chain(previous: bytes, entry: Entry) -> bytes:
    """SHA-256 over the hash before and the entry's fields. ``inventory.rebuild`` computes the same in SQL.

    What most entries have nothing of comes last and only where there is something, so that hashes of old entries stay good.
    """
    fields = (
        entry.level_id, entry.number, entry.from_state, entry.to_state, entry.quantity, entry.available_after,
        entry.reserved_after, entry.quarantine_after, entry.damaged_after, entry.hold_after, entry.reason,
        f"{len(entry.note)}:{entry.note}", f"{len(entry.reference)}:{entry.reference}",
        f"{len(entry.actor)}:{entry.actor}", entry.key or "", clock.epoch_microseconds(entry.occurred_at),
        clock.epoch_microseconds(entry.recorded_at),
        *([f"in_transit:{entry.in_transit_after}"] if entry.in_transit_after else []),
    )  # fmt: skip
    return hashlib.sha256(previous + "|".join(map(str, fields)).encode()).digest()


def _check(posting: Posting) -> None:
    if not 0 < posting.quantity <= LARGEST:
        raise InvalidMovement(f"{posting.quantity} units cannot be moved; 1 to {LARGEST} can")
    if posting.from_state == posting.to_state:
        raise InvalidMovement(f"units cannot move from {posting.from_state} to itself")
    if posting.from_state not in _INSIDE and posting.to_state not in _INSIDE:
        raise InvalidMovement(f"units cannot move from {posting.from_state} to {posting.to_state}: both are outside")


def _apply(posting: Posting, levels: LockedLevels, actor: str, recorded_at: datetime) -> Entry:
    level = levels[posting.sku_id, posting.location_id]
    if posting.from_state in _INSIDE:
        there = getattr(level, posting.from_state)
        if there < posting.quantity:
            raise InsufficientStock([_short(posting, there)])
        setattr(level, posting.from_state, there - posting.quantity)
    if posting.to_state in _INSIDE:
        setattr(level, posting.to_state, getattr(level, posting.to_state) + posting.quantity)
    level.number += 1
    entry = Entry(
        level.id, level.number, str(posting.from_state), str(posting.to_state), posting.quantity, level.available,
        level.reserved, level.quarantine, level.damaged, level.hold, level.in_transit, str(posting.reason),
        posting.note, posting.reference[:LONGEST_REFERENCE], posting.actor or actor, posting.key,
        posting.occurred_at or recorded_at, recorded_at, b"",
    )  # fmt: skip
    level.hash = chain(level.hash, entry)
    return replace(entry, hash=level.hash)


def _short(posting: Posting, there: int) -> Short:
    sku = Sku.objects.values_list("code", flat=True).get(pk=posting.sku_id)
    location = Location.objects.values_list("code", flat=True).get(pk=posting.location_id)
    return Short(sku, location, posting.quantity, there)


def _row(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in Entry.__slots__)


def _state(level: LockedLevel) -> tuple[int | bytes, ...]:
    return (
        level.id, level.available, level.reserved, level.quarantine, level.damaged, level.hold, level.in_transit,
        level.number, level.hash,
    )  # fmt: skip
