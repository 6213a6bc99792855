"""Adjustments and moves: every change is an entry, and nothing goes below zero."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.client import Json
from tests.stack.world import World


def move(world: World, sku: str, *, there: str, back: str, quantity: int, status: int = 201) -> Json:
    body = {"sku": sku, "location": world.place, "from_state": there, "to_state": back, "quantity": quantity}
    return world.api.post("stock-moves/", body=body | {"reason": "inspection"}, status=status)


def test_an_adjustment_adds_units(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.adjust(sku, quantity=4)
    assert world.numbers(sku) == (9, 9, 0)


def test_an_adjustment_takes_units_away(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.adjust(sku, quantity=-4)
    assert world.numbers(sku) == (1, 1, 0)


@pytest.mark.parametrize("target", [0, 3, 5, 12])
def test_an_adjustment_sets_a_number(world: World, target: int) -> None:
    sku = world.sku(on_hand=5)
    world.api.act("stock-adjustments/", body={"sku": sku, "location": world.place, "set_to": target, "reason": "count"})
    assert world.numbers(sku) == (target, target, 0)


def test_a_number_below_zero_cannot_be_set(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.adjust(sku, set_to=-1, status=400)
    assert world.numbers(sku) == (5, 5, 0)


def test_taking_more_than_is_available_is_409(world: World) -> None:
    sku = world.sku(on_hand=5)
    answer = world.adjust(sku, quantity=-6, status=409)
    assert answer["error"]["code"] == "insufficient_stock"
    assert world.numbers(sku) == (5, 5, 0)


def test_reserved_units_cannot_be_adjusted_away(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.bought(world.shop(sku), (sku, 4))
    assert world.adjust(sku, quantity=-2, status=409)["error"]["code"] == "insufficient_stock"
    assert world.numbers(sku) == (5, 1, 4)


def test_of_parallel_adjustments_only_what_is_there_is_taken(world: World) -> None:
    sku = world.sku(on_hand=7)
    body = {"sku": sku, "location": world.place, "quantity": -1, "reason": "lost"}
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda _: world.api.request("POST", path="stock-adjustments/", body=body), range(20))
        statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 7 + [409] * 13
    assert world.numbers(sku) == (0, 0, 0)


def test_an_adjustment_of_another_state_is_not_sellable(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.adjust(sku, quantity=3, state="damaged")
    level = world.level(sku)
    assert (level["on_hand"], level["available"], level["damaged"]) == (8, 5, 3)


def test_both_a_quantity_and_a_target_are_refused(world: World) -> None:
    sku = world.sku(on_hand=5)
    world.adjust(sku, quantity=1, set_to=9, status=400)
    assert world.numbers(sku) == (5, 5, 0)


def test_neither_a_quantity_nor_a_target_is_refused(world: World) -> None:
    world.adjust(world.sku(), status=400)


def test_an_unknown_reason_is_kept_as_other_with_its_text(world: World) -> None:
    sku = world.sku()
    world.adjust(sku, quantity=1, reason="the cat sat on it")
    entry = world.api.row("ledger-entries/", sku=sku)
    assert "the cat sat on it" in str(entry), entry


def test_a_reason_of_more_than_two_hundred_characters_is_refused(world: World) -> None:
    assert "reason" in world.adjust(world.sku(), quantity=1, reason="x" * 201, status=400)["error"]["fields"]


@pytest.mark.parametrize("state", ["quarantine", "damaged", "hold"])
def test_a_move_takes_units_out_of_sale_and_back(world: World, state: str) -> None:
    sku = world.sku(on_hand=10)
    move(world, sku, there="available", back=state, quantity=4)
    level = world.level(sku)
    assert (level["on_hand"], level["available"], level[state]) == (10, 6, 4)
    move(world, sku, there=state, back="available", quantity=4)
    assert world.numbers(sku) == (10, 10, 0)


def test_a_move_of_more_than_there_is_is_409(world: World) -> None:
    sku = world.sku(on_hand=3)
    answer = move(world, sku, there="available", back="hold", quantity=4, status=409)
    assert answer["error"]["code"] == "insufficient_stock"
    assert world.numbers(sku) == (3, 3, 0)


@pytest.mark.parametrize("quantity", [0, -2])
def test_a_move_of_nothing_or_less_is_refused(world: World, quantity: int) -> None:
    move(world, world.sku(on_hand=3), there="available", back="hold", quantity=quantity, status=400)


@pytest.mark.parametrize(("there", "back"), [("reserved", "available"), ("available", "reserved")])
def test_a_reservation_cannot_be_moved_by_hand(world: World, there: str, back: str) -> None:
    sku = world.sku(on_hand=5)
    world.bought(world.shop(sku), (sku, 2))
    move(world, sku, there=there, back=back, quantity=1, status=400)
    assert world.numbers(sku) == (5, 3, 2)


def test_a_move_out_of_sale_reaches_the_channels(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    move(world, sku, there="available", back="hold", quantity=4)
    world.shows(shop, sku=sku, number=6)


def test_every_entry_says_who_when_why_and_from_which_document(world: World) -> None:
    sku = world.sku(on_hand=5)
    order = world.bought(world.shop(sku), (sku, 2))
    first, second = sorted(world.api.rows("ledger-entries/", sku=sku), key=lambda entry: entry["number"])
    assert (first["from_state"], first["to_state"], first["quantity"]) == ("adjustment", "available", 5)
    assert (second["from_state"], second["to_state"], second["quantity"]) == ("available", "reserved", 2)
    assert first["actor"]
    assert all(entry["reason"] and entry["occurred_at"] and entry["recorded_at"] for entry in (first, second))
    assert order["external_id"] in str(second["reference"]) or str(order["id"]) in str(second["reference"])
