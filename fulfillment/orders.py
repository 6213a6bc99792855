"""Orders: recorded as the channels state them, requested by our own people, cancelled, held, released.

A marketplace's sale is a fact and is recorded even when stock is short. An order of our own is a request and is refused as
a whole when short.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from channels.connectors.base import OrderEvent
from channels.models import Channel, FulfilledBy, Listing
from channels.publishing import feeding_of
from inventory.errors import InsufficientStock, StockError
from inventory.kernel import clock
from inventory.models import Sku

from .models import OrderStatus, SalesOrder
from .recording import record_batch
from .rows import LineState, OrderKey, OrderState

logger = logging.getLogger(__name__)

#: An order placed so far ahead of our clock is recorded, and shown to a person.
FUTURE = timedelta(minutes=10)


#: First key of the advisory locks on ids of requested orders; any number that no other advisory lock of ours uses.
_REQUEST_LOCKS = 7102


#: How long an unpaid order keeps its units where the channel's settings do not say.
PENDING_EXPIRES_HOURS = 7 * 24

#: Whoever lets unpaid orders wait for a hundred years, or for less than nothing, does not want them cancelled.
_NEVER_HOURS = 100 * 365 * 24


class OrderError(Exception):
    """An order cannot do what is asked; the message says why."""


class OrderShort(OrderError):
    """A request is refused as a whole. ``lines`` are dicts of sku, wanted and available, in units; of a bundle with those
    of its ``components`` that are lacking."""

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self.lines = list(lines)
        super().__init__("not enough stock for " + ", ".join(map(_name_short, self.lines[:10])))


def _name_short(line: Mapping[str, Any]) -> str:
    lacking = ", ".join(str(part["sku"]) for part in line.get("components", ()))
    return f"{line['sku']} (of which {lacking} is lacking)" if lacking else str(line["sku"])


class OrderExists(OrderError):
    """The channel has an order of that id already."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of a channel, and the delivery that brought it."""

    channel: Channel
    event: OrderEvent
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A line of an order of our own. Units."""

    external_id: str
    sku: Sku
    quantity: int
    unit_price: Decimal | None = None
    fulfilled_by: str = FulfilledBy.US


_LISTINGS = """
SELECT listing.channel_id, listing.external_key, listing.id, listing.sku_id, listing.fulfilled_by
FROM channels_listing listing
WHERE (channel_id, external_key) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
"""


@transaction.atomic(savepoint=False)
def record_orders(heard: Sequence[Heard]) -> list[int]:
    """Record what channels state, in the order heard; the ids of the orders that changed. A replay changes nothing."""
    if not heard:
        return []
    listings = _listings(heard)
    feeding = feeding_of({one.channel.pk for one in heard})
    changed: list[int] = []
    for states in _rounds([_state(one, listings) for one in heard]):
        changed += record_batch(states, feeding=feeding)
    return changed


Listings = Mapping[tuple[int, str], tuple[int, int, str]]  # (listing, SKU, who ships) by (channel, the channel's key)


def _listings(heard: Sequence[Heard]) -> Listings:
    keys = sorted({(one.channel.pk, line.listing_key) for one in heard for line in one.event.lines})
    with connection.cursor() as cursor:
        cursor.execute(_LISTINGS, [[channel_id for channel_id, _ in keys], [key for _, key in keys]])
        return {(row[0], row[1]): row[2:] for row in cursor.fetchall()}


def _state(one: Heard, listings: Listings) -> OrderState:
    channel, event, now = one.channel, one.event, clock.now()
    problems = [event.problem] if event.problem else []
    if channel.currency and event.currency and event.currency != channel.currency:
        problems.append(f"currency {event.currency} is not the channel's {channel.currency}")
    if event.placed_at > now + FUTURE:
        problems.append(f"placed at {event.placed_at.isoformat()}, which lies in the future")
    lines = []
    for given in event.lines:
        line = LineState(
            given.external_id, given.quantity, given.listing_key, None, None, FulfilledBy.US, given.cancelled,
            given.refunded, given.shipped, given.unit_price,
        )  # fmt: skip
        if given.problem:
            line.problem, _, line.detail = given.problem.partition(": ")
        elif (channel.pk, given.listing_key) in listings:
            line.listing_id, line.sku_id, line.fulfilled_by = listings[channel.pk, given.listing_key]
        else:
            line.problem = "unknown_listing"
            line.detail = f"{channel.code} has no listing {given.listing_key!r}; map it to a SKU"
        lines.append(line)
    return OrderState(
        channel, event.external_id, event.version, event.state.value, event.placed_at,
        min(event.occurred_at, now + FUTURE), lines, event.currency, event.ship_to, delivery_id=one.delivery_id,
        problem="; ".join(problems), restates_lines=event.restates_lines,
    )  # fmt: skip


def _rounds(states: Sequence[OrderState]) -> list[list[OrderState]]:
    """Batches in which each order stands at most once, an order's states in their order."""
    rounds: list[list[OrderState]] = []
    seen: Counter[OrderKey] = Counter()
    for state in states:
        turn = seen[state.key]
        seen[state.key] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(state)
    return rounds


