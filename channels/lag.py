"""Lag: from the commit of a delivery to a channel's acknowledgement of the first number computed after the recording."""

from collections.abc import Collection
from datetime import timedelta

from django.db import connection

from inventory.kernel import clock

_PERCENTILES = """
SELECT channel_id, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
    ORDER BY extract(epoch FROM acknowledged_at - stored_at))
FROM channels_pushlog
WHERE channel_id = ANY(%s) AND id > (SELECT coalesce(max(id), 0) - 200000 FROM channels_pushlog)
    AND stored_at IS NOT NULL AND outcome = 'applied' AND acknowledged_at > %s
GROUP BY channel_id
"""


def percentiles_of(
    channel_ids: Collection[int], *, window: timedelta = timedelta(hours=1)
) -> dict[int, dict[str, float]]:
    """p50, p95 and p99 in seconds by channel, over the pushes of the window; channels without any are absent."""
    with connection.cursor() as cursor:
        cursor.execute(_PERCENTILES, [list(channel_ids), clock.now() - window])
        return {
            channel_id: {
                name: round(float(value), 3) for name, value in zip(("p50", "p95", "p99"), values, strict=True)
            }
            for channel_id, values in cursor.fetchall()
        }


def percentiles(channel_id: int) -> dict[str, float | None]:
    """The same for one channel; None where nothing was pushed for a sale."""
    found = percentiles_of([channel_id]).get(channel_id)
    return {"p50": None, "p95": None, "p99": None} if found is None else dict(found)
