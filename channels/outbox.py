"""Claims, flights and their ends: the rows behind ``sync``, one statement each."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from inventory.kernel import clock
from inventory.kernel.workqueue import worker_name

#: A claim that nobody ended after so long belonged to a worker that died. Longer than the slowest request may take.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A target whose debt this worker took over."""

    channel_id: int
    target_id: int
    remote: str
    attempts: int
    listing_id: int
    sku_id: int
    external: dict[str, Any]
    external_key: str
    owed_at: datetime
    stored_at: datetime | None
    shown: int | None = None


@dataclass(frozen=True, slots=True)
class Flight:
    """A number written down before its request leaves; None where the channel shows it already."""

    target_id: int
    number: int | None
    expected: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Landing:
    """How one claim ended. ``shown`` is what the channel shows now, None unknown; ``owed_again`` puts the debt back."""

    claimed: Claimed
    number: int
    outcome: str
    shown: int | None
    computed_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    owed_again: bool = False
    attempts: int = 0
    next_attempt_at: datetime | None = None
    error: str = ""
    parked_reason: str = ""


# Claims, landings and leases need not be on disk before we go on: what a power cut takes of them is a debt not deleted or an
# outcome unknown, and both are sent again. What is in flight is on disk before its request leaves (``take_off``), and with it
# all that was written before it.
_LAZILY = "SELECT set_config('synchronous_commit', 'off', TRUE)"

_CONNECTED = """EXISTS (
    SELECT 1 FROM channels_channel WHERE id = lane.channel_id AND is_active AND disconnected_at IS NULL
)"""

_PAYABLE = """
FROM channels_debt debt JOIN channels_stocktarget target ON target.id = debt.target_id
WHERE debt.channel_id = lane.channel_id AND target.is_active AND target.claimed_until IS NULL
    AND (target.parked_reason = '' OR target.next_attempt_at IS NOT NULL)
"""

_DUE = "AND (target.next_attempt_at IS NULL OR target.next_attempt_at <= %(now)s)"

# A lane whose lease has ended opens when what was claimed under it has been freed. A lane that somebody else is about to take,
# or a debt that somebody is about to owe firmly, is left to them.
_CLAIM = f"""
WITH lazily AS MATERIALIZED ({_LAZILY}), wanted AS MATERIALIZED (
    SELECT * FROM unnest(%(channels)s::bigint[], %(limits)s::int[]) AS wanted (channel_id, most)
), free AS MATERIALIZED (
    SELECT lane.channel_id, wanted.most FROM wanted JOIN channels_synclane lane USING (channel_id)
    WHERE EXISTS (SELECT 1 FROM lazily) AND {_CONNECTED} AND EXISTS (SELECT 1 {_PAYABLE} {_DUE})
        AND lane.lease_until IS NULL
        AND (lane.not_before IS NULL OR lane.not_before <= %(now)s)
    ORDER BY lane.channel_id
    FOR NO KEY UPDATE OF lane SKIP LOCKED
), lane AS MATERIALIZED (
    UPDATE channels_synclane taken SET lease = %(lease)s, lease_until = %(until)s, holder = %(holder)s
    FROM free WHERE taken.channel_id = free.channel_id
    RETURNING taken.channel_id, free.most
), due AS MATERIALIZED (
    SELECT one.* FROM lane CROSS JOIN LATERAL (
        SELECT debt.channel_id, debt.target_id, debt.owed_at, debt.stored_at {_PAYABLE} {_DUE}
        ORDER BY debt.owed_at, debt.target_id
        LIMIT lane.most
        FOR UPDATE OF debt SKIP LOCKED
    ) AS one
), gone AS (
    DELETE FROM channels_debt debt USING due
    WHERE debt.channel_id = due.channel_id AND debt.target_id = due.target_id
    RETURNING debt.target_id, debt.owed_at, debt.stored_at
), locked AS MATERIALIZED (
    SELECT target.id FROM channels_stocktarget target WHERE target.id IN (SELECT target_id FROM gone)
    ORDER BY target.id FOR NO KEY UPDATE
), claimed AS (
    UPDATE channels_stocktarget target
    SET claimed_until = %(until)s, flight_key = %(lease)s, claim_owed_at = gone.owed_at, claim_stored_at = gone.stored_at,
        disturbed = FALSE
    FROM locked, gone, channels_listing listing
    WHERE target.id = locked.id AND gone.target_id = locked.id AND listing.id = target.listing_id
    RETURNING target.channel_id, target.id, target.remote, target.attempts, listing.id AS listing_id, listing.sku_id,
        listing.external, listing.external_key, gone.owed_at, gone.stored_at, target.shown
)
SELECT lane.channel_id, claimed.id, remote, attempts, listing_id, sku_id, external, external_key, owed_at, stored_at, shown
FROM lane LEFT JOIN claimed USING (channel_id)
"""