@transaction.atomic
def request_order(
    *,
    channel: Channel,
    external_id: str,
    lines: Sequence[RequestLine],
    currency: str = "",
    ship_to: Mapping[str, Any] | None = None,
    placed_at: datetime | None = None,
    promised_at: datetime | None = None,
    ship_by: datetime | None = None,
    actor: str,
) -> SalesOrder:
    """An order of our own: all of it, or OrderShort naming every short line. Raises OrderExists for a known id."""
    _take_turns(channel, external_id)
    if SalesOrder.objects.filter(channel=channel, external_id=external_id).exists():
        raise OrderExists(f"{channel.code} has an order {external_id!r} already")
    now = clock.now()
    skus = {line.sku.pk for line in lines}
    listings = dict(Listing.objects.filter(channel=channel, sku__in=skus).order_by("-pk").values_list("sku_id", "pk"))
    states = [
        LineState(
            line.external_id,
            line.quantity,
            line.sku.code,
            listings.get(line.sku.pk),
            line.sku.pk,
            line.fulfilled_by,
            unit_price=line.unit_price,
        )
        for line in lines
    ]
    state = OrderState(
        channel, external_id, 1, OrderStatus.OPEN, placed_at or now, now, states, currency, ship_to or {}, promised_at,
        ship_by,
    )  # fmt: skip
    try:
        with transaction.atomic():
            (order_id,) = record_batch([state], feeding=feeding_of([channel.pk]), actor=actor, whole=True)
    except InsufficientStock as error:
        raise OrderShort(
            [{key: value for key, value in short.named().items() if key != "location"} for short in error.lines]
        ) from None
    return SalesOrder.objects.get(pk=order_id)


def _take_turns(channel: Channel, external_id: str) -> None:
    """Two requests for one id must not both find it free: the later waits here until the earlier has ended."""
    key = zlib.crc32(f"{channel.pk}/{external_id}".encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_REQUEST_LOCKS, key])


@transaction.atomic
def cancel_order(order: SalesOrder, *, actor: str) -> SalesOrder:
    """Cancel what has not been shipped; its reservations are released. Raises OrderError where nothing is left to cancel."""
    order = _locked(order)
    if order.status in (OrderStatus.CANCELLED, OrderStatus.SHIPPED):
        raise OrderError(f"order {order} is {order.get_status_display().lower()}: there is nothing left to cancel")
    state = OrderState(
        order.channel, order.external_id, order.version, OrderStatus.CANCELLED, order.placed_at, clock.now(), []
    )  # fmt: skip
    record_batch([state], feeding={}, actor=actor)
    order.refresh_from_db()
    return order


@transaction.atomic
def hold_order(order: SalesOrder, *, actor: str) -> SalesOrder:
    """Pause an order: it keeps its reservations and waits for a person. Raises OrderError."""
    order = _locked(order)
    if order.status not in (OrderStatus.OPEN, OrderStatus.PENDING):
        raise OrderError(f"order {order} is {order.get_status_display().lower()} and cannot be paused")
    order.status_before_pause, order.status = order.status, OrderStatus.PAUSED
    order.save(update_fields=["status", "status_before_pause"])
    return order


@transaction.atomic
def release_order(order: SalesOrder, *, actor: str) -> SalesOrder:
    """End a pause. Raises OrderError where the order is not paused."""
    order = _locked(order)
    if order.status != OrderStatus.PAUSED:
        raise OrderError(f"order {order} is not paused")
    order.status, order.status_before_pause = order.status_before_pause or OrderStatus.OPEN, ""
    order.save(update_fields=["status", "status_before_pause"])
    return order


def expire_pending(*, batch: int = 500) -> int:
    """Cancel orders that stayed unpaid for longer than their channel allows (``pending_expires_hours``); how many.

    Their units are for sale again. An order that is paid after all comes with a newer version, and reserves anew.
    """
    expired, now = 0, clock.now()
    for channel in Channel.objects.all():
        hours = float(channel.settings.get("pending_expires_hours") or PENDING_EXPIRES_HOURS)
        if not 0 < hours < _NEVER_HOURS:
            continue
        old = SalesOrder.objects.filter(
            channel=channel, status=OrderStatus.PENDING, recorded_at__lt=now - timedelta(hours=hours)
        )
        for order in old.order_by("pk")[:batch]:
            try:
                cancel_order(order, actor="system")
                expired += 1
            except (OrderError, StockError):
                logger.exception("unpaid order %s cannot be cancelled", order)
    return expired


def _locked(order: SalesOrder) -> SalesOrder:
    return SalesOrder.objects.select_for_update(of=("self",), no_key=True).select_related("channel").get(pk=order.pk)
