"""Parcels leave."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from fulfillment.models import OrderStatus, SalesOrder, SalesOrderLine, Shipment, Shortfall
from fulfillment.models.shipment import NewsStatus
from fulfillment.orders import cancel_order, hold_order
from fulfillment.shipping import ShippingError, change_papers, create_shipment, dispatch, reject
from inventory.adjustments import adjust
from inventory.errors import InsufficientStock
from inventory.models import LedgerEntry, Reservation, StockLevel
from inventory.rebuild import verify
from tests.factories import LocationFactory, numbers, request, sell
from tests.fulfillment.conftest import World, line_of, ship

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _whole() -> Iterator[None]:
    """Whatever a test did, the ledger is whole."""
    yield
    assert [one.message for one in verify()] == []


def test_a_shipment_of_everything_closes_the_order(world: World, order: SalesOrder) -> None:
    shipment = ship(order, world.w1, carrier="DHL", tracking_number="T1")
    order.refresh_from_db()
    assert (shipment.status, order.status) == ("dispatched", OrderStatus.SHIPPED)
    assert [(line.shipped, line.reserved) for line in order.lines.all()] == [(5, 0), (2, 0)]
    assert (numbers(world.mug), numbers(world.cup)) == ((9, 9, 0), (3, 3, 0))
    entry = LedgerEntry.objects.filter(reason="shipment", level__sku=world.mug).get()
    assert (entry.from_state, entry.to_state, entry.quantity, entry.actor) == ("reserved", "customer", 5, "user:ann")
    assert str(shipment.pk) in entry.reference
    assert order.reference in entry.reference


def test_a_partial_shipment_leaves_the_rest_outstanding(world: World, order: SalesOrder) -> None:
    ship(order, world.w1, ("1", 3))
    order.refresh_from_db()
    line = line_of(order)
    assert (order.status, line.shipped, line.reserved, line.outstanding) == (OrderStatus.OPEN, 3, 2, 2)
    ship(order, world.w1)
    order.refresh_from_db()
    assert (order.status, numbers(world.mug)) == (OrderStatus.SHIPPED, (9, 9, 0))


def test_what_was_packed_less_than_drafted_leaves_less(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    dispatch(draft, lines=[(line_of(order), 4)], actor="user:ann")
    assert [(line.shipped, line.reserved) for line in order.lines.all()] == [(4, 1), (0, 2)]
    assert [(one.line.external_id, one.quantity) for one in draft.lines.select_related("line")] == [("1", 4)]


def test_a_shipment_from_another_place_moves_its_reservation_there(world: World, order: SalesOrder) -> None:
    ship(order, world.w2, ("1", 4))
    at = {level.location.code: level for level in StockLevel.objects.filter(sku=world.mug).select_related("location")}
    assert [(at[code].available, at[code].reserved) for code in ("W1", "W2")] == [(9, 1), (0, 0)]
    assert line_of(order).reserved == 1
    assert sum(row.open_quantity for row in Reservation.objects.filter(holder_id=line_of(order).pk)) == 1


def test_more_than_another_place_has_is_refused_and_moves_nothing(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w2, actor="user:ann")
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        dispatch(draft, actor="user:ann")
    named = [(short.sku, short.location, short.wanted, short.available) for short in refused.value.lines]
    assert named == [("MUG", "W2", 5, 4), ("CUP", "W2", 2, 0)]
    assert numbers(world.mug) == (14, 9, 5)
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_short_units_leave_where_they_have_come_and_end_the_shortfall(world: World) -> None:
    order = sell(world.shop, (world.cup, 7))
    adjust(sku=world.cup, location=world.w1, quantity=2, actor="test")
    ship(order, world.w1)
    line = line_of(order)
    assert (line.shipped, line.short, line.reserved) == (7, 0, 0)
    assert Shortfall.objects.get().closed_at is not None
    assert numbers(world.cup) == (0, 0, 0)


def test_drafts_share_what_is_left(world: World, order: SalesOrder) -> None:
    create_shipment(order=order, location=world.w1, lines=[(line_of(order), 3)], actor="user:ann")
    with pytest.raises(ShippingError, match="3 units to ship, 2 left"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(order), 3)], actor="user:ann")
    rest = create_shipment(order=order, location=world.w1, actor="user:ann")
    assert sorted(rest.lines.values_list("line__external_id", "quantity")) == [("1", 2), ("2", 2)]
    with pytest.raises(ShippingError, match="nothing left to ship"), transaction.atomic():
        create_shipment(order=order, location=world.w1, actor="user:ann")


@pytest.mark.parametrize("units", [0, -1, 6])
def test_units_that_are_not_left_cannot_be_packed(world: World, order: SalesOrder, units: int) -> None:
    with pytest.raises(ShippingError), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(order), units)], actor="user:ann")


def test_lines_of_other_orders_and_of_the_channel_cannot_be_packed(world: World, order: SalesOrder) -> None:
    other = sell(world.shop, (world.mug, 1))
    with pytest.raises(ShippingError, match="of another order"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(other), 1)], actor="user:ann")
    line = line_of(order)
    SalesOrderLine.objects.filter(pk=line.pk).update(fulfilled_by="channel")
    with pytest.raises(ShippingError, match="0 left that are ours"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line, 1)], actor="user:ann")
    SalesOrderLine.objects.filter(pk=line.pk).update(fulfilled_by="us")


def test_a_parcel_leaves_once(world: World, order: SalesOrder) -> None:
    shipment = ship(order, world.w1)
    with pytest.raises(ShippingError, match="left already"), transaction.atomic():
        dispatch(shipment, actor="user:ann")
    assert numbers(world.mug) == (9, 9, 0)


def test_cancelled_and_paused_orders_do_not_leave(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    hold_order(order, actor="user:ann")
    with pytest.raises(ShippingError, match="paused"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    cancel_order(order, actor="user:ann")
    with pytest.raises(ShippingError, match="cancelled"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    order.refresh_from_db()
    with pytest.raises(ShippingError), transaction.atomic():
        create_shipment(order=order, location=world.w1, actor="user:ann")


def test_units_cancelled_after_packing_do_not_leave(world: World) -> None:
    order = request(world.phone, (world.mug, 5), order="R-1")
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    SalesOrderLine.objects.filter(order=order).update(cancelled=2)
    with pytest.raises(ShippingError, match="only 3 units are left"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    SalesOrderLine.objects.filter(order=order).update(cancelled=0)


def test_a_place_that_never_had_the_sku_is_refused(world: World, order: SalesOrder) -> None:
    with pytest.raises(InsufficientStock, match="MUG at FAR: 1 wanted, 0 there"), transaction.atomic():
        ship(order, LocationFactory(code="FAR"), ("1", 1))


def test_a_rejected_draft_frees_its_units_and_is_final(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w2, actor="user:ann")
    with pytest.raises(ShippingError, match="nothing left"):
        create_shipment(order=order, location=world.w1, actor="user:ann")
    assert reject(draft, reason="no courier", actor="user:ann").status == "rejected"
    for verb in (lambda: dispatch(draft, actor="user:ann"), lambda: reject(draft, reason="again", actor="user:ann")):
        with pytest.raises(ShippingError, match="was rejected"):
            verb()
    shipped = ship(order, world.w1)
    with pytest.raises(ShippingError, match="has left already"):
        reject(shipped, reason="late", actor="user:ann")


def test_the_papers_of_a_parcel_change_until_it_leaves(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    seen_before = Shipment.objects.get(pk=draft.pk)
    assert change_papers(seen_before, carrier="DHL", tracking_number="T1").tracking_number == "T1"
    dispatch(draft, actor="user:ann")
    with pytest.raises(ShippingError, match="has left already"):
        change_papers(seen_before, tracking_number="T2")
    left = Shipment.objects.get(pk=draft.pk)
    assert (left.status, left.tracking_number, left.carrier, left.news) == ("dispatched", "T1", "DHL", NewsStatus.OWED)
