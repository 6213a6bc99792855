"""Inbox first: what a channel tells is stored raw before it is answered, and worked off later."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from inventory.kernel import clock
from inventory.kernel.idempotency import fingerprint

from .connectors.base import PolledOrder
from .models import Delivery, DeliveryStatus
from .models.inbox import DeliverySource
from .signals import deliveries_stored

#: Deliveries are worked off in this many lanes side by side, all channels' together; those of one order share one, in their
#: order. Few lanes make large batches, which is what a flood needs: what a batch costs is shared by its orders.
LANES = 2

#: Bytes of bodies claimed together, so that a batch of very large orders stays short.
CLAIM_BYTES = 4 * 1024 * 1024

_HEADERS_NOT_KEPT = frozenset(
    {"authorization", "cookie", "proxy-authorization", "host", "connection", "accept-encoding"}
)

_INSERT = """
INSERT INTO channels_delivery (channel_id, source, event_id, body_hash, topic, order_ref, lane, headers, body, stored_at,
    status, conflicting, reason, detail)
SELECT %(channel)s::bigint, %(source)s::text, %(event)s::text, %(hash)s::bytea, %(topic)s::text, %(order)s::text,
    %(lane)s::smallint, %(headers)s::jsonb, %(body)s::bytea, %(now)s::timestamptz, 'waiting', EXISTS (
        SELECT 1 FROM channels_delivery held
        WHERE held.channel_id = %(channel)s::bigint AND held.event_id = %(event)s::text
    ), '', ''
ON CONFLICT (channel_id, event_id, body_hash) DO NOTHING
RETURNING id
"""


def store(
    *,
    channel_id: int,
    event_id: str,
    topic: str,
    order_ref: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    source: str = DeliverySource.WEBHOOK,
) -> int | None:
    """Store one delivery and tell the news; its id, or None where these very bytes are held under this event already.

    The same event with other contents is stored beside the first and marked conflicting.
    """
    order_ref = order_ref.replace("\x00", "")[:200]
    lane = lane_of(channel_id, order_ref)
    given: dict[str, Any] = {
        "channel": channel_id,
        "source": source,
        "event": event_id.replace("\x00", "")[:200],
        "hash": fingerprint(topic, body),
        "topic": topic[:100],
        "order": order_ref,
        "lane": lane,
        "headers": Jsonb(_worth_keeping(headers or {})),
        "body": body,
        "now": clock.now(),
    }
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        # planned once for thousands of deliveries
        row = cursor.execute(_INSERT, given, prepare=settings.DATABASE_PREPARES).fetchone()
    if row is None:
        return None
    deliveries_stored.send(store, lanes={lane})
    return int(row[0])


def store_polled(channel_id: int, order: PolledOrder) -> bool:
    """Store an order that the channel was asked for, in the form that webhooks have; whether it was new."""
    found = store(
        channel_id=channel_id, event_id=order.event_id, topic="", order_ref=order.order_ref, body=order.body,
        source=DeliverySource.POLL,
    )  # fmt: skip
    return found is not None


def lane_of(channel_id: int, order_ref: str) -> int:
    """The lane of a channel's order, the same in every process."""
    return zlib.crc32(f"{channel_id}/{order_ref}".encode("utf-8", "replace")) % LANES


@transaction.atomic
def replay(delivery_ids: Iterable[int], *, actor: str) -> int:
    """Put settled or parked deliveries back into the queue; how many. Orders make a second recording harmless."""
    rows = list(
        Delivery.objects.filter(pk__in=list(delivery_ids))
        .exclude(status=DeliveryStatus.WAITING)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", "lane")
    )
    Delivery.objects.filter(pk__in=[pk for pk, _ in rows]).update(
        status=DeliveryStatus.WAITING, reason="", detail=f"replayed by {actor}", settled_at=None
    )
    deliveries_stored.send(replay, lanes={lane for _, lane in rows})
    return len(rows)


#: The oldest of every channel first, then the second of every channel: a flood on one must not hold up a sale on another.
#: The first is claimed whatever its size, the others as long as there is room.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT waiting.id, waiting.turn, sum(waiting.size) OVER (ORDER BY waiting.turn, waiting.id) - waiting.size AS before
    FROM channels_channel channel CROSS JOIN LATERAL (
        SELECT id, octet_length(body) AS size, row_number() OVER (ORDER BY id) AS turn FROM channels_delivery
        WHERE channel_id = channel.id AND lane = %(lane)s AND status = 'waiting' ORDER BY id LIMIT %(limit)s
    ) waiting
    ORDER BY waiting.turn, waiting.id LIMIT %(limit)s
)
SELECT delivery.id, delivery.channel_id, delivery.source, delivery.topic, delivery.order_ref, delivery.body,
    delivery.stored_at, delivery.detail <> '' AS is_replayed
FROM channels_delivery delivery JOIN due USING (id)
WHERE due.before < %(bytes)s
ORDER BY due.turn, due.id FOR NO KEY UPDATE OF delivery SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this transaction works off."""

    id: int
    channel_id: int
    source: str
    topic: str
    order_ref: str
    body: bytes
    stored_at: datetime
    is_replayed: bool


def claim(lane: int, *, limit: int) -> list[Claimed]:
    """The oldest waiting deliveries of a lane, each channel's in their order, locked until the transaction ends.

    At most ``limit``, and no more once their bodies make CLAIM_BYTES: whatever waits, a claim fits into memory.

    Must be called in the transaction that settles them: a crash gives everything back. Raises LaneTaken where another worker
    has the lane.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LANE_LOCKS, lane])
        row = cursor.fetchone()
        if row is None or not row[0]:
            raise LaneTaken
        cursor.execute(_CLAIM, {"lane": lane, "limit": limit, "bytes": CLAIM_BYTES})
        return [Claimed(*row) for row in cursor.fetchall()]


class LaneTaken(Exception):
    """Another worker drives in this lane."""


#: First key of the advisory locks on lanes; any number that no other advisory lock of ours uses.
_LANE_LOCKS = 7101


def _worth_keeping(headers: Mapping[str, str]) -> dict[str, str]:
    kept = ((name.lower(), value) for name, value in headers.items() if name.lower() not in _HEADERS_NOT_KEPT)
    return {name[:100]: value[:1000].replace("\x00", "") for name, value in kept}
