"""Stop selling, disconnect, resume and shadow: four different things."""

from __future__ import annotations

from tests.stack.client import eventually
from tests.stack.shop import Shop
from tests.stack.world import World, external


def stop(world: World, shop: Shop) -> None:
    world.api.act(f"channels/{shop.code}/stop-selling/", body={"reason": "the warehouse is flooded"})


def disconnect(world: World, shop: Shop) -> None:
    world.api.act(f"channels/{shop.code}/disconnect/", body={"reason": "moving house"})


def resume(world: World, shop: Shop) -> None:
    world.api.act(f"channels/{shop.code}/resume/", body={"reason": "all is well"})


def writes(shop: Shop) -> int:
    with shop.lock:
        return sum(call.method != "GET" for call in shop.calls)


def test_stop_selling_shows_nothing_of_anything(world: World) -> None:
    skus = [world.sku(on_hand=10), world.sku(on_hand=20)]
    shop = world.shop(*skus)
    stop(world, shop)
    for sku in skus:
        world.shows(shop, sku=sku, number=0)


def test_stop_selling_leaves_other_channels_alone(world: World) -> None:
    sku = world.sku(on_hand=10)
    stopped, other = world.shop(sku), world.shop(sku)
    stop(world, stopped)
    world.shows(stopped, sku=sku, number=0)
    world.sleep_past_alarms(1)
    assert other.book[external(sku)] == 10


def test_a_stopped_listing_is_not_shown_as_0_before_its_channel_has_acknowledged(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    shop.down()
    stop(world, shop)
    world.sleep_past_alarms(1.5)
    assert world.listing(shop, sku=sku)["shown"] != 0
    shop.up()
    world.shows(shop, sku=sku, number=0, seconds=60)
    assert eventually(lambda: world.listing(shop, sku=sku)["shown"] == 0)


def test_a_stopped_channel_stays_at_nothing_when_stock_arrives(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    stop(world, shop)
    world.shows(shop, sku=sku, number=0)
    world.adjust(sku, quantity=5)
    world.sleep_past_alarms()
    assert shop.book[external(sku)] == 0


def test_a_stopped_channel_shows_its_stock_again_after_resume(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    stop(world, shop)
    world.shows(shop, sku=sku, number=0)
    world.adjust(sku, quantity=5)
    resume(world, shop)
    world.shows(shop, sku=sku, number=15)


def test_a_sale_that_a_stopped_channel_made_before_is_still_recorded(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.sell((external(sku), 2))
    stop(world, shop)
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    assert world.numbers(sku) == (10, 8, 2)


def test_a_disconnected_channel_is_sent_nothing(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    disconnect(world, shop)
    before = len(shop.calls)
    world.adjust(sku, quantity=5)
    world.sleep_past_alarms(3)
    assert [(call.method, call.path) for call in shop.calls[before:]] == []
    assert shop.book[external(sku)] == 10


def test_a_warning_stays_that_a_disconnected_channel_still_sells_its_last_numbers(world: World) -> None:
    shop = world.shop(world.sku(on_hand=10))
    disconnect(world, shop)
    assert eventually(lambda: world.waiting("alerts", about=shop.code))
    world.sleep_past_alarms(1)
    assert world.waiting("alerts", about=shop.code)


def test_a_disconnected_channel_is_right_after_resume(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    disconnect(world, shop)
    world.adjust(sku, quantity=5)
    resume(world, shop)
    world.shows(shop, sku=sku, number=15)


def test_a_channel_in_shadow_computes_everything_and_sends_nothing(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settle=False, mode="shadow")
    assert eventually(lambda: world.listing(shop, sku=sku)["published"] == 10)
    world.adjust(sku, quantity=5)
    assert eventually(lambda: world.listing(shop, sku=sku)["published"] == 15)
    world.sleep_past_alarms()
    assert writes(shop) == 0


def test_a_channel_in_shadow_records_its_sales(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settle=False, mode="shadow")
    world.bought_without_a_book(shop, (sku, 3))
    assert world.numbers(sku) == (10, 7, 3)
    assert writes(shop) == 0


def test_a_channel_that_goes_live_after_shadow_is_sent_its_numbers(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settle=False, mode="shadow")
    world.sleep_past_alarms(1)
    world.api.patch(f"channels/{shop.code}/", body={"mode": "live"})
    world.shows(shop, sku=sku, number=10)


def test_an_inactive_listing_is_not_pushed(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settle=False, listing={"is_active": False})
    world.adjust(sku, quantity=1)
    world.sleep_past_alarms()
    assert shop.pushes(external(sku)) == []
