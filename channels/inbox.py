"""Inbox first: what a channel tells is stored raw before it is answered, and worked off later."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from inventory.kernel import clock
from inventory.kernel.idempotency import fingerprint

from .connectors.base import PolledOrder
from .models import Delivery, DeliveryStatus
from .models.inbox import DeliverySource
from .signals import deliveries_stored

#: Deliveries of one channel are worked off in this many lanes side by side; those of one order share one, in their order.
LANES = 2

_HEADERS_NOT_KEPT = frozenset(
    {"authorization", "cookie", "proxy-authorization", "host", "connection", "accept-encoding"}
)

_INSERT = """
INSERT INTO channels_delivery (channel_id, source, event_id, body_hash, topic, order_ref, lane, headers, body, stored_at,
    status, conflicting, reason, detail)
SELECT %(channel)s, %(source)s, %(event)s, %(hash)s, %(topic)s, %(order)s, %(lane)s, %(headers)s::jsonb, %(body)s, %(now)s,
    'waiting', EXISTS (SELECT 1 FROM channels_delivery held WHERE held.channel_id = %(channel)s AND held.event_id = %(event)s),
    '', ''
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
    from psycopg.types.json import Jsonb

    order_ref = order_ref.replace("\x00", "")[:200]
    lane = lane_of(order_ref)
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
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, given)
        row = cursor.fetchone()
    if row is None:
        return None
    deliveries_stored.send(store, channel_id=channel_id, lanes={lane})
    return int(row[0])


def store_polled(channel_id: int, order: PolledOrder) -> bool:
    """Store an order that the channel was asked for, in the form that webhooks have; whether it was new."""
    found = store(
        channel_id=channel_id, event_id=order.event_id, topic="", order_ref=order.order_ref, body=order.body,
        source=DeliverySource.POLL,
    )  # fmt: skip
    return found is not None


def lane_of(order_ref: str) -> int:
    """The lane of an order, the same in every process."""
    return zlib.crc32(order_ref.encode("utf-8", "replace")) % LANES


@transaction.atomic
def replay(delivery_ids: Iterable[int], *, actor: str) -> int:
    """Put settled or parked deliveries back into the queue; how many. Orders make a second recording harmless."""
    rows = list(
        Delivery.objects.filter(pk__in=list(delivery_ids))
        .exclude(status=DeliveryStatus.WAITING)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", "channel_id", "lane")
    )
    Delivery.objects.filter(pk__in=[pk for pk, _, _ in rows]).update(
        status=DeliveryStatus.WAITING, reason="", detail=f"replayed by {actor}", settled_at=None
    )
    for channel_id in {channel_id for _, channel_id, _ in rows}:
        lanes = {lane for _, of, lane in rows if of == channel_id}
        deliveries_stored.send(replay, channel_id=channel_id, lanes=lanes)
    return len(rows)


def claim(channel_id: int, lane: int, *, limit: int) -> Sequence[Delivery]:
    """The oldest waiting deliveries of a lane, locked until the transaction ends; none where another worker has the lane.

    Must be called in the transaction that settles them: a crash gives everything back.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LANE_LOCKS, channel_id * LANES + lane])
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise LaneTaken
    waiting = Delivery.objects.filter(channel_id=channel_id, lane=lane, status=DeliveryStatus.WAITING)
    return list(waiting.order_by("pk").select_for_update(skip_locked=True, of=("self",))[:limit])


class LaneTaken(Exception):
    """Another worker drives in this lane."""


#: First key of the advisory locks on lanes; any number that no other advisory lock of ours uses.
_LANE_LOCKS = 7101


def _worth_keeping(headers: Mapping[str, str]) -> dict[str, str]:
    kept = ((name.lower(), value) for name, value in headers.items() if name.lower() not in _HEADERS_NOT_KEPT)
    return {name[:100]: value[:1000].replace("\x00", "") for name, value in kept}
