"""An order's life as its channel states it: pending, open, amended, cancelled, refunded, shipped."""

from __future__ import annotations

import json

import pytest

from tests.stack.client import Json, eventually
from tests.stack.shop import Shop
from tests.stack.world import World, by_line, external


@pytest.fixture
def sku(world: World) -> str:
    return world.sku(on_hand=10)


@pytest.fixture
def shop(world: World, sku: str) -> Shop:
    return world.shop(sku, settle=False)


@pytest.fixture
def order(world: World, shop: Shop, sku: str) -> Json:
    """An open order of three units, recorded, as its shop states it."""
    stated = json.loads(json.dumps(shop.order((external(sku), 3))))
    world.tell(shop, order=stated)
    world.recorded(shop, external_id=stated["id"])
    assert world.numbers(sku) == (10, 7, 3)
    return stated


def amend(world: World, shop: Shop, order: Json, *, kind: str = "order.updated", **line: object) -> None:
    """The shop changes its order's only line and tells us."""
    changed = shop.amend(order, lines=[order["lines"][0] | line])
    world.tell(shop, order=changed, kind=kind)


def becomes(world: World, sku: str, *numbers: int) -> None:
    eventually(lambda: world.numbers(sku) == numbers or _fail(world.numbers(sku)))


def _fail(numbers: object) -> bool:
    raise AssertionError(f"on hand, available, reserved: {numbers}")


def status(world: World, shop: Shop, order: Json) -> str:
    return str(world.recorded(shop, external_id=order["id"])["status"])


def test_a_pending_order_reserves(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 3), status="pending")
    world.tell(shop, order=order)
    assert world.recorded(shop, external_id=order["id"])["status"] == "pending"
    assert world.numbers(sku) == (10, 7, 3)


def test_a_pending_order_that_is_cancelled_releases(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 3), status="pending")
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    world.tell(shop, order=shop.amend(order, status="cancelled"), kind="order.cancelled")
    becomes(world, sku, 10, 10, 0)
    assert status(world, shop, order) == "cancelled"


def test_a_pending_order_that_is_paid_becomes_open_and_reserves_once(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 3), status="pending")
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    world.tell(shop, order=shop.amend(order, status="open"), kind="order.updated")
    assert eventually(lambda: status(world, shop, order) == "open")
    assert world.numbers(sku) == (10, 7, 3)


def test_a_cancelled_order_releases_everything(world: World, shop: Shop, sku: str, order: Json) -> None:
    world.tell(shop, order=shop.amend(order, status="cancelled"), kind="order.cancelled")
    becomes(world, sku, 10, 10, 0)
    assert status(world, shop, order) == "cancelled"


def test_cancelled_units_are_released(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, cancelled=1)
    becomes(world, sku, 10, 8, 2)
    assert by_line(world.recorded(shop, external_id=order["id"]))["1"]["cancelled"] == 1
    assert status(world, shop, order) == "open"


def test_cancelled_quantities_are_cumulative(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, cancelled=1)
    becomes(world, sku, 10, 8, 2)
    amend(world, shop, order, cancelled=2)
    becomes(world, sku, 10, 9, 1)


def test_refunded_units_that_were_not_shipped_are_released(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, kind="order.refunded", refunded=2)
    becomes(world, sku, 10, 9, 1)


def test_units_refunded_after_shipment_move_no_stock(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, shipped=3)
    becomes(world, sku, 7, 7, 0)
    amend(world, shop, order, kind="order.refunded", shipped=3, refunded=3)
    world.sleep_past_alarms()
    assert world.numbers(sku) == (7, 7, 0)


def test_an_amended_quantity_moves_the_difference(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, quantity=5)
    becomes(world, sku, 10, 5, 5)
    amend(world, shop, order, quantity=2)
    becomes(world, sku, 10, 8, 2)


def test_a_line_added_later_reserves(world: World, shop: Shop, sku: str, order: Json) -> None:
    more = order["lines"][0] | {"id": "2", "quantity": 4}
    world.tell(shop, order=shop.amend(order, lines=[order["lines"][0], more]), kind="order.updated")
    becomes(world, sku, 10, 3, 7)


