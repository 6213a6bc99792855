"""Counting pushes and orders as they come, a few thousand at a time, into tallies that are quick to read.

A row's id says when it was made, not when it was committed: a lower one may still appear. So each run counts up to the last
row that the run before saw, and only once every transaction of that time has ended. What is not counted yet is read from the
rows themselves by whoever asks (``pulse``), with the same statements: the figures are of this moment either way.
"""

import math
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from inventory.kernel import clock

PUSHES, ORDERS = "pushes", "orders"

#: Buckets grow by a tenth: a percentile is known to within five percent.
LEAST_SECONDS, RATIO = 0.001, 1.1
#: So many rows are counted in one transaction, and read where they are not counted yet.
MOST_ROWS = 200_000
#: Behind every row.
LAST = 2**63 - 1
LAGS_KEPT = timedelta(hours=3)
HOURS_KEPT = timedelta(days=8)

_BUCKET = (
    f"floor(ln(greatest(date_part('epoch', {{}}), {LEAST_SECONDS}) / {LEAST_SECONDS}) / ln({RATIO}::float8))::smallint"
)

# Every number that a channel took for a sale, and of every sale the last channel's: where one comes later than what was
# counted, the sale moves from its bucket to the next.
LAGS = f"""
pushes AS MATERIALIZED (
    SELECT channel_id, stored_at, owed_at, computed_at, sent_at, acknowledged_at,
        date_trunc('minute', acknowledged_at) AS slot
    FROM channels_pushlog
    WHERE id > %(low)s AND id <= %(high)s AND stored_at IS NOT NULL AND outcome = 'applied' AND acknowledged_at >= %(since)s
), heard AS MATERIALIZED (
    SELECT stored_at, min(owed_at) AS owed_at, max(acknowledged_at) AS acknowledged_at FROM pushes GROUP BY stored_at
), moved AS MATERIALIZED (
    SELECT heard.stored_at, heard.owed_at, heard.acknowledged_at, date_trunc('minute', heard.stored_at) AS slot,
        reach.acknowledged_at AS before
    FROM heard LEFT JOIN reports_salereach reach ON reach.stored_at = heard.stored_at
), measured AS (
    SELECT slot, channel_id, 'lag' AS part, {_BUCKET.format("acknowledged_at - stored_at")} AS bucket, 1 AS pushes FROM pushes
    UNION ALL SELECT slot, 0, 'sync', {_BUCKET.format("acknowledged_at - owed_at")}, 1 FROM pushes
    UNION ALL SELECT slot, 0, 'waiting', {_BUCKET.format("computed_at - owed_at")}, 1 FROM pushes
    UNION ALL SELECT slot, 0, 'answer', {_BUCKET.format("acknowledged_at - coalesce(sent_at, computed_at)")}, 1 FROM pushes
    UNION ALL SELECT slot, 0, 'intake', {_BUCKET.format("owed_at - stored_at")}, 1 FROM moved WHERE before IS NULL
    UNION ALL SELECT slot, 0, 'sale', {_BUCKET.format("greatest(acknowledged_at, before) - stored_at")}, 1 FROM moved
    UNION ALL SELECT slot, 0, 'sale', {_BUCKET.format("before - stored_at")}, -1 FROM moved WHERE before IS NOT NULL
)
"""

_COUNT_LAGS = f"""
WITH {LAGS}, kept AS (
    INSERT INTO reports_salereach (stored_at, acknowledged_at) SELECT stored_at, acknowledged_at FROM heard
    ON CONFLICT (stored_at) DO UPDATE
    SET acknowledged_at = greatest(reports_salereach.acknowledged_at, excluded.acknowledged_at)
)
INSERT INTO reports_lagtally (slot, channel_id, part, bucket, pushes)
SELECT slot, channel_id, part, bucket, sum(pushes) FROM measured GROUP BY slot, channel_id, part, bucket
ON CONFLICT (slot, channel_id, part, bucket) DO UPDATE SET pushes = reports_lagtally.pushes + excluded.pushes
"""

