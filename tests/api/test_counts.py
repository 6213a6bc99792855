"""/api/v1/counts/"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channels.models import Channel
from inventory.models import Count, LedgerEntry, Location, Role, Sku
from tests.api.conftest import Api, ask, levels, make_sku, stock
from tests.api.test_orders import sold


@pytest.fixture
def other(by_role: Callable[..., Api]) -> Api:
    """A second person."""
    return by_role(Role.WAREHOUSE, name="second")


@pytest.fixture
def ten(mug: Sku, w1: Location) -> Sku:
    stock(mug, w1, 10)
    return mug


def open_one(api: Api, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return api.post("counts/", {"code": "C1", "location": "W1", "lines": list(lines) or [{"sku": "MUG"}]} | fields)


def test_a_count_from_its_opening_to_the_ledger(admin: Api, ten: Sku) -> None:
    made = open_one(admin, {"sku": "MUG", "counted": 9})
    assert (made["code"], made["status"], made["asked_for"]) == ("C1", "draft", "Chosen SKUs")
    (line,) = made["lines"]
    assert {name: line[name] for name in ("sku", "counted", "picked", "expected", "variance", "over_tolerance")} == {
        "sku": "MUG", "counted": 9, "picked": 0, "expected": 10, "variance": -1, "over_tolerance": False,
    }  # fmt: skip
    assert admin.patch("counts/C1/", {"lines": [{"sku": "MUG", "counted": "8"}]})["lines"][0]["variance"] == -2
    assert admin.post("counts/C1/submit/", status=200)["status"] == "submitted"
    done = admin.post("counts/C1/approve/", status=200)
    assert (done["status"], done["approved_by"], done["line_count"], done["counted_count"]) == (
        "approved", "key:admin", 1, 1,
    )  # fmt: skip
    assert levels(admin, "MUG") == (8, 8, 0)
    (entry,) = admin.rows("ledger-entries/", reference="C1")
    assert (entry["reason"], entry["quantity"], entry["from_state"]) == ("count", 2, "available")
    assert admin.get("counts/C1/") == done


def test_what_was_counted_names_its_sku(admin: Api, ten: Sku) -> None:
    open_one(admin)
    refused = admin.refused("patch", "counts/C1/", {"lines": [{"counted": 1}]}, status=400)
    assert refused["fields"] == {"lines.0.sku": ["This field is required."]}


@pytest.mark.parametrize("code", ["SHELF/7", "/"])
def test_the_code_of_a_count_fits_into_an_address(admin: Api, ten: Sku, code: str) -> None:
    body = {"code": code, "location": "W1", "lines": [{"sku": "MUG"}]}
    refused = admin.refused("post", "counts/", body, status=400)
    assert refused["fields"] == {"code": [f"{code} cannot be a code: at most 100 printable characters, no slash"]}
    assert open_one(admin)["code"] == "C1", "nothing waits for a count that nobody can reach"


def test_the_list_shows_how_far_each_is(admin: Api, ten: Sku) -> None:
    open_one(admin, {"sku": "MUG", "counted": 9})
    make_sku("CUP")
    open_one(admin, {"sku": "CUP"}, code="C2", blind=True)
    rows = admin.rows("counts/")
    assert [(row["code"], row["line_count"], row["counted_count"], "lines" in row) for row in rows] == [
        ("C2", 1, 0, False), ("C1", 1, 1, False),
    ]  # fmt: skip
    assert [row["code"] for row in admin.rows("counts/", sku="MUG", location="W1", status="draft")] == ["C1"]
    assert [row["code"] for row in admin.rows("counts/", blind="true")] == ["C2"]
    assert admin.rows("counts/", sku="MUG")[0]["line_count"] == 1


def test_over_tolerance_a_second_caller_approves(admin: Api, other: Api, ten: Sku) -> None:
    open_one(admin, {"sku": "MUG", "counted": 2})
    admin.post("counts/C1/submit/", status=200)
    refused = admin.refused("post", "counts/C1/approve/", status=403)
    assert refused["code"] == "second_person_needed"
    assert levels(admin, "MUG") == (10, 10, 0)
    assert other.post("counts/C1/approve/", status=200)["approved_by"] == "key:second"
    assert levels(admin, "MUG") == (2, 2, 0)


def test_a_key_of_idempotency_approves_once_and_another_is_refused(admin: Api, ten: Sku) -> None:
    open_one(admin, {"sku": "MUG", "counted": 9})
    admin.post("counts/C1/submit/", status=200)
    first = admin.post("counts/C1/approve/", status=200, key="once")
    assert admin.post("counts/C1/approve/", status=200, key="once") == first
    assert admin.refused("post", "counts/C1/approve/", status=409)["message"] == "count C1 was approved already"
    assert LedgerEntry.objects.filter(reference="C1").count() == 1


def test_blind_counters_see_no_expectation_anywhere(admin: Api, other: Api, ten: Sku) -> None:
    made = open_one(other, {"sku": "MUG", "counted": 2}, blind=True)
    hidden = {"expected": None, "variance": None, "over_tolerance": None}

    def seen(api: Api) -> dict[str, Any]:
        (line,) = api.get("counts/C1/")["lines"]
        return {name: line[name] for name in hidden}

    assert {name: made["lines"][0][name] for name in hidden} == hidden
    assert (seen(other), seen(admin)) == (hidden, hidden)  # not while it is being counted
    other.post("counts/C1/submit/", status=200)
    assert (seen(other), seen(admin)) == (hidden, {"expected": 10, "variance": -8, "over_tolerance": True})
    assert "10" not in str(other.refused("post", "counts/C1/approve/", status=403))
    admin.post("counts/C1/approve/", status=200)
    assert seen(other) == {"expected": 10, "variance": -8, "over_tolerance": True}


def test_picked_units_are_added_back(admin: Api, ten: Sku, phone: Channel) -> None:
    ask(admin, ("MUG", 4))
    made = open_one(admin, {"sku": "MUG", "counted": 7, "picked": 3})
    assert made["lines"][0]["variance"] == 0
    refused = admin.refused("patch", "counts/C1/", {"lines": [{"sku": "MUG", "counted": 5, "picked": 5}]}, status=400)
    assert list(refused["fields"]) == ["lines.0.picked"]


def test_a_loss_makes_the_latest_order_wait(admin: Api, other: Api, ten: Sku, phone: Channel) -> None:
    first, second = ask(admin, ("MUG", 4)), ask(admin, ("MUG", 3))
    open_one(admin, {"sku": "MUG", "counted": 5})
    admin.post("counts/C1/submit/", status=200)
    other.post("counts/C1/approve/", status=200)
    lines = [admin.get(f"sales-orders/{order['id']}/")["lines"][0] for order in (first, second)]
    assert [(line["reserved"], line["short"]) for line in lines] == [(4, 0), (1, 2)]
    (row,) = admin.rows("shortfalls/")
    assert (row["kind"], row["cause"], row["short"]) == ("backorder", "lost", 2)


def test_counting_anew(admin: Api, ten: Sku) -> None:
    make_sku("CUP")
    open_one(admin, {"sku": "MUG", "counted": 1}, {"sku": "CUP", "counted": 0})
    admin.refused("post", "counts/C1/recount/", status=409)
    admin.post("counts/C1/submit/", status=200)
    again = admin.post("counts/C1/recount/", {"lines": [{"sku": "MUG"}]}, status=200)
    assert [(line["sku"], line["counted"], line["recount"]) for line in again["lines"]] == [
        ("CUP", 0, 0),
        ("MUG", None, 1),
    ]
    assert "CUP" not in admin.refused("post", "counts/C1/submit/", status=409)["message"]
    assert admin.post("counts/C1/submit/", {"skip_uncounted": True}, status=200)["status"] == "submitted"
    assert admin.post("counts/C1/cancel/", {"reason": "the shelf fell"}, status=200)["status"] == "cancelled"
    assert levels(admin, "MUG") == (10, 10, 0)


def test_by_class_by_age_and_all(admin: Api, ten: Sku) -> None:
    made = admin.post("counts/", {"location": "W1"})
    assert (made["asked_for"], [line["sku"] for line in made["lines"]]) == ("All SKUs of the location", ["MUG"])
    assert admin.refused("post", "counts/", {"location": "W1"}, status=409)["code"] == "conflict"
    admin.post(f"counts/{made['code']}/cancel/", status=200)
    stale = admin.post("counts/", {"location": "W1", "not_counted_days": 30})
    assert stale["asked_for"] == "Not counted for 30 days"
    admin.post(f"counts/{stale['code']}/cancel/", status=200)
    assert admin.post("counts/", {"location": "W1", "stock_class": "C"})["asked_for"] == "Class C"
    both = {"location": "W1", "stock_class": "C", "not_counted_days": 3}
    assert admin.refused("post", "counts/", both, status=400)["code"] == "invalid"


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ([{"sku": "NONE", "counted": 1}], "lines.0.sku"),
        ([{"sku": "MUG", "counted": 1}, {"sku": "NONE"}], "lines.1.sku"),
        ([{"sku": "MUG", "counted": -1}], "lines.0.counted"),
        ([{"sku": "MUG", "counted": 1.5}], "lines.0.counted"),
        ([{"sku": "MUG", "counted": "two"}], "lines.0.counted"),
        ([{"sku": "MUG", "counted": True}], "lines.0.counted"),
        ([{"sku": "MUG", "counted": 10**12}], "lines.0.counted"),
        ([{"sku": "MUG", "picked": 1}], "lines.0.counted"),
        ([{"sku": "MUG", "counted": 1}, {"sku": "MUG", "counted": 2}], "lines.1.sku"),
        ([{"sku": "MUG", "expected": 3}], "lines.0.expected"),
        ([], "lines"),
    ],
)  # fmt: skip
def test_nonsense_is_named_by_row_and_changes_nothing(admin: Api, ten: Sku, lines: list[Any], path: str) -> None:
    refused = admin.refused("post", "counts/", {"code": "C1", "location": "W1", "lines": lines}, status=400)
    assert path in refused["fields"], refused
    assert not Count.objects.exists()
    open_one(admin)
    refused = admin.refused("patch", "counts/C1/", {"lines": lines}, status=400)
    assert path in refused["fields"], refused
    assert admin.get("counts/C1/")["lines"][0]["counted"] is None


def test_what_a_marketplace_counts_and_what_is_counted_already(admin: Api, ten: Sku) -> None:
    Location.objects.create(code="FBA", name="Theirs", kind="fba")
    refused = admin.refused("post", "counts/", {"location": "FBA", "lines": [{"sku": "MUG"}]}, status=400)
    assert list(refused["fields"]) == ["location"]
    open_one(admin)
    refused = admin.refused("post", "counts/", {"location": "W1", "lines": [{"sku": "MUG"}]}, status=409)
    assert refused["fields"] == {"lines.0.sku": ["MUG is being counted in C1"]}
    make_sku("CUP")
    taken = admin.refused("post", "counts/", {"code": "C1", "location": "W1", "lines": [{"sku": "CUP"}]}, status=409)
    assert list(taken["fields"]) == ["code"]
    fixed = admin.refused("patch", "counts/C1/", {"location": "W1", "blind": True}, status=400)
    assert set(fixed["fields"]) == {"location", "blind"}


def test_roles_and_places(admin: Api, by_role: Callable[..., Api], ten: Sku, w1: Location, w2: Location) -> None:
    open_one(admin)
    stock(ten, w2, 3)
    for role in (Role.VIEWER, Role.ACCOUNTANT, Role.BUYER):
        caller = by_role(role)
        assert caller.get("counts/C1/")["code"] == "C1"
        caller.refused("post", "counts/C1/cancel/", status=403)
        caller.refused("patch", "counts/C1/", {"lines": [{"sku": "MUG", "counted": 1}]}, status=403)
    keeper = by_role(Role.WAREHOUSE, w2, name="keeper")
    assert keeper.rows("counts/") == []
    keeper.refused("post", "counts/C1/submit/", status=404)
    keeper.refused("post", "counts/", {"location": "W1", "lines": [{"sku": "MUG"}]}, status=403)
    assert keeper.post("counts/", {"location": "W2", "lines": [{"sku": "MUG", "counted": 3}]})["location"] == "W2"


def test_an_oversell_is_counted_by_the_next_count(admin: Api, ten: Sku, web: Channel) -> None:
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "MUG"}})
    sold(web, "A1", ("MUG", 12))
    assert admin.rows("shortfalls/")[0]["cause"] == "sold"
    open_one(admin, {"sku": "MUG", "counted": 12})
    admin.post("counts/C1/submit/", status=200)
    admin.post("counts/C1/approve/", status=200)
    assert levels(admin, "MUG") == (12, 2, 10)
