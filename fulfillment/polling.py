"""Orders whose webhooks never came: channels are asked for what changed, and what we do not know is put into the inbox."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from channels import inbox
from channels.connectors.base import Connector, MalformedPayload, OrderEvent, PolledOrder
from channels.credentials import connector_of
from channels.models import Channel
from channels.models.inbox import DeliverySource
from channels.reconcile import FAILURES, order_pages
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring_now

from .models import SalesOrder

logger = logging.getLogger(__name__)

POLL = "fulfillment.tasks.poll_orders"

#: Channels are not all asked at the same moment, but over so long.
SPREAD_SECONDS = 30.0

#: An order so young may still come by its webhook; the next poll, which overlaps with this one, sees it again.
GRACE = timedelta(seconds=10)


def schedule_polls() -> None:
    """Ring for every channel that lists its orders, one after the other."""
    listing = [one for one in Channel.objects.connected() if connector_of(one).capabilities(one.settings).has_orders]
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
        for page in order_pages(channel):
            stored += store_unknown(channel, page, grace=grace)
    except FAILURES as error:
        logger.warning("orders of %s could not be read: %s", channel.code, error)
        if report:
            report(channel, f"orders could not be read: {error}")
    return stored


def store_unknown(channel: Channel, page: Sequence[PolledOrder], *, grace: timedelta = timedelta(0)) -> int:
    """Put those orders into the inbox that we do not know in that version; how many."""
    refs = [order.order_ref for order in page]
    known = dict(SalesOrder.objects.filter(channel=channel, external_id__in=refs).values_list("external_id", "version"))
    stored = 0
    for order in page:
        event = _parse(connector_of(channel), order)
        if event is not None and not _is_news(event, known, grace):
            continue
        found = inbox.store(
            channel_id=channel.pk,
            event_id=order.event_id,
            topic="",
            order_ref=order.order_ref,
            body=order.body,
            source=DeliverySource.POLL,
        )
        stored += found is not None
    return stored


def _parse(connector: Connector, order: PolledOrder) -> OrderEvent | None:
    """The event; None for an order that makes no sense, which the inbox keeps and parks with its evidence."""
    try:
        event = connector.parse(order.body, topic="")
    except MalformedPayload:
        return None
    return event if isinstance(event, OrderEvent) else None


def _is_news(event: OrderEvent, known: dict[str, int], grace: timedelta) -> bool:
    if event.external_id in known:
        return event.version > known[event.external_id]
    return event.placed_at < clock.now() - grace
