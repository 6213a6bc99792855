"""Why a channel shows what it shows: each step of the composition with its input and output."""

from __future__ import annotations

import pytest

from tests.stack.client import Json, eventually
from tests.stack.shop import Shop
from tests.stack.world import World


def rule(world: World, kind: str, value: int | None = None, **fields: object) -> Json:
    body = {"kind": kind} | ({} if value is None else {"value": value})
    return world.api.post("allocation-rules/", body=body | fields)


def explained(world: World, shop: Shop, sku: str) -> tuple[int, dict[str, tuple[int, int]]]:
    """The published number and, for each step, what went in and what came out."""
    answer = world.api.get(f"listings/{world.listing(shop, sku=sku)['id']}/explain/")
    assert all({"rule", "scope", "input", "output", "note"} <= set(step) for step in answer["steps"]), answer
    return answer["published"], {step["rule"]: (step["input"], step["output"]) for step in answer["steps"]}


@pytest.mark.parametrize(
    ("available", "kind", "value", "published"),
    [
        (100, "buffer", 10, 90),
        (100, "percent", 80, 80),
        (3, "percent", 50, 1),
        (5, "buffer", 10, 0),
        (10, "buffer", 10, 0),
        (99, "percent", 33, 32),
        (7, "percent", 100, 7),
        (7, "percent", 0, 0),
        (100, "buffer", 0, 100),
    ],
)
def test_a_rule_is_printed_with_its_numbers_and_felt_by_the_channel(
    world: World, available: int, kind: str, value: int, published: int
) -> None:
    sku = world.sku(on_hand=available)
    shop = world.shop(sku)
    rule(world, kind, value, channel=shop.code, sku=sku)
    number, steps = explained(world, shop, sku)
    assert number == published
    assert steps[kind] == (available, published)
    world.shows(shop, sku=sku, number=published, seconds=5)


def test_stop_sell_shows_nothing(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    rule(world, "stop_sell", channel=shop.code, sku=sku)
    number, steps = explained(world, shop, sku)
    assert number == 0
    assert steps["stop_sell"] == (100, 0)
    world.shows(shop, sku=sku, number=0, seconds=5)


def test_without_rules_the_pool_is_published(world: World) -> None:
    sku = world.sku(on_hand=42)
    shop = world.shop(sku)
    number, steps = explained(world, shop, sku)
    assert number == 42
    assert steps["pool"][1] == 42


def test_the_percent_is_taken_before_the_buffer(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    rule(world, "buffer", 10, channel=shop.code, sku=sku)
    rule(world, "percent", 80, channel=shop.code, sku=sku)
    number, steps = explained(world, shop, sku)
    assert (steps["percent"], steps["buffer"]) == ((100, 80), (80, 70))
    assert number == 70


def test_all_three_together_end_at_nothing(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    for kind, value in (("stop_sell", None), ("buffer", 10), ("percent", 50)):
        rule(world, kind, value, channel=shop.code, sku=sku)
    number, steps = explained(world, shop, sku)
    assert (steps["percent"], steps["buffer"], steps["stop_sell"]) == ((100, 50), (50, 40), (40, 0))
    assert number == 0


def test_the_most_specific_rule_of_a_kind_wins(world: World) -> None:
    """Channel and SKU before SKU before channel."""
    sku = world.sku(on_hand=100)
    shop, other = world.shop(sku), world.shop(sku)
    rule(world, "buffer", 30, channel=shop.code, sku=sku)
    rule(world, "buffer", 20, sku=sku)
    rule(world, "buffer", 10, channel=shop.code)
    rule(world, "buffer", 10, channel=other.code)
    assert explained(world, shop, sku)[0] == 70
    assert explained(world, other, sku)[0] == 80


def test_of_two_rules_alike_the_newest_wins(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    rule(world, "buffer", 30, channel=shop.code, sku=sku)
    rule(world, "buffer", 5, channel=shop.code, sku=sku)
    assert explained(world, shop, sku)[0] == 95


def test_a_rule_of_another_channel_is_not_felt(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop, other = world.shop(sku), world.shop(sku)
    rule(world, "percent", 10, channel=other.code)
    assert explained(world, shop, sku)[0] == 100


def test_a_disabled_rule_is_not_felt(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    rule(world, "percent", 10, channel=shop.code, enabled=False)
    assert explained(world, shop, sku)[0] == 100


def test_a_rule_whose_window_is_over_or_not_yet_begun_is_not_felt(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    rule(world, "percent", 10, channel=shop.code, starts_at="2001-01-01T00:00:00Z", ends_at="2002-01-01T00:00:00Z")
    rule(world, "buffer", 10, channel=shop.code, starts_at="2999-01-01T00:00:00Z")
    assert explained(world, shop, sku)[0] == 100


def test_removing_a_rule_is_felt_by_the_channel(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    made = rule(world, "percent", 10, channel=shop.code, sku=sku)
    world.shows(shop, sku=sku, number=10)
    answer = world.api.request("DELETE", path=f"allocation-rules/{made['id']}/")
    assert answer.status_code == 204, answer.text
    world.shows(shop, sku=sku, number=100)


def test_a_sale_is_felt_through_the_rules(world: World) -> None:
    sku = world.sku(on_hand=100)
    seller, limited = world.shop(sku), world.shop(sku)
    rule(world, "percent", 50, channel=limited.code)
    world.shows(limited, sku=sku, number=50)
    world.buy(seller, (sku, 20))
    world.shows(limited, sku=sku, number=40)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("percent", 101), ("percent", -1), ("buffer", -1), ("percent", None), ("guess", 1), ("buffer", "x")],
)
def test_a_malformed_rule_is_a_clear_error(world: World, kind: str, value: object) -> None:
    body = {"kind": kind, "value": value, "sku": world.sku()}
    answer = world.api.request("POST", path="allocation-rules/", body=body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()["error"]["fields"]) & {"kind", "value"}


def test_every_published_number_is_what_its_explanation_ends_with(world: World) -> None:
    sku = world.sku(on_hand=37)
    shop = world.shop(sku)
    rule(world, "percent", 50, sku=sku)
    eventually(lambda: world.listing(shop, sku=sku)["published"] == 18)
    assert explained(world, shop, sku)[0] == 18


def test_a_preview_shows_what_a_rule_would_change_and_changes_nothing(world: World) -> None:
    sku = world.sku(on_hand=100)
    shop = world.shop(sku)
    body = {"kind": "buffer", "value": 10, "channel": shop.code, "sku": sku}
    answer = world.api.act("allocation-rules/preview/", body=body)
    assert answer["changes"] == [{"channel": shop.code, "sku": sku, "before": 100, "after": 90}]
    assert explained(world, shop, sku)[0] == 100
    assert world.api.count("allocation-rules/", channel=shop.code) == 0
