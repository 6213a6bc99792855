"""Do lots, their entries, the ledger and the levels say the same? Each difference with its numbers."""

from collections.abc import Iterator
from typing import Any

from .models.lot import PLACES
from .transit import Finding

_NAMES = [place.value for place in PLACES]

_SHOWN = """
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
"""

_FLAGS = f"""
SELECT sku.code, location.code, sku.tracks_lots, level.keeps_lots FROM inventory_stocklevel level {_SHOWN}
WHERE sku.tracks_lots <> level.keeps_lots ORDER BY 1, 2
"""

# The sums of all lots against their level: what is available and reserved is one shelf.
_SUMS = f"""
SELECT sku.code, location.code, level.available + level.reserved, coalesce(held.shelf, 0),
    {", ".join(f"level.{name}, coalesce(held.{name}, 0)" for name in _NAMES[1:])}
FROM inventory_stocklevel level {_SHOWN}
LEFT JOIN (
    SELECT level_id, {", ".join(f"sum({name})::bigint AS {name}" for name in _NAMES)}
    FROM inventory_lotlevel GROUP BY level_id
) held ON held.level_id = level.id
WHERE level.keeps_lots AND (level.available + level.reserved <> coalesce(held.shelf, 0)
    OR {" OR ".join(f"level.{name} <> coalesce(held.{name}, 0)" for name in _NAMES[1:])})
ORDER BY 1, 2
"""


def _moved(name: str) -> str:
    return f"CASE WHEN to_place = '{name}' THEN quantity WHEN from_place = '{name}' THEN -quantity ELSE 0 END"


_TRUTH = (
    "SELECT level_id, lot_id, "
    + ", ".join(f"sum({_moved(name)})::bigint AS {name}" for name in _NAMES)
    + " FROM inventory_lotentry GROUP BY level_id, lot_id"
)

_LEVELS = f"""
SELECT sku.code, location.code, lot.code, {", ".join(f"coalesce(held.{n}, 0), coalesce(truth.{n}, 0)" for n in _NAMES)}
FROM inventory_lotlevel held
FULL JOIN ({_TRUTH}) truth ON truth.level_id = held.level_id AND truth.lot_id = held.lot_id
JOIN inventory_stocklevel level ON level.id = coalesce(held.level_id, truth.level_id)
JOIN inventory_lot lot ON lot.id = coalesce(held.lot_id, truth.lot_id) {_SHOWN}
WHERE {" OR ".join(f"coalesce(held.{n}, 0) <> coalesce(truth.{n}, 0)" for n in _NAMES)}
ORDER BY 1, 2, 3
"""

_WALK = f"""
SELECT sku.code, location.code, lot.code, walked.number, {", ".join(f"{n}_expected, {n}_after" for n in _NAMES)}
FROM (
    SELECT moved.*,
        {", ".join(f"lag({n}_after, 1, 0::bigint) OVER chain + {_moved(n)} AS {n}_expected" for n in _NAMES)}
    FROM inventory_lotentry moved WINDOW chain AS (PARTITION BY level_id, lot_id ORDER BY id)
) walked
JOIN inventory_stocklevel level ON level.id = walked.level_id
JOIN inventory_lot lot ON lot.id = walked.lot_id {_SHOWN}
WHERE {" OR ".join(f"{n}_expected <> {n}_after" for n in _NAMES)}
ORDER BY 1, 2, 3, 4
"""

# What an entry moved, and what its lots' entries say that it did.
_MOVES = f"""
SELECT sku.code, location.code, entry.number, entry.quantity, said.units
FROM (
    SELECT level_id, number, from_place, to_place, sum(quantity)::bigint AS units FROM inventory_lotentry
    WHERE from_place NOT IN ('unlotted', 'other_lot') AND to_place <> 'other_lot'
    GROUP BY level_id, number, from_place, to_place
) said
JOIN inventory_ledgerentry entry ON entry.level_id = said.level_id AND entry.number = said.number
JOIN inventory_stocklevel level ON level.id = said.level_id {_SHOWN}
WHERE entry.quantity <> said.units
    OR CASE WHEN entry.from_state IN ('available', 'reserved') THEN 'shelf' ELSE entry.from_state END <> said.from_place
    OR CASE WHEN entry.to_state IN ('available', 'reserved') THEN 'shelf' ELSE entry.to_state END <> said.to_place
ORDER BY 1, 2, 3
"""

_MEND = f"""
INSERT INTO inventory_lotlevel AS held (level_id, lot_id, {", ".join(_NAMES)})
SELECT coalesce(truth.level_id, old.level_id), coalesce(truth.lot_id, old.lot_id),
    {", ".join(f"coalesce(truth.{n}, 0)" for n in _NAMES)}
FROM inventory_lotlevel old FULL JOIN ({_TRUTH}) truth ON truth.level_id = old.level_id AND truth.lot_id = old.lot_id
ON CONFLICT (level_id, lot_id) DO UPDATE SET {", ".join(f"{n} = excluded.{n}" for n in _NAMES)}
WHERE {" OR ".join(f"held.{n} <> excluded.{n}" for n in _NAMES)}
"""


def findings(cursor: Any) -> Iterator[Finding]:
    """Every difference, in the transaction of whoever asks."""
    cursor.execute(_FLAGS)
    for sku, location, kept, found in cursor.fetchall():
        words = ("keeps no lots", "keeps lots")
        said = f"{sku} at {location}: the level {words[found]}, its SKU {words[kept]}"
        yield "lot_flag", sku, location, int(kept), int(found), said
    cursor.execute(_SUMS)
    for sku, location, *units in cursor.fetchall():
        for place, expected, found in _unlike(units):
            said = f"{sku} at {location}: {place} of all lots is {found}, the level has {expected}"
            yield "lot_sum", sku, location, expected, found, f"{said} ({found - expected:+d})"
    cursor.execute(_LEVELS)
    for sku, location, lot, *units in cursor.fetchall():
        for place, found, expected in _unlike(units):
            said = f"{sku} at {location}, lot {lot}: {place} is {found}, its entries say {expected}"
            yield "lot_level", sku, location, expected, found, f"{said} ({found - expected:+d})"
    cursor.execute(_WALK)
    for sku, location, lot, number, *units in cursor.fetchall():
        for place, expected, found in _unlike(units):
            said = f"{sku} at {location}, lot {lot}, entry {number}: {place} after it is {found}, the entries say {expected}"
            yield "lot_balance", sku, location, expected, found, f"{said} ({found - expected:+d})"
    cursor.execute(_MOVES)
    for sku, location, number, expected, found in cursor.fetchall():
        said = f"{sku} at {location}, entry {number}: it moved {expected} units, its lots' entries say {found}"
        yield "lot_entry", sku, location, expected, found, f"{said} ({found - expected:+d})"


def mend(cursor: Any) -> int:
    """Set what lots have to what their entries say; the number of rows that were mended."""
    cursor.execute(_MEND)
    return int(cursor.rowcount)


def _unlike(units: list[int]) -> Iterator[tuple[str, int, int]]:
    """Place, first and second number, where they differ."""
    for place, one, other in zip(_NAMES, units[::2], units[1::2], strict=True):
        if one != other:
            yield place, one, other
