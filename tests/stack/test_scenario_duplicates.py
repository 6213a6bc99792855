"""Exactly once in effect, whatever is repeated, early or unknown."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from tests.stack.client import eventually
from tests.stack.poll import poll_orders
from tests.stack.world import World, by_line, external


def test_the_same_delivery_five_times_is_one_order(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.sell((external(sku), 2))
    body = json.dumps({"type": "order.created", "id": "e1", "occurred_at": order["placed_at"], "order": order}).encode()
    answers = [world.deliver_raw(shop, body=body, message_id="msg_same") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    world.recorded(shop, external_id=order["id"])
    world.sleep_past_alarms()
    assert world.api.count("sales-orders/", channel=shop.code) == 1
    assert world.numbers(sku) == (10, 8, 2)


def test_the_same_delivery_five_times_at_once_is_one_order(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.sell((external(sku), 2))
    body = json.dumps({"type": "order.created", "id": "e1", "occurred_at": order["placed_at"], "order": order}).encode()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: world.deliver_raw(shop, body=body, message_id="msg_same"), range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    world.recorded(shop, external_id=order["id"])
    world.sleep_past_alarms()
    assert world.api.count("sales-orders/", channel=shop.code) == 1
    assert world.numbers(sku) == (10, 8, 2)


def test_five_deliveries_of_one_order_under_five_ids_are_one_order(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.sell((external(sku), 2))
    for _ in range(5):
        world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    world.sleep_past_alarms()
    assert world.api.count("sales-orders/", channel=shop.code) == 1
    assert world.numbers(sku) == (10, 8, 2)


def test_an_order_that_came_by_webhook_and_comes_again_by_the_poll_is_one_order(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = world.bought(shop, (sku, 2))
    poll_orders(world, shop=shop)
    world.sleep_past_alarms()
    assert world.api.count("sales-orders/", channel=shop.code) == 1
    assert world.order(shop, external_id=order["external_id"])["lines"] == order["lines"]
    assert world.numbers(sku) == (10, 8, 2)


def test_a_cancel_that_comes_before_its_create_leaves_nothing_reserved(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    created = json.loads(json.dumps(shop.sell((external(sku), 3))))
    line = created["lines"][0]
    cancelled = shop.amend(created, status="cancelled", lines=[line | {"cancelled": 3}])
    world.tell(shop, order=cancelled, kind="order.cancelled")
    world.tell(shop, order=created)
    world.recorded(shop, external_id=created["id"])
    world.sleep_past_alarms()
    assert world.order(shop, external_id=created["id"])["status"] == "cancelled"
    assert world.numbers(sku) == (10, 10, 0)


def test_an_older_version_that_comes_late_changes_nothing(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    first = json.loads(json.dumps(shop.order((external(sku), 5))))
    second = shop.amend(first, lines=[first["lines"][0] | {"quantity": 2}])
    world.tell(shop, order=second, kind="order.updated")
    world.recorded(shop, external_id=first["id"])
    world.tell(shop, order=first)
    world.sleep_past_alarms()
    assert by_line(world.order(shop, external_id=first["id"]))["1"]["quantity"] == 2
    assert world.numbers(sku) == (10, 8, 2)


def test_the_same_event_id_with_other_contents_is_decided_by_the_version(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    first = json.loads(json.dumps(shop.order((external(sku), 5))))
    second = shop.amend(first, lines=[first["lines"][0] | {"quantity": 2}])
    assert world.deliver(shop, order=first, message_id="msg_one", id="evt_one").status_code == 200
    answer = world.deliver(shop, order=second, kind="order.updated", message_id="msg_one", id="evt_one")
    assert answer.status_code == 200
    eventually(lambda: world.numbers(sku) == (10, 8, 2))
    assert world.api.count("sales-orders/", channel=shop.code) == 1


def test_an_unknown_line_is_queued_and_the_known_one_reserves(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    stranger = world.name("stranger")
    order = shop.order((stranger, 1), (external(sku), 2))
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    assert eventually(lambda: world.numbers(sku) == (10, 8, 2))
    assert eventually(lambda: world.waiting("parked", about=stranger))


def test_an_unknown_line_reserves_once_it_is_mapped_without_another_import(world: World) -> None:
    known, late = world.sku(on_hand=10), world.sku(on_hand=10)
    shop = world.shop(known)
    order = shop.order((external(late), 3), (external(known), 2))
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    world.offer(shop, sku=late)
    eventually(lambda: world.numbers(late) == (10, 7, 3))
    assert world.numbers(known) == (10, 8, 2)
    assert by_line(world.order(shop, external_id=order["id"]))["1"]["sku"] == late
    assert eventually(lambda: not world.waiting("parked", about=external(late)))
