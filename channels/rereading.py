"""Look before the leap: what a channel shows is read where it is unknown, before a number is compared and set.

For channels whose connector can ask for the numbers of certain items. The number is read first, then the orders since the
watermark; once every order that is listed there is recorded, the number that was read belongs to the same instant as our
ledger, and whatever the channel sells from then on makes the compare-and-set fail instead of being overwritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connection

from inventory.kernel import clock

from . import calls, lookups, outbox
from .connectors.base import Connector, MalformedPayload, OrderEvent, PushItem
from .credentials import connector_of
from .models import Channel, Delivery, DeliveryStatus, Mode, OrderLookup
from .outbox import Claimed, Flight
from .reconcile import order_pages
from .signals import orders_listed

#: Orders are read so far behind the last poll, for those that became visible late.
OVERLAP = timedelta(seconds=30)

#: With more deliveries than that waiting nothing is looked into: all of it waits for them.
MOST_WAITING = 200


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of the claimed targets."""

    is_needed: bool = False
    unready: frozenset[int] = frozenset()  # an order of theirs is not recorded yet
    absent: frozenset[int] = frozenset()  # the channel knows nothing of them

    def forbids(self, flight: Flight) -> bool:
        """Whether the number must not leave: the channel compares, and what it shows is not known."""
        return self.is_needed and flight.expected is None and flight.target_id not in self.absent


def is_wanted(channel: Channel) -> bool:
    """Whether this channel's numbers are read before they are set, where they are not known."""
    return channel.mode == Mode.LIVE and connector_of(channel).capabilities(channel.settings).rereads


def is_due(channel: Channel, claimed: Sequence[Claimed]) -> bool:
    """Whether something of what was claimed has to be read first."""
    return any(one.shown is None for one in claimed) and is_wanted(channel)


def look(channel: Channel, claimed: Sequence[Claimed], *, lease: UUID) -> Look:
    """Read what is unknown of these targets, and believe it. Raises one of ``reconcile.FAILURES``; asks no channel that cannot
    be asked."""
    if not is_wanted(channel):
        return Look()
    connector = connector_of(channel)
    unready = _unready(channel, connector, [one for one in claimed if one.shown is None])
    unknown = [one for one in claimed if one.shown is None and one.target_id not in unready]
    if not unknown:
        return Look(True, unready)
    levels = _read_levels(channel, connector, unknown, lease)
    outbox.extend_claims(channel.pk, lease=lease)
    if connector.capabilities(channel.settings).has_orders:
        for page in order_pages(channel, overlap=OVERLAP):
            orders_listed.send(look, channel=channel, orders=page)
        unready |= _unready(channel, connector, unknown)
    _believe({target: quantity for target, quantity in levels.items() if target not in unready}, lease)
    absent = frozenset(one.target_id for one in unknown if one.target_id not in levels)
    return Look(True, unready, absent - unready)


def _unready(channel: Channel, connector: Connector, claimed: Sequence[Claimed]) -> frozenset[int]:
    """Those of which an order is stored and not recorded yet: what they sold is in no level of ours."""
    waiting = _keys_waiting(channel, connector) if claimed else set()
    return frozenset(one.target_id for one in claimed if waiting is None or one.external_key in waiting)


def _read_levels(channel: Channel, connector: Connector, unknown: Sequence[Claimed], lease: UUID) -> Mapping[int, int]:
    items = [PushItem(one.target_id, one.external, one.external_key, one.remote, 0, None, 0, lease) for one in unknown]
    build = partial(connector.levels_request, items, now=clock.now())
    return calls.read_patiently(channel, build, lambda response: connector.read_levels(response, items))


def _keys_waiting(channel: Channel, connector: Connector) -> set[str] | None:
    """Listings in orders that are stored and not recorded yet; None where that could be any."""
    asked = OrderLookup.objects.filter(channel=channel, attempts__lt=lookups.MOST_ATTEMPTS)
    if asked.exists():  # what it will say is not known; one that never says anything is not waited for
        return None
    rows = Delivery.objects.filter(channel=channel, status=DeliveryStatus.WAITING).order_by("pk")
    keys: set[str] = set()
    waiting = list(rows.values_list("body", "topic")[: MOST_WAITING + 1])
    if len(waiting) > MOST_WAITING:
        return None
    for body, topic in waiting:
        try:
            event = connector.parse(bytes(body), topic=topic)
        except MalformedPayload:
            continue  # it will be parked, and changes no number
        if isinstance(event, OrderEvent):
            keys.update(line.listing_key for line in event.lines)
        elif event is not None:
            return None
    return keys


_BELIEVE = """
WITH read AS (
    SELECT target.id, new.quantity FROM unnest(%s::bigint[], %s::bigint[]) AS new (id, quantity)
    JOIN channels_stocktarget target USING (id) WHERE target.flight_key = %s
    ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target SET shown = read.quantity FROM read WHERE target.id = read.id
"""


def _believe(shown: Mapping[int, int], lease: UUID) -> None:
    if shown:
        with connection.cursor() as cursor:
            cursor.execute(_BELIEVE, [list(shown), list(shown.values()), lease])
