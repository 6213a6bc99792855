"""Do the promises of kits hold whole kits, and do bundles come to what is said of them? Each difference with its numbers."""

from collections.abc import Iterator
from typing import Any

from .transit import Finding

# Of each holder's kits: what is promised of every component, and what has left, against the whole kits that all of them make.
_KITS = """
WITH parts AS MATERIALIZED (
    SELECT held.holder_kind, held.holder_id, held.kit, level.sku_id, held.units_per_kit AS per_kit,
        min(level.location_id) AS location_id, sum(held.quantity - held.fulfilled - held.released)::bigint AS open,
        sum(held.fulfilled)::bigint AS gone
    FROM inventory_reservation held JOIN inventory_stocklevel level ON level.id = held.level_id
    WHERE held.kit > 0 GROUP BY 1, 2, 3, 4, 5
), kits AS (
    SELECT holder_kind, holder_id, kit, min(open / per_kit) AS open, min(gone / per_kit) AS gone FROM parts GROUP BY 1, 2, 3
)
SELECT sku.code, location.code, holder_kind, holder_id, kits.open, kits.open * parts.per_kit, parts.open,
    kits.gone, kits.gone * parts.per_kit, parts.gone
FROM parts JOIN kits USING (holder_kind, holder_id, kit) JOIN inventory_sku sku ON sku.id = parts.sku_id
JOIN inventory_location location ON location.id = parts.location_id
WHERE parts.open <> kits.open * parts.per_kit OR parts.gone <> kits.gone * parts.per_kit
ORDER BY sku.code, location.code, holder_id
"""

_PARTS = """
WITH RECURSIVE made (bundle_id, component_id, units, depth) AS (
    SELECT bundle_id, component_id, quantity::numeric, 1 FROM inventory_bundlecomponent
    UNION ALL
    SELECT made.bundle_id, inside.component_id, made.units * inside.quantity, made.depth + 1
    FROM made JOIN inventory_bundlecomponent inside ON inside.bundle_id = made.component_id
    JOIN inventory_sku sku ON sku.id = made.component_id AND sku.bundle_mode = 'virtual'
    WHERE made.depth < 20
), truth AS (
    SELECT bundle_id, component_id, sum(units) AS units FROM made WHERE NOT EXISTS (
        SELECT 1 FROM inventory_bundlecomponent inside JOIN inventory_sku sku ON sku.id = inside.bundle_id
        WHERE inside.bundle_id = made.component_id AND sku.bundle_mode = 'virtual'
    ) GROUP BY bundle_id, component_id
)
SELECT bundle.code, component.code, coalesce(truth.units, 0), coalesce(part.units, 0)
FROM truth FULL JOIN inventory_bundlepart part
    ON part.bundle_id = truth.bundle_id AND part.component_id = truth.component_id
JOIN inventory_sku bundle ON bundle.id = coalesce(truth.bundle_id, part.bundle_id)
JOIN inventory_sku component ON component.id = coalesce(truth.component_id, part.component_id)
WHERE coalesce(truth.units, 0) <> coalesce(part.units, 0)
ORDER BY bundle.code, component.code
"""


def findings(cursor: Any) -> Iterator[Finding]:
    """Every difference, in the transaction of whoever asks."""
    cursor.execute(_KITS)
    for sku, location, kind, holder, kits, expected, found, gone, sent, left in cursor.fetchall():
        who = f"{kind.replace('_', ' ')} {holder}"
        if found != expected:
            message = (
                f"{sku}: {who} is promised {kits} whole kits, {expected} units, and has {found} ({found - expected:+d})"
            )
            yield "kit", sku, location, expected, found, message
        if left != sent:
            message = f"{sku}: {who} got {gone} whole kits, {sent} units, and {left} have left ({left - sent:+d})"
            yield "kit", sku, location, sent, left, message
    cursor.execute(_PARTS)
    for bundle, component, expected, found in cursor.fetchall():
        message = f"{bundle}: its components come to {expected} of {component}, it is reckoned with {found}"
        yield "bundle", bundle, "", expected, found, message
