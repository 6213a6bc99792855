"""Shipments take reserved units out of the house, and the channel is told once."""

from __future__ import annotations

import httpx
import pytest

from tests.stack.client import Json, eventually
from tests.stack.shop import Shop
from tests.stack.world import World, by_line


@pytest.fixture
def sku(world: World) -> str:
    return world.sku(on_hand=10)


@pytest.fixture
def shop(world: World, sku: str) -> Shop:
    return world.shop(sku)


@pytest.fixture
def order(world: World, shop: Shop, sku: str) -> Json:
    return world.bought(shop, (sku, 3))


def create(world: World, order: Json, /, *lines: tuple[str, int], **fields: object) -> httpx.Response:
    body = {
        "order": order["id"],
        "location": world.place,
        "carrier": "DHL",
        "service": "parcel",
        "tracking_number": f"TRACK-{world.tag}",
        "lines": [{"line": line, "quantity": quantity} for line, quantity in lines],
    }
    return world.api.request("POST", path="shipments/", body=body | fields)


def ship(world: World, order: Json, *lines: tuple[str, int], **fields: object) -> Json:
    """Make a shipment and dispatch it."""
    made = create(world, order, *lines, **fields)
    assert made.status_code == 201, made.text
    shipment = made.json()
    world.api.act(f"shipments/{shipment.get('code') or shipment['id']}/dispatch/")
    return shipment


def test_a_whole_shipment_takes_the_reserved_units_out(world: World, sku: str, order: Json) -> None:
    ship(world, order, ("1", 3))
    assert world.numbers(sku) == (7, 7, 0)
    assert world.api.get(f"sales-orders/{order['id']}/")["status"] == "shipped"


def test_a_partial_shipment_leaves_the_rest_reserved(world: World, shop: Shop, sku: str, order: Json) -> None:
    ship(world, order, ("1", 1))
    assert world.numbers(sku) == (9, 7, 2)
    recorded = world.recorded(shop, external_id=order["external_id"])
    assert recorded["status"] == "open"
    assert (by_line(recorded)["1"]["shipped"], by_line(recorded)["1"]["reserved"]) == (1, 2)


def test_two_partial_shipments_make_a_whole(world: World, sku: str, order: Json) -> None:
    ship(world, order, ("1", 1))
    ship(world, order, ("1", 2), tracking_number="SECOND")
    assert world.numbers(sku) == (7, 7, 0)
    assert world.api.get(f"sales-orders/{order['id']}/")["status"] == "shipped"


def test_a_shipment_without_lines_is_everything_that_is_left(world: World, sku: str, order: Json) -> None:
    body = {"order": order["id"], "location": world.place, "carrier": "DHL", "tracking_number": "T"}
    made = world.api.post("shipments/", body=body)
    world.api.act(f"shipments/{made.get('code') or made['id']}/dispatch/")
    assert world.numbers(sku) == (7, 7, 0)


def test_the_channel_is_told_the_tracking_number_once(world: World, shop: Shop, order: Json) -> None:
    ship(world, order, ("1", 3))
    (told,) = eventually(lambda: shop.shipments(order["external_id"]))
    assert (told["carrier"], told["tracking_number"]) == ("DHL", f"TRACK-{world.tag}")
    assert told["lines"] == [{"line_id": "1", "quantity": 3}]
    world.sleep_past_alarms()
    assert len(shop.shipments(order["external_id"])) == 1


def test_a_channel_that_fails_at_first_is_told_the_tracking_number_later(world: World, shop: Shop, order: Json) -> None:
    shop.trouble.status = 503
    ship(world, order, ("1", 3))
    world.sleep_past_alarms()
    shop.trouble.status = 0
    eventually(lambda: shop.shipments(order["external_id"]), seconds=60)
    world.sleep_past_alarms()
    assert len(shop.shipments(order["external_id"])) == 1


def test_a_shipment_is_dispatched_once(world: World, shop: Shop, sku: str, order: Json) -> None:
    shipment = ship(world, order, ("1", 2))
    name = shipment.get("code") or shipment["id"]
    again = world.api.request("POST", path=f"shipments/{name}/dispatch/", body={})
    assert again.status_code < 500
    assert world.numbers(sku) == (8, 7, 1)
    eventually(lambda: shop.shipments(order["external_id"]))
    world.sleep_past_alarms()
    assert len(shop.shipments(order["external_id"])) == 1


def test_more_than_is_reserved_cannot_be_shipped(world: World, sku: str, order: Json) -> None:
    made = create(world, order, ("1", 4))
    if made.status_code == 201:
        name = made.json().get("code") or made.json()["id"]
        made = world.api.request("POST", path=f"shipments/{name}/dispatch/", body={})
    assert made.status_code in (400, 409), made.text
    assert world.numbers(sku) == (10, 7, 3)


def test_a_shipment_from_a_place_without_a_reservation_is_refused(world: World, sku: str, order: Json) -> None:
    made = create(world, order, ("1", 3), location=world.location())
    if made.status_code == 201:
        name = made.json().get("code") or made.json()["id"]
        made = world.api.request("POST", path=f"shipments/{name}/dispatch/", body={})
    assert made.status_code in (400, 409), made.text
    assert world.numbers(sku) == (10, 7, 3)


@pytest.mark.parametrize("quantity", [0, -1, "all", None, 10**30])
def test_a_shipment_of_a_quantity_that_is_none_is_a_clear_error(
    world: World, sku: str, order: Json, quantity: object
) -> None:
    made = create(world, order, ("1", quantity))  # type: ignore[arg-type]
    assert made.status_code in (400, 409), made.text
    assert world.numbers(sku) == (10, 7, 3)


def test_a_shipment_of_an_unknown_line_is_a_clear_error(world: World, order: Json) -> None:
    assert create(world, order, ("99", 1)).status_code in (400, 404)


def test_a_shipment_of_an_unknown_order_is_a_clear_error(world: World, order: Json) -> None:
    answer = create(world, order, ("1", 1), order="999999999")
    assert answer.status_code in (400, 404)
    assert "order" in answer.json()["error"]["fields"]


def test_the_channels_own_word_about_a_shipment_of_ours_moves_nothing_again(
    world: World, shop: Shop, sku: str, order: Json
) -> None:
    """We shipped three and told the channel, and its next version says so."""
    ship(world, order, ("1", 3))
    stated = shop.orders[order["external_id"]]
    changed = shop.amend(stated, lines=[stated["lines"][0] | {"shipped": 3}])
    world.tell(shop, order=changed, kind="order.updated")
    world.sleep_past_alarms()
    assert world.numbers(sku) == (7, 7, 0)
