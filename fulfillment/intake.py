"""From deliveries to orders: claim a batch, translate, record, settle, all in one transaction.

A crash gives every delivery back. A batch that fails is given back as well and tried again in halves, each in a transaction of
its own, until the culprit stands alone; it is parked with its reason and its evidence, and the rest goes on. No batch holds one
order twice, so that a transaction locks stock once.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from channels import inbox
from channels.connectors.base import MalformedPayload, OrderChanged, OrderEvent
from channels.credentials import connector_of
from channels.inbox import Claimed
from channels.lookups import owe_lookups
from channels.models import Channel, Delivery, DeliveryStatus, Listing
from channels.models.inbox import DeliverySource
from channels.publishing import feeding_of, heard_at
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, hold_off, rest, rest_left, ring_now

from .models import OrderStatus, SalesOrder, SalesOrderLine
from .orders import Heard, record_orders
from .recording import record_batch
from .rows import LineState, OrderState
from .signals import delivery_parked

logger = logging.getLogger(__name__)

DRAIN = "fulfillment.tasks.drain_inbox"

#: Deliveries of one transaction. A lone sale never waits for a batch to fill.
BATCH = 300

#: A delivery that has waited so long was not rung for.
_OVERDUE = timedelta(seconds=2)

#: SQLSTATE class of limits of the program, as a statement too complex: it is the delivery that exceeds them.
_PROGRAM_LIMITS = "54"

#: From so many deliveries in a batch on, more are on their way: they are left to gather for so long from one claim to the next,
#: since what a batch costs is shared by its orders. Nobody need ring meanwhile. That makes a flood faster by a quarter, and
#: touches nobody who sells less than hundreds a second.
FLOOD = 16
REST_SECONDS = 0.2

#: Transactions of one task, so that a flood gives its process back now and then.
MOST_BATCHES = 20


def drain_inbox(lane: int) -> int:
    """Record what waits in one lane of the inbox, whichever channel it came from; the number of deliveries settled.

    The flag is cleared before each claim and raised again while a batch is recorded: what comes meanwhile needs no alarm, since
    another claim follows. Only an empty claim after a cleared flag, with no rest under way, ends the task.
    """
    settled, limit = 0, BATCH
    for _ in range(MOST_BATCHES):
        answer(DRAIN, lane)
        unrung = rest_left(DRAIN, lane)
        try:
            count, rested_at = _drain_batch(lane, limit=limit)
        except _CulpritAmong as batch:
            limit = max(1, batch.size // 2)
            continue
        except inbox.LaneTaken:  # its worker may have looked before our delivery was there
            ring_now(DRAIN, [lane], delay=0.1)
            return settled
        except Exception as error:
            answer(DRAIN, lane)  # what came meanwhile was held off
            ring_now(DRAIN, [lane], delay=0.1)
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            logger.warning("inbox, lane %s: deadlock, trying again", lane)
            return settled
        if not count and not unrung:
            return settled
        settled += count
        if count < limit:
            _wait_until(rested_at if count else time.monotonic() + unrung)
        limit = min(BATCH, limit * 2)
    ring_now(DRAIN, [lane], even_if_rung=True)
    return settled


def _wait_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))


class _CulpritAmong(Exception):
    """So many deliveries cannot be recorded together; none of them was."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@transaction.atomic
def _drain_batch(lane: int, *, limit: int) -> tuple[int, float]:
    """The number of deliveries settled, and when the next claim may be."""
    batch = _cut(inbox.claim(lane, limit=limit))
    if not batch:
        return 0, 0.0
    rested_at = 0.0
    if FLOOD <= len(batch) < limit:
        rested_at = rest(DRAIN, lane, seconds=REST_SECONDS)
    else:
        hold_off(DRAIN, lane)
    with heard_at(min((delivery.stored_at for delivery in batch if not delivery.is_replayed), default=None)):
        _record(batch)
    return len(batch), rested_at


def _cut(claimed: Sequence[Claimed]) -> list[Claimed]:
    """Of each channel the beginning that holds no order twice."""
    batch: list[Claimed] = []
    orders, ended = set(), set()
    for delivery in claimed:
        order = (delivery.channel_id, delivery.order_ref)
        if delivery.channel_id in ended:
            continue
        if order in orders:
            ended.add(delivery.channel_id)
            continue
        if delivery.order_ref:
            orders.add(order)
        batch.append(delivery)
    return batch


def _record(batch: Sequence[Claimed]) -> None:
    """Record a batch. Raises _CulpritAmong where it fails; one that fails alone is parked."""
    channels = Channel.objects.in_bulk({delivery.channel_id for delivery in batch})
    try:
        with transaction.atomic():
            _record_all(batch, channels)
    except Exception as error:
        if _is_ours(error):
            raise
        if len(batch) > 1:
            raise _CulpritAmong(len(batch)) from error
        logger.exception("delivery %s is parked", batch[0].id)
        channel = channels[batch[0].channel_id]
        _park(batch[0], channel, "cannot_be_recorded", f"{type(error).__name__}: {error}")


