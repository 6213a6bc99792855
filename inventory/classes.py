"""Classes of SKUs by what they move: the few that make most of the value are A, and are worth counting often."""

from datetime import timedelta

from django.db import connection

from .kernel import clock
from .models import Location, StockClass

#: What left within so many days decides.
DAYS = 90

# Units by their cost, else by their price; where neither is known each unit counts for one.
_CLASSES = """
WITH moved AS (
    SELECT level.sku_id, sum(entry.quantity * coalesce(sku.unit_cost, sku.price, 1)) AS value
    FROM inventory_ledgerentry entry
    JOIN inventory_stocklevel level ON level.id = entry.level_id
    JOIN inventory_sku sku ON sku.id = level.sku_id
    WHERE entry.recorded_at >= %s AND entry.to_state = 'customer' AND level.location_id = %s
    GROUP BY level.sku_id
), ranked AS (
    SELECT sku_id, value, sum(value) OVER (ORDER BY value DESC, sku_id) - value AS above, sum(value) OVER () AS total
    FROM moved WHERE value > 0
)
SELECT sku_id, CASE WHEN above < total * 0.80 THEN 'A' WHEN above < total * 0.95 THEN 'B' ELSE 'C' END FROM ranked
"""


def classes_at(location: Location) -> dict[int, StockClass]:
    """The class of each SKU that left the location lately: A makes the first 80 % of the value, B the next 15 %.

    What did not leave is not named; it is C.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLASSES, [clock.now() - timedelta(days=DAYS), location.pk])
        return {sku_id: StockClass(letter) for sku_id, letter in cursor.fetchall()}
