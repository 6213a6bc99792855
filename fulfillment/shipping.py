"""Parcels leave: reserved units go to the customer, and the channel is told once."""

import logging
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Greatest

from channels import calls
from channels.connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    OutboundRequest,
    Response,
    ShipmentNews,
)
from channels.credentials import connector_of
from channels.models import FulfilledBy
from inventory.errors import InsufficientStock, Short
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, back_off, ring
from inventory.models import Location, Reason, Reservation, StockLevel
from inventory.reservations import Fulfil, Release, Reserve, Step, change_reservations

from . import shortfalls
from .models import OrderStatus, SalesOrder, SalesOrderLine, Shipment, ShipmentLine, ShipmentStatus
from .models.shipment import NewsStatus
from .recording import HOLDER

logger = logging.getLogger(__name__)

TELL = "fulfillment.tasks.tell_channels"

#: After so many failed attempts the news waits for a person.
MOST_ATTEMPTS = 20

#: Longer than one request takes: a worker that dies with news is followed by another.
NEWS_LEASE = timedelta(minutes=1)

#: After a failed attempt the channel's other news waits for so long at most, so that it holds up nobody else's.
OTHERS_WAIT_SECONDS = 30.0


class ShippingError(Exception):
    """A shipment cannot be made or dispatched; the message says why."""


@transaction.atomic
def create_shipment(
    *,
    order: SalesOrder,
    location: Location,
    lines: Sequence[tuple[SalesOrderLine, int]] | None = None,
    carrier: str = "",
    service: str = "",
    tracking_number: str = "",
    actor: str,
) -> Shipment:
    """A draft of what leaves one location: the given lines and units, or all that is outstanding and ours to ship."""
    SalesOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    if order.status == OrderStatus.CANCELLED:
        raise ShippingError(f"order {order} is cancelled")
    free = _unshipped(order)
    wanted = (
        [(line, free[line.pk]) for line in order.lines.all() if free.get(line.pk)] if lines is None else list(lines)
    )
    if not wanted:
        raise ShippingError(f"order {order} has nothing left to ship")
    for line, quantity in wanted:
        if line.order_id != order.pk:
            raise ShippingError(f"line {line.external_id} is of another order")
        if not 0 < quantity <= free.get(line.pk, 0):
            raise ShippingError(
                f"line {line.external_id}: {quantity} units to ship, {free.get(line.pk, 0)} left that are ours to ship"
            )
    shipment = Shipment.objects.create(
        order=order, location=location, carrier=carrier, service=service, tracking_number=tracking_number
    )
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, line=line, quantity=units) for line, units in wanted
    )
    return shipment


def _unshipped(order: SalesOrder) -> dict[int, int]:
    """Units of each line (by id) that we have still to ship and that no other draft holds."""
    drafted = dict(
        ShipmentLine.objects.filter(shipment__order=order, shipment__status=ShipmentStatus.DRAFT)
        .values_list("line")
        .annotate(units=Sum("quantity"))
    )
    return {
        line.pk: line.outstanding - drafted.get(line.pk, 0)
        for line in order.lines.filter(fulfilled_by=FulfilledBy.US, sku__isnull=False)
    }


@transaction.atomic
def dispatch(shipment: Shipment, *, lines: Sequence[tuple[SalesOrderLine, int]] | None = None, actor: str) -> Shipment:
    """Post the units out of the location and owe the channel the news.

    ``lines`` reduce the draft to what was really packed. Units reserved elsewhere are taken here instead, where they are
    available. Raises ShippingError, or InsufficientStock naming every line that this location cannot cover.
    """
    order = (
        SalesOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("channel")
        .get(pk=shipment.order_id)
    )
    shipment = _draft(shipment)
    if order.status in (OrderStatus.CANCELLED, OrderStatus.PAUSED):
        raise ShippingError(f"order {order} is {order.get_status_display().lower()}")
    if lines is not None:
        _reduce(shipment, lines)
    packed = list(shipment.lines.select_related("line__sku").order_by("line__position"))
    for one in packed:
        if one.quantity > one.line.outstanding:
            raise ShippingError(f"line {one.line.external_id}: only {one.line.outstanding} units are left to ship")
    _post(order, shipment, packed, actor)
    now = clock.now()
    shipment.status, shipment.dispatched_at = ShipmentStatus.DISPATCHED, now
    if connector_of(order.channel).capabilities(order.channel.settings).takes_shipments:
        shipment.news, shipment.news_key, shipment.news_next_at = NewsStatus.OWED, uuid4(), now
        ring(TELL)
    shipment.save()
    _close_order(order)
    return shipment


@transaction.atomic
def reject(shipment: Shipment, *, reason: str, actor: str) -> Shipment:
    """A draft that will not leave from here: its units are free for other shipments. Raises ShippingError otherwise."""
    SalesOrder.objects.select_for_update(no_key=True).get(pk=shipment.order_id)
    shipment = _draft(shipment)
    shipment.status = ShipmentStatus.REJECTED
    shipment.save(update_fields=["status"])
    logger.info("shipment %s rejected by %s (%s)", shipment, actor, reason)
    return shipment


