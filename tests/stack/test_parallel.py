"""Many people do the same thing at the same moment: it is done once, and nobody sees a server error."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.client import Json
from tests.stack.shop import Shop
from tests.stack.world import World, external, reference

CALLERS = 12


@pytest.fixture
def sku(world: World) -> str:
    return world.sku(on_hand=10)


@pytest.fixture
def shop(world: World, sku: str) -> Shop:
    return world.shop(sku, settle=False)


@pytest.fixture
def order(world: World, shop: Shop, sku: str) -> Json:
    return world.bought_without_a_book(shop, (sku, 4))


def at_once(world: World, *requests: tuple[str, Json]) -> Counter[int]:
    """POST all of it at one moment, each under a key of its own; how often each status was answered."""
    with ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(lambda one: world.api.request("POST", path=one[0], body=one[1]), requests))
    assert all(answer.status_code < 500 for answer in answers), [answer.text[:200] for answer in answers]
    return Counter(answer.status_code // 100 for answer in answers)


def shipment(world: World, order: Json, *, quantity: int) -> Json:
    lines = [{"line": "1", "quantity": quantity}]
    return {"order": order["id"], "location": world.place, "carrier": "DHL", "tracking_number": "T", "lines": lines}


def test_one_shipment_dispatched_by_many_leaves_once(world: World, sku: str, order: Json) -> None:
    made = world.api.post("shipments/", body=shipment(world, order, quantity=4))
    at_once(world, *[(f"shipments/{reference(made)}/dispatch/", {})] * CALLERS)
    assert world.numbers(sku) == (6, 6, 0)


def test_many_shipments_of_one_line_together_take_no_more_than_was_reserved(
    world: World, sku: str, order: Json
) -> None:
    bodies = [shipment(world, order, quantity=3)] * CALLERS
    with ThreadPoolExecutor(CALLERS) as pool:
        made = list(pool.map(lambda body: world.api.request("POST", path="shipments/", body=body), bodies))
    assert {answer.status_code for answer in made} <= {201, 400, 409}, [answer.text[:200] for answer in made]
    names = [reference(answer.json()) for answer in made if answer.status_code == 201]
    at_once(world, *[(f"shipments/{name}/dispatch/", {}) for name in names])
    assert world.numbers(sku) == (7, 6, 1)


def test_a_cancel_and_a_dispatch_at_one_moment_are_one_or_the_other(world: World, sku: str) -> None:
    channel = world.manual()
    line = {"external_id": "1", "sku": sku, "quantity": 4, "unit_price": "1.00"}
    body = {"channel": channel, "external_id": world.name("order"), "currency": "EUR", "lines": [line]}
    order = world.api.post("sales-orders/", body=body)
    made = world.api.post("shipments/", body=shipment(world, order, quantity=4))
    dispatch, cancel = f"shipments/{reference(made)}/dispatch/", f"sales-orders/{order['id']}/cancel/"
    at_once(world, *[(dispatch, {}), (cancel, {"reason": "changed mind"})] * 4)
    assert world.numbers(sku) in ((6, 6, 0), (10, 10, 0))


def test_one_order_cancelled_by_many_is_released_once(world: World, sku: str) -> None:
    line = {"external_id": "1", "sku": sku, "quantity": 4, "unit_price": "1.00"}
    body = {"channel": world.manual(), "external_id": world.name("order"), "currency": "EUR", "lines": [line]}
    order = world.api.post("sales-orders/", body=body)
    at_once(world, *[(f"sales-orders/{order['id']}/cancel/", {"reason": "x"})] * CALLERS)
    assert world.numbers(sku) == (10, 10, 0)


def test_one_return_received_by_many_comes_back_once(world: World, sku: str, order: Json) -> None:
    made = world.api.post("shipments/", body=shipment(world, order, quantity=4))
    world.api.act(f"shipments/{reference(made)}/dispatch/")
    lines = [{"line": "1", "quantity": 2, "reason": "too small"}]
    back = world.api.post("returns/", body={"order": order["id"], "lines": lines})
    received = {"lines": [{"line": "1", "dispositions": {"restock": 2}, "location": world.place}]}
    at_once(world, *[(f"returns/{reference(back)}/receive/", received)] * CALLERS)
    assert world.numbers(sku) == (8, 8, 0)


def test_one_code_claimed_by_many_is_one_object(world: World) -> None:
    code = world.name("SKU")
    assert at_once(world, *[("skus/", {"code": code, "name": "thing"})] * CALLERS)[2] == 1
    assert world.api.count("skus/", code=code) == 1


def test_one_listing_made_by_many_is_one_listing(world: World, shop: Shop) -> None:
    sku = world.sku()
    body = {"channel": shop.code, "sku": sku, "external": {"external_id": external(sku)}}
    assert at_once(world, *[("listings/", body)] * CALLERS)[2] == 1
    assert world.api.count("listings/", channel=shop.code, sku=sku) == 1


def test_webhook_and_poll_of_one_order_at_one_moment_are_one_order(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 2))
    with ThreadPoolExecutor(2) as pool:
        polled = pool.submit(world.product.manage, "reconcile", "--channel", shop.code)
        told = [pool.submit(world.deliver, shop, order=order) for _ in range(5)]
        assert {delivery.result().status_code for delivery in told} == {200}
        polled.result()
    world.recorded(shop, external_id=order["id"])
    world.sleep_past_alarms()
    assert world.api.count("sales-orders/", channel=shop.code) == 1
    assert world.numbers(sku) == (10, 8, 2)


def test_orders_of_the_same_two_skus_in_opposite_sequence_are_all_recorded(world: World) -> None:
    """What locks in the order of the lines instead of one fixed order dies here."""
    first, second = world.sku(on_hand=500), world.sku(on_hand=500)
    shops = [world.shop(first, second, settle=False) for _ in range(4)]
    orders = []
    for number in range(80):
        pair = ((external(first), 1), (external(second), 1))
        shop = shops[number % 4]
        orders.append((shop, shop.order(*(pair if number % 2 else pair[::-1]))))
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda one: world.tell(one[0], order=one[1]), orders))
    for shop, order in orders:
        world.recorded(shop, external_id=order["id"], seconds=20)
    assert world.numbers(first) == world.numbers(second) == (500, 420, 80)
