"""Units come back, and each goes where its disposition says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import transaction

from fulfillment.models import Return, ReturnStatus, SalesOrder, SalesOrderLine
from fulfillment.returns import ReturnError, create_return, receive
from fulfillment.shipping import create_shipment, dispatch
from inventory.models import LedgerEntry, StockLevel
from inventory.rebuild import verify
from tests.factories import LineEventFactory as Line
from tests.factories import OrderEventFactory as Event
from tests.factories import hear, numbers, sell
from tests.fulfillment.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(world: World) -> SalesOrder:
    """3 mugs and 2 cups, shipped."""
    order = sell(world.shop, (world.mug, 3), (world.cup, 2), order="A-1")
    dispatch(create_shipment(order=order, location=world.w1, actor="test"), actor="test")
    assert (numbers(world.mug), numbers(world.cup)) == ((11, 11, 0), (3, 3, 0))
    return order


def line_of(order: SalesOrder, number: str = "1") -> SalesOrderLine:
    return order.lines.get(external_id=number)


def announce(order: SalesOrder, *lines: tuple[str, int]) -> Return:
    return create_return(order=order, lines=[(line_of(order, n), units, "chipped") for n, units in lines], actor="test")


def take_in(parcel: Return, place: Any, number: str = "1", **units: int) -> Return:
    return receive(parcel, lines=[(line_of(parcel.order, number), units, place)], actor="user:ann")


def test_three_shipped_units_of_which_one_is_restocked_one_quarantined_and_one_missing(
    world: World, order: SalesOrder
) -> None:
    stated = [
        Line(external_id="1", quantity=3, refunded=3, shipped=3),
        Line(external_id="2", listing_key="CUP", quantity=2, shipped=2),
    ]
    hear(world.shop, Event(external_id="A-1", version=2, lines=stated))
    assert numbers(world.mug) == (11, 11, 0), "a refund moves no stock"
    parcel = take_in(announce(order, ("1", 3)), world.w1, restock=1, quarantine=1, missing=1)
    assert parcel.status == ReturnStatus.RECEIVED
    assert numbers(world.mug) == (13, 12, 0)
    assert StockLevel.objects.get(sku=world.mug, location=world.w1).quarantine == 1
    assert line_of(order).returned == 2
    entries = LedgerEntry.objects.filter(reason="return").order_by("number")
    assert [(e.from_state, e.to_state, e.quantity, e.actor, e.note) for e in entries] == [
        ("customer", "available", 1, "user:ann", "chipped"), ("customer", "quarantine", 1, "user:ann", "chipped"),
    ]  # fmt: skip
    assert order.reference in entries[0].reference
    assert list(verify()) == []


def test_only_lines_that_came_move(world: World, order: SalesOrder) -> None:
    parcel = take_in(announce(order, ("1", 2), ("2", 1)), world.w1, "2", restock=1)
    assert parcel.status == ReturnStatus.PARTLY_RECEIVED
    assert (numbers(world.mug), numbers(world.cup)) == ((11, 11, 0), (4, 4, 0))


def test_a_parcel_may_come_in_parts_and_elsewhere(world: World, order: SalesOrder) -> None:
    parcel = announce(order, ("1", 3))
    assert take_in(parcel, world.w2, restock=1).status == ReturnStatus.PARTLY_RECEIVED
    assert take_in(parcel, world.w1, restock=1, quarantine=1).status == ReturnStatus.RECEIVED
    assert StockLevel.objects.get(sku=world.mug, location=world.w2).available == 5
    assert line_of(order).returned == 3


def test_without_lines_all_that_is_left_is_restocked(world: World, order: SalesOrder) -> None:
    parcel = announce(order, ("1", 3), ("2", 2))
    take_in(parcel, world.w1, quarantine=1)
    assert receive(parcel, location=world.w1, actor="user:ann").status == ReturnStatus.RECEIVED
    assert (numbers(world.mug), numbers(world.cup)) == ((14, 13, 0), (5, 5, 0))


def test_without_lines_a_place_must_be_named(order: SalesOrder) -> None:
    with pytest.raises(ReturnError, match="at which location"):
        receive(announce(order, ("1", 1)), actor="user:ann")


@pytest.mark.parametrize(
    "units",
    [{"restock": 4}, {"restock": 2, "quarantine": 1, "missing": 1}, {"burn": 1}, {"restock": -1}],
)
def test_units_that_cannot_have_come_are_refused_and_move_nothing(
    world: World, order: SalesOrder, units: Mapping[str, int]
) -> None:
    parcel = announce(order, ("1", 3))
    with pytest.raises(ReturnError), transaction.atomic():
        take_in(parcel, world.w1, **units)
    assert numbers(world.mug) == (11, 11, 0)
    assert line_of(order).returned == 0


def test_a_line_that_was_not_announced_is_refused(world: World, order: SalesOrder) -> None:
    with pytest.raises(ReturnError, match="not part of this return"), transaction.atomic():
        take_in(announce(order, ("1", 3)), world.w1, "2", restock=1)


def test_no_more_comes_back_than_left(order: SalesOrder) -> None:
    announce(order, ("1", 2))
    with pytest.raises(ReturnError, match="2 units to return, 1 shipped"), transaction.atomic():
        announce(order, ("1", 2))
    with pytest.raises(ReturnError, match="at least one line"), transaction.atomic():
        announce(order)
    announce(order, ("1", 1))


def test_what_was_never_shipped_cannot_come_back(world: World) -> None:
    order = sell(world.shop, (world.mug, 1))
    with pytest.raises(ReturnError, match="1 units to return, 0 shipped"), transaction.atomic():
        announce(order, ("1", 1))


def test_a_line_of_another_order_is_refused(world: World, order: SalesOrder) -> None:
    other = sell(world.shop, (world.mug, 1))
    with pytest.raises(ReturnError, match="of another order"), transaction.atomic():
        create_return(order=order, lines=[(line_of(other), 1, "")], actor="test")
