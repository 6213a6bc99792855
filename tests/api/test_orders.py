"""Orders of our own, and how orders are shown."""

from __future__ import annotations

from typing import Any

import pytest

from channels.connectors.base import LineEvent, OrderEvent, OrderState
from channels.models import Channel
from fulfillment.orders import Heard, record_orders
from inventory.kernel import clock
from inventory.models import Location, Sku
from tests.api.conftest import Api, ask, levels, make_sku, stock


def sold(channel: Channel, external_id: str, *lines: tuple[str, int]) -> None:
    """The channel tells of a sale."""
    now = clock.now()
    events = [LineEvent(str(number), key, units) for number, (key, units) in enumerate(lines, 1)]
    event = OrderEvent(external_id, 1, OrderState.OPEN, now, now, "EUR", events)
    record_orders([Heard(channel, event)])


@pytest.fixture(autouse=True)
def _stock(mug: Sku, w1: Location, phone: Channel) -> None:
    stock(mug, w1, 10)


def test_an_order_is_answered_whole(admin: Api) -> None:
    address = {"name": "Ann", "country": "DE", "postal_code": "10115", "city": "Berlin", "latitude": 52.5}
    line = {"external_id": "L1", "sku": "MUG", "quantity": 3, "unit_price": "9.9", "fulfilled_by": "us"}
    made = ask(
        admin,
        external_id="A1",
        lines=[line],
        ship_to=address,
        placed_at="2026-01-02T03:04:05Z",
        ship_by="2026-01-03T00:00:00Z",
    )
    assert admin.get(f"sales-orders/{made['id']}/") == made
    assert isinstance(made.pop("id"), str)
    assert made.pop("recorded_at")
    assert made == {
        "channel": "phone", "external_id": "A1", "version": 1, "status": "open", "placed_at": "2026-01-02T03:04:05Z",
        "currency": "EUR", "ship_to": address, "promised_at": None, "ship_by": "2026-01-03T00:00:00Z", "problem": "",
        "lines": [
            {
                "external_id": "L1", "sku": "MUG", "quantity": 3, "unit_price": "9.90", "fulfilled_by": "us",
                "reserved": 3, "short": 0, "shipped": 0, "cancelled": 0, "refunded": 0, "returned": 0,
                "listing_key": "MUG", "parked_reason": "", "parked_detail": "",
            }
        ],
    }  # fmt: skip
    assert levels(admin, "MUG") == (10, 7, 3)


def test_an_order_needs_a_channel_and_lines_only(admin: Api) -> None:
    made = ask(admin, ("MUG", 1), ("MUG", 2))
    assert [line["external_id"] for line in made["lines"]] == ["1", "2"]
    assert (len(made["external_id"]), made["currency"]) == (12, "EUR")


def test_a_short_order_is_refused_as_a_whole_naming_every_short_line(admin: Api) -> None:
    make_sku("NONE")
    error = ask(admin, ("MUG", 11), ("NONE", 1), ("MUG", 0 + 1), status=409)["error"]
    assert error["code"] == "insufficient_stock"
    assert {"sku": "NONE", "wanted": 1, "available": 0} in error["fields"]["lines"]
    assert {line["sku"] for line in error["fields"]["lines"]} == {"MUG", "NONE"}
    assert (levels(admin, "MUG"), admin.get("sales-orders/")["count"]) == ((10, 10, 0), 0)


def test_the_same_external_id_is_409(admin: Api) -> None:
    ask(admin, ("MUG", 1), external_id="A1")
    error = ask(admin, ("MUG", 1), external_id="A1", status=409)["error"]
    assert (error["code"], list(error["fields"])) == ("conflict", ["external_id"])
    assert levels(admin, "MUG") == (10, 9, 1)


def test_orders_of_other_channels_come_from_the_channel(admin: Api, web: Channel) -> None:
    assert list(ask(admin, ("MUG", 1), channel="web", status=400)["error"]["fields"]) == ["channel"]