SALES = """
sold AS (
    SELECT date_trunc(%(span)s, sale.recorded_at) AS slot, sale.channel_id, 1 AS orders, coalesce(line.lines, 0) AS lines,
        coalesce(line.units, 0) AS units
    FROM fulfillment_salesorder sale LEFT JOIN LATERAL (
        SELECT count(*) AS lines, sum(quantity) AS units FROM fulfillment_salesorderline WHERE order_id = sale.id
    ) line ON TRUE
    WHERE sale.id > %(low)s AND sale.id <= %(high)s AND sale.recorded_at >= %(since)s
)
"""

_COUNT_SALES = f"""
WITH {SALES}
INSERT INTO reports_salestally (span, slot, channel_id, orders, lines, units)
SELECT %(span)s, slot, channel_id, sum(orders), sum(lines), sum(units) FROM sold GROUP BY slot, channel_id
ON CONFLICT (span, slot, channel_id) DO UPDATE SET orders = reports_salestally.orders + excluded.orders,
    lines = reports_salestally.lines + excluded.lines, units = reports_salestally.units + excluded.units
"""

_TABLES = {PUSHES: "channels_pushlog", ORDERS: "fulfillment_salesorder"}

_MAKE = """
INSERT INTO reports_tallymark (name, done_id, seen_id, seen_xid, tallied_at) VALUES (%s, 0, 0, 0, %s)
ON CONFLICT (name) DO NOTHING
"""
_TAKE = """
SELECT done_id, seen_id, seen_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
FROM reports_tallymark WHERE name = %s FOR UPDATE SKIP LOCKED
"""
_MOVE = """
UPDATE reports_tallymark SET done_id = %(high)s, tallied_at = %(now)s,
    seen_id = CASE WHEN %(whole)s THEN (SELECT coalesce(max(id), 0) FROM {table}) ELSE seen_id END,
    seen_xid = CASE WHEN %(whole)s THEN pg_snapshot_xmax(pg_current_snapshot())::text::bigint ELSE seen_xid END
WHERE name = %(name)s
"""


def tally() -> None:
    """Count what has come since the last run, and forget what nobody asks for any more."""
    for name in (PUSHES, ORDERS):
        _tally(name)
    _forget()


@transaction.atomic
def _tally(name: str) -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [name, now])
        cursor.execute(_TAKE, [name])
        row = cursor.fetchone()
        if row is None:  # another worker is at it
            return
        done, seen, is_final = row
        high = min(seen, done + MOST_ROWS) if is_final else done
        if high > done:
            _count(cursor, name, low=done, high=high, now=now)
        moved = {"name": name, "high": high, "now": now, "whole": is_final and high == seen}
        cursor.execute(_MOVE.format(table=_TABLES[name]), moved)


def _count(cursor: Any, name: str, *, low: int, high: int, now: datetime) -> None:
    bounds = {"low": low, "high": high}
    if name == PUSHES:
        cursor.execute(_COUNT_LAGS, {**bounds, "since": now - LAGS_KEPT})
        return
    for span, kept in (("minute", LAGS_KEPT), ("hour", HOURS_KEPT)):
        cursor.execute(_COUNT_SALES, {**bounds, "span": span, "since": now - kept})


def _forget() -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reports_lagtally WHERE slot < %s", [now - LAGS_KEPT])
        cursor.execute("DELETE FROM reports_salereach WHERE stored_at < %s", [now - LAGS_KEPT])
        for span, kept in (("minute", LAGS_KEPT), ("hour", HOURS_KEPT)):
            cursor.execute("DELETE FROM reports_salestally WHERE span = %s AND slot < %s", [span, now - kept])


def seconds_of(bucket: int) -> float:
    """The middle of a bucket."""
    return LEAST_SECONDS * math.pow(RATIO, bucket + 0.5)


def percentile(buckets: dict[int, int], share: float) -> float | None:
    """The seconds that this share of what was counted took at most; None where nothing was."""
    total = sum(buckets.values())
    if total <= 0:
        return None
    wanted, reached = max(1, math.ceil(total * share)), 0
    for bucket in sorted(buckets):
        reached += buckets[bucket]
        if reached >= wanted:
            return seconds_of(bucket)
    return seconds_of(max(buckets))
