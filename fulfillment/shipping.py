"""Parcels: packed, rejected, dispatched; reserved units go to the customer."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import uuid4

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from channels.credentials import connector_of
from channels.models import FulfilledBy
from inventory.errors import InsufficientStock, LotShort, Short
from inventory.kernel import clock
from inventory.kernel.workqueue import ring
from inventory.lot_tracking import given_lot
from inventory.models import Location, Lot, Reason, StockLevel
from inventory.recipes import kits_now
from inventory.reservations import Fulfil, Holding, Release, Reserve, Step, change_reservations, held_by

from . import shortfalls
from .models import OrderStatus, SalesOrder, SalesOrderLine, Shipment, ShipmentLine, ShipmentStatus
from .models.shipment import NewsStatus
from .news import TELL
from .recording import HOLDER

logger = logging.getLogger(__name__)


class ShippingError(Exception):
    """A shipment cannot be made or dispatched; the message says why."""


class NotCovered(ShippingError):
    """Parts of a kit would leave from a location that is not the caller's."""


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
def dispatch(
    shipment: Shipment,
    *,
    lines: Sequence[tuple[SalesOrderLine, int]] | None = None,
    lots: Mapping[int, str] | None = None,
    places: frozenset[int] | None = None,
    actor: str,
) -> Shipment:
    """Post the units out of the location and owe the channel the news.

    ``lines`` reduce the draft to what was really packed; ``lots`` names by line (its id) the lot that was, where a SKU keeps
    lots: else it is what expires first. Units reserved elsewhere are taken here instead, where they are
    available. ``places`` are the locations that the caller covers; None is all. Raises ShippingError, NotCovered where parts
    of a split kit lie elsewhere, LotError, or InsufficientStock naming every line that this location cannot cover.
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
    if places is not None:
        _check_covered(packed, shipment.location_id, places)
    _post(order, shipment, packed, _named(packed, lots or {}), actor)
    now = clock.now()
    shipment.status, shipment.dispatched_at = ShipmentStatus.DISPATCHED, now
    if connector_of(order.channel).capabilities(order.channel.settings).takes_shipments:
        shipment.news, shipment.news_key, shipment.news_next_at = NewsStatus.OWED, uuid4(), now
        ring(TELL)
    shipment.save()
    _close_order(order)
    return shipment


@transaction.atomic
def change_papers(shipment: Shipment, **papers: str) -> Shipment:
    """Another carrier, service or tracking number of a draft. Raises ShippingError where it is none any more."""
    held = _draft(shipment)
    for name, text in papers.items():
        setattr(held, name, text)
    held.save(update_fields=list(papers))
    return held


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


def _check_covered(packed: Sequence[ShipmentLine], location_id: int, places: frozenset[int]) -> None:
    """Raise NotCovered where kits whose components lie at several locations would take some that others look after."""
    holdings = held_by(HOLDER, [one.line_id for one in packed])
    whole: Counter[int] = Counter()
    for one in holdings:
        if one.location_id == location_id:
            whole[one.holder_id] += one.open
    scattered = {row.line_id: row.line for row in packed if row.quantity > whole[row.line_id]}
    for one in holdings:
        if one.location_id is None and one.holder_id in scattered and not one.places <= places:
            said = _("line %(line)s: parts of its kits lie at locations that you do not cover")
            raise NotCovered(said % {"line": scattered[one.holder_id].external_id})


def _named(packed: Sequence[ShipmentLine], lots: Mapping[int, str]) -> dict[int, Lot | None]:
    """The lots by line. Raises LotError where there is no such lot."""
    found = {}
    for one in packed:
        if lots.get(one.line_id) and one.line.sku:
            found[one.line_id] = given_lot(one.line.sku, lots[one.line_id], coming=False)
    return found


def _post(
    order: SalesOrder, shipment: Shipment, packed: Sequence[ShipmentLine], lots: Mapping[int, Lot | None], actor: str
) -> None:
    """Move reservations that lie elsewhere to this location, then ship them."""
    reference = f"shipment:{shipment.pk} {order.reference}"
    holdings = held_by(HOLDER, [one.line_id for one in packed])
    here = _reserved_here(holdings, shipment.location_id)
    releases, reserves, fulfils = [], [], []
    for one in packed:
        missing = one.quantity - here.get(one.line_id, 0)
        line = one.line
        if missing > 0:
            elsewhere = min(missing, line.reserved - here.get(line.pk, 0))
            if elsewhere:
                releases.append(_release_elsewhere(line, elsewhere, holdings, shipment.location_id, reference))
            reserves.append(
                Reserve(line.pk, line.sku_id, missing, [shipment.location_id], Reason.RELOCATION, reference, whole=True)  # type: ignore[arg-type]
            )
        fulfils.append(
            Fulfil(line.pk, one.quantity, shipment.location_id, Reason.SHIPMENT, reference, lot=lots.get(line.pk))
        )
    steps: list[Step] = [*(step for steps in releases for step in steps), *reserves, *fulfils]
    try:
        with transaction.atomic():  # what is short is looked up in the same transaction
            changes = change_reservations(steps, holder_kind=HOLDER, actor=actor, cause="shipment", reference=reference)
    except LotShort:
        raise  # it says which lots, and why
    except InsufficientStock as error:
        raise InsufficientStock(_beyond_reserved(error.lines, packed, here, shipment)) from None
    for one in packed:
        line, change = one.line, changes[one.line_id]
        line.shipped += change.fulfilled
        line.reserved += change.reserved - change.released - change.fulfilled
        line.short = min(line.short, line.outstanding - min(line.reserved, line.outstanding))
    SalesOrderLine.objects.bulk_update([one.line for one in packed], ["shipped", "reserved", "short"], batch_size=1000)
    shortfalls.close([one.line_id for one in packed if not one.line.short])


def _reserved_here(holdings: Sequence[Holding], location_id: int) -> dict[int, int]:
    """Units by line. Kits whose components lie at several locations leave from wherever those are."""
    found: Counter[int] = Counter()
    for holding in holdings:
        if holding.location_id in (location_id, None):
            found[holding.holder_id] += holding.open
    return found


def _release_elsewhere(
    line: SalesOrderLine, units: int, holdings: Sequence[Holding], location_id: int, reference: str
) -> list[Release]:
    """Steps that give back so many units which are reserved at other locations."""
    steps, left = [], units
    for holding in reversed(holdings):
        if holding.holder_id != line.pk or holding.location_id in (location_id, None):
            continue
        take = min(left, holding.open)
        if take:
            steps.append(Release(line.pk, take, Reason.RELOCATION, reference, location_id=holding.location_id))
            left -= take
    return steps


def _beyond_reserved(
    shorts: Sequence[Short], packed: Sequence[ShipmentLine], here: dict[int, int], shipment: Shipment
) -> list[Short]:
    """The shorts in terms of what the parcel wants from this location, reserved units of the line included."""
    by_sku = {short.sku: short for short in shorts}
    skus = [one.line.sku_id for one in packed if one.line.sku_id is not None]
    levels = StockLevel.objects.filter(location=shipment.location_id, sku__in=skus)
    there = dict(levels.values_list("sku", "available"))
    there |= {sku_id: kits.available for sku_id, kits in kits_now(skus, location_ids=[shipment.location_id]).items()}
    return [
        Short(
            one.line.sku.code,
            shipment.location.code,
            one.quantity,
            here.get(one.line_id, 0) + there.get(one.line.sku.pk, 0),
            by_sku[one.line.sku.code].parts,
        )
        for one in packed
        if one.line.sku and one.line.sku.code in by_sku
    ]


def _close_order(order: SalesOrder) -> None:
    lines = list(order.lines.all())
    if not any(line.outstanding or line.parked_reason for line in lines):
        order.status = OrderStatus.SHIPPED
        order.save(update_fields=["status"])
