"""Orders whose webhooks never came: channels are asked for what changed, and what we do not know is put into the inbox."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from channels import inbox
from channels.connectors.base import Connector, MalformedPayload, OrderEvent, PolledOrder
from channels.credentials import capable, connector_of
from channels.models import Channel
from channels.reconcile import FAILURES, order_pages
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring_now

from .models import SalesOrder, SalesOrderLine

#: Quantity, cancelled, refunded and shipped of a line.
Units = tuple[int, ...]

logger = logging.getLogger(__name__)

POLL = "fulfillment.tasks.poll_orders"

#: Channels are not all asked at the same moment, but over so long.
SPREAD_SECONDS = 30.0

#: An order so young may still come by its webhook; the next poll, which overlaps with this one, sees it again.
GRACE = timedelta(seconds=10)


def schedule_polls() -> None:
    """Ring for every channel that lists its orders, one after the other."""
    listing = capable(Channel.objects.connected(), "has_orders")
    for turn, channel in enumerate(listing):
        ring_now(POLL, [channel.pk], delay=turn * SPREAD_SECONDS / len(listing))


def poll_orders(
    channel_id: int, *, grace: timedelta = GRACE, report: Callable[[Channel, str], None] | None = None
) -> int:
    """Store the orders that a channel lists and we do not know in that version; how many. They go the way of webhooks."""
    answer(POLL, channel_id)
    channel = Channel.objects.connected().filter(pk=channel_id).first()
    if channel is None:
        return 0
    stored = 0
    try:
        for page in order_pages(channel, gives_way=True):
            stored += store_unknown(channel, page, grace=grace)
    except FAILURES as error:
        logger.warning("orders of %s could not be read: %s", channel.code, error)
        if report:
            report(channel, f"orders could not be read: {error}")
    return stored


def store_unknown(channel: Channel, page: Sequence[PolledOrder], *, grace: timedelta | None = None) -> int:
    """Put those orders into the inbox that we do not know in that version; how many. Without ``grace`` the youngest too."""
    connector = connector_of(channel)
    events = [(order, _parse(connector, order)) for order in page]
    versions = {event.external_id: event.version for _, event in events if event is not None}
    orders = SalesOrder.objects.filter(channel=channel, external_id__in=list(versions))
    known = dict(orders.values_list("external_id", "version"))
    held = _held(channel, [name for name, version in known.items() if version == versions[name]])
    stored = 0
    for order, event in events:
        if event is not None and not _is_news(event, known, held, grace):
            continue
        stored += inbox.store_polled(channel.pk, order)
    return stored


def _parse(connector: Connector, order: PolledOrder) -> OrderEvent | None:
    """The event; None for an order that makes no sense, which the inbox keeps and parks with its evidence."""
    try:
        event = connector.parse(order.body, topic="")
    except MalformedPayload:
        return None
    return event if isinstance(event, OrderEvent) else None


def _held(channel: Channel, order_ids: Sequence[str]) -> dict[tuple[str, str], Units]:
    """The cumulative units of every line that we hold of these orders, by the channel's ids of order and line."""
    lines = SalesOrderLine.objects.filter(order__channel=channel, order__external_id__in=order_ids)
    columns = ("order__external_id", "external_id", "quantity", "cancelled", "refunded", "shipped")
    return {(order, line): tuple(units) for order, line, *units in lines.values_list(*columns)}


def _is_news(
    event: OrderEvent, known: Mapping[str, int], held: Mapping[tuple[str, str], Units], grace: timedelta | None
) -> bool:
    """Whether an order is unknown, newer than what we hold, or of an equal version and says more than we hold."""
    if event.external_id not in known:
        return grace is None or event.placed_at < clock.now() - grace
    if event.version != known[event.external_id]:
        return event.version > known[event.external_id]
    for line in event.lines:
        ours = held.get((event.external_id, line.external_id))
        stated = (line.quantity, line.cancelled, line.refunded, line.shipped)
        if ours is None or any(theirs > units for theirs, units in zip(stated, ours, strict=True)):
            return True
    return False
