"""The statements behind ``pulse``: each answers for all channels at once."""

from .tallies import LAGS as _LAGS
from .tallies import SALES as _SALES

CHANNELS = """
WITH listed AS (
    SELECT channel_id, count(*) AS listings FROM channels_listing WHERE is_active GROUP BY channel_id
), owed AS (
    SELECT channel_id, count(*) AS owed, count(*) FILTER (WHERE owed_at < %(late)s) AS overdue, min(owed_at) AS oldest
    FROM channels_debt GROUP BY channel_id
), parked AS (
    SELECT channel_id, count(*) AS parked FROM channels_stocktarget WHERE parked_reason <> '' GROUP BY channel_id
), showing AS (
    SELECT target.channel_id, count(*) AS showing
    FROM channels_channel channel JOIN channels_stocktarget target ON target.channel_id = channel.id
    JOIN channels_listing listing ON listing.id = target.listing_id
    WHERE channel.stopped_at IS NOT NULL AND target.is_active AND listing.is_active AND target.shown IS DISTINCT FROM 0
    GROUP BY target.channel_id
)
SELECT channel.id, channel.code, channel.name,
    CASE
        WHEN channel.disconnected_at IS NOT NULL THEN 'disconnected'
        WHEN channel.stopped_at IS NOT NULL THEN 'stopped'
        WHEN channel.mode = 'shadow' THEN 'shadow'
        ELSE 'selling'
    END AS state,
    coalesce(lane.failures, 0) AS failures, lane.not_before AS waits_until, coalesce(lane.last_error, '') AS last_error,
    lane.answered_at, coalesce(listings, 0) AS listings, coalesce(owed, 0) AS owed, coalesce(overdue, 0) AS overdue,
    oldest AS oldest_owed_at, coalesce(parked, 0) AS parked, coalesce(showing, 0) AS still_shown
FROM channels_channel channel
LEFT JOIN channels_synclane lane ON lane.channel_id = channel.id
LEFT JOIN listed ON listed.channel_id = channel.id
LEFT JOIN owed ON owed.channel_id = channel.id
LEFT JOIN parked ON parked.channel_id = channel.id
LEFT JOIN showing ON showing.channel_id = channel.id
WHERE channel.is_active
ORDER BY channel.priority, channel.code
"""

COUNTS = """
WITH marks AS (
    SELECT coalesce(max(done_id) FILTER (WHERE name = 'pushes'), 0) AS pushes,
        coalesce(max(done_id) FILTER (WHERE name = 'orders'), 0) AS orders, max(tallied_at) AS tallied_at
    FROM reports_tallymark
), newest AS (
    SELECT (SELECT coalesce(max(id), 0) FROM channels_pushlog) AS pushes,
        (SELECT coalesce(max(id), 0) FROM fulfillment_salesorder) AS orders
), oversold AS (
    SELECT count(*) FILTER (WHERE closed_at IS NULL) AS open, count(*) FILTER (WHERE found_at >= %(today)s) AS today,
        count(*) FILTER (WHERE found_at >= %(week)s) AS week,
        coalesce(sum(quantity) FILTER (WHERE found_at >= %(week)s), 0) AS units
    FROM fulfillment_shortfall WHERE kind = 'oversell' AND (closed_at IS NULL OR found_at >= least(%(today)s, %(week)s))
), stock AS (
    SELECT coalesce(sum(available), 0) AS available, coalesce(sum(reserved), 0) AS reserved FROM inventory_stocklevel
), checked AS (
    SELECT finished_at, differences FROM reports_ledgercheck WHERE differences IS NOT NULL ORDER BY finished_at DESC LIMIT 1
), inbox AS (
    SELECT count(*) AS waiting, min(stored_at) AS oldest FROM channels_delivery WHERE status = 'waiting'
)
SELECT
    (SELECT count(*) FROM channels_delivery WHERE status = 'parked') AS parked_delivery,
    (SELECT count(*) FROM fulfillment_salesorderline WHERE parked_reason <> '') AS parked_line,
    (SELECT count(*) FROM channels_stocktarget WHERE parked_reason <> '') AS parked_target,
    (SELECT count(*) FROM fulfillment_shipment WHERE news = 'parked') AS parked_shipment,
    (SELECT count(*) FROM fulfillment_salesorder WHERE problem <> '') AS problems,
    (SELECT count(*) FROM reports_alert WHERE closed_at IS NULL) AS alerts,
    (SELECT count(*) FROM reports_alert WHERE closed_at IS NULL AND kind = 'drift') AS drifts,
    (SELECT count(*) FROM reports_alert WHERE closed_at IS NULL AND kind = 'backup') AS backups,
    (SELECT count(*) FROM purchasing_reorderalert WHERE closed_at IS NULL) AS reorders,
    (SELECT count(*) FROM inventory_sku WHERE is_active) AS skus,
    (SELECT finished_at FROM checked) AS checked_at, (SELECT differences FROM checked) AS differences,
    (SELECT min(applied) FROM django_migrations) AS installed_at,
    inbox.waiting AS inbox, inbox.oldest AS inbox_oldest_at, oversold.open AS oversold, oversold.today AS oversold_today,
    oversold.week AS oversold_week, oversold.units::bigint AS oversold_units, stock.available::bigint AS available,
    stock.reserved::bigint AS reserved, marks.tallied_at AS counted_at,
    newest.pushes - marks.pushes + newest.orders - marks.orders AS uncounted,
    greatest(marks.pushes, newest.pushes - %(most)s) AS pushes_low,
    greatest(marks.orders, newest.orders - %(most)s) AS orders_low
FROM marks, newest, oversold, stock, inbox
"""

# One row without a slot has the lines of today and of the week.
SALES = f"""
WITH {_SALES}, hours AS (
    SELECT slot, lines FROM reports_salestally WHERE span = 'hour' AND slot >= least(%(week)s, %(today)s)
    UNION ALL SELECT slot, lines FROM sold
), minutes AS (
    SELECT slot, channel_id, orders, units FROM reports_salestally WHERE span = 'minute' AND slot >= %(first_minute)s
    UNION ALL SELECT slot, channel_id, orders, units FROM sold WHERE slot >= %(first_minute)s
)
(SELECT slot, channel_id, sum(orders) AS orders, sum(units) AS units FROM minutes GROUP BY slot, channel_id)
UNION ALL
(SELECT NULL, 0, coalesce(sum(lines) FILTER (WHERE slot >= %(today)s), 0),
    coalesce(sum(lines) FILTER (WHERE slot >= %(week)s), 0) FROM hours)
"""

LAGS = f"""
WITH {_LAGS}, counted AS (
    SELECT slot, channel_id, part, bucket, pushes FROM reports_lagtally WHERE slot >= %(first_minute)s
    UNION ALL SELECT slot, channel_id, part, bucket, pushes FROM measured WHERE slot >= %(first_minute)s
)
SELECT channel_id, part, bucket, sum(pushes) AS hour, coalesce(sum(pushes) FILTER (WHERE slot >= %(recent)s), 0) AS quarter
FROM counted GROUP BY channel_id, part, bucket
"""
