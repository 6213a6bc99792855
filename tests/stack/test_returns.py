"""Returns bring units back where their disposition says; refunds are another matter."""

from __future__ import annotations

import httpx
import pytest

from tests.stack.client import Json
from tests.stack.shop import Shop
from tests.stack.world import World, by_line


@pytest.fixture
def sku(world: World) -> str:
    return world.sku(on_hand=10)


@pytest.fixture
def shop(world: World, sku: str) -> Shop:
    return world.shop(sku)


@pytest.fixture
def shipped(world: World, shop: Shop, sku: str) -> Json:
    """An order of three that has left the house."""
    order = world.bought(shop, (sku, 3))
    body = {"order": order["id"], "location": world.place, "carrier": "DHL", "tracking_number": "T"}
    made = world.api.post("shipments/", body=body | {"lines": [{"line": "1", "quantity": 3}]})
    world.api.act(f"shipments/{made.get('code') or made['id']}/dispatch/")
    assert world.numbers(sku) == (7, 7, 0)
    return order


def announce(world: World, order: Json, *, quantity: int, line: str = "1") -> httpx.Response:
    body = {"order": order["id"], "lines": [{"line": line, "quantity": quantity, "reason": "too small"}]}
    return world.api.request("POST", path="returns/", body=body)


def receive(world: World, made: Json, **dispositions: int) -> httpx.Response:
    lines = [{"line": "1", "dispositions": dispositions, "location": world.place}]
    name = made.get("code") or made["id"]
    return world.api.request("POST", path=f"returns/{name}/receive/", body={"lines": lines})


def test_an_announced_return_moves_no_stock(world: World, sku: str, shipped: Json) -> None:
    assert announce(world, shipped, quantity=2).status_code == 201
    assert world.numbers(sku) == (7, 7, 0)


def test_restocked_units_are_available_again(world: World, sku: str, shipped: Json) -> None:
    made = announce(world, shipped, quantity=2).json()
    assert receive(world, made, restock=2).is_success
    assert world.numbers(sku) == (9, 9, 0)


def test_quarantined_units_are_on_hand_and_not_for_sale(world: World, sku: str, shipped: Json) -> None:
    made = announce(world, shipped, quantity=2).json()
    assert receive(world, made, quarantine=2).is_success
    level = world.level(sku)
    assert (level["on_hand"], level["available"], level["quarantine"]) == (9, 7, 2)


def test_units_of_one_line_may_go_different_ways(world: World, sku: str, shipped: Json) -> None:
    made = announce(world, shipped, quantity=3).json()
    assert receive(world, made, restock=1, quarantine=2).is_success
    level = world.level(sku)
    assert (level["on_hand"], level["available"], level["quarantine"]) == (10, 8, 2)


def test_a_restocked_return_is_on_sale_on_every_channel(world: World, shop: Shop, sku: str, shipped: Json) -> None:
    made = announce(world, shipped, quantity=2).json()
    receive(world, made, restock=2)
    world.shows(shop, sku=sku, number=9)


def test_the_order_counts_its_returned_units(world: World, shop: Shop, shipped: Json) -> None:
    made = announce(world, shipped, quantity=2).json()
    receive(world, made, restock=2)
    assert by_line(world.recorded(shop, external_id=shipped["external_id"]))["1"]["returned"] == 2


def test_more_than_was_shipped_cannot_come_back(world: World, sku: str, shipped: Json) -> None:
    answer = announce(world, shipped, quantity=4)
    if answer.status_code == 201:
        answer = receive(world, answer.json(), restock=4)
    assert answer.status_code in (400, 409), answer.text
    assert world.numbers(sku) == (7, 7, 0)


def test_a_return_is_received_once(world: World, sku: str, shipped: Json) -> None:
    made = announce(world, shipped, quantity=2).json()
    assert receive(world, made, restock=2).is_success
    assert receive(world, made, restock=2).status_code in (400, 409)
    assert world.numbers(sku) == (9, 9, 0)


@pytest.mark.parametrize("dispositions", [{"restock": 3}, {"restock": -1}, {"eaten": 1}, {"restock": "two"}, {}])
def test_dispositions_that_do_not_fit_are_refused(
    world: World, sku: str, shipped: Json, dispositions: dict[str, int]
) -> None:
    made = announce(world, shipped, quantity=2).json()
    answer = receive(world, made, **dispositions)
    assert answer.status_code in (400, 409), answer.text
    assert world.numbers(sku) == (7, 7, 0)


def test_what_was_not_shipped_cannot_be_returned(world: World, shop: Shop, sku: str) -> None:
    order = world.bought(shop, (sku, 2))
    answer = announce(world, order, quantity=1)
    if answer.status_code == 201:
        answer = receive(world, answer.json(), restock=1)
    assert answer.status_code in (400, 409), answer.text
    assert world.numbers(sku) == (10, 8, 2)


def test_a_refund_before_the_parcel_is_back_moves_no_stock(world: World, shop: Shop, sku: str, shipped: Json) -> None:
    stated = shop.orders[shipped["external_id"]]
    changed = shop.amend(stated, lines=[stated["lines"][0] | {"shipped": 3, "refunded": 3}])
    world.tell(shop, order=changed, kind="order.refunded")
    world.sleep_past_alarms()
    assert world.numbers(sku) == (7, 7, 0)
    made = announce(world, shipped, quantity=3).json()
    assert receive(world, made, restock=1, quarantine=1, missing=1).is_success
    level = world.level(sku)
    assert (level["on_hand"], level["available"]) == (9, 8)
