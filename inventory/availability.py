"""The only home of the formulas over stock levels."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F
from django.db.models.expressions import CombinedExpression

#: For annotations over StockLevel: units physically there.
ON_HAND: CombinedExpression = F("available") + F("reserved") + F("quarantine") + F("damaged") + F("hold")


@dataclass(frozen=True, slots=True)
class LevelAt:
    """One level at one instant, in units."""

    sku: str
    location: str
    available: int
    reserved: int
    quarantine: int
    damaged: int
    hold: int
    in_transit: int

    @property
    def on_hand(self) -> int:
        return self.available + self.reserved + self.quarantine + self.damaged + self.hold


_AT = """
SELECT sku.code, location.code, entry.available_after, entry.reserved_after, entry.quarantine_after,
    entry.damaged_after, entry.hold_after, entry.in_transit_after
FROM inventory_stocklevel level
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
JOIN LATERAL (
    SELECT * FROM inventory_ledgerentry e
    WHERE e.level_id = level.id AND e.recorded_at <= %(at)s ORDER BY e.number DESC LIMIT 1
) entry ON TRUE
WHERE (%(skus)s::text[] IS NULL OR sku.code = ANY(%(skus)s))
    AND (%(locations)s::text[] IS NULL OR location.code = ANY(%(locations)s))
ORDER BY sku.code, location.priority, location.code
"""


def levels_at(
    at: datetime, *, sku_codes: Collection[str] | None = None, location_codes: Collection[str] | None = None
) -> list[LevelAt]:
    """Stock levels as the entries recorded up to that instant say; levels that did not exist yet are absent."""
    given = {
        "at": at,
        "skus": None if sku_codes is None else list(sku_codes),
        "locations": None if location_codes is None else list(location_codes),
    }
    with connection.cursor() as cursor:
        cursor.execute(_AT, given)
        return [LevelAt(*row) for row in cursor.fetchall()]
