"""Is the ledger whole, and do the levels follow from it? And if not: make them follow.

Checked, all in the database: numbers without gaps, each balance from the one before, each hash from the one before, each
level against the sum and the last of its entries, reserved units against the open reservations, those of kits against whole
kits, and units in transit against the transfers, each of those against its own entries; lots against their levels and
entries (``lot_checks``); and what stock cost, and what closed periods say (``costing.checks``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from . import kit_sums, lot_checks
from .costing.checks import cost_findings
from .models.ledger import INSIDE, ON_HAND
from .signals import stock_changed
from .transit import findings


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not fit. ``number`` is the entry's, None where the level itself is meant."""

    kind: str
    sku: str
    location: str
    number: int | None
    expected: str
    found: str
    message: str


_STATES = [state.value for state in INSIDE]

_CHAINED = (
    "concat_ws('|', level_id, number, from_state, to_state, quantity, "
    + ", ".join(f"{state.value}_after" for state in ON_HAND)
    + """, reason, length(note) || ':' || note, length(reference) || ':' || reference,
    length(actor) || ':' || actor, coalesce(key, ''), (extract(epoch FROM occurred_at) * 1000000)::bigint,
    (extract(epoch FROM recorded_at) * 1000000)::bigint,
    CASE WHEN in_transit_after <> 0 THEN 'in_transit:' || in_transit_after END)"""
)

_WALK = f"""
SELECT e.*,
    lag(number, 1, 0::bigint) OVER chain AS number_before,
    sha256(lag(hash, 1, ''::bytea) OVER chain || convert_to({_CHAINED}, 'UTF8')) AS hash_expected,
    {
    ", ".join(
        f"lag({state}_after, 1, 0::bigint) OVER chain + CASE WHEN to_state = '{state}' THEN quantity ELSE 0 END"
        f" - CASE WHEN from_state = '{state}' THEN quantity ELSE 0 END AS {state}_expected"
        for state in _STATES
    )
}
FROM inventory_ledgerentry e WINDOW chain AS (PARTITION BY level_id ORDER BY number)
"""

_ENTRIES = f"""
SELECT sku.code, location.code, walked.number, walked.number_before, walked.hash <> walked.hash_expected,
    {", ".join(f"walked.{state}_after, walked.{state}_expected" for state in _STATES)}
FROM ({_WALK}) walked
JOIN inventory_stocklevel level ON level.id = walked.level_id
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
WHERE walked.number <> walked.number_before + 1 OR walked.hash <> walked.hash_expected
    OR {" OR ".join(f"walked.{state}_after <> walked.{state}_expected" for state in _STATES)}
ORDER BY sku.code, location.code, walked.number
"""

_SUMS = (
    "SELECT level_id, max(number) AS number, "
    + ", ".join(
        f"sum(CASE WHEN to_state = '{state}' THEN quantity WHEN from_state = '{state}' THEN -quantity ELSE 0 END)::bigint"
        f" AS {state}"
        for state in _STATES
    )
    + " FROM inventory_ledgerentry GROUP BY level_id"
)

_LEVELS = f"""
SELECT sku.code, location.code, level.number, coalesce(sums.number, 0), level.hash <> coalesce(tail.hash, ''::bytea),
    coalesce(promised.units, 0), {", ".join(f"level.{state}, coalesce(sums.{state}, 0)" for state in _STATES)}
FROM inventory_stocklevel level
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
LEFT JOIN ({_SUMS}) sums ON sums.level_id = level.id
LEFT JOIN inventory_ledgerentry tail ON tail.level_id = level.id AND tail.number = sums.number
LEFT JOIN (
    SELECT level_id, sum(quantity - fulfilled - released)::bigint AS units FROM inventory_reservation GROUP BY level_id
) promised ON promised.level_id = level.id
WHERE level.number <> coalesce(sums.number, 0) OR level.hash <> coalesce(tail.hash, ''::bytea)
    OR level.reserved <> coalesce(promised.units, 0)
    OR {" OR ".join(f"level.{state} <> coalesce(sums.{state}, 0)" for state in _STATES)}
ORDER BY sku.code, location.code
"""