def _is_ours(error: Exception) -> bool:
    """Whether it is the database's or the machine's trouble and not a delivery's: all of it is tried again."""
    if isinstance(error, OperationalError | InterfaceError):
        return not str(getattr(error.__cause__, "sqlstate", "")).startswith(_PROGRAM_LIMITS)
    return isinstance(error, MemoryError)


def _record_all(batch: Sequence[Claimed], channels: Mapping[int, Channel]) -> None:
    heard: list[Heard] = []
    done: list[int] = []
    named: dict[int, set[str]] = defaultdict(set)
    for delivery in batch:
        channel = channels[delivery.channel_id]
        try:
            event = connector_of(channel).parse(delivery.body, topic=delivery.topic)
        except MalformedPayload as error:
            _park(delivery, channel, error.reason, str(error))
            continue
        done.append(delivery.id)
        if isinstance(event, OrderChanged):
            named[channel.pk].add(event.external_id)
        elif event is not None and not _is_history(channel, delivery, event):
            heard.append(Heard(channel, event, delivery.id))
    record_orders(heard)
    for channel_id, refs in sorted(named.items()):
        owe_lookups(channel_id, refs)
    _settle(done)


def _is_history(channel: Channel, delivery: Claimed, event: OrderEvent) -> bool:
    """A polled order from before the channel was connected is the shop's own business, unless it is ours already."""
    if delivery.source != DeliverySource.POLL or event.placed_at >= channel.orders_from:
        return False
    return not SalesOrder.objects.filter(channel=channel, external_id=event.external_id).exists()


_SETTLE = "UPDATE channels_delivery SET status = 'done', settled_at = %s, reason = '' WHERE id = ANY(%s::bigint[])"


def _settle(delivery_ids: Collection[int]) -> None:
    with connection.cursor() as cursor:  # the text is the same for any number of them, so that it is planned once
        cursor.execute(_SETTLE, [clock.now(), list(delivery_ids)])


def _park(delivery: Claimed, channel: Channel, reason: str, detail: str) -> None:
    Delivery.objects.filter(pk=delivery.id).update(
        status=DeliveryStatus.PARKED,
        reason=reason[:40],
        detail=detail[:2000].replace("\x00", ""),
        settled_at=clock.now(),
    )
    delivery_parked.send(_park, channel_code=channel.code, delivery_id=delivery.id, reason=reason, detail=detail)


def sweep() -> int:
    """Ring for every lane whose oldest delivery has waited for more than two seconds; the number of alarms."""
    waiting = Delivery.objects.filter(status=DeliveryStatus.WAITING, stored_at__lt=clock.now() - _OVERDUE)
    lanes = sorted(set(waiting.order_by().values_list("lane", flat=True).distinct()))
    for lane in lanes:
        logger.warning("inbox, lane %s: overdue, ringing again", lane)
        ring_now(DRAIN, [lane], even_if_rung=True)
    return len(lanes)


def resolve_parked(line_ids: Collection[int]) -> int:
    """Give lines that waited for their listing the SKU that it has now; how many found one. Nothing is imported again."""
    lines = SalesOrderLine.objects.filter(pk__in=line_ids, sku=None).exclude(parked_reason="")
    found = 0
    for order_id in sorted(set(lines.values_list("order_id", flat=True))):
        found += _resolve_order(order_id)
    return found


def resolve_listings(channel_id: int, listing_keys: Collection[str]) -> int:
    """The same for every line of a channel that waits for one of these listings."""
    lines = SalesOrderLine.objects.filter(
        listing_key__in=listing_keys, order__channel=channel_id, parked_reason="unknown_listing", sku=None
    )
    return resolve_parked(list(lines.values_list("pk", flat=True)))


@transaction.atomic
def _resolve_order(order_id: int) -> int:
    order = SalesOrder.objects.select_related("channel").select_for_update(of=("self",), no_key=True).get(pk=order_id)
    lines = list(order.lines.filter(sku=None, parked_reason="unknown_listing"))
    keys = {line.listing_key for line in lines}
    rows = Listing.objects.filter(channel=order.channel, external_key__in=keys)
    listings = {listing.external_key: listing for listing in rows}
    states = [
        LineState(
            line.external_id,
            line.quantity,
            line.listing_key,
            listings[line.listing_key].pk,
            listings[line.listing_key].sku_id,
            listings[line.listing_key].fulfilled_by,
            line.cancelled,
            line.refunded,
            line.shipped,
            line.unit_price,
        )
        for line in lines
        if line.listing_key in listings
    ]
    if states:
        status = OrderStatus.OPEN if order.status == OrderStatus.SHIPPED else order.status
        channel = order.channel
        state = OrderState(channel, order.external_id, order.version, status, order.placed_at, clock.now(), states)
        record_batch([state], feeding=feeding_of([channel.pk]), actor="system")
    return len(states)
