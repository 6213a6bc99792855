"""The only locks on stock.

Levels are locked once per transaction, in the order of their primary keys, as late as possible, so that two transactions can
never wait for each other in a circle. Readers that must see every sale which they were told of take a share lock.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from .recipes import WITH_PARTS

Pair = tuple[int, int]  # (SKU's id, location's id)


@dataclass(slots=True)
class LockedLevel:
    """A level under this transaction's lock; the ledger keeps its figures as it posts."""

    id: int
    sku_id: int
    location_id: int
    available: int
    reserved: int
    quarantine: int
    damaged: int
    hold: int
    in_transit: int
    number: int
    hash: bytes
    keeps_lots: bool = False


class LockedLevels(dict[Pair, LockedLevel]):
    """The levels by (SKU, location), and whether any of them was created by this lock."""

    created: bool = False


# The SKU is shared, so that whether it keeps lots cannot change before its new level is there to be told.
_INSERT = """
INSERT INTO inventory_stocklevel (sku_id, location_id, available, reserved, quarantine, damaged, hold, in_transit, number, hash,
    keeps_lots)
SELECT wanted.sku_id, wanted.location_id, 0, 0, 0, 0, 0, 0, 0, ''::bytea, sku.tracks_lots
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (sku_id, location_id)
JOIN inventory_sku sku ON sku.id = wanted.sku_id
WHERE NOT EXISTS (
    SELECT 1 FROM inventory_stocklevel held
    WHERE held.sku_id = wanted.sku_id AND held.location_id = wanted.location_id
)
ORDER BY wanted.sku_id, wanted.location_id FOR SHARE OF sku
ON CONFLICT DO NOTHING
"""

_COLUMNS = (
    "id, sku_id, location_id, available, reserved, quarantine, damaged, hold, in_transit, number, hash, keeps_lots"
)

# NO KEY UPDATE: entries and reservations refer to the row without waiting for it; share lockers and other writers wait.
_LOCK = f"""
SELECT {_COLUMNS} FROM inventory_stocklevel
WHERE (sku_id, location_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
ORDER BY id FOR NO KEY UPDATE
"""

# A lock for reading leaves nothing behind that would have to reach the disk before we go on.
_SHARE = f"""
SELECT {_COLUMNS}, once.bundled FROM inventory_stocklevel level, (
    SELECT set_config('synchronous_commit', 'off', TRUE),
        EXISTS (SELECT 1 FROM inventory_bundlepart WHERE bundle_id = ANY(%s)) AS bundled
) AS once
WHERE sku_id = {WITH_PARTS} ORDER BY id FOR SHARE OF level
"""


def lock_levels(pairs: Iterable[Pair], *, create: bool = True) -> LockedLevels:
    """Lock the levels of these pairs until the transaction ends; missing ones are created, unless told not to."""
    wanted = sorted(set(pairs))
    locked = LockedLevels()
    if not wanted:
        return locked
    skus, locations = [sku for sku, _ in wanted], [location for _, location in wanted]
    with connection.cursor() as cursor:
        rows = _select_locked(cursor, skus, locations)
        if create and len(rows) < len(wanted):
            cursor.execute(_INSERT, [skus, locations])
            locked.created = cursor.rowcount > 0
            rows = _select_locked(cursor, skus, locations)
    for row in rows:
        level = _locked(row)
        locked[level.sku_id, level.location_id] = level
    return locked


class SharedLevels(list[LockedLevel]):
    """The levels of SKUs and of what the bundles among them are made of, and whether there are any such."""

    bundled: bool = False


def share_levels(sku_ids: Collection[int]) -> SharedLevels:
    """Levels of these SKUs and of their components, after every transaction that holds one of them has ended.

    Meant for autocommit: the share lock lasts for the statement alone, long enough to wait for the writers.
    """
    skus = sorted(sku_ids)
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [skus, skus, skus])
        rows = cursor.fetchall()
    shared = SharedLevels(_locked(row[:-1]) for row in rows)
    shared.bundled = bool(rows and rows[0][-1])
    return shared


def _select_locked(cursor: Any, skus: list[int], locations: list[int]) -> list[tuple[Any, ...]]:
    cursor.execute(_LOCK, [skus, locations])
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _locked(row: tuple[Any, ...]) -> LockedLevel:
    return LockedLevel(*(*row[:10], bytes(row[10]), row[11]))
