"""Do transfers, their entries and what is in transit say the same? Each difference with its numbers."""

from collections.abc import Iterator
from typing import Any

#: kind, SKU, location, expected, found, message.
Finding = tuple[str, str, str, object, object, str]

# Both sides are looked at: a line whose level is missing differs as much as a level without a line.
_LEVELS = """
SELECT sku.code, location.code, coalesce(open.units, 0), coalesce(level.in_transit, 0)
FROM (
    SELECT line.sku_id, transfer.to_location_id AS location_id,
        sum(dispatched - received - damaged - lost - returned)::bigint AS units
    FROM inventory_transferline line JOIN inventory_transfer transfer ON transfer.id = line.transfer_id
    GROUP BY line.sku_id, transfer.to_location_id
) open
FULL JOIN (SELECT sku_id, location_id, in_transit FROM inventory_stocklevel) level
    ON level.sku_id = open.sku_id AND level.location_id = open.location_id
JOIN inventory_sku sku ON sku.id = coalesce(open.sku_id, level.sku_id)
JOIN inventory_location location ON location.id = coalesce(open.location_id, level.location_id)
WHERE coalesce(open.units, 0) <> coalesce(level.in_transit, 0)
ORDER BY sku.code, location.code
"""

#: What a line counts, and the entries that it counts: where, from which state, to which.
_COUNTED = {
    "dispatched": (("from", "available", "transfer"), ("to", "transfer", "in_transit")),
    "received": (("to", "in_transit", "available"),),
    "damaged": (("to", "in_transit", "damaged"),),
    "lost": (("to", "in_transit", "adjustment"),),
    "returned": (("to", "in_transit", "transfer"), ("from", "transfer", "available")),
}

_CHECKS = [(column, *where) for column, wheres in _COUNTED.items() for where in wheres]

_ENTRIES = f"""
WITH moved AS MATERIALIZED (
    SELECT entry.reference, level.sku_id, level.location_id, entry.from_state, entry.to_state,
        sum(entry.quantity)::bigint AS units
    FROM inventory_ledgerentry entry JOIN inventory_stocklevel level ON level.id = entry.level_id
    WHERE entry.from_state IN ('transfer', 'in_transit') OR entry.to_state IN ('transfer', 'in_transit')
    GROUP BY 1, 2, 3, 4, 5
), stated AS MATERIALIZED (
    SELECT transfer.code AS reference, line.sku_id,
        CASE given.side WHEN 'from' THEN transfer.from_location_id ELSE transfer.to_location_id END AS location_id,
        given.from_state, given.to_state, given.units
    FROM inventory_transferline line JOIN inventory_transfer transfer ON transfer.id = line.transfer_id
    CROSS JOIN LATERAL (VALUES
        {", ".join(f"('{side}', '{source}', '{target}', line.{column})" for column, side, source, target in _CHECKS)}
    ) AS given (side, from_state, to_state, units)
    WHERE given.units <> 0
)
SELECT coalesce(moved.reference, stated.reference), sku.code, location.code,
    coalesce(moved.from_state, stated.from_state), coalesce(moved.to_state, stated.to_state),
    coalesce(moved.units, 0), coalesce(stated.units, 0)
FROM moved FULL JOIN stated ON stated.reference = moved.reference AND stated.sku_id = moved.sku_id
    AND stated.location_id = moved.location_id AND stated.from_state = moved.from_state
    AND stated.to_state = moved.to_state
JOIN inventory_sku sku ON sku.id = coalesce(moved.sku_id, stated.sku_id)
JOIN inventory_location location ON location.id = coalesce(moved.location_id, stated.location_id)
WHERE coalesce(moved.units, 0) <> coalesce(stated.units, 0)
ORDER BY 1, 2, 3, 4, 5
"""


def findings(cursor: Any) -> Iterator[Finding]:
    """Every difference, in the transaction of whoever asks."""
    cursor.execute(_LEVELS)
    for sku, location, expected, found in cursor.fetchall():
        message = (
            f"{sku} at {location}: in transit is {found}, open transfers add up to {expected} ({found - expected:+d})"
        )
        yield "in_transit", sku, location, expected, found, message
    cursor.execute(_ENTRIES)
    for code, sku, location, source, target, expected, found in cursor.fetchall():
        message = (
            f"{sku} at {location}: transfer {code} counts {found} units from {source} to {target}, "
            f"its entries add up to {expected} ({found - expected:+d})"
        )
        yield "transfer", sku, location, expected, found, message
