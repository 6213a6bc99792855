"""From deliveries to orders: claim a batch, translate, record, settle, all in one transaction.

A crash gives every delivery back. A batch that fails is given back as well and tried again in halves, each in a transaction of
its own, until the culprit stands alone; it is parked with its reason and its evidence, and the rest goes on. No batch holds one
order twice, so that a transaction locks stock once.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from channels import inbox
from channels.connectors.base import Connector, MalformedPayload, OrderChanged
from channels.credentials import connector_of
from channels.lookups import owe_lookups
from channels.models import Channel, Delivery, DeliveryStatus, Listing
from channels.models.inbox import DeliverySource
from channels.publishing import feeding_locations, heard_at
from inventory.errors import StockError
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring_now

from .models import OrderStatus, SalesOrder, SalesOrderLine
from .orders import Heard, record_orders
from .recording import record_batch
from .rows import LineState, OrderState
from .signals import delivery_parked

logger = logging.getLogger(__name__)

DRAIN = "fulfillment.tasks.drain_inbox"

#: Deliveries of one transaction. A lone sale never waits for a batch to fill.
BATCH = 100

#: Bytes of bodies in one transaction, so that a batch of very large orders stays short.
BATCH_BYTES = 4 * 1024 * 1024

#: A delivery that has waited so long was not rung for.
_OVERDUE = timedelta(seconds=2)

#: What a delivery may make our code or a plug-in stumble over.
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, RecursionError)

#: Transactions of one task, so that a flooded channel gives its process back now and then.
MOST_BATCHES = 20


def drain_inbox(channel_id: int, lane: int) -> int:
    """Record what waits in one lane of a channel's inbox; the number of deliveries settled."""
    answer(DRAIN, channel_id, lane)
    channel = Channel.objects.get(pk=channel_id)
    settled, limit = 0, BATCH
    for _ in range(MOST_BATCHES):
        try:
            count, more = _drain_batch(channel, lane, limit=limit)
        except _CulpritAmong as batch:
            limit = max(1, batch.size // 2)
            continue
        except inbox.LaneTaken:  # its worker may have looked before our delivery was there
            ring_now(DRAIN, [channel_id, lane], delay=0.1)
            return settled
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            logger.warning("inbox of channel %s, lane %s: deadlock, trying again", channel_id, lane)
            ring_now(DRAIN, [channel_id, lane], delay=0.1)
            return settled
        settled += count
        limit = min(BATCH, limit * 2)
        if not more:  # what came since has rung anew: the flag was cleared before the claim
            return settled
    ring_now(DRAIN, [channel_id, lane])
    return settled


class _CulpritAmong(Exception):
    """So many deliveries cannot be recorded together; none of them was."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@transaction.atomic
def _drain_batch(channel: Channel, lane: int, *, limit: int) -> tuple[int, bool]:
    """The number of deliveries settled, and whether more may be waiting."""
    claimed = inbox.claim(channel.pk, lane, limit=limit)
    batch = _cut(claimed)
    if batch:
        with heard_at(batch[0].stored_at):
            _record(channel, connector_of(channel), batch)
    return len(batch), len(batch) < len(claimed) or len(claimed) == limit


def _cut(batch: Sequence[Delivery]) -> Sequence[Delivery]:
    """The beginning of the batch that holds no order twice and not too many bytes."""
    size, orders = 0, set()
    for count, delivery in enumerate(batch):
        size += len(delivery.body)
        if count and (size > BATCH_BYTES or delivery.order_ref in orders):
            return batch[:count]
        if delivery.order_ref:
            orders.add(delivery.order_ref)
    return batch


def _record(channel: Channel, connector: Connector, batch: Sequence[Delivery]) -> None:
    """Record a batch. Raises _CulpritAmong where it fails; one that fails alone is parked."""
    try:
        with transaction.atomic():
            heard = []
            done = []
            named = set()
            for delivery in batch:
                try:
                    event = connector.parse(bytes(delivery.body), topic=delivery.topic)
                except MalformedPayload as error:
                    _park(delivery, error.reason, str(error))
                    continue
                done.append(delivery.pk)
                if isinstance(event, OrderChanged):
                    named.add(event.external_id)
                elif event is not None and not _is_history(channel, delivery, event.placed_at, event.external_id):
                    heard.append(Heard(event, delivery.pk))
            record_orders(channel, heard)
            owe_lookups(channel.pk, named)
            _settle(done)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the delivery's: all of it is tried again
    except (DatabaseError, StockError, *_FAULTS) as error:
        if len(batch) > 1:
            raise _CulpritAmong(len(batch)) from error
        logger.exception("delivery %s is parked", batch[0].pk)
        _park(batch[0], "cannot_be_recorded", f"{type(error).__name__}: {error}")


def _is_history(channel: Channel, delivery: Delivery, placed_at: datetime, external_id: str) -> bool:
    """A polled order from before the channel was connected is the shop's own business, unless it is ours already."""
    if delivery.source != DeliverySource.POLL or placed_at >= channel.orders_from:
        return False
    return not SalesOrder.objects.filter(channel=channel, external_id=external_id).exists()


def _settle(delivery_ids: Collection[int]) -> None:
    Delivery.objects.filter(pk__in=delivery_ids).update(status=DeliveryStatus.DONE, settled_at=clock.now(), reason="")


def _park(delivery: Delivery, reason: str, detail: str) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        status=DeliveryStatus.PARKED,
        reason=reason[:40],
        detail=detail[:2000].replace("\x00", ""),
        settled_at=clock.now(),
    )
    delivery_parked.send(
        _park, channel_code=delivery.channel.code, delivery_id=delivery.pk, reason=reason, detail=detail
    )


def sweep() -> int:
    """Ring for every lane whose oldest delivery has waited for more than two seconds; the number of alarms."""
    waiting = Delivery.objects.filter(status=DeliveryStatus.WAITING, stored_at__lt=clock.now() - _OVERDUE)
    lanes = set(waiting.order_by().values_list("channel_id", "lane").distinct())
    for channel_id, lane in sorted(lanes):
        logger.warning("inbox of channel %s, lane %s: overdue, ringing again", channel_id, lane)
        ring_now(DRAIN, [channel_id, lane], even_if_rung=True)
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
        state = OrderState(order.external_id, order.version, status, order.placed_at, clock.now(), states)
        feeding = [pk for pk, _ in feeding_locations(order.channel)]
        record_batch(order.channel, [state], feeding=feeding, actor="system")
    return len(states)
