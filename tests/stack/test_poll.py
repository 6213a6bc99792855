"""What webhooks lose, the poll finds; what drifts, the read-back mends."""

from __future__ import annotations

from tests.stack.client import eventually
from tests.stack.poll import poll_orders, reconcile
from tests.stack.world import World, by_line, external


def test_an_order_whose_webhook_never_came_is_recovered_by_the_poll(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    lost = shop.sell((external(sku), 3))
    poll_orders(world, shop=shop)
    recorded = world.recorded(shop, external_id=lost["id"])
    assert by_line(recorded)["1"]["reserved"] == 3
    assert world.numbers(sku) == (10, 7, 3)


def test_three_lost_webhooks_of_a_hundred_are_recovered(world: World) -> None:
    sku = world.sku(on_hand=200)
    shop = world.shop(sku)
    orders = [shop.sell((external(sku), 1)) for _ in range(100)]
    for number, order in enumerate(orders):
        if number not in (10, 50, 99):
            world.tell(shop, order=order)
    eventually(lambda: world.numbers(sku)[2] == 97, seconds=20)
    poll_orders(world, shop=shop)
    eventually(lambda: world.numbers(sku) == (200, 100, 100), seconds=20)
    assert world.api.count("sales-orders/", channel=shop.code) == 100


def test_more_lost_orders_than_a_page_holds_are_all_recovered(world: World) -> None:
    sku = world.sku(on_hand=400)
    shop = world.shop(sku)
    for _ in range(250):
        shop.sell((external(sku), 1))
    poll_orders(world, shop=shop)
    eventually(lambda: world.numbers(sku) == (400, 150, 250), seconds=30)
    assert world.api.count("sales-orders/", channel=shop.code) == 250


def test_a_cancellation_whose_webhook_never_came_is_recovered_by_the_poll(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = world.bought(shop, (sku, 3))
    stated = shop.orders[order["external_id"]]
    shop.amend(stated, status="cancelled", lines=[stated["lines"][0] | {"cancelled": 3}])
    poll_orders(world, shop=shop)
    eventually(lambda: world.numbers(sku) == (10, 10, 0))


def test_a_number_changed_by_hand_is_brought_back(world: World) -> None:
    sku = world.sku(on_hand=5)
    shop = world.shop(sku)
    world.sleep_past_alarms()
    with shop.lock:
        shop.book[external(sku)] = 10
    printed = reconcile(world, shop=shop)
    world.shows(shop, sku=sku, number=5, seconds=100)
    if printed:
        assert sku in printed or external(sku) in printed
    (drift,) = eventually(lambda: world.waiting("drifts", about=sku))
    assert drift["excess"] == 5, drift
