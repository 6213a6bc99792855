"""Transfers: drafted, dispatched, received, lost, cancelled; by whom; and how each refusal is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory.models import Location, Role, Sku, Transfer
from tests.api.conftest import Api, make_sku, stock


@pytest.fixture
def cup(db: None) -> Sku:
    return make_sku("CUP")


@pytest.fixture
def stocked(mug: Sku, cup: Sku, w1: Location, w2: Location) -> None:
    stock(mug, w1, 10)
    stock(cup, w1, 4)


BODY: dict[str, Any] = {
    "code": "T-A", "from_location": "W1", "to_location": "W2", "note": "sale",
    "lines": [{"sku": "MUG", "quantity": 6}, {"sku": "CUP", "quantity": 4}],
}  # fmt: skip


@pytest.fixture
def draft(admin: Api, stocked: None) -> dict[str, Any]:
    made: dict[str, Any] = admin.post("transfers/", BODY)
    return made


def row(**changes: int) -> dict[str, Any]:
    counts = dict.fromkeys(("dispatched", "received", "damaged", "lost", "returned", "in_transit"), 0)
    return {"sku": "MUG", "quantity": 6, **counts, **changes}


def units(api: Api, place: str, sku: str = "MUG") -> tuple[int, int, int, int]:
    """On hand, available, damaged, in transit."""
    (level,) = api.rows("stock-levels/", sku=sku, location=place) or [dict.fromkeys(
        ("on_hand", "available", "damaged", "in_transit"), 0
    )]  # fmt: skip
    return level["on_hand"], level["available"], level["damaged"], level["in_transit"]


@pytest.mark.parametrize(
    ("line", "missing"), [({"quantity": 1}, ["sku"]), ({"sku": "MUG"}, ["quantity"]), ({}, ["quantity", "sku"])]
)
def test_a_changed_draft_names_its_lines_whole(
    admin: Api, draft: dict[str, Any], line: dict[str, Any], missing: list[str]
) -> None:
    refused = admin.refused("patch", "transfers/T-A/", {"lines": [{"sku": "CUP", "quantity": 1}, line]}, status=400)
    assert refused["fields"] == {f"lines.1.{name}": ["This field is required."] for name in missing}
    assert admin.get("transfers/T-A/") == draft


def test_a_draft_is_answered_whole(admin: Api, draft: dict[str, Any]) -> None:
    assert admin.get("transfers/T-A/") == draft
    assert draft.pop("created_at")
    (step,) = draft.pop("steps")
    assert step.pop("at")
    assert step == {"step": "created", "units": 10, "actor": "key:admin", "note": ""}
    assert draft == {
        "code": "T-A", "from_location": "W1", "to_location": "W2", "status": "draft", "note": "sale",
        "lines": [row(), row() | {"sku": "CUP", "quantity": 4}], "dispatched_at": None, "closed_at": None,
    }  # fmt: skip
    assert (units(admin, "W1"), units(admin, "W2")) == ((10, 10, 0, 0), (0, 0, 0, 0))


def test_an_empty_body_dispatches_and_receives_all(admin: Api, draft: dict[str, Any]) -> None:
    sent = admin.post("transfers/T-A/dispatch/", status=200)
    assert (sent["status"], sent["lines"][0]) == ("dispatched", row(dispatched=6, in_transit=6))
    assert (units(admin, "W1"), units(admin, "W2")) == ((4, 4, 0, 0), (0, 0, 0, 6))
    done = admin.post("transfers/T-A/receive/", status=200)
    assert (done["status"], done["lines"][0]) == ("received", row(dispatched=6, received=6))
    assert (units(admin, "W1"), units(admin, "W2")) == ((4, 4, 0, 0), (6, 6, 0, 0))
    assert [step["step"] for step in done["steps"]] == ["created", "dispatched", "received"]
    entries = admin.rows("ledger-entries/", reference="T-A", sku="MUG")
    assert [(e["location"], e["from_state"], e["to_state"], e["quantity"]) for e in reversed(entries)] == [
        ("W1", "available", "transfer", 6), ("W2", "transfer", "in_transit", 6), ("W2", "in_transit", "available", 6),
    ]  # fmt: skip


def test_parts_come_good_damaged_and_not_at_all(admin: Api, draft: dict[str, Any]) -> None:
    admin.post("transfers/T-A/dispatch/", {"lines": [{"sku": "MUG"}]}, status=200)
    came = admin.post("transfers/T-A/receive/", {"lines": [{"sku": "MUG", "quantity": 2, "damaged": 1}]}, status=200)
    assert (came["status"], came["lines"][0]) == (
        "partly_received", row(dispatched=6, received=2, damaged=1, in_transit=3),
    )  # fmt: skip
    admin.post("transfers/T-A/receive/", {"lines": [{"sku": "MUG", "damaged": 1}]}, status=200)
    lost = {"lines": [{"sku": "MUG", "quantity": 1}], "reason": "stolen at the border"}
    told = admin.post("transfers/T-A/lose/", lost, status=200)
    assert told["lines"][0] == row(dispatched=6, received=2, damaged=2, lost=1, in_transit=1)
    assert (told["steps"][-1]["step"], told["steps"][-1]["note"]) == ("lost", "stolen at the border")
    assert units(admin, "W2") == (4, 2, 2, 1)
    ended = admin.post("transfers/T-A/cancel/", {"reason": "turned back"}, status=200)
    assert (ended["status"], ended["lines"][0]) == (
        "cancelled", row(dispatched=6, received=2, damaged=2, lost=1, returned=1),
    )  # fmt: skip
    assert (units(admin, "W1"), units(admin, "W2")) == ((5, 5, 0, 0), (4, 2, 2, 0))
    (loss,) = admin.rows("ledger-entries/", reason="loss")
    assert (loss["quantity"], loss["note"], loss["reference"]) == (1, "stolen at the border", "T-A")


def test_a_draft_is_changed(admin: Api, draft: dict[str, Any]) -> None:
    changed = admin.patch("transfers/T-A/", {"lines": [{"sku": "MUG", "quantity": 2}], "note": "less"})
    assert (changed["note"], changed["lines"]) == ("less", [row() | {"quantity": 2}])
    assert "code" in admin.refused("patch", "transfers/T-A/", {"code": "T-B"}, status=400)["fields"]
    admin.post("transfers/T-A/dispatch/", status=200)
    refused = admin.refused("patch", "transfers/T-A/", {"note": "late"}, status=409)
    assert refused["message"] == "transfer T-A is dispatched: only a draft can be changed"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"to_location": "W1"}, "to_location"),
        ({"to_location": "W9"}, "to_location"),
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "MUG", "quantity": 1}, {"sku": "NONE", "quantity": 1}]}, "lines.1.sku"),
        ({"lines": [{"sku": "MUG", "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "MUG", "quantity": -1}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "MUG", "quantity": 1.5}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "MUG", "quantity": 10**12}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "MUG", "quantity": 1}, {"sku": "MUG", "quantity": 2}]}, "lines.1.sku"),
        ({"lines": [{"sku": "MUG"}]}, "lines.0.quantity"),
        ({"lines": [{"sku": "MUG\x00", "quantity": 1}]}, "lines.0.sku"),
        ({"code": "A/B"}, "code"),
        ({"code": "x" * 51}, "code"),
        ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_place(
    admin: Api, stocked: None, change: dict[str, Any], path: str
) -> None:
    refused = admin.refused("post", "transfers/", BODY | change, status=400)
    assert list(refused["fields"]) == [path]
    assert not Transfer.objects.exists()


def test_an_inactive_location_takes_no_part(admin: Api, stocked: None, w2: Location) -> None:
    Location.objects.filter(pk=w2.pk).update(is_active=False)
    assert admin.refused("post", "transfers/", BODY, status=400)["fields"] == {"to_location": ["W2 is not active"]}


def test_a_code_is_given_once_and_made_where_there_is_none(admin: Api, draft: dict[str, Any]) -> None:
    assert admin.refused("post", "transfers/", BODY, status=409)["fields"] == {"code": ["there is one already"]}
    made = admin.post("transfers/", {name: value for name, value in BODY.items() if name != "code"})
    assert made["code"] == f"T-{Transfer.objects.latest('pk').pk}"


def test_short_lines_are_all_named_and_nothing_leaves(admin: Api, draft: dict[str, Any]) -> None:
    admin.patch("transfers/T-A/", {"lines": [{"sku": "MUG", "quantity": 11}, {"sku": "CUP", "quantity": 5}]})
    refused = admin.refused("post", "transfers/T-A/dispatch/", status=409)
    assert (refused["code"], refused["fields"]["lines"]) == (
        "insufficient_stock",
        [
            {"sku": "MUG", "location": "W1", "wanted": 11, "available": 10},
            {"sku": "CUP", "location": "W1", "wanted": 5, "available": 4},
        ],
    )
    assert units(admin, "W1") == (10, 10, 0, 0)


def test_more_than_is_under_way_is_refused_by_line(admin: Api, draft: dict[str, Any]) -> None:
    admin.post("transfers/T-A/dispatch/", status=200)
    too_many = {"lines": [{"sku": "CUP", "quantity": 1}, {"sku": "MUG", "quantity": 7, "damaged": 1}]}
    refused = admin.refused("post", "transfers/T-A/receive/", too_many, status=409)
    assert refused["fields"] == {
        "lines.1.quantity": [
            "MUG: 8 units received, 6 under way; receive 6 and add the 2 too many to the stock of W2 as found"
        ]
    }
    assert units(admin, "W2", "CUP") == (0, 0, 0, 4)
    for wrong in ({"sku": "MUG", "quantity": 0}, {"sku": "NONE", "quantity": 1}, {"sku": "MUG", "damaged": -1}):
        assert admin.refused("post", "transfers/T-A/receive/", {"lines": [wrong]}, status=400)["fields"]
    for body in ({}, {"lines": []}, {"lines": [{"sku": "MUG"}]}):
        assert admin.refused("post", "transfers/T-A/lose/", body, status=400)["fields"]


def test_the_same_key_moves_units_once(admin: Api, draft: dict[str, Any]) -> None:
    body = {"lines": [{"sku": "MUG", "quantity": 2}]}
    first = admin.post("transfers/T-A/dispatch/", body, status=200, key="k")
    assert admin.post("transfers/T-A/dispatch/", body, status=200, key="k") == first
    assert units(admin, "W1") == (8, 8, 0, 0)
    other = {"lines": [{"sku": "MUG", "quantity": 3}]}
    assert (
        admin.post("transfers/T-A/dispatch/", other, status=422, key="k")["error"]["code"] == "idempotency_key_reused"
    )


def test_transfers_are_filtered(admin: Api, draft: dict[str, Any], w1: Location) -> None:
    other = {"code": "T-B", "from_location": "W2", "to_location": "W1", "lines": [{"sku": "CUP", "quantity": 1}]}
    admin.post("transfers/", other)
    admin.post("transfers/T-A/dispatch/", status=200)
    for query, found in (
        ({}, ["T-B", "T-A"]),
        ({"status": "dispatched"}, ["T-A"]),
        ({"from_location": "W2"}, ["T-B"]),
        ({"to_location": "W2"}, ["T-A"]),
        ({"location": "W1"}, ["T-B", "T-A"]),
        ({"sku": "MUG"}, ["T-A"]),
        ({"sku": "CUP"}, ["T-B", "T-A"]),
        ({"code": "T-B"}, ["T-B"]),
        ({"closed_at__gte": "2020-01-01T00:00:00Z"}, []),
    ):
        assert [one["code"] for one in admin.rows("transfers/", **query)] == found, query


def test_a_list_takes_as_many_queries_for_one_as_for_many(admin: Api, draft: dict[str, Any]) -> None:
    one = admin.queries("transfers/")
    for number in range(5):
        admin.post("transfers/", BODY | {"code": f"T-{number}x"})
    assert admin.queries("transfers/") == one


def test_who_is_limited_to_locations_dispatches_from_theirs_and_receives_at_theirs(
    admin: Api, draft: dict[str, Any], by_role: Callable[..., Api], w1: Location, w2: Location
) -> None:
    sender, taker = by_role(Role.WAREHOUSE, w1, name="w1"), by_role(Role.WAREHOUSE, w2, name="w2")
    third = by_role(Role.WAREHOUSE, Location.objects.create(code="W3", name="Third"), name="w3")
    assert [len(api.rows("transfers/")) for api in (sender, taker, third)] == [1, 1, 0]
    third.refused("get", "transfers/T-A/", status=404)
    third.refused("post", "transfers/", BODY | {"code": "T-C"}, status=403)
    taker.post("transfers/", BODY | {"code": "T-D"})  # who needs goods asks for them
    taker.refused("post", "transfers/T-A/dispatch/", status=403)
    sender.post("transfers/T-A/dispatch/", status=200)
    lost = {"lines": [{"sku": "MUG", "quantity": 1}]}
    sender.refused("post", "transfers/T-A/receive/", status=403)
    sender.refused("post", "transfers/T-A/lose/", lost, status=403)
    taker.post("transfers/T-A/lose/", lost, status=200)
    taker.refused("post", "transfers/T-A/cancel/", status=403)
    taker.post("transfers/T-A/receive/", {"lines": [{"sku": "MUG", "quantity": 5}]}, status=200)
    assert sender.post("transfers/T-A/cancel/", status=200)["status"] == "cancelled"
    assert units(admin, "W1", "CUP") == (4, 4, 0, 0)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BUYER, Role.ACCOUNTANT])
def test_who_may_not_change_stock_looks_on(draft: dict[str, Any], by_role: Callable[..., Api], role: Role) -> None:
    api = by_role(role)
    assert api.get("transfers/T-A/")["code"] == "T-A"
    api.refused("post", "transfers/", BODY, status=403)
    api.refused("patch", "transfers/T-A/", {"note": "x"}, status=403)
    for step in ("dispatch", "receive", "lose", "cancel"):
        api.refused("post", f"transfers/T-A/{step}/", status=403)
