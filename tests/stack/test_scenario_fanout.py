"""A sale on one channel is on every other within seconds, and calls are spent with thrift."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.client import eventually
from tests.stack.shop import Shop
from tests.stack.world import World, external

CHANNELS = 30


@pytest.fixture
def thirty(world: World) -> tuple[str, list[Shop]]:
    """One SKU, a hundred units, thirty channels."""
    sku = world.sku(on_hand=100)
    shops = [world.shop(sku, settle=False) for _ in range(CHANNELS)]
    world.settle(sku)
    return sku, shops


def test_a_sale_on_the_first_of_thirty_channels_is_on_the_other_twenty_nine(
    world: World, thirty: tuple[str, list[Shop]]
) -> None:
    sku, shops = thirty
    bought_at = time.monotonic()
    world.buy(shops[0], (sku, 1))
    for shop in shops:
        world.shows(shop, sku=sku, number=99)
    assert time.monotonic() - bought_at < 5
    assert world.numbers(sku) == (100, 99, 1)
    for shop in shops:
        assert eventually(lambda shop=shop: world.listing(shop, sku=sku)["shown"] == 99)


def test_two_hundred_sales_in_ten_seconds_end_right_with_far_fewer_pushes(
    world: World, thirty: tuple[str, list[Shop]]
) -> None:
    sku, shops = thirty
    world.adjust(sku, quantity=400)
    world.settle(sku)
    before = {shop.code: len(shop.pushes(external(sku))) for shop in shops}
    began = time.monotonic()

    def sell(number: int) -> None:
        time.sleep(max(0.0, began + number * 0.05 - time.monotonic()))
        world.buy(shops[number % CHANNELS], (sku, 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sell, range(200)))
    for shop in shops:
        world.shows(shop, sku=sku, number=300, seconds=15)
    assert world.numbers(sku) == (500, 300, 200)
    pushes = [len(shop.pushes(external(sku))) - before[shop.code] for shop in shops]
    assert max(pushes) <= 100, f"pushes by channel: {pushes}"


def test_a_channel_whose_number_already_stands_is_not_called(world: World) -> None:
    sku = world.sku(on_hand=50)
    shop = world.shop(sku)
    before = len(shop.pushes(external(sku)))
    world.adjust(sku, quantity=5)
    world.shows(shop, sku=sku, number=55)
    world.sleep_past_alarms()
    assert len(shop.pushes(external(sku))) == before + 1


def test_a_channel_that_never_answers_does_not_hold_up_another(world: World) -> None:
    sku = world.sku(on_hand=100)
    shops = [world.shop(sku, settle=False) for _ in range(4)]
    world.settle(sku)
    shops[0].trouble.hang_seconds = 60
    world.adjust(sku, quantity=-10)
    for shop in shops[1:]:
        world.shows(shop, sku=sku, number=90, seconds=5)


def test_a_channel_that_was_down_is_right_after_it_comes_back(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    shop.down()
    world.adjust(sku, quantity=-10)
    world.sleep_past_alarms()
    shop.up()
    world.shows(shop, sku=sku, number=90, seconds=60)


def test_a_channel_that_answers_with_server_errors_is_right_after_it_recovers(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    shop.trouble.status = 503
    world.adjust(sku, quantity=-10)
    world.sleep_past_alarms()
    shop.trouble.status = 0
    world.shows(shop, sku=sku, number=90, seconds=60)


def test_one_rejected_sku_does_not_hold_up_the_others_and_is_shown_with_its_reason(world: World) -> None:
    skus = [world.sku(on_hand=5) for _ in range(5)]
    shop = world.shop(settle=False)
    shop.trouble.rejected.add(external(skus[2]))
    for sku in skus:
        world.offer(shop, sku=sku)
    for sku in skus[:2] + skus[3:]:
        world.shows(shop, sku=sku, number=5)
    listing = eventually(lambda: (row := world.listing(shop, sku=skus[2]))["last_error"] and row)
    assert "not_sellable" in str(listing) or "not for sale" in str(listing), listing


def test_every_call_to_a_channel_is_signed(world: World) -> None:
    sku = world.sku(on_hand=5)
    shop = world.shop(sku)
    world.adjust(sku, quantity=1)
    world.shows(shop, sku=sku, number=6)
    assert shop.unsigned == []
