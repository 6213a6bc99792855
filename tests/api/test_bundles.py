"""Bundles by the API: made, counted, limited, put together, taken apart; and how each refusal is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory.models import Location, Role, Sku
from tests.api.conftest import Api, ask, make_sku, stock


@pytest.fixture
def parts(w1: Location, w2: Location) -> list[Sku]:
    """7 A and 100 B in W1."""
    skus = [make_sku("A"), make_sku("B")]
    stock(skus[0], w1, 7)
    stock(skus[1], w1, 100)
    return skus


@pytest.fixture
def kit(admin: Api, parts: list[Sku]) -> dict[str, Any]:
    body = {"code": "KIT", "name": "Kit", "components": [{"sku": "A", "quantity": 2}, {"sku": "B"}]}
    made: dict[str, Any] = admin.post("skus/", body)
    return made


def test_a_sku_is_made_of_others(admin: Api, kit: dict[str, Any]) -> None:
    said = {name: kit[name] for name in ("components", "bundle_mode", "bundle_places", "ships_together")}
    assert said == {
        "components": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}], "bundle_mode": "virtual",
        "bundle_places": [], "ships_together": True,
    }  # fmt: skip
    change = {
        "components": [{"sku": "B", "quantity": 3}], "bundle_mode": "pre_packed", "ships_together": False,
        "bundle_places": [{"location": "W2", "mode": "virtual"}],
    }  # fmt: skip
    changed = admin.patch("skus/KIT/", change)
    assert {name: changed[name] for name in change} == change
    assert admin.get("skus/KIT/") == changed
    assert admin.patch("skus/KIT/", {"name": "Set"})["components"] == change["components"]
    assert admin.patch("skus/KIT/", {"components": []})["components"] == []
    assert admin.get("skus/A/")["components"] == []


def test_a_bundle_says_how_many_there_are_and_what_limits_it(admin: Api, kit: dict[str, Any]) -> None:
    assert admin.get("bundles/KIT/") == {
        "sku": "KIT", "name": "Kit", "bundle_mode": "virtual", "ships_together": True,
        "parts": [{"sku": "A", "units": 2}, {"sku": "B", "units": 1}],
        "available": 3, "packed": 0, "made": 3, "limited_by": "A",
        "locations": [{"location": "W1", "mode": "virtual", "packed": 0, "made": 3}],
    }  # fmt: skip
    assert [row["sku"] for row in admin.rows("bundles/", component="B")] == ["KIT"]
    assert admin.rows("bundles/", component="KIT") == []
    admin.get("bundles/A/", expect=404)


def test_the_list_of_bundles_takes_few_queries(admin: Api, kit: dict[str, Any]) -> None:
    one = admin.queries("bundles/")
    for number in range(5):
        admin.post("skus/", {"code": f"K{number}", "name": "K", "components": [{"sku": "KIT"}]})
    assert admin.queries("bundles/") == one


def test_levels_of_a_bundle_are_computed(admin: Api, kit: dict[str, Any], w2: Location) -> None:
    (row,) = admin.rows("stock-levels/", sku="KIT", location="W1")
    assert (row["sku"], row["location"], row["available"], row["on_hand"]) == ("KIT", "W1", 3, 0)
    stock(Sku.objects.get(code="KIT"), w2, 4)
    rows = {row["location"]: (row["available"], row["on_hand"]) for row in admin.rows("stock-levels/", sku="KIT")}
    assert rows == {"W1": (3, 0), "W2": (4, 4)}


def test_the_listing_shows_what_can_be_made_and_a_sale_takes_it(admin: Api, kit: dict[str, Any], phone: Any) -> None:
    listing = admin.post("listings/", {"channel": "phone", "sku": "KIT"})
    assert listing["published"] == 3
    order = ask(admin, ("KIT", 1))
    assert [(line["sku"], line["reserved"], line["short"]) for line in order["lines"]] == [("KIT", 1, 0)]
    assert admin.get(f"listings/{listing['id']}/")["published"] == 2
    steps = admin.get(f"listings/{listing['id']}/explain/")["steps"]
    assert steps[0]["note"] == "2 to be put together of 2 x A, 1 x B, all of one from one location; A limits"
    refused = ask(admin, ("KIT", 3), status=409)["error"]
    assert refused["code"] == "insufficient_stock"
    assert refused["fields"]["lines"] == [
        {"sku": "KIT", "wanted": 3, "available": 2, "components": [{"sku": "A", "wanted": 6, "available": 5}]}
    ]


@pytest.mark.parametrize(
    ("components", "field", "said"),
    [
        ([{"sku": "NO"}], "components.0.sku", "There is no NO."),
        ([{"sku": "A"}, {"sku": "KIT"}], "components.1.sku", "KIT cannot be in itself: KIT > KIT."),
        ([{"sku": "A"}, {"sku": "A"}], "components.1.sku", "A is named twice."),
        ([{"sku": "A", "quantity": 0}], "components.0.quantity", "0 is too small; at least 1"),
        ([{"sku": "A", "quantity": 1.5}], "components.0.quantity", "1.5 is not a whole number of units"),
        ([{"quantity": 1}], "components.0.sku", "This field is required."),
        ([{"sku": "A", "units": 1}], "components.0.units", "There is no such field; there are: quantity, sku."),
    ],
)
def test_a_bundle_that_cannot_be_is_refused_whole(
    admin: Api, kit: dict[str, Any], components: list[Any], field: str, said: str
) -> None:
    refused = admin.refused("patch", "skus/KIT/", {"name": "Other", "components": components}, status=400)
    assert refused["fields"] == {field: [said]}
    assert admin.get("skus/KIT/") == kit
    new = admin.refused("post", "skus/", {"code": "NEW", "name": "N", "components": [{"sku": "NEW"}]}, status=400)
    assert new["fields"] == {"components.0.sku": ["NEW cannot be in itself: NEW > NEW."]}
    admin.get("skus/NEW/", expect=404)


def test_a_circle_is_named(admin: Api, kit: dict[str, Any]) -> None:
    admin.post("skus/", {"code": "BOX", "name": "Box", "components": [{"sku": "KIT", "quantity": 6}]})
    refused = admin.refused("patch", "skus/KIT/", {"components": [{"sku": "BOX"}]}, status=400)
    assert refused["fields"] == {"components.0.sku": ["KIT cannot be in itself: KIT > BOX > KIT."]}


def test_kits_are_put_together_and_that_is_undone(admin: Api, kit: dict[str, Any]) -> None:
    made = admin.post("assemblies/", {"sku": "KIT", "location": "W1", "quantity": 2, "note": "for Christmas"}, key="k")
    assert made.pop("made_at")
    code = made["code"]
    assert made == {
        "code": code, "kind": "assemble", "sku": "KIT", "location": "W1", "quantity": 2, "note": "for Christmas",
        "actor": "key:admin", "parts": [{"sku": "A", "units": 2}, {"sku": "B", "units": 1}], "reverses": None,
        "reversed_by": None, "reference": f"assembly:{code}",
    }  # fmt: skip
    body = {"sku": "KIT", "location": "W1", "quantity": 2, "note": "for Christmas"}
    assert admin.post("assemblies/", body, key="k")["code"] == code
    levels = {row["sku"]: row["available"] for sku in ("A", "B", "KIT") for row in admin.rows("stock-levels/", sku=sku)}
    assert levels == {"A": 3, "B": 98, "KIT": 2 + 1}
    entries = admin.rows("ledger-entries/", reference=f"assembly:{code}")
    assert sorted((row["sku"], row["from_state"], row["quantity"], row["reason"]) for row in entries) == [
        ("A", "available", 4, "assembly"), ("B", "available", 2, "assembly"), ("KIT", "assembly", 2, "assembly"),
    ]  # fmt: skip
    undone = admin.post(f"assemblies/{code}/reverse/", {"reason": "too early"})
    assert (undone["kind"], undone["reverses"], undone["note"]) == ("disassemble", code, "too early")
    refused = admin.refused("post", f"assemblies/{code}/reverse/", {}, status=409)
    assert refused["message"] == f"{code} was undone by {undone['code']}"
    assert [row["code"] for row in admin.rows("assemblies/", kind="assemble", sku="KIT")] == [code]


def test_short_components_are_named(admin: Api, kit: dict[str, Any]) -> None:
    refused = admin.refused("post", "assemblies/", {"sku": "KIT", "location": "W1", "quantity": 4}, status=409)
    assert (refused["code"], refused["fields"]) == (
        "insufficient_stock", {"lines": [{"sku": "A", "location": "W1", "wanted": 8, "available": 7}]},
    )  # fmt: skip
    refused = admin.refused("post", "assemblies/", {"sku": "A", "location": "W1", "quantity": 1}, status=400)
    assert refused["fields"] == {"sku": ["A is no bundle: say what it is made of first"]}
    body = {"sku": "KIT", "location": "W1", "quantity": 1, "kind": "disassemble"}
    assert admin.refused("post", "assemblies/", body, status=409)["fields"]["lines"][0]["sku"] == "KIT"


def test_who_may_assemble_and_where(
    by_role: Callable[..., Api], kit: dict[str, Any], w1: Location, w2: Location
) -> None:
    body = {"sku": "KIT", "location": "W1", "quantity": 1}
    for role in (Role.VIEWER, Role.BUYER, Role.ACCOUNTANT):
        by_role(role).refused("post", "assemblies/", body, status=403)
        by_role(role, name=f"{role} too").refused("patch", "skus/KIT/", {"components": []}, status=403)
    made = by_role(Role.WAREHOUSE).post("assemblies/", body)
    there, elsewhere = by_role(Role.OPERATOR, w1, name="there"), by_role(Role.OPERATOR, w2, name="elsewhere")
    elsewhere.refused("post", "assemblies/", body, status=403)
    elsewhere.refused("post", f"assemblies/{made['code']}/reverse/", {}, status=404)
    assert [row["code"] for row in there.rows("assemblies/")] == [made["code"]]
    assert (there.get("bundles/KIT/")["available"], elsewhere.get("bundles/KIT/")["available"]) == (3, 0)
