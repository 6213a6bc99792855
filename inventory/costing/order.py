"""The order in which entries are valued: given once, when they are seen to be committed, and kept for ever.

Numbers without gaps within each level say what was lined up already: entries of a level commit in the order of their numbers,
so none is missed and none comes before one that was lined up. An entry of another level of the same SKU may commit late, with an
earlier id: it takes its place after those that were seen before it.

So that each look need not go through all levels, ``seen_id`` says up to which id nothing new will ever appear. Ids are drawn
by transactions that have locked a level, and so have a number of their own: the last id drawn is read first, then the next
transaction's number; once all transactions before that number have ended, no id up to that one can still appear.
"""

from typing import Any

from django.db import connection

from ..companies import home_company
from ..models import CostHorizon

#: References that stand for one thing made of others: their cost flows from what goes out to what comes in.
CARRYING = ("assembly:", "merge:")

_INSIDE = "('available', 'reserved', 'quarantine', 'damaged', 'hold', 'in_transit')"

_LINE_UP = f"""
WITH fresh AS MATERIALIZED (
    SELECT entry.id, entry.level_id, entry.number, entry.from_state, entry.to_state, entry.reference, entry.recorded_at,
        level.sku_id, coalesce(location.company_id, %(home)s) AS company_id
    FROM inventory_ledgerentry entry
    JOIN inventory_stocklevel level ON level.id = entry.level_id
    JOIN inventory_location location ON location.id = level.location_id
    LEFT JOIN inventory_costcursor cursor ON cursor.level_id = entry.level_id
    WHERE entry.id > %(seen)s AND entry.number > coalesce(cursor.number, 0)
), counted AS (
    INSERT INTO inventory_costcursor (level_id, number)
    SELECT level_id, max(number) FROM fresh GROUP BY level_id
    ON CONFLICT (level_id) DO UPDATE SET number = excluded.number
), crossing AS (
    SELECT fresh.*, source.company_id AS source_id, fresh.from_state NOT IN {_INSIDE} AS comes,
        'transfer' IN (fresh.from_state, fresh.to_state) AS goes_elsewhere,
        CASE WHEN 'transfer' IN (fresh.from_state, fresh.to_state) OR fresh.reference LIKE ANY(%(carrying)s)
            THEN min(fresh.id) OVER (PARTITION BY fresh.reference, fresh.recorded_at) END AS batch
    FROM fresh
    LEFT JOIN inventory_transfer transfer
        ON 'transfer' IN (fresh.from_state, fresh.to_state) AND transfer.code = fresh.reference
    LEFT JOIN LATERAL (
        SELECT coalesce(other.company_id, %(home)s) AS company_id FROM inventory_location other
        WHERE other.id IN (transfer.from_location_id, transfer.to_location_id)
            AND coalesce(other.company_id, %(home)s) <> fresh.company_id
        LIMIT 1
    ) source ON TRUE
    WHERE (fresh.from_state NOT IN {_INSIDE} OR fresh.to_state NOT IN {_INSIDE})
        AND NOT EXISTS (SELECT 1 FROM inventory_costposition placed WHERE placed.entry_id = fresh.id)
)
INSERT INTO inventory_costposition (company_id, sku_id, entry_id, batch, origin, unit_cost, rate, booked_at)
SELECT one.company_id, one.sku_id, one.id, one.batch,
    CASE WHEN NOT one.comes THEN 'none' WHEN fact.id IS NOT NULL THEN 'given'
        WHEN catalogue.unit_cost IS NOT NULL THEN 'catalogue' ELSE 'none' END,
    CASE WHEN one.comes THEN coalesce(fact.base_unit_cost, catalogue.unit_cost) END,
    CASE WHEN one.goes_elsewhere AND one.comes THEN exchange.rate ELSE 1 END,
    greatest(
        max(one.recorded_at) OVER (PARTITION BY one.company_id, one.sku_id ORDER BY coalesce(one.batch, one.id), one.id),
        before.booked_at, closed.ends_at
    )
FROM crossing one
JOIN inventory_company company ON company.id = one.company_id
JOIN inventory_sku sku ON sku.id = one.sku_id
LEFT JOIN inventory_costfact fact ON fact.level_id = one.level_id AND fact.number = one.number
LEFT JOIN LATERAL (
    SELECT booked_at FROM inventory_costposition placed
    WHERE placed.company_id = one.company_id AND placed.sku_id = one.sku_id ORDER BY placed.id DESC LIMIT 1
) before ON TRUE
LEFT JOIN LATERAL (
    SELECT max(period.ends_at) AS ends_at FROM inventory_period period WHERE period.company_id = one.company_id
) closed ON TRUE
LEFT JOIN LATERAL (
    SELECT CASE WHEN '' IN (sku.currency, company.base_currency) OR sku.currency = company.base_currency
        THEN sku.unit_cost ELSE round(sku.unit_cost * (
            SELECT rate FROM inventory_exchangerate known
            WHERE known.currency = sku.currency AND known.base = company.base_currency
                AND known.day <= (one.recorded_at AT TIME ZONE company.time_zone)::date
            ORDER BY known.day DESC LIMIT 1
        ), 6) END AS unit_cost
) catalogue ON one.comes
LEFT JOIN inventory_company source ON source.id = one.source_id
LEFT JOIN LATERAL (
    SELECT CASE WHEN '' IN (source.base_currency, company.base_currency) OR source.base_currency = company.base_currency
        THEN 1 ELSE (
            SELECT rate FROM inventory_exchangerate known
            WHERE known.currency = source.base_currency AND known.base = company.base_currency
                AND known.day <= (one.recorded_at AT TIME ZONE company.time_zone)::date
            ORDER BY known.day DESC LIMIT 1
        ) END AS rate
) exchange ON one.goes_elsewhere AND one.comes
WHERE NOT one.goes_elsewhere OR one.source_id IS NOT NULL
ORDER BY coalesce(one.batch, one.id), one.id
"""

_DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM inventory_ledgerentry_id_seq"
_RUNNING = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""

_WAITING = """
SELECT count(*) FROM inventory_ledgerentry entry
LEFT JOIN inventory_costcursor cursor ON cursor.level_id = entry.level_id
WHERE entry.id > %s AND entry.number > coalesce(cursor.number, 0)
"""


def line_up(horizon: CostHorizon) -> int:
    """Give every committed entry that has none its place; how many got one. The caller holds the horizon's lock."""
    with connection.cursor() as cursor:
        settled = settled_id(cursor, horizon)
        given: dict[str, Any] = {
            "home": home_company().pk,
            "seen": horizon.seen_id,
            "carrying": [f"{prefix}%" for prefix in CARRYING],
        }
        cursor.execute(_LINE_UP, given)
        lined_up: int = cursor.rowcount
        if settled > horizon.seen_id:
            horizon.seen_id = settled
        _look_ahead(cursor, horizon)
    horizon.save()
    return lined_up


_STEP_BACK = f"""
WITH missed AS (
    SELECT entry.level_id, min(entry.number) AS number, min(entry.id) AS id
    FROM inventory_ledgerentry entry LEFT JOIN inventory_costposition placed ON placed.entry_id = entry.id
    WHERE placed.id IS NULL AND (entry.from_state NOT IN {_INSIDE} OR entry.to_state NOT IN {_INSIDE})
        AND 'transfer' NOT IN (entry.from_state, entry.to_state)  -- within a company those have no place
    GROUP BY entry.level_id
), stepped AS (
    UPDATE inventory_costcursor cursor SET number = missed.number - 1
    FROM missed WHERE missed.level_id = cursor.level_id AND missed.number <= cursor.number
)
SELECT min(id) FROM missed
"""


def step_back(horizon: CostHorizon) -> None:
    """Have entries lined up that were passed over: somebody took them out behind our back, and put them in again later."""
    with connection.cursor() as cursor:
        cursor.execute(_STEP_BACK)
        first = cursor.fetchone()[0]
    if first is not None:
        horizon.seen_id = min(horizon.seen_id, first - 1)


def waiting(horizon: CostHorizon) -> int:
    """How many committed entries have not been lined up."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [horizon.seen_id])
        return int(cursor.fetchone()[0])


def settled_id(cursor: Any, horizon: CostHorizon) -> int:
    """Up to which id every entry that will ever be is to be seen from now on. Asked before entries are looked at."""
    cursor.execute(_RUNNING)
    oldest, following = cursor.fetchone()
    if horizon.pending_xid > following:  # of another server, from which this database was restored
        horizon.pending_xid = following
    return horizon.pending_id if oldest >= horizon.pending_xid else horizon.seen_id


def _look_ahead(cursor: Any, horizon: CostHorizon) -> None:
    """Note the last id that was drawn, and which transactions have to end before it is settled."""
    if horizon.pending_id > horizon.seen_id:
        return  # still waiting for those of the last time
    cursor.execute(_DRAWN)
    horizon.pending_id = cursor.fetchone()[0]
    cursor.execute(_RUNNING)  # a statement of its own: its snapshot is taken after the id was read
    horizon.pending_xid = cursor.fetchone()[1]
