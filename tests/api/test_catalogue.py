"""Products, SKUs and locations."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from inventory.models import Location, Product, Sku
from tests.api.conftest import Api, make_sku

SKU = {
    "code": "MUG-BLUE", "name": "Blue mug", "barcode": "4006381333931", "unit_cost": "2.50", "price": "9.9",
    "currency": "EUR", "weight_grams": 350, "volume_cm3": 900, "costing": "average",
    "codes": [{"code": "MB-12", "kind": "case", "units": 12}],
    "tags": ["fragile", "gift"], "tracks_lots": False, "is_active": True, "components": [], "bundle_mode": "virtual",
    "bundle_places": [], "ships_together": True,
}  # fmt: skip
PLACE = {
    "code": "W1", "name": "First", "kind": "store", "country": "DE", "postal_code": "10115", "latitude": 52.5,
    "longitude": 13.4, "time_zone": "Europe/Berlin", "cut_off": "15:00:00", "working_days": [1, 2, 6], "priority": 7,
    "company": None, "is_active": True,
}  # fmt: skip


def test_a_made_sku_is_answered_whole(admin: Api) -> None:
    made = admin.post("skus/", SKU)
    assert made == SKU | {"price": "9.90", "product": "MUG-BLUE"}
    assert admin.get("skus/MUG-BLUE/") == made


def test_a_sku_without_a_product_gets_one_of_its_own_code_and_name(admin: Api) -> None:
    admin.post("skus/", {"code": "A", "name": "Thing"})
    assert admin.get("products/A/") == {"code": "A", "name": "Thing", "category": "", "brand": ""}


def test_a_sku_joins_a_product_that_is_there(admin: Api) -> None:
    admin.post("products/", {"code": "MUGS", "name": "Mugs", "category": "kitchen", "brand": "Acme"})
    assert admin.post("skus/", {"code": "A", "name": "Thing", "product": "MUGS"})["product"] == "MUGS"
    assert Product.objects.count() == 1


def test_codes_are_case_sensitive(admin: Api) -> None:
    admin.post("skus/", {"code": "85123A", "name": "upper"})
    admin.post("skus/", {"code": "85123a", "name": "lower"})
    assert admin.get("skus/85123a/")["name"] == "lower"
    assert [row["name"] for row in admin.rows("skus/", code="85123A")] == ["upper"]


@pytest.mark.parametrize(
    "code", ["A/B", "A B", "50%", "Ünï", "a+b", "x?y#z", "A/", "a.b", "100 %/½", "dispatch", "a&b=c"]
)
def test_odd_codes_can_be_addressed(admin: Api, code: str) -> None:
    admin.post("skus/", {"code": code, "name": "odd"})
    address = f"skus/{quote(code, safe='')}/"
    assert admin.get(address)["code"] == code
    assert admin.patch(address, {"name": "still odd"})["name"] == "still odd"
    assert [row["code"] for row in admin.rows("skus/", code=code)] == [code]


def test_an_address_may_lack_its_last_slash(admin: Api, mug: Sku) -> None:
    assert admin.get("skus/MUG")["code"] == "MUG"
    assert admin.post("products", {"code": "P", "name": "Plate"})["code"] == "P"


def test_some_fields_of_a_sku_change_and_the_others_stay(admin: Api) -> None:
    admin.post("skus/", SKU)
    changed = admin.patch("skus/MUG-BLUE/", {"price": "8.125", "tags": ["gift", "gift"], "unit_cost": None})
    assert changed == SKU | {"price": "8.125", "tags": ["gift"], "unit_cost": None, "product": "MUG-BLUE"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", -1), ("price", "1.00001"), ("price", "NaN"), ("price", "1e30"), ("price", True), ("price", [1]),
        ("currency", "EURO"), ("currency", "eur"), ("weight_grams", -1), ("weight_grams", 2**31), ("name", ""),
        ("tags", "gift"), ("tags", ["x" * 51]), ("tags", [{}]), ("is_active", "perhaps"), ("product", "NONE"),
        ("barcode", "x" * 51),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_by_its_field(admin: Api, mug: Sku, field: str, value: Any) -> None:
    fields = admin.refused("patch", "skus/MUG/", {field: value}, status=400)["fields"]
    assert next(iter(fields)).split(".")[0] == field


def test_skus_are_found_by_the_fields_they_show(admin: Api) -> None:
    admin.post("skus/", SKU)
    make_sku("OTHER")
    for field, value in (("code", "MUG-BLUE"), ("product", "MUG-BLUE"), ("barcode", "4006381333931"), ("tag", "gift")):
        assert [row["code"] for row in admin.rows("skus/", **{field: value})] == ["MUG-BLUE"], field
    assert len(admin.rows("skus/", is_active=True)) == 2


def test_a_made_location_is_answered_whole(admin: Api) -> None:
    assert admin.post("locations/", PLACE) == PLACE
    assert admin.get("locations/W1/") == PLACE


def test_a_location_needs_code_name_and_kind_only(admin: Api) -> None:
    made = admin.post("locations/", {"code": "W1", "name": "First", "kind": "warehouse"})
    assert (made["time_zone"], made["working_days"], made["is_active"]) == ("UTC", [1, 2, 3, 4, 5], True)
    assert set(admin.refused("post", "locations/", {}, status=400)["fields"]) == {"code", "name", "kind"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "moon"), ("country", "Germany"), ("country", "de"), ("latitude", 91), ("longitude", -181),
        ("time_zone", "Mars/Olympus"), ("cut_off", "25:00"), ("working_days", [0]), ("working_days", [1] * 8),
        ("priority", 2**31), ("latitude", "north"),
    ],
)  # fmt: skip
def test_a_place_that_makes_no_sense_is_refused_by_its_field(admin: Api, w1: Location, field: str, value: Any) -> None:
    fields = admin.refused("patch", "locations/W1/", {field: value}, status=400)["fields"]
    assert next(iter(fields)).split(".")[0] == field


class TestPages:
    @pytest.fixture(autouse=True)
    def _five(self, db: None) -> None:
        for number in range(5):
            make_sku(f"S{number}")

    def test_a_page_says_how_many_there_are_and_where_the_next_is(self, admin: Api) -> None:
        page = admin.get("skus/", limit=2, offset=2)
        assert (page["count"], [row["code"] for row in page["results"]]) == (5, ["S2", "S3"])
        assert page["next"] == "http://testserver/api/v1/skus/?limit=2&offset=4"
        assert page["previous"] == "http://testserver/api/v1/skus/?limit=2"

    def test_the_last_page_has_no_next(self, admin: Api) -> None:
        page = admin.get("skus/", limit=2, offset=4)
        assert (len(page["results"]), page["next"]) == (1, None)

    def test_a_page_is_never_longer_than_the_limit(self, admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        from inventory.api.pages import Pages

        monkeypatch.setattr(Pages, "max_limit", 3)
        assert len(admin.rows("skus/", limit=1000)) == 3

    def test_pages_are_50_rows_unless_told(self, admin: Api) -> None:
        for number in range(50):
            make_sku(f"T{number}")
        assert len(admin.rows("skus/")) == 50
