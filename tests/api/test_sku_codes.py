"""Any of a SKU's codes leads to it."""

from __future__ import annotations

import pytest

from inventory.models import Location, Sku
from tests.api.conftest import Api, stock

CASE = {"code": "MUG-12", "kind": "case", "units": 12}
ACME = {"code": "ACME-7", "kind": "supplier", "units": 1}


@pytest.fixture
def renamed(admin: Api, mug: Sku, w1: Location) -> str:
    """A SKU with 7 in stock that was MUG, is CUP, and has a case's code; the code that it has now."""
    stock(mug, w1, 7)
    admin.patch("skus/MUG/", {"code": "CUP"})
    kept = {"code": "MUG", "kind": "old", "units": 1}
    assert admin.patch("skus/CUP/", {"codes": [kept, CASE]})["codes"] == [CASE, kept]
    return "CUP"


def test_codes_are_given_with_a_new_sku_and_shown(admin: Api) -> None:
    made = admin.post("skus/", {"code": "A", "name": "Thing", "codes": [ACME, {"code": "73513537"}]})
    assert made["codes"] == [{"code": "73513537", "kind": "barcode", "units": 1}, ACME]
    assert admin.get("skus/A/")["codes"] == made["codes"]


def test_codes_that_are_not_named_stay_and_those_left_out_are_given_up(admin: Api, renamed: str) -> None:
    assert len(admin.patch("skus/CUP/", {"name": "Cup"})["codes"]) == 2
    assert admin.patch("skus/CUP/", {"codes": [ACME]})["codes"] == [ACME]
    admin.get("skus/MUG/", expect=404)


@pytest.mark.parametrize("code", ["CUP", "MUG", "MUG-12"])
def test_a_sku_is_found_filtered_and_written_by_any_of_its_codes(
    admin: Api, renamed: str, w1: Location, code: str
) -> None:
    assert admin.get(f"skus/{code}/")["code"] == "CUP"
    assert [row["code"] for row in admin.rows("skus/", code=code)] == ["CUP"]
    for path in ("stock-levels/", "ledger-entries/"):
        assert [row["sku"] for row in admin.rows(path, sku=code)] == ["CUP"]
    made = admin.post("stock-adjustments/", {"sku": code, "location": "W1", "quantity": 1, "reason": "found"})
    assert (made["sku"], admin.rows("stock-levels/", sku="CUP")[0]["available"]) == ("CUP", 8)
    now = made["recorded_at"]
    assert [row["available"] for row in admin.rows("stock-levels/", sku=code, at=now)] == [8]


def test_a_code_of_another_sku_is_refused_by_its_place(admin: Api, renamed: str) -> None:
    error = admin.post("skus/", {"code": "B", "name": "B", "codes": [ACME, CASE]}, status=400)["error"]
    assert error["fields"] == {"codes.1": ["MUG-12 belongs to CUP."]}
    admin.get("skus/B/", expect=404)


@pytest.mark.parametrize("code", ["MUG", "MUG-12"])
def test_a_sku_cannot_be_called_what_another_one_is_known_by(admin: Api, renamed: str, code: str) -> None:
    assert admin.post("skus/", {"code": code, "name": "new"}, status=409)["error"]["fields"]["code"]
    admin.post("skus/", {"code": "PLATE", "name": "Plate"})
    assert admin.patch("skus/PLATE/", {"code": code}, status=409)["error"]["fields"]["code"]


@pytest.mark.parametrize(
    "codes",
    [
        "MUG-12", [1], [{"code": ""}], [{"code": "A\tB"}], [{"code": "A", "kind": "own"}], [{"code": "A", "units": 0}],
        [{"code": "A", "units": 1.5}], [{"code": "A", "units": -1}], [{"code": "A", "more": 1}], [{"kind": "case"}],
        [{"code": "4006381333932"}], [{"code": "A"}, {"code": "A"}], [{"code": "A", "kind": "old"}], [{"code": "MUG"}],
    ],
)  # fmt: skip
def test_codes_that_make_no_sense_change_nothing(admin: Api, mug: Sku, codes: object) -> None:
    admin.patch("skus/MUG/", {"codes": codes}, status=400)
    assert admin.get("skus/MUG/")["codes"] == []