def _draft(shipment: Shipment) -> Shipment:
    """The shipment, locked, if it is still a draft."""
    held = Shipment.objects.select_for_update().get(pk=shipment.pk)
    if held.status == ShipmentStatus.REJECTED:
        raise ShippingError(f"shipment {held} was rejected")
    if held.status != ShipmentStatus.DRAFT:
        raise ShippingError(f"shipment {held} has left already")
    return held


def _reduce(shipment: Shipment, lines: Sequence[tuple[SalesOrderLine, int]]) -> None:
    given = {line.pk: units for line, units in lines}
    drafted = {one.line_id: one for one in shipment.lines.all()}
    for line_id, units in given.items():
        if line_id not in drafted or not 0 < units <= drafted[line_id].quantity:
            raise ShippingError("a dispatched line must be in the draft, with at most its units")
    shipment.lines.exclude(line__in=given).delete()
    for line_id, units in given.items():
        shipment.lines.filter(line=line_id).update(quantity=units)


def _post(order: SalesOrder, shipment: Shipment, packed: Sequence[ShipmentLine], actor: str) -> None:
    """Move reservations that lie elsewhere to this location, then ship them."""
    reference = f"shipment:{shipment.pk} {order.reference}"
    here = _reserved_here(packed, shipment.location_id)
    releases, reserves, fulfils = [], [], []
    for one in packed:
        missing = one.quantity - here.get(one.line_id, 0)
        line = one.line
        if missing > 0:
            elsewhere = min(missing, line.reserved - here.get(line.pk, 0))
            if elsewhere:
                releases.append(_release_elsewhere(line, elsewhere, shipment.location_id, reference))
            reserves.append(
                Reserve(line.pk, line.sku_id, missing, [shipment.location_id], Reason.RELOCATION, reference, whole=True)  # type: ignore[arg-type]
            )
        fulfils.append(Fulfil(line.pk, one.quantity, shipment.location_id, Reason.SHIPMENT, reference))
    steps: list[Step] = [*(step for steps in releases for step in steps), *reserves, *fulfils]
    try:
        with transaction.atomic():  # what is short is looked up in the same transaction
            changes = change_reservations(steps, holder_kind=HOLDER, actor=actor, cause="shipment", reference=reference)
    except InsufficientStock as error:
        raise InsufficientStock(_beyond_reserved(error.lines, packed, here, shipment)) from None
    for one in packed:
        line, change = one.line, changes[one.line_id]
        line.shipped += change.fulfilled
        line.reserved += change.reserved - change.released - change.fulfilled
        line.short = min(line.short, line.outstanding - min(line.reserved, line.outstanding))
    SalesOrderLine.objects.bulk_update([one.line for one in packed], ["shipped", "reserved", "short"], batch_size=1000)
    shortfalls.close([one.line_id for one in packed if not one.line.short])


def _reserved_here(packed: Sequence[ShipmentLine], location_id: int) -> dict[int, int]:
    rows = Reservation.objects.filter(
        holder_kind=HOLDER, holder_id__in=[one.line_id for one in packed], level__location=location_id
    )
    return {row.holder_id: row.open_quantity for row in rows}


def _release_elsewhere(line: SalesOrderLine, units: int, location_id: int, reference: str) -> list[Release]:
    """Steps that give back so many units which are reserved at other locations."""
    rows = Reservation.objects.filter(holder_kind=HOLDER, holder_id=line.pk).exclude(level__location=location_id)
    steps, left = [], units
    for row in rows.order_by("-pk").select_related("level"):
        take = min(left, row.open_quantity)
        if take:
            steps.append(Release(line.pk, take, Reason.RELOCATION, reference, location_id=row.level.location_id))
            left -= take
    return steps


def _beyond_reserved(
    shorts: Sequence[Short], packed: Sequence[ShipmentLine], here: dict[int, int], shipment: Shipment
) -> list[Short]:
    """The shorts in terms of what the parcel wants from this location, reserved units of the line included."""
    by_sku = {short.sku: short for short in shorts}
    levels = dict(
        StockLevel.objects.filter(
            location=shipment.location_id, sku__in=[one.line.sku_id for one in packed]
        ).values_list("sku", "available")
    )
    return [
        Short(
            one.line.sku.code,
            shipment.location.code,
            one.quantity,
            here.get(one.line_id, 0) + levels.get(one.line.sku.pk, 0),
        )
        for one in packed
        if one.line.sku and one.line.sku.code in by_sku
    ]


def _close_order(order: SalesOrder) -> None:
    lines = list(order.lines.all())
    if not any(line.outstanding or line.parked_reason for line in lines):
        order.status = OrderStatus.SHIPPED
        order.save(update_fields=["status"])


def tell_channels(*, limit: int = 100) -> int:
    """Tell channels of shipments that they do not know yet; how many took the news. One request at a time, each once."""
    answer(TELL)
    told = 0
    for _ in range(limit):
        shipment = _claim_news()
        if shipment is None:
            break
        told += _tell(shipment)
    return told


