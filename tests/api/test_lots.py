"""Lots by the API: named with what comes, told of what goes, listed by expiry, recalled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.models import Location, Lot, Role
from tests.api.conftest import Api
from tests.factories import ManualChannelFactory
from tests.inventory.lots import check, days


@pytest.fixture
def milk(admin: Api, w1: Location) -> str:
    """A SKU with lots: 3 that expire in 10 days, 5 in 90."""
    admin.post("skus/", {"code": "MILK", "name": "Milk", "tracks_lots": True})
    bring(admin, 5, "LATE", str(days(90)))
    bring(admin, 3, "SOON", str(days(10)))
    return "MILK"


def bring(api: Api, units: int, lot: str, expires_on: str | None = None, *, status: int = 201) -> dict:  # type: ignore[type-arg]
    body = {"sku": "MILK", "location": "W1", "quantity": units, "reason": "receipt", "lot": lot}
    return api.post("stock-adjustments/", body | ({"expires_on": expires_on} if expires_on else {}), status=status)


def here(api: Api, lot: str, place: str = "shelf") -> dict[str, int]:
    return {level["location"]: level[place] for level in api.get(f"lots/{lot}/")["levels"]}


def test_units_come_with_their_lot_and_leave_by_expiry(admin: Api, milk: str) -> None:
    gone = admin.post("stock-adjustments/", {"sku": "MILK", "location": "W1", "quantity": -4, "reason": "loss"})
    assert gone["lots"] == [{"lot": "SOON", "quantity": 3}, {"lot": "LATE", "quantity": 1}]
    assert bring(admin, 2, "LATE")["lots"] == [{"lot": "LATE", "quantity": 2}]
    named = {"sku": "MILK", "location": "W1", "quantity": -1, "reason": "loss", "lot": "LATE"}
    assert admin.post("stock-adjustments/", named)["lots"] == [{"lot": "LATE", "quantity": 1}]
    assert here(admin, "LATE") == {"W1": 5}
    check()


def test_what_is_wrong_with_a_lot_is_said_at_its_field(admin: Api, milk: str) -> None:
    nameless = {"sku": "MILK", "location": "W1", "quantity": 1, "reason": "receipt"}
    assert admin.refused("post", "stock-adjustments/", nameless, status=400)["fields"] == {
        "lot": ["MILK keeps lots: say of which lot the 1 units are"]
    }
    said = bring(admin, 1, "SOON", str(days(11)), status=409)["error"]
    assert (said["code"], list(said["fields"])) == ("conflict", ["expires_on"])
    assert f"expires on {days(10)}, not on {days(11)}" in said["message"]
    unknown = {"sku": "MILK", "location": "W1", "quantity": -1, "reason": "loss", "lot": "X"}
    assert admin.refused("post", "stock-adjustments/", unknown, status=400)["fields"] == {"lot": ["MILK has no lot X"]}
    short = admin.refused("post", "stock-adjustments/", {**unknown, "lot": "SOON", "quantity": -4}, status=409)
    assert short["code"] == "insufficient_stock"
    assert short["fields"] == {"lines": [{"sku": "MILK", "location": "W1", "wanted": 4, "available": 3}]}
    assert short["message"] == "lot SOON of MILK at W1 (shelf): 4 wanted, 3 there"
    wrong_date = bring(admin, 1, "NEW", "31.12.2030", status=400)["error"]
    assert list(wrong_date["fields"]) == ["expires_on"]
    admin.post("skus/", {"code": "MUG", "name": "Mug"})
    plain = {"sku": "MUG", "location": "W1", "quantity": 1, "reason": "receipt", "lot": "A"}
    assert admin.refused("post", "stock-adjustments/", plain, status=400)["message"] == (
        "MUG keeps no lots: leave the lot A out"
    )
    check()


def test_states_move_by_lot(admin: Api, milk: str) -> None:
    body = {"sku": "MILK", "location": "W1", "from_state": "available", "to_state": "damaged", "quantity": 2,
            "reason": "damage", "lot": "LATE"}  # fmt: skip
    assert admin.post("stock-moves/", body)["lots"] == [{"lot": "LATE", "quantity": 2}]
    assert (here(admin, "LATE"), here(admin, "LATE", "damaged")) == ({"W1": 3}, {"W1": 2})


def test_lots_are_listed_by_expiry_and_found(admin: Api, milk: str) -> None:
    bring(admin, 1, "NEVER")

    def codes(**query: object) -> list[str]:
        return [row["code"] for row in admin.rows("lots/", **query)]

    assert codes() == ["SOON", "LATE", "NEVER"]
    assert codes(expires_within_days=10) == ["SOON"]
    assert codes(expires_within_days=9) == []
    assert codes(sku="MILK", expires_on=str(days(90))) == ["LATE"]
    assert codes(sku="OTHER") == []
    admin.post("lots/", {"sku": "MILK", "code": "EMPTY", "expires_on": str(days(20))})
    assert codes(has_stock="false") == ["EMPTY"]
    assert codes(is_recalled="true") == []
    assert admin.refused("get", "lots/", status=400, colour="red")["code"] == "invalid"


def test_a_lot_is_named_once(admin: Api, milk: str) -> None:
    assert admin.refused("post", "lots/", {"sku": "MILK", "code": "SOON"}, status=409)["code"] == "conflict"
    assert admin.refused("post", "lots/", {"sku": "MILK", "code": "a/b"}, status=400)["fields"]["lot"]
    admin.post("skus/", {"code": "MUG", "name": "Mug"})
    assert "keeps no lots" in admin.refused("post", "lots/", {"sku": "MUG", "code": "A"}, status=400)["message"]


def test_of_one_code_in_two_skus_the_address_names_the_sku(admin: Api, milk: str, w1: Location) -> None:
    admin.post("skus/", {"code": "TEA", "name": "Tea", "tracks_lots": True})
    admin.post("lots/", {"sku": "TEA", "code": "SOON"})
    assert list(admin.get("lots/SOON/", expect=400)["error"]["fields"]) == ["sku"]
    assert admin.get("lots/SOON/", sku="MILK")["on_hand"] == 3
    assert admin.get("lots/SOON/recall/", sku="TEA")["on_hand"] == 0
    admin.get("lots/LATE/", expect=404, sku="TEA")
    admin.get("lots/NONE/", expect=404)


def test_lots_begin_and_end_with_the_sku(admin: Api, w1: Location) -> None:
    admin.post("skus/", {"code": "MILK", "name": "Milk"})
    admin.post("stock-adjustments/", {"sku": "MILK", "location": "W1", "quantity": 4, "reason": "opening"})
    assert admin.patch("skus/MILK/", {"tracks_lots": True})["tracks_lots"] is True
    assert here(admin, "unassigned") == {"W1": 4}
    refused = admin.refused("patch", "skus/MILK/", {"tracks_lots": False, "name": "Other"}, status=409)
    assert refused["fields"] == {
        "tracks_lots": ["MILK goes on keeping lots while they have units: unassigned (4 @ W1)"]
    }
    assert admin.get("skus/MILK/")["name"] == "Milk", "nothing of it was done"
    admin.patch("skus/MILK/", {"name": "Whole milk"})
    assert admin.get("skus/MILK/")["tracks_lots"] is True
    named = {"to_lot": "A", "expires_on": str(days(30)), "location": "W1", "quantity": 3}
    assert admin.post("lots/unassigned/assign/", named, status=200)["on_hand"] == 1
    assert here(admin, "A") == {"W1": 3}
    assert admin.rows("stock-levels/")[0]["available"] == 4
    check()


def test_a_recall_tells_all_that_a_lot_touched_and_takes_it_off_sale(admin: Api, milk: str, w1: Location) -> None:
    ManualChannelFactory(code="phone")
    lines = [{"external_id": "1", "sku": "MILK", "quantity": 4}]
    order = admin.post("sales-orders/", {"channel": "phone", "external_id": "A-1", "lines": lines})["id"]
    parcel = admin.post("shipments/", {"order": order})["id"]
    packed = {"lines": [{"line": "1", "quantity": 2, "lot": "LATE"}]}
    admin.post(f"shipments/{parcel}/dispatch/", packed, status=200)
    told = admin.get("lots/LATE/recall/")
    assert [(row["order"], row["shipped"], row["returned"]) for row in told["orders"]] == [("phone/A-1", 2, 0)]
    assert [(row["location"], row["quantity"], row["reason"]) for row in told["received"]] == [("W1", 5, "receipt")]
    assert (told["on_hand"], told["shipped"], told["levels"][0]["shelf"]) == (3, 2, 3)
    back = admin.post("returns/", {"order": order})["id"]
    came = {"lines": [{"line": "1", "dispositions": {"restock": 1}, "lot": "LATE"}]}
    admin.post(f"returns/{back}/receive/", came, status=200)
    assert admin.get("lots/LATE/recall/")["orders"][0]["returned"] == 1
    recalled = admin.post("lots/LATE/recall/", {"reason": "glass"}, status=200)
    assert (recalled["levels"][0]["shelf"], recalled["levels"][0]["quarantine"]) == (0, 4)
    assert recalled["recall_reason"] == "glass"
    (level,) = admin.rows("stock-levels/")
    assert (level["available"], level["reserved"], level["quarantine"]) == (1, 2, 4)
    assert admin.refused("post", "lots/LATE/recall/", status=409)["code"] == "conflict"
    assert admin.post("lots/LATE/end-recall/", {"reason": "false alarm"}, status=200)["recalled_at"] is None
    check()


def test_lots_go_with_transfers(admin: Api, milk: str) -> None:
    admin.post("locations/", {"code": "SHOP", "name": "Shop", "kind": "store"})
    lines = [{"sku": "MILK", "quantity": 4}]
    admin.post("transfers/", {"code": "T", "from_location": "W1", "to_location": "SHOP", "lines": lines})
    admin.post("transfers/T/dispatch/", {"lines": [{"sku": "MILK", "quantity": 2, "lot": "LATE"}]}, status=200)
    admin.post("transfers/T/dispatch/", {}, status=200)
    assert here(admin, "LATE", "in_transit") == {"W1": 0, "SHOP": 2}
    unknown = {"lines": [{"sku": "MILK", "quantity": 1, "lot": "X"}]}
    assert admin.refused("post", "transfers/T/receive/", unknown, status=400)["message"] == "MILK has no lot X"
    admin.post("transfers/T/receive/", {"lines": [{"sku": "MILK", "quantity": 1, "lot": "LATE"}]}, status=200)
    lost = {"lines": [{"sku": "MILK", "quantity": 1, "lot": "LATE"}], "reason": "broken"}
    admin.post("transfers/T/lose/", lost, status=200)
    admin.post("transfers/T/receive/", {}, status=200)
    assert (here(admin, "LATE")["SHOP"], here(admin, "SOON")["SHOP"]) == (1, 2)
    check()


def test_who_is_limited_to_locations_sees_theirs_and_recalls_nothing(
    admin: Api, milk: str, by_role: Callable[..., Api]
) -> None:
    admin.post("locations/", {"code": "SHOP", "name": "Shop", "kind": "store"})
    shop = by_role(Role.WAREHOUSE, Location.objects.get(code="SHOP"))
    assert (shop.get("lots/SOON/")["levels"], shop.get("lots/SOON/recall/")["received"]) == ([], [])
    assert shop.refused("post", "lots/SOON/recall/", status=403)["code"] == "forbidden"
    taken = {"to_lot": "LATE", "location": "W1", "quantity": 1}
    assert shop.refused("post", "lots/SOON/assign/", taken, status=403)["code"] == "forbidden"
    assert by_role(Role.VIEWER).refused("post", "lots/SOON/recall/", status=403)["code"] == "forbidden"
    assert not Lot.objects.filter(recalled_at__isnull=False).exists()
