"""What is learned after the fact still comes out right: SKUs found late, orders edited down, pauses overtaken by events."""

from __future__ import annotations

import pytest

from channels.models import Listing, StockTarget
from channels.registration import create_listing
from fulfillment.models import OrderStatus
from fulfillment.orders import hold_order, release_order
from fulfillment.returns import ReturnError, create_return
from inventory.kernel import clock
from inventory.rebuild import verify
from tests.factories import LineEventFactory as Line
from tests.factories import OrderEventFactory as Event
from tests.factories import hear, numbers, sell, stocked
from tests.fulfillment.conftest import World

pytestmark = pytest.mark.django_db


def test_units_that_had_left_before_their_sku_was_known_leave_stock_once_it_is(world: World) -> None:
    bowl = stocked(10, code="BOWL", place=world.w1)
    lines = [Line(external_id="1", listing_key="bowl-7", quantity=3, shipped=2)]
    (order,) = hear(world.shop, Event(external_id="A-1", lines=lines))
    assert (order.lines.get().parked_reason, numbers(bowl)) == ("unknown_listing", (10, 10, 0))
    create_listing(channel=world.shop, sku=bowl, external={"external_id": "bowl-7"})
    line = order.lines.get()
    assert (line.sku, line.reserved, line.shipped, line.short) == (bowl, 1, 2, 0)
    assert numbers(bowl) == (8, 7, 1)
    hear(world.shop, Event(external_id="A-1", version=2, lines=lines))
    assert numbers(bowl) == (8, 7, 1), "they left once"
    assert list(verify()) == []


def test_an_order_that_had_left_whole_is_shipped_once_its_sku_is_known(world: World) -> None:
    bowl = stocked(10, code="BOWL", place=world.w1)
    lines = [Line(external_id="1", listing_key="bowl-7", quantity=3, shipped=3)]
    (order,) = hear(world.shop, Event(external_id="A-1", lines=lines))
    create_listing(channel=world.shop, sku=bowl, external={"external_id": "bowl-7"})
    order.refresh_from_db()
    assert (order.status, numbers(bowl)) == (OrderStatus.SHIPPED, (7, 7, 0))


def test_a_line_whose_sku_is_not_known_cannot_be_returned_yet(world: World) -> None:
    lines = [Line(external_id="1", listing_key="bowl-7", quantity=1, shipped=1)]
    (order,) = hear(world.shop, Event(external_id="A-1", lines=lines))
    with pytest.raises(ReturnError, match="map its listing first"):
        create_return(order=order, lines=[(order.lines.get(), 1, "")], actor="test")


def test_what_a_channel_shows_is_unknown_after_it_sold_fewer_than_it_said(world: World) -> None:
    """It may have raised its own number; ours may stand where it stood, since somebody else has bought what came free."""
    sell(world.shop, (world.mug, 3), order="A-1")
    listing = Listing.objects.get(channel=world.shop, sku=world.mug)
    StockTarget.objects.filter(listing=listing).update(shown=11, sent_at=clock.now())
    hear(world.shop, Event(external_id="A-1", version=2, lines=[Line(external_id="1", quantity=2)]))
    assert StockTarget.objects.get(listing=listing).shown is None


@pytest.mark.parametrize(
    ("what", "status"), [({"shipped": 3}, OrderStatus.SHIPPED), ({"cancelled": 3}, OrderStatus.CANCELLED)]
)
def test_a_paused_order_of_which_nothing_is_left_has_ended(world: World, what: dict[str, int], status: str) -> None:
    order = sell(world.shop, (world.mug, 3), order="A-1")
    hold_order(order, actor="test")
    hear(world.shop, Event(external_id="A-1", version=2, lines=[Line(external_id="1", quantity=3, **what)]))
    order.refresh_from_db()
    assert order.status == status


def test_a_paused_order_of_which_something_is_left_stays_paused(world: World) -> None:
    order = sell(world.shop, (world.mug, 3), order="A-1")
    hold_order(order, actor="test")
    hear(world.shop, Event(external_id="A-1", version=2, lines=[Line(external_id="1", quantity=3, shipped=2)]))
    order.refresh_from_db()
    assert order.status == OrderStatus.PAUSED
    assert release_order(order, actor="test").status == OrderStatus.OPEN
