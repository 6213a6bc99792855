"""A count finds fewer units than orders hold: those orders wait, and what was oversold is counted."""

from __future__ import annotations

import pytest

from channels.models import Channel
from fulfillment.models import SalesOrder, SalesOrderLine, Shortfall
from fulfillment.orders import cancel_order
from fulfillment.shipping import create_shipment, dispatch
from fulfillment.shortfalls import fill_shortfalls
from inventory.count_approval import approve
from inventory.counts import Take, count_lines, open_count, submit
from inventory.errors import InsufficientStock
from inventory.models import Location, RecountRequest, Sku
from inventory.rebuild import verify
from reports.models import Alert
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, add_stock, numbers, sell, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug(place: Location) -> Sku:
    return stocked(10, place=place)


@pytest.fixture
def shop(mug: Sku) -> Channel:
    channel = ChannelFactory()
    ListingFactory(channel=channel, sku=mug)
    return channel


def find_only(units: int, sku: Sku, place: Location) -> None:
    """A count by one person, approved by another."""
    count = open_count(location=place, skus=[sku], actor="user:ann")
    count_lines(count, [Take(sku, units)], actor="user:ann")
    approve(submit(count, actor="user:ann"), actor="user:ben")


def line_of(order: SalesOrder) -> tuple[int, int]:
    """Reserved and short of the order's one line."""
    return SalesOrderLine.objects.values_list("reserved", "short").get(order=order)


def test_the_latest_orders_become_backorders(place: Location, mug: Sku, shop: Channel) -> None:
    early, middle, late = (sell(shop, (mug, units), order=name) for name, units in (("a", 4), ("b", 3), ("c", 2)))
    find_only(5, mug, place)
    assert [line_of(order) for order in (early, middle, late)] == [(4, 0), (1, 2), (0, 2)]
    assert numbers(mug) == (5, 0, 5)
    rows = Shortfall.objects.order_by("line__order__external_id")
    assert [(row.line.order, row.kind, row.cause, row.quantity, row.closed_at) for row in rows] == [
        (middle, "backorder", "lost", 2, None), (late, "backorder", "lost", 2, None),
    ]  # fmt: skip
    assert not Alert.objects.filter(kind="oversell").exists() and not RecountRequest.objects.exists()
    assert list(verify()) == []


def test_another_location_fills_what_was_lost(place: Location, mug: Sku, shop: Channel) -> None:
    order = sell(shop, (mug, 6), order="a")
    add_stock(mug, LocationFactory(code="W2"), 3)
    find_only(4, mug, place)
    assert line_of(order) == (4, 2)
    assert fill_shortfalls() == 2
    assert line_of(order) == (6, 0)
    assert Shortfall.objects.get().closed_at is not None
    assert list(verify()) == []


def test_what_is_left_ships_and_the_rest_waits(place: Location, mug: Sku, shop: Channel) -> None:
    order = sell(shop, (mug, 6), order="a")
    find_only(4, mug, place)
    line = order.lines.get()
    with pytest.raises(InsufficientStock):
        dispatch(create_shipment(order=order, location=place, lines=[(line, 5)], actor="test"), actor="test")
    SalesOrder.objects.get().shipments.all().delete()
    dispatch(create_shipment(order=order, location=place, lines=[(line, 4)], actor="test"), actor="test")
    assert line_of(order) == (0, 2)
    cancel_order(order, actor="test")
    assert line_of(order) == (0, 0)
    assert Shortfall.objects.get().closed_at is not None
    assert numbers(mug) == (0, 0, 0)
    assert list(verify()) == []


def test_a_line_that_was_oversold_stays_so_when_units_are_lost_too(place: Location, mug: Sku, shop: Channel) -> None:
    order = sell(shop, (mug, 12), order="a")
    find_only(7, mug, place)
    assert line_of(order) == (7, 5)
    row = Shortfall.objects.get()
    assert (row.kind, row.cause, row.quantity) == ("oversell", "sold", 5)


def test_a_closed_shortfall_that_opens_again_is_named_anew(place: Location, mug: Sku, shop: Channel) -> None:
    order = sell(shop, (mug, 12), order="a")
    add_stock(mug, place, 2)
    fill_shortfalls()
    assert line_of(order) == (12, 0)
    find_only(9, mug, place)
    row = Shortfall.objects.get()
    assert (row.kind, row.cause, row.closed_at) == ("backorder", "lost", None)


def test_every_oversell_asks_for_a_recount_once(place: Location, mug: Sku, shop: Channel) -> None:
    other, elsewhere = LocationFactory(code="W2"), LocationFactory(code="W3")
    add_stock(mug, other, 1)
    sell(shop, (mug, 12), order="a")
    sell(shop, (mug, 1), order="b")
    wanted = RecountRequest.objects.order_by("location__code").values_list("sku__code", "location__code", "cause")
    assert list(wanted) == [("MUG", "W1", "oversell"), ("MUG", "W2", "oversell")]
    find_only(11, mug, place)
    assert list(wanted.filter(closed_at=None)) == [("MUG", "W2", "oversell")]
    sell(shop, (mug, 2), order="c")
    assert wanted.filter(closed_at=None, location__in=[place, other, elsewhere]).count() == 2


def test_what_never_was_anywhere_is_looked_for_where_the_channel_sells_from(place: Location) -> None:
    channel, other = ChannelFactory(), ChannelFactory(settings={"backorders": True})
    listing = ListingFactory(channel=channel)
    ListingFactory(channel=other, sku=listing.sku)
    sell(other, (listing.sku, 1))
    assert not RecountRequest.objects.exists()  # a backorder is no fault of the stock's
    sell(channel, (listing.sku, 1))
    assert list(RecountRequest.objects.values_list("sku", "location")) == [(listing.sku.pk, place.pk)]