@pytest.mark.parametrize("action", ["stop-selling", "disconnect"])
def test_a_channel_that_does_not_sell_takes_no_order(admin: Api, action: str) -> None:
    admin.post(f"channels/phone/{action}/", status=200)
    assert list(ask(admin, ("MUG", 1), status=400)["error"]["fields"]) == ["channel"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"lines": []}, "lines"), ({"lines": None}, "lines"), ({"lines": "all"}, "lines"), ({"lines": [5]}, "lines.0"),
        ({"lines": {}}, "lines"), ({"currency": "USD"}, "currency"), ({"currency": "EURO"}, "currency"),
        ({"placed_at": "yesterday"}, "placed_at"), ({"placed_at": 5}, "placed_at"), ({"ship_to": "Berlin"}, "ship_to"),
        ({"ship_to": {"latitude": 91}}, "ship_to.latitude"), ({"channel": "nowhere"}, "channel"),
        ({"external_id": "x" * 201}, "external_id"), ({"external_id": "a\u0000"}, "external_id"),
        ({"lines": [{"sku": "MUG"}]}, "lines.0.quantity"), ({"lines": [{"sku": "NO", "quantity": 1}]}, "lines.0.sku"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "-1"}]}, "lines.0.unit_price"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "1e99"}]}, "lines.0.unit_price"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "external_id": "1"}] * 2}, "lines.1.external_id"),
        ({"lines": [{"sku": "MUG", "quantity": 1}] * 10_001}, "lines"),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_refused_by_its_path(admin: Api, fields: dict[str, Any], path: str) -> None:
    error = ask(admin, ("MUG", 1), status=400, **fields)["error"]
    assert path in error["fields"], error
    assert levels(admin, "MUG") == (10, 10, 0)


def test_an_inactive_sku_is_not_ordered(admin: Api) -> None:
    admin.patch("skus/MUG/", {"is_active": False})
    assert list(ask(admin, ("MUG", 1), status=400)["error"]["fields"]) == ["lines.0.sku"]


def test_a_cancelled_order_gives_its_units_back(admin: Api) -> None:
    order = ask(admin, ("MUG", 3))
    cancelled = admin.post(f"sales-orders/{order['id']}/cancel/", {"reason": "changed mind"}, status=200)
    assert (cancelled["status"], cancelled["lines"][0]["cancelled"], levels(admin, "MUG")) == (
        "cancelled",
        3,
        (10, 10, 0),
    )
    assert admin.refused("post", f"sales-orders/{order['id']}/cancel/", status=409)["code"] == "conflict"


def test_a_held_order_waits_until_it_is_released(admin: Api) -> None:
    order = ask(admin, ("MUG", 3))
    assert admin.post(f"sales-orders/{order['id']}/hold/", status=200)["status"] == "paused"
    assert levels(admin, "MUG") == (10, 7, 3)
    assert admin.post(f"sales-orders/{order['id']}/release/", status=200)["status"] == "open"
    admin.post(f"sales-orders/{order['id']}/release/", status=409)


def test_an_order_of_a_channel_shows_what_is_short_and_what_is_parked(admin: Api, web: Channel) -> None:
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    sold(web, "W1", ("m", 12), ("stranger", 1))
    (order,) = admin.rows("sales-orders/", channel="web", external_id="W1")
    first, second = order["lines"]
    assert (first["sku"], first["reserved"], first["short"]) == ("MUG", 10, 2)
    assert (second["sku"], second["parked_reason"], second["listing_key"]) == (None, "unknown_listing", "stranger")


def test_orders_are_found_by_the_fields_they_show(admin: Api, web: Channel) -> None:
    make_sku("CUP")
    order = ask(admin, ("MUG", 1), placed_at="2026-01-02T00:00:00Z")
    sold(web, "W1", ("stranger", 1))
    for query in (
        {"channel": "phone"}, {"sku": "MUG"}, {"external_id": order["external_id"]},
        {"placed_at__lte": "2026-01-02T00:00:00Z"}, {"channel": "phone", "status": "open", "currency": "EUR"},
    ):  # fmt: skip
        assert [row["id"] for row in admin.rows("sales-orders/", **query)] == [order["id"]], query
    assert admin.rows("sales-orders/", sku="CUP") == []
