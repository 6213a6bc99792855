"""Shipments and returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channels.models import Channel
from inventory.models import Location, Role, Sku
from tests.api.conftest import Api, ask, levels, make_sku, stock


@pytest.fixture
def order(admin: Api, mug: Sku, w1: Location, phone: Channel) -> dict[str, Any]:
    stock(mug, w1, 10)
    stock(make_sku("CUP"), w1, 10)
    return ask(admin, ("MUG", 3), ("CUP", 2))


def ship(api: Api, order: dict[str, Any], *lines: tuple[str, int]) -> dict[str, Any]:
    rows = [{"line": line, "quantity": quantity} for line, quantity in lines]
    made = api.post("shipments/", {"order": order["id"]} | ({"lines": rows} if rows else {}))
    return api.post(f"shipments/{made['id']}/dispatch/", status=200)


def test_a_shipment_is_answered_whole(admin: Api, order: dict[str, Any]) -> None:
    papers = {"carrier": "DHL", "service": "parcel", "tracking_number": "T1"}
    body = {"order": order["id"], "location": "W1", "lines": [{"line": "1", "quantity": 2}]}
    made = admin.post("shipments/", body | papers)
    assert admin.get(f"shipments/{made['id']}/") == made
    assert made.pop("created_at")
    assert made == papers | {
        "id": made["id"], "order": order["id"], "channel": "phone", "order_external_id": order["external_id"],
        "location": "W1", "status": "draft", "lines": [{"line": "1", "sku": "MUG", "quantity": 2}], "dispatched_at": None,
        "channel_told": "",
    }  # fmt: skip
    assert levels(admin, "MUG") == (10, 7, 3)


def test_a_shipment_of_the_order_alone_is_everything_from_where_it_is_held(admin: Api, order: dict[str, Any]) -> None:
    shipped = ship(admin, order)
    assert (shipped["location"], shipped["status"], len(shipped["lines"])) == ("W1", "dispatched", 2)
    assert (levels(admin, "MUG"), levels(admin, "CUP")) == ((7, 7, 0), (8, 8, 0))
    assert admin.get(f"sales-orders/{order['id']}/")["status"] == "shipped"


def test_a_part_ships_and_the_rest_stays_reserved(admin: Api, order: dict[str, Any]) -> None:
    ship(admin, order, ("1", 1))
    assert levels(admin, "MUG") == (9, 7, 2)
    first, _second = admin.get(f"sales-orders/{order['id']}/")["lines"]
    assert (first["shipped"], first["reserved"]) == (1, 2)


def test_a_warehouse_ships_no_parts_of_a_kit_that_lie_in_another(
    admin: Api, by_role: Callable[..., Api], w1: Location, w2: Location, phone: Channel
) -> None:
    stock(make_sku("LID"), w1, 5)
    stock(make_sku("POT"), w2, 5)
    parts = [{"sku": "LID"}, {"sku": "POT"}]
    admin.post("skus/", {"code": "SET", "name": "Set", "components": parts, "ships_together": False})
    order = ask(admin, ("SET", 2))
    clerk = by_role(Role.WAREHOUSE, w1)
    draft = clerk.post("shipments/", {"order": order["id"], "location": "W1"})
    refused = clerk.refused("post", f"shipments/{draft['id']}/dispatch/", status=403)
    assert (refused["code"], refused["message"]) == (
        "forbidden", "line 1: parts of its kits lie at locations that you do not cover",
    )  # fmt: skip
    assert (levels(admin, "LID"), levels(admin, "POT", "W2")) == ((5, 3, 2), (5, 3, 2))
    by_role(Role.WAREHOUSE, w1, w2, name="both").post(f"shipments/{draft['id']}/dispatch/", status=200)
    assert (levels(admin, "LID"), levels(admin, "POT", "W2")) == ((3, 3, 0), (3, 3, 0))


def test_what_was_really_packed_is_said_at_the_dispatch(admin: Api, order: dict[str, Any]) -> None:
    made = admin.post("shipments/", {"order": order["id"]})
    packed = {"lines": [{"line": "1", "quantity": 2}]}
    left = admin.post(f"shipments/{made['id']}/dispatch/", packed, status=200)
    assert left["lines"] == [{"line": "1", "sku": "MUG", "quantity": 2}]
    assert (levels(admin, "MUG"), levels(admin, "CUP")) == ((8, 7, 1), (10, 8, 2))


def test_a_shipment_leaves_once(admin: Api, order: dict[str, Any]) -> None:
    shipped = ship(admin, order)
    assert admin.refused("post", f"shipments/{shipped['id']}/dispatch/", status=409)["code"] == "conflict"
    assert levels(admin, "MUG") == (7, 7, 0)


def test_the_papers_change_until_it_leaves(admin: Api, order: dict[str, Any]) -> None:
    made = admin.post("shipments/", {"order": order["id"]})
    assert admin.patch(f"shipments/{made['id']}/", {"tracking_number": "T2"})["tracking_number"] == "T2"
    assert list(admin.refused("patch", f"shipments/{made['id']}/", {"lines": []}, status=400)["fields"]) == ["lines"]
    admin.post(f"shipments/{made['id']}/dispatch/", status=200)
    admin.patch(f"shipments/{made['id']}/", {"tracking_number": "T3"}, status=409)


@pytest.mark.parametrize(
    ("fields", "status", "path"),
    [
        ({"order": "999999"}, 400, "order"), ({"order": "x"}, 400, "order"), ({"order": None}, 400, "order"),
        ({"order": "9" * 30}, 400, "order"), ({"location": "NONE"}, 400, "location"),
        ({"lines": [{"line": "9", "quantity": 1}]}, 400, "lines.0.line"), ({"lines": []}, 400, "lines"),
        ({"lines": [{"line": "1", "quantity": 0}]}, 400, "lines.0.quantity"),
        ({"lines": [{"line": "1", "quantity": 1}] * 2}, 400, "lines.1.line"),
        ({"lines": [{"line": "1", "quantity": 4}]}, 409, None), ({"carrier": "x" * 101}, 400, "carrier"),
    ],
)  # fmt: skip
def test_a_shipment_that_cannot_be_is_refused(
    admin: Api, order: dict[str, Any], fields: dict[str, Any], status: int, path: str | None
) -> None:
    error = admin.refused("post", "shipments/", {"order": order["id"]} | fields, status=status)
    assert list(error["fields"]) == ([path] if path else [])
    assert admin.get("shipments/")["count"] == 0


def test_a_place_that_cannot_cover_the_parcel_is_named_with_its_lines(
    admin: Api, order: dict[str, Any], w2: Location
) -> None:
    made = admin.post("shipments/", {"order": order["id"], "location": "W2", "lines": [{"line": "1", "quantity": 3}]})
    error = admin.refused("post", f"shipments/{made['id']}/dispatch/", status=409)
    assert error["code"] == "insufficient_stock"
    assert error["fields"]["lines"] == [{"sku": "MUG", "location": "W2", "wanted": 3, "available": 0}]


def test_shipments_are_found_by_the_fields_they_show(admin: Api, order: dict[str, Any]) -> None:
    shipped = ship(admin, order)
    for query in ({"order": order["id"]}, {"channel": "phone"}, {"location": "W1"}, {"status": "dispatched"}):
        assert [row["id"] for row in admin.rows("shipments/", **query)] == [shipped["id"]], query
    assert admin.rows("shipments/", order=10**18) == admin.rows("shipments/", status="draft") == []


def test_a_draft_that_is_rejected_frees_its_units_for_another(admin: Api, order: dict[str, Any]) -> None:
    made = admin.post("shipments/", {"order": order["id"]})
    admin.post("shipments/", {"order": order["id"]}, status=409)
    rejected = admin.post(f"shipments/{made['id']}/reject/", {"reason": "no courier"}, status=200)
    assert rejected == made | {"status": "rejected"} and levels(admin, "MUG") == (10, 7, 3)
    assert [row["id"] for row in admin.rows("shipments/", status="rejected")] == [made["id"]]
    for path, body in (("dispatch", {}), ("reject", {})):
        assert admin.refused("post", f"shipments/{made['id']}/{path}/", body, status=409)["code"] == "conflict"
    error = admin.refused("patch", f"shipments/{made['id']}/", {"tracking_number": "T"}, status=409)
    assert "rejected" in error["message"]
    assert ship(admin, order)["status"] == "dispatched"


def test_what_has_left_is_not_rejected(admin: Api, order: dict[str, Any]) -> None:
    shipped = ship(admin, order)
    admin.refused("post", f"shipments/{shipped['id']}/reject/", {"reason": "late"}, status=409)
    admin.refused("post", f"shipments/{shipped['id']}/reject/", {"why": "late"}, status=400)
    assert admin.get(f"shipments/{shipped['id']}/")["status"] == "dispatched"


# Returns


def announce(api: Api, order: dict[str, Any], *lines: tuple[str, int]) -> dict[str, Any]:
    rows = [{"line": line, "quantity": quantity, "reason": "too blue"} for line, quantity in lines]
    return api.post("returns/", {"order": order["id"], "lines": rows})


def test_a_return_is_answered_whole(admin: Api, order: dict[str, Any]) -> None:
    ship(admin, order)
    made = announce(admin, order, ("1", 2))
    assert admin.get(f"returns/{made['id']}/") == made
    assert made.pop("created_at")
    assert made == {
        "id": made["id"], "order": order["id"], "channel": "phone", "order_external_id": order["external_id"],
        "status": "expected",
        "lines": [
            {"line": "1", "sku": "MUG", "quantity": 2, "reason": "too blue",
             "dispositions": {"restock": 0, "quarantine": 0, "missing": 0}}
        ],
    }  # fmt: skip


def test_each_unit_goes_where_its_disposition_says(admin: Api, order: dict[str, Any]) -> None:
    """Ship 3; receive 1 restock, 1 quarantine, 1 missing: on hand +2, available +1."""
    ship(admin, order)
    made = announce(admin, order, ("1", 3))
    line = {"line": "1", "dispositions": {"restock": 1, "quarantine": 1, "missing": 1}, "location": "W1"}
    received = admin.post(f"returns/{made['id']}/receive/", {"lines": [line]}, status=200)
    assert (received["status"], received["lines"][0]["dispositions"]) == ("received", line["dispositions"])
    assert levels(admin, "MUG") == (9, 8, 0)
    assert admin.get(f"sales-orders/{order['id']}/")["lines"][0]["returned"] == 2


def test_an_empty_receipt_restocks_all_where_it_was_shipped_from(admin: Api, order: dict[str, Any]) -> None:
    ship(admin, order)
    made = admin.post("returns/", {"order": order["id"]})
    assert [line["quantity"] for line in made["lines"]] == [3, 2]
    assert admin.post(f"returns/{made['id']}/receive/", status=200)["status"] == "received"
    assert (levels(admin, "MUG"), levels(admin, "CUP")) == ((10, 10, 0), (10, 10, 0))


def test_a_return_may_come_to_another_place(admin: Api, order: dict[str, Any], w2: Location) -> None:
    ship(admin, order)
    made = announce(admin, order, ("1", 3))
    admin.post(f"returns/{made['id']}/receive/", {"location": "W2"}, status=200)
    assert levels(admin, "MUG", "W2") == (3, 3, 0)


def test_a_second_return_without_lines_is_what_is_left(admin: Api, order: dict[str, Any]) -> None:
    ship(admin, order)
    announce(admin, order, ("1", 3))
    assert [line["line"] for line in admin.post("returns/", {"order": order["id"]})["lines"]] == ["2"]
    admin.post("returns/", {"order": order["id"]}, status=409)


@pytest.mark.parametrize(
    ("dispositions", "status"),
    [({"restock": 4}, 409), ({"scrap": 1}, 400), ({"refurbish": 1}, 400), ({"restock": -1}, 400), ({"restock": "x"}, 400),
     ([], 400), ({}, 400), ({"restock": 0}, 400)],
)  # fmt: skip
def test_a_receipt_that_cannot_be_moves_nothing(
    admin: Api, order: dict[str, Any], dispositions: Any, status: int
) -> None:
    ship(admin, order)
    made = announce(admin, order, ("1", 3))
    body = {"lines": [{"line": "1", "dispositions": dispositions}]}
    admin.post(f"returns/{made['id']}/receive/", body, status=status)
    assert levels(admin, "MUG") == (7, 7, 0)


def test_what_was_not_shipped_cannot_come_back(admin: Api, order: dict[str, Any]) -> None:
    lines = [{"line": "1", "quantity": 1}]
    assert admin.refused("post", "returns/", {"order": order["id"], "lines": lines}, status=409)["code"] == "conflict"
