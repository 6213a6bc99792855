"""The sale that crosses the reorder point raises one alert, and one only."""

from __future__ import annotations

import pytest

from tests.stack.client import Json, eventually
from tests.stack.world import World


def rule(world: World, sku: str, *, point: int, **fields: object) -> None:
    body = {"sku": sku, "policy": "reorder_point", "parameters": {"reorder_point": point, "quantity": 40}}
    world.api.post("reorder-rules/", body=body | fields)


def alerts(world: World, sku: str) -> list[Json]:
    return world.api.rows("reorder-alerts/", sku=sku)


def test_the_sale_that_reaches_the_point_raises_an_alert(world: World) -> None:
    sku = world.sku(on_hand=12)
    shop = world.shop(sku)
    rule(world, sku, point=10)
    world.bought(shop, (sku, 2))
    (alert,) = eventually(lambda: alerts(world, sku))
    assert (alert["sku"], alert["position"], alert["reorder_point"]) == (sku, 10, 10)
    assert alert["raised_at"]


def test_a_sale_above_the_point_raises_none(world: World) -> None:
    sku = world.sku(on_hand=12)
    shop = world.shop(sku)
    rule(world, sku, point=10)
    world.bought(shop, (sku, 1))
    world.sleep_past_alarms()
    assert alerts(world, sku) == []


def test_further_sales_below_the_point_raise_no_second_alert(world: World) -> None:
    sku = world.sku(on_hand=12)
    shop = world.shop(sku)
    rule(world, sku, point=10)
    world.bought(shop, (sku, 3))
    eventually(lambda: alerts(world, sku))
    for _ in range(3):
        world.bought(shop, (sku, 1))
    world.sleep_past_alarms()
    assert len(alerts(world, sku)) == 1


def test_sales_on_several_channels_at_once_raise_one_alert(world: World) -> None:
    sku = world.sku(on_hand=12)
    shops = [world.shop(sku, settle=False) for _ in range(4)]
    world.settle(sku)
    rule(world, sku, point=10)
    for shop in shops:
        world.buy(shop, (sku, 1))
    eventually(lambda: world.numbers(sku)[2] == 4)
    eventually(lambda: alerts(world, sku))
    world.sleep_past_alarms()
    assert len(alerts(world, sku)) == 1


def test_an_own_order_crosses_the_point_too(world: World) -> None:
    sku = world.sku(on_hand=12)
    rule(world, sku, point=10)
    line = {"external_id": "1", "sku": sku, "quantity": 5, "unit_price": "1.00"}
    body = {"channel": world.manual(), "external_id": world.name("order"), "currency": "EUR", "lines": [line]}
    world.api.post("sales-orders/", body=body)
    (alert,) = eventually(lambda: alerts(world, sku))
    assert alert["position"] == 7


def test_the_alert_suggests_a_quantity(world: World) -> None:
    sku = world.sku(on_hand=12)
    shop = world.shop(sku)
    rule(world, sku, point=10)
    world.bought(shop, (sku, 4))
    (alert,) = eventually(lambda: alerts(world, sku))
    assert alert["suggested_quantity"] > 0


def test_units_that_are_not_sellable_do_not_count(world: World) -> None:
    """Position = on hand + expected + in transit - unavailable - reserved - backordered."""
    sku = world.sku(on_hand=12)
    shop = world.shop(sku)
    rule(world, sku, point=10)
    body = {"sku": sku, "location": world.place, "from_state": "available", "to_state": "quarantine", "quantity": 1}
    world.api.post("stock-moves/", body=body | {"reason": "inspection"})
    world.bought(shop, (sku, 1))
    (alert,) = eventually(lambda: alerts(world, sku))
    assert alert["position"] == 10


def test_a_rule_for_one_place_looks_at_that_place(world: World) -> None:
    sku, far = world.sku(on_hand=12), world.location()
    world.adjust(sku, quantity=100, at=far)
    shop = world.shop(sku)
    rule(world, sku, point=10, location=world.place)
    world.bought(shop, (sku, 2))
    (alert,) = eventually(lambda: alerts(world, sku))
    assert alert["position"] == 10


@pytest.mark.parametrize("fields", [{"policy": "guess"}, {"sku": "nothing"}, {"parameters": {"reorder_point": "few"}}])
def test_a_malformed_rule_is_a_clear_error(world: World, fields: dict) -> None:
    body = {"sku": world.sku(), "policy": "reorder_point", "parameters": {"reorder_point": 5}}
    answer = world.api.request("POST", path="reorder-rules/", body=body | fields)
    assert answer.status_code == 400, answer.text
    named = {name.split(".")[0] for name in answer.json()["error"]["fields"]}
    assert named & set(fields), answer.text