@transaction.atomic
def tell_again(shipment_ids: Collection[int]) -> int:
    """Owe parked news again: a person has mended what was wrong; how many."""
    parked = Shipment.objects.filter(pk__in=shipment_ids, news=NewsStatus.PARKED)
    count = parked.update(news=NewsStatus.OWED, news_attempts=0, news_next_at=clock.now())
    if count:
        ring(TELL)
    return count


def doubt_news() -> int:
    """An older database was put back: whether news that is owed was told since is not known; how many."""
    return Shipment.objects.filter(news=NewsStatus.OWED).update(news_attempts=Greatest("news_attempts", 1))


@transaction.atomic
def _claim_news() -> Shipment | None:
    """Take over the news that is due; None where none is. That of one order goes in the order of its shipments."""
    now = clock.now()
    before = Shipment.objects.filter(order=OuterRef("order"), pk__lt=OuterRef("pk"), news=NewsStatus.OWED)
    owed = Shipment.objects.filter(
        ~Exists(before), news=NewsStatus.OWED, news_next_at__lte=now, order__channel__is_active=True,
        order__channel__disconnected_at=None, order__channel__mode="live",
    )  # fmt: skip
    first = owed.select_for_update(of=("self",), skip_locked=True).order_by("news_attempts", "news_next_at", "pk")
    shipment = first.select_related("order__channel").first()
    if shipment is not None:
        shipment.news_attempts += 1
        shipment.news_next_at = now + NEWS_LEASE
        shipment.save(update_fields=["news_attempts", "news_next_at"])
    return shipment


class _TakenOver(Exception):
    """Another worker has taken over this news: it was thought to be lost."""


def _tell(shipment: Shipment) -> bool:
    channel = shipment.order.channel
    connector, told_of = connector_of(channel), _news(shipment)
    change: dict[str, object]
    try:
        calls.converse(channel, lambda shop: _holding(shipment, connector.ship(told_of, shop, now=clock.now())))
        change = {"news": NewsStatus.TOLD, "news_error": "", "news_next_at": None}
    except _TakenOver:
        return False
    except (ChannelRefused, ConnectorError) as error:
        change = {"news": NewsStatus.PARKED, "news_error": str(error)[:500]}
    except (ChannelBusy, ChannelUnclear) as error:
        change = _put_off(shipment, error)
    _held(shipment).update(**change)
    return change.get("news") == NewsStatus.TOLD


def _news(shipment: Shipment) -> ShipmentNews:
    """What the channel is told, and what else of the order it was told of."""
    assert shipment.news_key is not None
    told = Shipment.objects.filter(order=shipment.order_id, news=NewsStatus.TOLD).exclude(pk=shipment.pk)
    return ShipmentNews(
        shipment.order.external_id, shipment.carrier, shipment.tracking_number, _units(shipment), shipment.news_key,
        others=[(other.tracking_number, _units(other)) for other in told.order_by("pk")],
        is_repeat=shipment.news_attempts > 1,
    )  # fmt: skip


def _units(shipment: Shipment) -> list[tuple[str, int]]:
    """The channel's id of each line, and its units."""
    return list(shipment.lines.order_by("pk").values_list("line__external_id", "quantity"))


def _holding(
    shipment: Shipment, talk: Generator[OutboundRequest, Response, None]
) -> Generator[OutboundRequest, Response, None]:
    """The conversation; before each request the claim starts anew, so that nobody else tells the same meanwhile."""
    response: Any = None
    with suppress(StopIteration):
        while True:
            request = talk.send(response)
            if not _held(shipment).update(news_next_at=clock.now() + NEWS_LEASE):
                raise _TakenOver
            response = yield request


def _held(shipment: Shipment) -> QuerySet[Shipment]:
    """The shipment's row, as long as its news is ours to tell."""
    return Shipment.objects.filter(pk=shipment.pk, news=NewsStatus.OWED, news_attempts=shipment.news_attempts)


def _put_off(shipment: Shipment, error: ChannelBusy | ChannelUnclear) -> dict[str, object]:
    """What becomes of news that a channel has no time for; the channel's other news waits a while too."""
    wait = getattr(error, "retry_after_seconds", None) or back_off(shipment.news_attempts, first=2)
    now = clock.now()
    soon = now + timedelta(seconds=min(wait, OTHERS_WAIT_SECONDS))
    others = Shipment.objects.filter(order__channel=shipment.order.channel_id, news=NewsStatus.OWED)
    due = others.filter(news_next_at__lte=now).exclude(pk=shipment.pk).order_by("pk").select_for_update(of=("self",))
    with transaction.atomic():
        Shipment.objects.filter(pk__in=list(due.values_list("pk", flat=True))).update(news_next_at=soon)
    change = {"news_error": str(error)[:500], "news_next_at": now + timedelta(seconds=wait)}
    return change | ({"news": NewsStatus.PARKED} if shipment.news_attempts >= MOST_ATTEMPTS else {})