def claim_debts(limits: Mapping[int, int], *, lease: UUID) -> dict[int, list[Claimed]]:
    """Take the free lanes of these channels (id: how many targets at most) that owe something now, and their oldest debts.

    Committed at once. A lane stays taken until ``release_lanes``, also where nothing was left to claim.
    """
    now = clock.now()
    given: dict[str, Any] = {
        "channels": list(limits), "limits": list(limits.values()), "lease": lease, "until": now + LEASE, "now": now,
        "holder": worker_name(),
    }  # fmt: skip
    lanes: dict[int, list[Claimed]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, given)
        for channel_id, target_id, remote, attempts, listing_id, sku_id, external, *rest in cursor.fetchall():
            claimed = lanes.setdefault(channel_id, [])
            if target_id is not None:
                head = (channel_id, target_id, remote, attempts, listing_id, sku_id)
                claimed.append(Claimed(*head, _json(external), *rest))
    return lanes


# What fell out of use since it was owed is not sent any more.
_LEAVES = """target.channel_id <> ALL(%(silent)s) AND target.is_active AND listing.is_active
    AND target.shown IS DISTINCT FROM computed.number"""

_TAKE_OFF = f"""
WITH locked AS MATERIALIZED (
    SELECT target.id FROM channels_stocktarget target WHERE target.id = ANY(%(targets)s) AND target.flight_key = %(lease)s
    ORDER BY target.id FOR NO KEY UPDATE
), computed AS (
    SELECT * FROM unnest(%(targets)s::bigint[], %(numbers)s::bigint[]) AS computed (id, number)
)
UPDATE channels_stocktarget target
SET published = computed.number,
    in_flight = CASE WHEN {_LEAVES} THEN computed.number END,
    version = CASE WHEN {_LEAVES} THEN greatest(target.version + 1, %(epoch)s) ELSE target.version END,
    sent_at = CASE WHEN {_LEAVES} THEN %(now)s ELSE target.sent_at END
FROM locked, computed, channels_listing listing
WHERE target.id = locked.id AND computed.id = locked.id AND listing.id = target.listing_id
RETURNING target.id, target.in_flight, target.shown, target.version
"""


def take_off(numbers: Mapping[int, int], *, lease: UUID, silent: Collection[int] = ()) -> list[Flight]:
    """Write down the numbers, and which of them are now in flight: those that their channel does not show already.

    To the ``silent`` channels nothing is sent.
    """
    now = clock.now()
    given: dict[str, Any] = {
        "targets": list(numbers), "numbers": list(numbers.values()), "lease": lease, "silent": list(silent), "now": now,
        "epoch": clock.epoch_microseconds(now) // 1000,  # versions grow even where an older database was put back
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OFF, given)
        return [Flight(*row) for row in cursor.fetchall()]


_EXTEND = """
WITH lane AS (
    UPDATE channels_synclane SET lease_until = %(until)s WHERE channel_id = %(channel)s AND lease = %(lease)s
    RETURNING channel_id
), locked AS MATERIALIZED (
    SELECT target.id FROM channels_stocktarget target JOIN lane ON lane.channel_id = target.channel_id
    WHERE target.claimed_until IS NOT NULL AND target.flight_key = %(lease)s
    ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target SET claimed_until = %(until)s FROM locked WHERE target.id = locked.id
"""


