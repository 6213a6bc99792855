"""Adjustments, moves, levels now and then, entries."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.models import Location, Sku
from tests.api.conftest import Api, levels, stock

BODY = {"sku": "MUG", "location": "W1", "reason": "count"}


@pytest.fixture(autouse=True)
def _stock(mug: Sku, w1: Location) -> None:
    stock(mug, w1, 10)


def test_an_adjustment_is_answered_as_it_was_recorded(admin: Api) -> None:
    made = admin.post("stock-adjustments/", BODY | {"quantity": -3, "reference": "count 7"})
    assert made.pop("id") and made.pop("recorded_at")
    assert made == {
        "sku": "MUG", "location": "W1", "quantity": -3, "state": "available", "reason": "count", "note": "",
        "reference": "count 7", "actor": "key:admin", "balance": 7, "number": 2, "lots": [],
    }  # fmt: skip


@pytest.mark.parametrize(("target", "change"), [(12, 2), (0, -10), ("11", 1)])
def test_set_to_records_the_difference(admin: Api, target: Any, change: int) -> None:
    assert admin.post("stock-adjustments/", BODY | {"set_to": target})["quantity"] == change
    assert levels(admin, "MUG") == (10 + change, 10 + change, 0)


def test_set_to_what_is_there_records_nothing(admin: Api) -> None:
    answer = admin.post("stock-adjustments/", BODY | {"set_to": 10}, status=200)
    assert (answer["id"], answer["quantity"]) == (None, 0)
    assert admin.get("ledger-entries/")["count"] == 1


@pytest.mark.parametrize("numbers", [{}, {"quantity": 1, "set_to": 1}, {"quantity": 0}, {"set_to": -1}])
def test_numbers_that_make_no_sense_are_refused(admin: Api, numbers: dict[str, int]) -> None:
    admin.post("stock-adjustments/", BODY | numbers, status=400)
    assert levels(admin, "MUG") == (10, 10, 0)


def test_more_than_there_is_cannot_be_taken(admin: Api) -> None:
    error = admin.refused("post", "stock-adjustments/", BODY | {"quantity": -11}, status=409)
    assert error["code"] == "insufficient_stock"
    assert error["fields"] == {"lines": [{"sku": "MUG", "location": "W1", "wanted": 11, "available": 10}]}
    assert levels(admin, "MUG") == (10, 10, 0)


@pytest.mark.parametrize(
    ("given", "reason", "note"),
    [("damage", "damage", ""), ("Damage ", "damage", ""), ("the cat sat on it", "other", "the cat sat on it")],
)
def test_reasons_are_known_codes_or_peoples_own_words(admin: Api, given: str, reason: str, note: str) -> None:
    made = admin.post("stock-adjustments/", BODY | {"quantity": 1, "reason": given})
    (entry, _opening) = admin.rows("ledger-entries/")
    assert (made["reason"], made["note"]) == (entry["reason"], entry["note"]) == (reason, note)


@pytest.mark.parametrize("reason", ["x" * 201, "", None, 5.5, [], "a\u0000"])
def test_a_reason_that_is_none_is_refused(admin: Api, reason: Any) -> None:
    body = BODY | {"quantity": 1, "reason": reason}
    if reason == 5.5:
        assert admin.post("stock-adjustments/", body)["note"] == "5.5"
    else:
        assert list(admin.refused("post", "stock-adjustments/", body, status=400)["fields"]) == ["reason"]


def test_a_reason_must_be_given(admin: Api) -> None:
    body = {"sku": "MUG", "location": "W1", "quantity": 1}
    assert list(admin.refused("post", "stock-adjustments/", body, status=400)["fields"]) == ["reason"]


@pytest.mark.parametrize("state", ["quarantine", "damaged", "hold"])
def test_an_adjustment_may_be_of_another_state(admin: Api, state: str) -> None:
    admin.post("stock-adjustments/", BODY | {"quantity": 3, "state": state})
    (level,) = admin.rows("stock-levels/")
    assert (level["on_hand"], level["available"], level[state]) == (13, 10, 3)


@pytest.mark.parametrize("state", ["reserved", "customer", "supplier", "moon", None])
def test_reserved_and_outside_states_are_not_adjusted_by_hand(admin: Api, state: Any) -> None:
    body = BODY | {"quantity": 1, "state": state}
    assert list(admin.refused("post", "stock-adjustments/", body, status=400)["fields"]) == ["state"]


@pytest.mark.parametrize("field", ["lot", "expires_on"])
def test_what_a_sku_without_lots_does_not_keep_is_refused_and_not_swallowed(admin: Api, field: str) -> None:
    error = admin.refused("post", "stock-adjustments/", BODY | {"quantity": 1, field: "5"}, status=400)
    assert list(error["fields"]) == [field]


def test_a_move_changes_the_state_of_units_where_they_are(admin: Api) -> None:
    made = admin.post("stock-moves/", BODY | {"from_state": "available", "to_state": "quarantine", "quantity": 4})
    assert (made["from_state"], made["to_state"], made["quantity"], made["balance"]) == (
        "available",
        "quarantine",
        4,
        10,
    )
    (level,) = admin.rows("stock-levels/")
    assert level == {
        "sku": "MUG", "location": "W1", "on_hand": 10, "available": 6, "reserved": 0, "quarantine": 4, "damaged": 0,
        "hold": 0, "in_transit": 0, "bins": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"to_state": "available"}, 400), ({"to_state": "reserved"}, 400), ({"from_state": "reserved"}, 400),
        ({"quantity": 0}, 400), ({"quantity": -1}, 400), ({"quantity": 11}, 409), ({"from_state": "damaged"}, 409),
    ],
)  # fmt: skip
def test_a_move_that_cannot_be_made_moves_nothing(admin: Api, fields: dict[str, Any], status: int) -> None:
    body = BODY | {"from_state": "available", "to_state": "hold", "quantity": 1} | fields
    admin.post("stock-moves/", body, status=status)
    assert levels(admin, "MUG") == (10, 10, 0)


def test_an_entry_is_answered_whole(admin: Api) -> None:
    admin.post("stock-moves/", BODY | {"from_state": "available", "to_state": "hold", "quantity": 4})
    entry = admin.rows("ledger-entries/")[0]
    assert admin.get(f"ledger-entries/{entry['id']}/") == entry
    assert isinstance(entry.pop("id"), str)
    assert entry.pop("occurred_at") == entry.pop("recorded_at")
    assert entry == {
        "sku": "MUG", "location": "W1", "from_state": "available", "to_state": "hold", "quantity": 4, "balance": 10,
        "number": 2, "reason": "count", "note": "", "reference": "", "actor": "key:admin",
    }  # fmt: skip


def test_entries_are_found_by_the_fields_they_show(admin: Api, w2: Location, mug: Sku) -> None:
    stock(mug, w2, 5)
    first, second = reversed(admin.rows("ledger-entries/"))
    for query in (
        {"location": "W1"},
        {"quantity": 10},
        {"quantity__gte": 6},
        {"recorded_at__lte": first["recorded_at"]},
    ):
        assert [row["id"] for row in admin.rows("ledger-entries/", **query)] == [first["id"]], query
    assert [row["id"] for row in admin.rows("ledger-entries/", recorded_at__gte=second["recorded_at"])] == [
        second["id"]
    ]
    assert len(admin.rows("ledger-entries/", sku="MUG", number=1, reason="opening", to_state="available")) == 2


def test_a_past_instant_shows_what_was_there(admin: Api, w2: Location, mug: Sku) -> None:
    past = admin.rows("ledger-entries/")[0]["recorded_at"]
    admin.post("stock-adjustments/", BODY | {"quantity": 7})
    stock(mug, w2, 5)
    page = admin.get("stock-levels/", at=past)
    assert (page["count"], page["next"]) == (1, None)
    assert page["results"] == [
        {"sku": "MUG", "location": "W1", "on_hand": 10, "available": 10, "reserved": 0, "quarantine": 0, "damaged": 0,
         "hold": 0, "in_transit": 0, "bins": []}
    ]  # fmt: skip
    now = admin.rows("ledger-entries/")[0]["recorded_at"]
    assert [row["on_hand"] for row in admin.rows("stock-levels/", at=now)] == [17, 5]
    assert [row["on_hand"] for row in admin.rows("stock-levels/", at=now, location="W2", sku="MUG")] == [5]
    assert len(admin.rows("stock-levels/", at=now, limit=1)) == 1


def test_before_the_first_entry_there_was_nothing(admin: Api) -> None:
    assert admin.rows("stock-levels/", at="2020-01-01T00:00:00Z") == []


def test_levels_are_found_by_sku_location_and_units(admin: Api, w2: Location, mug: Sku) -> None:
    stock(mug, w2, 3)
    assert [row["location"] for row in admin.rows("stock-levels/", sku="MUG")] == ["W1", "W2"]
    assert [row["location"] for row in admin.rows("stock-levels/", available__lte=5)] == ["W2"]
    assert admin.rows("stock-levels/", sku="mug") == []
