"""An order of our own is a request: taken whole or refused whole."""

from __future__ import annotations

import httpx
import pytest

from tests.stack.world import World


def ask(world: World, channel: str, /, *lines: tuple[str, int], **fields: object) -> httpx.Response:
    body = {
        "channel": channel,
        "external_id": world.name("order"),
        "currency": "EUR",
        "lines": [
            {"external_id": str(number), "sku": sku, "quantity": quantity, "unit_price": "5.00"}
            for number, (sku, quantity) in enumerate(lines, start=1)
        ],
    }
    return world.api.request("POST", path="sales-orders/", body=body | fields)


def test_an_own_order_reserves_its_units(world: World) -> None:
    sku = world.sku(on_hand=5)
    answer = ask(world, world.manual(), (sku, 3))
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "open"
    assert [(line["reserved"], line["short"]) for line in answer.json()["lines"]] == [(3, 0)]
    assert world.numbers(sku) == (5, 2, 3)


def test_an_own_order_lowers_every_channel(world: World) -> None:
    sku = world.sku(on_hand=5)
    shop = world.shop(sku)
    assert ask(world, world.manual(), (sku, 3)).status_code == 201
    world.shows(shop, sku=sku, number=2)


def test_an_own_order_that_is_short_names_every_short_line_and_takes_nothing(world: World) -> None:
    enough, few, none = world.sku(on_hand=5), world.sku(on_hand=2), world.sku()
    answer = ask(world, world.manual(), (enough, 5), (few, 3), (none, 1))
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "insufficient_stock"
    short = sorted(error["fields"]["lines"], key=lambda line: line["wanted"])
    assert short == [{"sku": none, "wanted": 1, "available": 0}, {"sku": few, "wanted": 3, "available": 2}]
    assert [world.numbers(sku) for sku in (enough, few)] == [(5, 5, 0), (2, 2, 0)]


def test_a_refused_own_order_leaves_no_order_behind(world: World) -> None:
    channel = world.manual()
    assert ask(world, channel, (world.sku(), 1)).status_code == 409
    assert world.api.count("sales-orders/", channel=channel) == 0


def test_two_lines_of_one_sku_together_may_not_exceed_what_is_there(world: World) -> None:
    sku = world.sku(on_hand=5)
    assert ask(world, world.manual(), (sku, 3), (sku, 3)).status_code == 409
    assert world.numbers(sku) == (5, 5, 0)


def test_an_own_order_may_be_split_over_the_channels_locations(world: World) -> None:
    sku, second = world.sku(on_hand=2), world.location()
    world.adjust(sku, quantity=2, at=second)
    channel = world.manual(locations=[world.place, second])
    assert ask(world, channel, (sku, 3)).status_code == 201
    assert world.numbers(sku)[1] + world.numbers(sku, at=second)[1] == 1


def test_stock_at_a_place_that_does_not_feed_the_channel_does_not_count(world: World) -> None:
    sku, elsewhere = world.sku(on_hand=2), world.location()
    world.adjust(sku, quantity=50, at=elsewhere)
    assert ask(world, world.manual(), (sku, 3)).status_code == 409


def test_cancelling_an_own_order_releases_its_units(world: World) -> None:
    sku = world.sku(on_hand=5)
    made = ask(world, world.manual(), (sku, 3)).json()
    world.api.act(f"sales-orders/{made['id']}/cancel/", body={"reason": "changed mind"})
    assert world.api.get(f"sales-orders/{made['id']}/")["status"] == "cancelled"
    assert world.numbers(sku) == (5, 5, 0)


def test_an_own_order_can_be_paused_and_released_and_keeps_its_units(world: World) -> None:
    sku = world.sku(on_hand=5)
    made = ask(world, world.manual(), (sku, 3)).json()
    world.api.act(f"sales-orders/{made['id']}/hold/", body={"reason": "address?"})
    assert world.api.get(f"sales-orders/{made['id']}/")["status"] == "paused"
    world.api.act(f"sales-orders/{made['id']}/release/", body={"reason": "address known"})
    assert world.api.get(f"sales-orders/{made['id']}/")["status"] == "open"
    assert world.numbers(sku) == (5, 2, 3)


def test_an_order_cannot_be_posted_for_a_channel_that_sends_its_own(world: World) -> None:
    sku = world.sku(on_hand=5)
    shop = world.shop(sku)
    answer = ask(world, shop.code, (sku, 1))
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["code"] != "insufficient_stock"
    assert world.numbers(sku) == (5, 5, 0)


def test_the_same_external_id_under_another_key_is_no_second_order(world: World) -> None:
    sku, channel = world.sku(on_hand=5), world.manual()
    name = world.name("order")
    assert ask(world, channel, (sku, 1), external_id=name).status_code == 201
    ask(world, channel, (sku, 1), external_id=name)
    assert world.api.count("sales-orders/", channel=channel) == 1
    assert world.numbers(sku) == (5, 4, 1)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "two", None, 10**30])
def test_an_own_order_of_a_quantity_that_is_none_is_a_clear_error(world: World, quantity: object) -> None:
    sku = world.sku(on_hand=5)
    answer = ask(world, world.manual(), (sku, quantity))  # type: ignore[arg-type]
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["message"]
    assert world.numbers(sku) == (5, 5, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": []},
        {"lines": None},
        {"lines": "all"},
        {"currency": "EURO"},
        {"placed_at": "yesterday"},
        {"ship_to": "Berlin"},
        {"channel": "nowhere"},
    ],
)
def test_a_malformed_own_order_is_a_clear_error(world: World, fields: dict) -> None:
    sku = world.sku(on_hand=5)
    answer = ask(world, world.manual(), (sku, 1), **fields)
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()["error"]["fields"]) & set(fields), answer.text
    assert world.numbers(sku) == (5, 5, 0)