def extend_claims(channel_id: int, *, lease: UUID) -> None:
    """One more request is about to leave under this lease: it starts anew, so that no other worker takes over meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTEND, {"channel": channel_id, "lease": lease, "until": clock.now() + LEASE})


OWE_AGAIN = """
INSERT INTO channels_debt (channel_id, target_id, owed_at, stored_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS back (channel_id, id, owed_at, stored_at)
ORDER BY channel_id, id
ON CONFLICT (channel_id, target_id) DO NOTHING
"""

_GIVE_BACK = """
WITH locked AS MATERIALIZED (
    SELECT id FROM channels_stocktarget WHERE id = ANY(%(targets)s) AND flight_key = %(lease)s
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE channels_stocktarget target
SET flight_key = NULL, claimed_until = NULL, claim_owed_at = NULL, claim_stored_at = NULL
FROM locked WHERE target.id = locked.id
"""


@transaction.atomic
def give_back(claimed: Sequence[Claimed], *, lease: UUID) -> None:
    """End claims of which nothing was sent: owed as before."""
    with connection.cursor() as cursor:
        cursor.execute(OWE_AGAIN, _debts(claimed))
        cursor.execute(_GIVE_BACK, {"targets": [one.target_id for one in claimed], "lease": lease})


def _debts(claimed: Sequence[Claimed]) -> list[list[Any]]:
    """The columns of OWE_AGAIN."""
    rows = [(one.channel_id, one.target_id, one.owed_at, one.stored_at) for one in claimed]
    return [list(column) for column in zip(*rows, strict=True)]


_LAND = """
WITH locked AS MATERIALIZED (
    SELECT target.id FROM channels_stocktarget target WHERE target.id = ANY(%(id)s) AND target.flight_key = %(lease)s
    ORDER BY target.id FOR NO KEY UPDATE
), ended AS (
    SELECT * FROM unnest(%(id)s::bigint[], %(outcome)s::text[], %(shown)s::bigint[], %(acknowledged)s::timestamptz[],
        %(attempts)s::int[], %(next)s::timestamptz[], %(error)s::text[], %(parked)s::text[])
        AS ended (id, outcome, shown, acknowledged_at, attempts, next_attempt_at, error, parked)
)
UPDATE channels_stocktarget target
SET shown = CASE
        WHEN ended.outcome IN ('unchanged', 'shadow', 'retry_later') THEN target.shown
        WHEN target.disturbed THEN NULL
        ELSE ended.shown
    END,
    in_flight = NULL, flight_key = NULL, claimed_until = NULL, claim_owed_at = NULL, claim_stored_at = NULL,
    disturbed = FALSE, suspect = NULL, suspect_at = NULL,
    outcome = CASE WHEN ended.outcome = 'unchanged' THEN target.outcome ELSE ended.outcome END,
    pushed_at = CASE WHEN ended.outcome = 'applied' THEN ended.acknowledged_at ELSE target.pushed_at END,
    attempts = ended.attempts, next_attempt_at = ended.next_attempt_at, last_error = ended.error,
    parked_reason = ended.parked
FROM locked, ended
WHERE target.id = locked.id AND ended.id = locked.id
"""

_LOG = """
INSERT INTO channels_pushlog (channel_id, target_id, quantity, outcome, stored_at, owed_at, computed_at, sent_at,
    acknowledged_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
"""


@transaction.atomic
def land(landings: Sequence[Landing], *, lease: UUID) -> None:
    """End these claims: close them, or owe them again, or park them; and write the history."""
    if not landings:
        return
    again = [one.claimed for one in landings if one.owed_again]
    given: dict[str, Any] = {
        "lease": lease,
        "id": [one.claimed.target_id for one in landings],
        "outcome": [one.outcome for one in landings],
        "shown": [one.shown for one in landings],
        "acknowledged": [one.acknowledged_at for one in landings],
        "attempts": [one.attempts for one in landings],
        "next": [one.next_attempt_at for one in landings],
        "error": [_storable(one.error, 500) for one in landings],
        "parked": [_storable(one.parked_reason, 60) for one in landings],
    }
    logged = [
        (one.claimed.channel_id, one.claimed.target_id, one.number, one.outcome, one.claimed.stored_at,
         one.claimed.owed_at, one.computed_at, one.sent_at, one.acknowledged_at)
        for one in landings
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LAZILY)
        if again:
            cursor.execute(OWE_AGAIN, _debts(again))
        cursor.execute(_LAND, given)
        cursor.execute(_LOG, [list(column) for column in zip(*logged, strict=True)])


@dataclass(frozen=True, slots=True)
class Release:
    """A lane to be given free. ``verdict`` is answered, failed, or idle where nothing was sent."""

    channel_id: int
    verdict: str = "idle"
    not_before: datetime | None = None
    error: str = ""


_RELEASE = f"""
WITH lazily AS MATERIALIZED ({_LAZILY}), ended AS (
    SELECT * FROM unnest(%(channels)s::bigint[], %(verdicts)s::text[], %(not_before)s::timestamptz[], %(errors)s::text[])
        AS ended (channel_id, verdict, not_before, error)
), held AS MATERIALIZED (
    SELECT lane.channel_id FROM channels_synclane lane
    WHERE EXISTS (SELECT 1 FROM lazily) AND lane.channel_id = ANY(%(channels)s) AND lane.lease = %(lease)s
    ORDER BY lane.channel_id FOR NO KEY UPDATE
)
UPDATE channels_synclane lane
SET lease = NULL, lease_until = NULL, holder = '', not_before = ended.not_before,
    failures = CASE ended.verdict WHEN 'failed' THEN failures + 1 WHEN 'answered' THEN 0 ELSE failures END,
    last_error = CASE WHEN ended.verdict = 'idle' THEN last_error ELSE ended.error END,
    answered_at = CASE WHEN ended.verdict = 'answered' THEN %(now)s ELSE answered_at END
FROM ended, held WHERE lane.channel_id = held.channel_id AND ended.channel_id = held.channel_id
"""


def release_lanes(releases: Sequence[Release], *, lease: UUID) -> None:
    """Give lanes free that are held under this lease."""
    if not releases:
        return
    given: dict[str, Any] = {
        "channels": [one.channel_id for one in releases], "verdicts": [one.verdict for one in releases],
        "not_before": [one.not_before for one in releases], "errors": [_storable(one.error, 500) for one in releases],
        "lease": lease, "now": clock.now(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, given)


# One debt that may be paid now is enough to know; only where there is none is the whole backlog looked through.
_NEXT_DUE = f"""
SELECT min(greatest(lane.not_before, CASE
    WHEN EXISTS (SELECT 1 {_PAYABLE} {_DUE}) THEN %(now)s ELSE (SELECT min(target.next_attempt_at) {_PAYABLE})
END))
FROM channels_synclane lane
WHERE (%(channel)s::bigint IS NULL OR lane.channel_id = %(channel)s) AND {_CONNECTED}
    AND lane.lease_until IS NULL AND EXISTS (SELECT 1 {_PAYABLE})
"""


def next_due_in(channel_id: int | None = None) -> float | None:
    """Seconds until a debt (of one channel) may be paid, 0 for now; None where none is owed or other workers are at it."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_DUE, {"channel": channel_id, "now": now})
        (due_at,) = cursor.fetchone()
    return None if due_at is None else max(0.0, (due_at - now).total_seconds())


def _storable(text: str, length: int) -> str:
    """What a channel said, as a column can hold it: NUL is the one character that PostgreSQL refuses."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:length]


def _json(value: Any) -> dict[str, Any]:
    """A JSON column read by a plain cursor comes as text."""
    decoded: dict[str, Any] = json.loads(value)
    return decoded