_REPAIR = f"""
UPDATE inventory_stocklevel level
SET number = truth.number, hash = truth.hash, {", ".join(f"{state} = truth.{state}" for state in _STATES)}
FROM (
    SELECT every.id, coalesce(sums.number, 0) AS number, coalesce(tail.hash, ''::bytea) AS hash,
        {", ".join(f"coalesce(sums.{state}, 0) AS {state}" for state in _STATES)}
    FROM inventory_stocklevel every
    LEFT JOIN ({_SUMS}) sums ON sums.level_id = every.id
    LEFT JOIN inventory_ledgerentry tail ON tail.level_id = sums.level_id AND tail.number = sums.number
) truth
WHERE truth.id = level.id
    AND (level.number <> truth.number OR level.hash <> truth.hash
        OR {" OR ".join(f"level.{state} <> truth.{state}" for state in _STATES)})
RETURNING level.sku_id
"""


@transaction.atomic
def verify() -> Iterator[Difference]:
    """Every difference, each named with its numbers. Sees one instant; sales go on meanwhile."""
    with connection.cursor() as cursor:
        if not connection.savepoint_ids:  # a transaction of our own: all of it sees one instant
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_ENTRIES)
        entries = cursor.fetchall()
        cursor.execute(_LEVELS)
        levels = cursor.fetchall()
        under_way = [
            Difference(kind, sku, location, None, str(expected), str(found), message)
            for check in (findings, kit_sums.findings, lot_checks.findings, cost_findings)
            for kind, sku, location, expected, found, message in check(cursor)
        ]
    return iter([*_entry_differences(entries), *_level_differences(levels), *under_way])


@transaction.atomic
def repair() -> int:
    """Set every level to what its entries say; the number of levels that were mended. Entries are never touched."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE inventory_stocklevel IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_REPAIR)
        skus = [row[0] for row in cursor.fetchall()]
        of_lots = lot_checks.mend(cursor)
    if skus:
        stock_changed.send(repair, sku_ids=sorted(set(skus)), cause="repair", reference="", new_levels=True)
    return len(skus) + of_lots


def _entry_differences(rows: list[tuple[Any, ...]]) -> Iterator[Difference]:
    for sku, location, number, before, altered, *balances in rows:
        where = f"{sku} at {location}, entry {number}"
        if number != before + 1:
            yield Difference(
                "gap", sku, location, number, str(before + 1), str(number), f"{where}: number {before + 1} is missing"
            )
        for state, found, expected in zip(_STATES, balances[::2], balances[1::2], strict=True):
            if found != expected:
                yield Difference(
                    "balance", sku, location, number, str(expected), str(found),
                    f"{where}: {state} after it is {found}, the entries say {expected} ({found - expected:+d})",
                )  # fmt: skip
        if altered:
            yield Difference(
                "hash",
                sku,
                location,
                number,
                "",
                "",
                f"{where}: its hash does not fit: it or the one before was altered",
            )


def _level_differences(rows: list[tuple[Any, ...]]) -> Iterator[Difference]:
    for sku, location, number, last, altered, promised, *units in rows:
        where = f"{sku} at {location}"
        for state, found, expected in zip(_STATES, units[::2], units[1::2], strict=True):
            if found != expected:
                yield Difference(
                    "level", sku, location, None, str(expected), str(found),
                    f"{where}: {state} is {found}, the entries say {expected} ({found - expected:+d})",
                )  # fmt: skip
        if number != last:
            yield Difference(
                "tail", sku, location, None, str(number), str(last),
                f"{where}: the level counts {number} entries, the last one there is number {last}",
            )  # fmt: skip
        elif altered:
            yield Difference("tail", sku, location, None, "", "", f"{where}: the last entry's hash is not the level's")
        reserved = units[2]
        if reserved != promised:
            yield Difference(
                "reserved", sku, location, None, str(promised), str(reserved),
                f"{where}: reserved is {reserved}, open reservations add up to {promised} ({reserved - promised:+d})",
            )  # fmt: skip
