"""A unit is sold once: own orders are refused when short, a marketplace's sale is a fact and what is short counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.stack.client import eventually
from tests.stack.shop import Shop
from tests.stack.world import World, by_line, external


def request_order(world: World, *, channel: str, sku: str, quantity: int = 1) -> httpx.Response:
    line = {"external_id": "1", "sku": sku, "quantity": quantity, "unit_price": "9.90"}
    body = {"channel": channel, "external_id": world.name("own-order"), "currency": "EUR", "lines": [line]}
    return world.api.request("POST", path="sales-orders/", body=body)


def test_of_fifty_parallel_requests_for_the_last_unit_one_is_accepted(world: World) -> None:
    sku = world.sku(on_hand=1)
    channel = world.manual()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: request_order(world, channel=channel, sku=sku), range(50)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * 49, [answer.text[:300] for answer in answers if answer.status_code >= 500]
    assert world.numbers(sku) == (1, 0, 1)


def test_the_refused_of_fifty_say_that_stock_is_short(world: World) -> None:
    sku = world.sku(on_hand=1)
    channel = world.manual()
    assert request_order(world, channel=channel, sku=sku).status_code == 201
    error = request_order(world, channel=channel, sku=sku).json()["error"]
    assert error["code"] == "insufficient_stock"
    assert error["fields"]["lines"] == [{"sku": sku, "wanted": 1, "available": 0}]


@pytest.fixture
def three_sales_of_two(world: World) -> tuple[str, list[Shop], list[dict]]:
    """Three marketplaces each sell one unit at the same moment; there were two."""
    sku = world.sku(on_hand=2)
    shops = [world.shop(sku, settle=False) for _ in range(4)]
    world.settle(sku)
    orders = [shop.sell((external(sku), 1)) for shop in shops[:3]]
    for shop, order in zip(shops, orders, strict=False):
        world.tell(shop, order=order)
    recorded = [world.recorded(shop, external_id=order["id"]) for shop, order in zip(shops, orders, strict=False)]
    return sku, shops, recorded


def test_a_third_sale_of_two_units_is_stored_and_short(world: World, three_sales_of_two: tuple) -> None:
    sku, _shops, orders = three_sales_of_two
    lines = [by_line(order)["1"] for order in orders]
    assert sorted((line["reserved"], line["short"]) for line in lines) == [(0, 1), (1, 0), (1, 0)]
    assert world.numbers(sku) == (2, 0, 2)


def test_a_third_sale_of_two_units_is_one_oversell(world: World, three_sales_of_two: tuple) -> None:
    sku, _shops, _orders = three_sales_of_two
    (shortfall,) = eventually(lambda: world.waiting("shortfalls", about=sku))
    assert "oversell" in str(shortfall), shortfall
    assert shortfall["quantity"] == 1, shortfall


def test_after_an_oversell_every_channel_shows_nothing(world: World, three_sales_of_two: tuple) -> None:
    sku, shops, _orders = three_sales_of_two
    for shop in shops:
        world.shows(shop, sku=sku, number=0)
        assert eventually(lambda shop=shop: world.listing(shop, sku=sku)["shown"] == 0)


def test_an_oversell_raises_an_alert(world: World, three_sales_of_two: tuple) -> None:
    sku, _shops, _orders = three_sales_of_two
    assert eventually(lambda: world.waiting("alerts", about=sku))


def test_two_marketplace_sales_of_the_last_unit_at_one_instant_reserve_it_once(world: World) -> None:
    sku = world.sku(on_hand=1)
    shops = [world.shop(sku, settle=False) for _ in range(6)]
    world.settle(sku)
    orders = [shop.sell((external(sku), 1)) for shop in shops]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda pair: world.tell(pair[0], order=pair[1]), zip(shops, orders, strict=True)))
    recorded = [world.recorded(shop, external_id=order["id"]) for shop, order in zip(shops, orders, strict=True)]
    assert sum(by_line(order)["1"]["reserved"] for order in recorded) == 1
    assert sum(by_line(order)["1"]["short"] for order in recorded) == 5
    assert world.numbers(sku) == (1, 0, 1)
