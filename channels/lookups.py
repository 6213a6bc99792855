"""Orders that a channel named without telling them: asked for one by one, and put into the inbox like any other.

The row is the debt. It is owed in the transaction that settles the news, claimed for a while by whoever asks, and deleted once
the answer is stored; news that comes meanwhile owes it anew.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, back_off, ring, ring_now

from . import calls, inbox
from .connectors.base import ChannelRefused, Connector, OrderPage
from .credentials import connector_of
from .models import Channel, OrderLookup
from .reconcile import FAILURES
from .signals import parked

logger = logging.getLogger(__name__)

LOOK_UP = "channels.tasks.look_up_orders"

#: Longer than asking for one batch takes: a worker that dies with it is followed by another.
LEASE = timedelta(seconds=60)

#: Orders of one claim.
BATCH = 20

#: An order that a channel refuses to tell so often is told to a person and left to the poll.
MOST_ATTEMPTS = 8

_OWE = """
INSERT INTO channels_orderlookup (channel_id, order_ref, owed_at, attempts, next_attempt_at, last_error)
SELECT %(channel)s, ref, %(now)s, 0, %(now)s, '' FROM unnest(%(refs)s::text[]) AS ref ORDER BY ref
ON CONFLICT (channel_id, order_ref) DO UPDATE SET owed_at = %(now)s, attempts = 0, next_attempt_at = %(now)s
"""


def owe_lookups(channel_id: int, refs: Collection[str]) -> None:
    """Owe these orders a question, and ring for it."""
    if not refs:
        return
    given: dict[str, Any] = {"channel": channel_id, "refs": sorted(set(refs)), "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_OWE, given)
    ring(LOOK_UP, channel_id)


def look_up_orders(channel_id: int) -> int:
    """Ask a channel for the orders that are owed a question; how many of its answers are stored."""
    answer(LOOK_UP, channel_id)
    channel = Channel.objects.connected().filter(pk=channel_id).first()
    if channel is None:
        return 0
    stored = 0
    while claimed := _claim(channel_id):
        for lookup in claimed:
            stored += _ask(channel, lookup)
    return stored


def sweep() -> int:
    """Ring for every channel with a question that is due; how many."""
    due = OrderLookup.objects.filter(
        next_attempt_at__lt=clock.now(), channel__is_active=True, channel__disconnected_at=None
    )
    channels = set(due.order_by().values_list("channel_id", flat=True).distinct())
    for channel_id in sorted(channels):
        ring_now(LOOK_UP, [channel_id], even_if_rung=True)
    return len(channels)


@transaction.atomic
def _claim(channel_id: int) -> Sequence[OrderLookup]:
    now = clock.now()
    due = OrderLookup.objects.filter(channel=channel_id, next_attempt_at__lte=now).order_by("owed_at", "pk")
    rows = list(due.select_for_update(skip_locked=True)[:BATCH])
    OrderLookup.objects.filter(pk__in=[row.pk for row in rows]).update(
        next_attempt_at=now + LEASE, attempts=F("attempts") + 1
    )
    return rows


def _ask(channel: Channel, lookup: OrderLookup) -> int:
    connector = connector_of(channel)
    build = partial(connector.order_request, external_id=lookup.order_ref, now=clock.now())
    try:
        page = calls.call(channel, build, connector.read_orders)
    except FAILURES as error:
        _put_off(channel, lookup, error)
        return 0
    return _store(channel, connector, lookup, page)


@transaction.atomic
def _store(channel: Channel, connector: Connector, lookup: OrderLookup, page: OrderPage) -> int:
    """Store the answer and end the debt, unless news came while we were asking."""
    stored = sum(inbox.store_polled(channel.pk, order) for order in page.orders)
    OrderLookup.objects.filter(pk=lookup.pk, owed_at=lookup.owed_at).delete()
    return stored


def _put_off(channel: Channel, lookup: OrderLookup, error: Exception) -> None:
    attempts = lookup.attempts + 1
    logger.warning("order %s of %s could not be read: %s", lookup.order_ref, channel.code, error)
    if isinstance(error, ChannelRefused) and attempts >= MOST_ATTEMPTS:
        OrderLookup.objects.filter(pk=lookup.pk, owed_at=lookup.owed_at).delete()
        parked.send(
            look_up_orders, channel_code=channel.code, what="order", subject=lookup.order_ref,
            reason="order_refused", detail=str(error),
        )  # fmt: skip
        return
    wait = getattr(error, "retry_after_seconds", None) or back_off(attempts, most=300)
    OrderLookup.objects.filter(pk=lookup.pk, owed_at=lookup.owed_at).update(
        next_attempt_at=clock.now() + timedelta(seconds=wait), last_error=str(error)[:500]
    )
