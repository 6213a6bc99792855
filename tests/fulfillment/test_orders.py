"""Orders: a marketplace's sale is a fact, one of our own is a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from channels.connectors.base import OrderState
from channels.registration import create_listing
from fulfillment.models import OrderStatus, SalesOrder, SalesOrderLine, Shortfall, ShortfallKind
from fulfillment.orders import (
    OrderError,
    OrderExists,
    OrderShort,
    RequestLine,
    cancel_order,
    hold_order,
    release_order,
    request_order,
)
from inventory.adjustments import adjust
from inventory.models import LedgerEntry, StockLevel
from reports.models import Alert
from tests.factories import (
    ChannelFactory,
    LineEventFactory,
    ListingFactory,
    LocationFactory,
    OrderEventFactory,
    SkuFactory,
    hear,
    numbers,
    request,
    sell,
    stocked,
)
from tests.fulfillment.conftest import World

pytestmark = pytest.mark.django_db


def tell(world: World, *, version: int = 1, state: OrderState = OrderState.OPEN, **line: Any) -> SalesOrder:
    """The shop states order A-1, of one line."""
    lines = [LineEventFactory(external_id="1", **line)]
    return hear(world.shop, OrderEventFactory(external_id="A-1", version=version, state=state, lines=lines))[0]


def line_of(order: SalesOrder, number: str = "1") -> SalesOrderLine:
    return order.lines.get(external_id=number)


# Facts


def test_a_sale_reserves_at_the_first_place_that_covers_it(world: World) -> None:
    order = sell(world.shop, (world.mug, 3), (world.cup, 2))
    assert order.status == OrderStatus.OPEN
    assert [(line.sku.code, line.reserved, line.short) for line in order.lines.all() if line.sku] == [
        ("MUG", 3, 0), ("CUP", 2, 0),
    ]  # fmt: skip
    assert numbers(world.mug) == (14, 11, 3)
    entry = LedgerEntry.objects.filter(reason="sale", level__sku=world.mug).get()
    assert (entry.reference, entry.actor) == (order.reference, "channel:shop")
    assert StockLevel.objects.get(sku=world.mug, location=world.w1).reserved == 3


def test_a_sale_is_recorded_even_where_stock_is_short(world: World) -> None:
    order = sell(world.shop, (world.cup, 7))
    line = line_of(order)
    assert (line.reserved, line.short) == (5, 2)
    shortfall = Shortfall.objects.get()
    assert (shortfall.kind, shortfall.quantity, shortfall.closed_at) == (ShortfallKind.OVERSELL, 2, None)
    alert = Alert.objects.get(kind="oversell")
    assert (alert.subject, alert.count) == ("CUP", 1)
    assert alert.message.endswith("is short of 2 units")


def test_three_sales_of_two_units_leave_one_short_and_one_alert(world: World) -> None:
    plate = stocked(2, code="PLATE", place=world.w1)
    ListingFactory(channel=world.shop, sku=plate)
    orders = [sell(world.shop, (plate, 1)) for _ in range(3)]
    assert [line_of(order).short for order in orders] == [0, 0, 1]
    assert numbers(plate) == (2, 0, 2)
    assert Shortfall.objects.filter(kind="oversell").count() == 1
    assert Alert.objects.filter(kind="oversell").count() == 1


def test_a_channel_that_takes_backorders_has_backorders(world: World) -> None:
    channel = ChannelFactory(settings={"backorders": True})
    ListingFactory(channel=channel, sku=world.cup)
    sell(channel, (world.cup, 7))
    assert Shortfall.objects.get().kind == ShortfallKind.BACKORDER
    assert not Alert.objects.filter(kind="oversell").exists()


def test_a_replay_changes_nothing(world: World) -> None:
    for _ in range(3):
        tell(world, quantity=3)
    assert numbers(world.mug) == (14, 11, 3)
    assert LedgerEntry.objects.filter(reason="sale").count() == 1


def test_a_newer_version_replaces_and_an_older_one_is_only_logged(world: World) -> None:
    tell(world, version=5, quantity=3)
    assert line_of(tell(world, version=4, quantity=9)).quantity == 3
    order = tell(world, version=6, quantity=2)
    assert (line_of(order).quantity, order.version) == (2, 6)
    assert numbers(world.mug) == (14, 12, 2)


def test_an_equal_version_with_other_contents_adds_up(world: World) -> None:
    tell(world, quantity=3, cancelled=1)
    order = tell(world, quantity=4, refunded=1)
    line = line_of(order)
    assert (line.quantity, line.cancelled, line.refunded, line.reserved) == (4, 1, 1, 2)


def test_cancel_before_create_leaves_nothing_reserved(world: World) -> None:
    tell(world, version=2, state=OrderState.CANCELLED, quantity=3, cancelled=3)
    order = tell(world, quantity=3)
    assert order.status == OrderStatus.CANCELLED
    assert numbers(world.mug) == (14, 14, 0)


def test_a_cancel_that_names_no_lines_before_its_create_leaves_nothing_reserved(world: World) -> None:
    hear(world.shop, OrderEventFactory(external_id="A-1", version=2, state=OrderState.CANCELLED, lines=[]))
    order = tell(world, quantity=3)
    assert (order.status, line_of(order).cancelled) == (OrderStatus.CANCELLED, 3)
    assert numbers(world.mug) == (14, 14, 0)


def test_a_cancel_gives_everything_back(world: World) -> None:
    tell(world, quantity=3)
    order = tell(world, version=2, state=OrderState.CANCELLED, quantity=3)
    assert (order.status, line_of(order).cancelled, line_of(order).reserved) == (OrderStatus.CANCELLED, 3, 0)
    assert numbers(world.mug) == (14, 14, 0)


def test_refunded_before_shipment_is_released_and_after_it_moves_no_stock(world: World) -> None:
    tell(world, quantity=3)
    tell(world, version=2, quantity=3, refunded=1)
    assert numbers(world.mug) == (14, 12, 2)
    tell(world, version=3, quantity=3, refunded=1, shipped=2)
    assert numbers(world.mug) == (12, 12, 0)
    order = tell(world, version=4, quantity=3, refunded=3, shipped=2)
    assert numbers(world.mug) == (12, 12, 0)
    assert order.status == OrderStatus.SHIPPED


def test_units_that_the_channel_says_were_shipped_leave_once(world: World) -> None:
    tell(world, quantity=3, shipped=1)
    assert numbers(world.mug) == (13, 11, 2)
    tell(world, version=2, quantity=3, shipped=1)
    order = tell(world, version=3, quantity=3, shipped=3)
    assert numbers(world.mug) == (11, 11, 0)
    assert order.status == OrderStatus.SHIPPED


def test_an_unpaid_order_reserves_until_it_is_paid_or_cancelled(world: World) -> None:
    order = tell(world, state=OrderState.PENDING, quantity=3)
    assert (order.status, numbers(world.mug)) == (OrderStatus.PENDING, (14, 11, 3))
    assert tell(world, version=2, quantity=3).status == OrderStatus.OPEN
    assert numbers(world.mug) == (14, 11, 3)


def test_lines_that_the_channel_fulfils_are_recorded_and_never_reserve(world: World) -> None:
    bowl = stocked(5, code="BOWL", place=world.w1)
    ListingFactory(channel=world.shop, sku=bowl, fulfilled_by="channel")
    line = line_of(sell(world.shop, (bowl, 9)))
    assert (line.fulfilled_by, line.quantity, line.reserved, line.short) == ("channel", 9, 0, 0)
    assert numbers(bowl) == (5, 5, 0)


def test_an_unknown_line_is_parked_and_the_rest_goes_on(world: World) -> None:
    order = sell(world.shop, (SkuFactory(code="PLATE"), 4), (world.mug, 2))
    unknown, known = line_of(order), line_of(order, "2")
    assert (unknown.parked_reason, unknown.sku, unknown.reserved) == ("unknown_listing", None, 0)
    assert "PLATE" in unknown.parked_detail
    assert known.reserved == 2
    assert Alert.objects.filter(kind="parked").count() == 1


def test_a_parked_line_finds_its_sku_when_the_listing_comes_with_no_reimport(world: World) -> None:
    plate = stocked(3, code="PLATE", place=world.w1)
    order = sell(world.shop, (plate, 4), (world.mug, 2))
    deliveries = order.channel.deliveries.count()
    create_listing(channel=world.shop, sku=plate, external={"external_id": "PLATE"})
    line = line_of(order)
    assert (line.sku, line.parked_reason, line.reserved, line.short) == (plate, "", 3, 1)
    assert numbers(plate) == (3, 0, 3)
    assert order.channel.deliveries.count() == deliveries
    assert line_of(order, "2").reserved == 2


def test_a_parked_line_of_a_cancelled_order_reserves_nothing_when_its_listing_comes(world: World) -> None:
    plate = stocked(3, code="PLATE", place=world.w1)
    order = sell(world.shop, (plate, 2))
    cancel_order(order, actor="user:ann")
    create_listing(channel=world.shop, sku=plate, external={"external_id": "PLATE"})
    assert line_of(order).sku == plate
    assert numbers(plate) == (3, 3, 0)


def test_an_order_in_another_currency_or_from_the_future_is_recorded_and_shown_to_a_person(world: World) -> None:
    channel = ChannelFactory(currency="USD")
    ListingFactory(channel=channel, sku=world.mug)
    order = sell(channel, (world.mug, 1), placed_at=datetime.now(UTC) + timedelta(days=2))
    assert "currency EUR is not the channel's USD" in order.problem
    assert "future" in order.problem
    assert line_of(order).reserved == 1


def test_units_that_come_are_given_to_the_first_that_came(world: World) -> None:
    from fulfillment.shortfalls import fill_shortfalls

    first, second = sell(world.shop, (world.cup, 7)), sell(world.shop, (world.cup, 2))
    adjust(sku=world.cup, location=world.w2, quantity=3, actor="test")
    assert fill_shortfalls(batch=1) == 3
    assert (line_of(first).reserved, line_of(first).short) == (7, 0)
    assert (line_of(second).reserved, line_of(second).short) == (1, 1)
    assert [row.closed_at is None for row in Shortfall.objects.order_by("line_id")] == [False, True]
    assert fill_shortfalls() == 0
    assert numbers(world.cup) == (8, 0, 8)


def test_a_line_that_is_short_again_is_an_oversell_again(world: World) -> None:
    tell(world, listing_key="CUP", quantity=6)
    adjust(sku=world.cup, location=world.w1, quantity=1, actor="test")
    from fulfillment.shortfalls import fill_shortfalls

    fill_shortfalls()
    assert Shortfall.objects.get().closed_at is not None
    tell(world, version=2, listing_key="CUP", quantity=8)
    assert Shortfall.objects.get().closed_at is None
    assert Alert.objects.get(kind="oversell").count == 2


def test_a_shortfall_ends_with_the_order(world: World) -> None:
    order = sell(world.shop, (world.cup, 7))
    cancel_order(order, actor="user:ann")
    assert Shortfall.objects.get().closed_at is not None
    assert numbers(world.cup) == (5, 5, 0)


# Requests


def test_a_request_is_met_whole(world: World) -> None:
    order = request(world.phone, (world.mug, 12), order="R-1", currency="EUR")
    assert order.status == OrderStatus.OPEN
    assert (line_of(order).reserved, order.currency) == (12, "EUR")
    assert numbers(world.mug) == (14, 2, 12)


def test_a_short_request_is_refused_whole_and_names_every_short_line(world: World) -> None:
    plate = SkuFactory(code="PLATE")
    with pytest.raises(OrderShort) as refused, transaction.atomic():
        request(world.phone, (world.cup, 6), (world.mug, 2), (plate, 1), order="R-1")
    assert refused.value.lines == [
        {"sku": "CUP", "wanted": 6, "available": 5},
        {"sku": "PLATE", "wanted": 1, "available": 0},
    ]
    assert not SalesOrder.objects.exists()
    assert (numbers(world.cup), numbers(world.mug)) == ((5, 5, 0), (14, 14, 0))
    assert not Alert.objects.exists()
    assert request(world.phone, (world.cup, 5), order="R-1").status == OrderStatus.OPEN


def test_the_same_sku_on_two_lines_is_counted_together(world: World) -> None:
    with pytest.raises(OrderShort) as refused, transaction.atomic():
        request(world.phone, (world.cup, 3), (world.cup, 3), order="R-1")
    assert refused.value.lines == [{"sku": "CUP", "wanted": 3, "available": 2}]


def test_an_id_is_taken_once(world: World) -> None:
    request(world.phone, (world.mug, 1), order="R-1")
    with pytest.raises(OrderExists, match="phone has an order 'R-1' already"):
        request(world.phone, (world.mug, 1), order="R-1")


def test_a_request_may_be_fulfilled_by_the_channel(world: World) -> None:
    line = RequestLine("1", world.mug, 99, fulfilled_by="channel")
    order = request_order(channel=world.phone, external_id="R-1", lines=[line], actor="test")
    assert line_of(order).reserved == 0
    assert numbers(world.mug) == (14, 14, 0)


def test_cancelled_orders_give_back_and_cannot_be_cancelled_twice(world: World) -> None:
    order = cancel_order(request(world.phone, (world.mug, 12), order="R-1"), actor="user:ann")
    assert (order.status, numbers(world.mug)) == (OrderStatus.CANCELLED, (14, 14, 0))
    assert set(LedgerEntry.objects.filter(reason="cancellation").values_list("actor", flat=True)) == {"user:ann"}
    with pytest.raises(OrderError, match="nothing left to cancel"):
        cancel_order(order, actor="user:ann")


def test_a_paused_order_keeps_its_units_and_its_pause(world: World) -> None:
    order = hold_order(tell(world, quantity=3), actor="user:ann")
    assert order.status == OrderStatus.PAUSED
    assert tell(world, version=2, quantity=4).status == OrderStatus.PAUSED
    assert numbers(world.mug) == (14, 10, 4)
    with pytest.raises(OrderError):
        hold_order(order, actor="user:ann")
    order = release_order(order, actor="user:ann")
    assert order.status == OrderStatus.OPEN
    with pytest.raises(OrderError, match="not paused"):
        release_order(order, actor="user:ann")


def test_only_the_places_that_feed_a_channel_are_reserved_at(world: World) -> None:
    far = LocationFactory(code="FAR")
    adjust(sku=world.cup, location=far, quantity=50, actor="test")
    channel = ChannelFactory(locations=[(world.w1, "")])
    ListingFactory(channel=channel, sku=world.cup)
    line = line_of(sell(channel, (world.cup, 6)))
    assert (line.reserved, line.short) == (5, 1)


def test_a_batch_of_many_orders_takes_few_queries(
    world: World, django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    events = [OrderEventFactory(lines=[LineEventFactory(quantity=1)]) for _ in range(10)]
    with django_assert_max_num_queries(25):
        hear_all(world, events)
    assert numbers(world.mug) == (14, 4, 10)


def hear_all(world: World, events: list[Any]) -> None:
    from fulfillment.orders import Heard, record_orders

    record_orders([Heard(world.shop, event) for event in events])