def test_an_equal_version_with_other_contents_applies_its_quantities(
    world: World, shop: Shop, sku: str, order: Json
) -> None:
    changed = shop.amend(order, version=order["version"], lines=[order["lines"][0] | {"cancelled": 2}])
    world.tell(shop, order=changed, kind="order.updated")
    becomes(world, sku, 10, 9, 1)


def test_an_update_that_says_nothing_new_writes_no_entry(world: World, shop: Shop, sku: str, order: Json) -> None:
    before = world.api.count("ledger-entries/", sku=sku)
    world.tell(shop, order=shop.amend(order), kind="order.updated")
    world.sleep_past_alarms()
    assert world.api.count("ledger-entries/", sku=sku) == before


def test_units_shipped_by_the_channel_leave_the_house(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, shipped=2)
    becomes(world, sku, 8, 7, 1)
    assert by_line(world.recorded(shop, external_id=order["id"]))["1"]["shipped"] == 2


def test_an_order_whose_units_are_all_shipped_is_shipped(world: World, shop: Shop, sku: str, order: Json) -> None:
    amend(world, shop, order, shipped=3)
    becomes(world, sku, 7, 7, 0)
    assert status(world, shop, order) == "shipped"


def test_a_released_unit_is_on_sale_again_on_every_channel(world: World, shop: Shop, sku: str, order: Json) -> None:
    other = world.shop(sku)
    world.shows(other, sku=sku, number=7)
    world.tell(shop, order=shop.amend(order, status="cancelled"), kind="order.cancelled")
    world.shows(other, sku=sku, number=10)


def test_lines_that_the_channel_fulfils_are_recorded_and_never_reserve(world: World, sku: str) -> None:
    shop = world.shop(sku, settle=False, listing={"fulfilled_by": "channel"})
    order = shop.order((external(sku), 3))
    world.tell(shop, order=order)
    line = by_line(world.recorded(shop, external_id=order["id"]))["1"]
    assert (line["quantity"], line["reserved"], line["short"]) == (3, 0, 0)
    assert line["fulfilled_by"] == "channel"
    assert world.numbers(sku) == (10, 10, 0)


def test_a_listing_that_the_channel_fulfils_is_never_pushed(world: World, sku: str) -> None:
    shop = world.shop(sku, settle=False, listing={"fulfilled_by": "channel"})
    world.sleep_past_alarms()
    assert shop.pushes(external(sku)) == []


def test_an_order_reserves_at_the_first_place_by_priority_that_covers_the_line(world: World) -> None:
    first, second = world.location(priority=1), world.location(priority=2)
    sku = world.sku()
    world.adjust(sku, quantity=2, at=first)
    world.adjust(sku, quantity=10, at=second)
    shop = world.shop(sku, settle=False, locations=[second, first])
    world.bought_without_a_book(shop, (sku, 5))
    assert (world.numbers(sku, at=first)[2], world.numbers(sku, at=second)[2]) == (0, 5)


def test_a_line_that_no_place_covers_is_split_in_the_order_of_priority(world: World) -> None:
    first, second = world.location(priority=1), world.location(priority=2)
    sku = world.sku()
    world.adjust(sku, quantity=2, at=first)
    world.adjust(sku, quantity=4, at=second)
    shop = world.shop(sku, settle=False, locations=[second, first])
    world.bought_without_a_book(shop, (sku, 5))
    assert (world.numbers(sku, at=first)[2], world.numbers(sku, at=second)[2]) == (2, 3)


def test_a_channel_shows_the_sum_of_the_places_that_feed_it(world: World) -> None:
    first, second, other = world.location(), world.location(), world.location()
    sku = world.sku()
    for place, quantity in ((first, 3), (second, 4), (other, 50)):
        world.adjust(sku, quantity=quantity, at=place)
    shop = world.shop(sku, settle=False, locations=[first, second])
    world.shows(shop, sku=sku, number=7)
