"""Leases that ended: what dead workers had claimed is owed again, and debts that nobody works at are found."""

from datetime import timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from inventory.kernel import clock

from .outbox import LEASE, OWE_AGAIN, Release, release_lanes

# Claims stand under a lane's lease, so that they are looked for where a lane's has ended: an index on the claims themselves
# would have to be written with every number that is sent.
_ENDED = """
SELECT channel_id FROM channels_synclane WHERE lease_until < %s ORDER BY channel_id FOR NO KEY UPDATE SKIP LOCKED
"""

_EXPIRED = """
SELECT id, channel_id, claim_owed_at, claim_stored_at FROM channels_stocktarget
WHERE channel_id = ANY(%s) AND claimed_until < %s ORDER BY channel_id, id LIMIT %s
"""

_REOPEN = """
UPDATE channels_synclane SET lease = NULL, lease_until = NULL, holder = ''
WHERE channel_id = ANY(%s) AND lease_until < %s
"""

#: Claims that are freed in one transaction; a lane with more stays closed until the next.
MOST_CLAIMS = 10_000

_FREE = """
WITH locked AS MATERIALIZED (
    SELECT id FROM channels_stocktarget WHERE id = ANY(%(targets)s) AND claimed_until < %(now)s
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE channels_stocktarget target
SET outcome = CASE WHEN in_flight IS NULL THEN outcome ELSE 'unknown' END,
    shown = CASE WHEN in_flight IS NULL THEN shown END,
    in_flight = NULL, flight_key = NULL, claimed_until = NULL, claim_owed_at = NULL, claim_stored_at = NULL
FROM locked WHERE target.id = locked.id
"""


def free_expired_claims() -> int:
    """Owe again what dead workers had claimed; what they may have sent is unknown. The number of targets freed."""
    return _free(None)


@transaction.atomic
def _free(channel_id: int | None) -> int:
    """Of one channel, whatever its lane says, or of all whose lane's lease has ended; those lanes are open again."""
    now = clock.now()
    with connection.cursor() as cursor:
        channels = [channel_id]
        if channel_id is None:
            cursor.execute(_ENDED, [now])
            channels = [row[0] for row in cursor.fetchall()]
            if not channels:
                return 0
        cursor.execute(_EXPIRED, [channels, now, MOST_CLAIMS])
        rows = cursor.fetchall()
        if channel_id is None and len(rows) < MOST_CLAIMS:
            cursor.execute(_REOPEN, [channels, now])
        if rows:
            back = [(channel_id, pk, owed_at or now, stored_at) for pk, channel_id, owed_at, stored_at in rows]
            cursor.execute(OWE_AGAIN, [list(column) for column in zip(*back, strict=True)])
            cursor.execute(_FREE, {"targets": [row[0] for row in rows], "now": now})
    return len(rows)


_EXPIRE = """
WITH lane AS (
    UPDATE channels_synclane SET lease_until = %(past)s
    WHERE holder = %(holder)s AND lease IS NOT NULL
    RETURNING channel_id
), locked AS MATERIALIZED (
    SELECT target.id FROM channels_stocktarget target JOIN lane ON lane.channel_id = target.channel_id
    WHERE target.claimed_until IS NOT NULL ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target SET claimed_until = %(past)s FROM locked WHERE target.id = locked.id
"""


_EXPIRE_ONE = """
WITH locked AS MATERIALIZED (
    SELECT id FROM channels_stocktarget WHERE channel_id = %(channel)s AND flight_key = %(lease)s
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE channels_stocktarget target SET claimed_until = %(past)s FROM locked WHERE target.id = locked.id
"""


def expire_claims(channel_id: int, *, lease: UUID) -> None:
    """End the claims under one lease."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE_ONE, {"channel": channel_id, "lease": lease, "past": clock.now() - LEASE})


def expire_claims_of(worker: str) -> None:
    """End the leases of a worker that is known to be dead: one of that name has just started."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"holder": worker, "past": clock.now() - LEASE})


#: Leases of this process that could not be ended: the database was away.
_abandoned: set[tuple[int, UUID]] = set()


def abandon(channel_id: int, *, lease: UUID) -> None:
    """End a lease whose round the database broke off: now, or as soon as it can be reached again (``free_abandoned``)."""
    try:
        _end(channel_id, lease)
    except (OperationalError, InterfaceError):
        _abandoned.add((channel_id, lease))


def free_abandoned() -> list[int]:
    """End the leases that this process could not end before; their channels."""
    freed = []
    for channel_id, lease in list(_abandoned):
        _end(channel_id, lease)
        _abandoned.discard((channel_id, lease))
        freed.append(channel_id)
    return freed


def _end(channel_id: int, lease: UUID) -> None:
    expire_claims(channel_id, lease=lease)
    _free(channel_id)
    release_lanes([Release(channel_id)], lease=lease)


_OVERDUE = """
SELECT debt.channel_id, count(*)
FROM channels_debt debt
JOIN channels_stocktarget target ON target.id = debt.target_id
JOIN channels_synclane lane ON lane.channel_id = debt.channel_id
JOIN channels_channel channel ON channel.id = debt.channel_id
WHERE greatest(debt.owed_at, target.next_attempt_at, lane.not_before) < %(before)s
    AND target.is_active AND target.parked_reason = '' AND target.claimed_until IS NULL
    AND lane.lease_until IS NULL
    AND channel.is_active AND channel.disconnected_at IS NULL
GROUP BY debt.channel_id
"""


def overdue_channels(*, after: timedelta) -> dict[int, int]:
    """Channels whose debts could have been paid ``after`` ago and are not being worked at: an alarm was lost."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERDUE, {"before": clock.now() - after})
        return dict(cursor.fetchall())
