"""Products, SKUs, their codes and locations by file."""

from __future__ import annotations

import pytest

from inventory.codes import find_sku
from inventory.imports import batches
from inventory.imports.batches import Asker
from inventory.imports.errors import BadImport
from inventory.models import Location, Product, Role, Sku, SkuCode
from inventory.people.roles import Standing
from inventory.signals import stock_changed
from tests.factories import LocationFactory, ProductFactory, SkuFactory, stocked
from tests.inventory.imports.bring import apply, bring, check, counts, csv_of, problems, undo, upload

pytestmark = pytest.mark.django_db


def test_products_are_made_and_changed_and_taken_back() -> None:
    ProductFactory(code="MUG", name="Mug", category="Mugs", brand="Potter")
    batch = bring("products", csv_of(("code", "name", "category"), ("MUG", "Cup", "Cups"), ("JUG", "Jug", "")))
    assert counts(batch) == (1, 1, 0, 0)
    rows = [(row.before, row.after) for row in batch.rows.order_by("number")]
    assert rows == [
        ({"name": "Mug", "category": "Mugs"}, {"name": "Cup", "category": "Cups"}),
        (None, {"code": "JUG", "name": "Jug", "category": ""}),
    ]
    assert list(Product.objects.order_by("code").values_list("code", "name", "category", "brand")) == [
        ("JUG", "Jug", "", ""), ("MUG", "Cup", "Cups", "Potter"),
    ]  # fmt: skip
    assert undo(batch).applied == 2
    assert list(Product.objects.values_list("code", "name", "category")) == [("MUG", "Mug", "Mugs")]


def test_skus_are_made_with_products_of_their_own_and_taken_back_with_them() -> None:
    ProductFactory(code="MUG")
    data = csv_of(
        ("code", "product", "name", "price", "tags", "weight_grams", "unit_cost"),
        ("MUG-1", "MUG", "Mug one", "12.50", '"a, b"', 300, "3.2"), ("JUG", "", "Jug", "", "", "", ""),
        ("POT", "NOTHING", "Pot", "1", "", "", ""), ("", "", "No code", "", "", "", ""), ("CUP", "", "", "", "", "", ""),
    )  # fmt: skip
    batch = bring("skus", data)
    assert problems(batch) == [(4, "product", "unknown"), (5, "code", "required"), (6, "name", "required")]
    made = Sku.objects.get(code="MUG-1")
    assert (made.product.code, str(made.price), made.tags, made.weight_grams) == ("MUG", "12.5000", ["a", "b"], 300)
    assert find_sku("MUG-1") is not None, "the database keeps its own code"
    assert Sku.objects.get(code="JUG").product.code == "JUG"
    assert counts(check("skus", data)) == (0, 0, 2, 3)
    undo(batch)
    assert not Sku.objects.exists() and list(Product.objects.values_list("code", flat=True)) == ["MUG"]


def test_what_is_needed_by_now_is_not_taken_back() -> None:
    batch = bring("skus", csv_of(("code", "name"), ("A", "A"), ("B", "B"), ("C", "C")))
    stocked_one = Sku.objects.get(code="B")
    place = LocationFactory()
    from tests.factories import add_stock

    add_stock(stocked_one, place, 3)
    assert problems(undo(batch), "conflict") == [(3, "", "in_use")]
    assert Sku.objects.count() == 3
    undo(batch, rest=True)
    assert list(Sku.objects.values_list("code", flat=True)) == ["B"]


def test_a_field_that_was_changed_later_is_not_taken_back() -> None:
    SkuFactory(code="A", name="First")
    SkuFactory(code="B", name="First")
    batch = bring("skus", csv_of(("code", "name"), ("A", "Second"), ("B", "Second")))
    Sku.objects.filter(code="A").update(name="Third")
    refused = undo(batch)
    assert problems(refused, "conflict") == [(2, "name", "moved_on")]
    undo(batch, rest=True)
    assert dict(Sku.objects.values_list("code", "name")) == {"A": "Third", "B": "First"}


def test_a_field_that_moved_since_the_check_is_not_overwritten() -> None:
    SkuFactory(code="A", name="First", price=1)
    batch = check("skus", csv_of(("code", "name", "price"), ("A", "Second", "1")))
    Sku.objects.filter(code="A").update(price=9)
    apply(batch)
    assert Sku.objects.values_list("name", "price").get() == ("Second", 9), "another field is nobody's concern"
    batch = check("skus", csv_of(("code", "name"), ("A", "Third")))
    Sku.objects.filter(code="A").update(name="Mine")
    assert apply(batch).conflicts == 1
    assert Sku.objects.get().name == "Mine"


def test_an_empty_cell_empties_what_may_be_empty_and_a_missing_column_leaves_it() -> None:
    SkuFactory(code="A", name="Name", price=5, barcode="123", tags=["x"])
    bring("skus", csv_of(("code", "name", "price", "tags"), ("A", "", "", "")))
    sku = Sku.objects.get()
    assert (sku.name, sku.price, sku.barcode, sku.tags) == ("Name", None, "123", [])


def test_channels_hear_of_tags_and_categories() -> None:
    heard: list[list[int]] = []

    def listen(sender: object, *, sku_ids: list[int], cause: str, **news: object) -> None:
        heard.append(sku_ids)

    a, b = SkuFactory(code="A", tags=["x"]), SkuFactory(code="B", tags=["x"])
    stock_changed.connect(listen)
    try:
        bring("skus", csv_of(("code", "tags", "price"), ("A", "y", 1), ("B", "x", 1)))
        bring("products", csv_of(("code", "category"), (b.product.code, "New")))
    finally:
        stock_changed.disconnect(listen)
    assert heard == [[a.pk], [b.pk]]


def test_another_code_of_a_sku_is_no_new_sku() -> None:
    sku = SkuFactory(code="A")
    SkuCode.objects.create(sku=sku, code="OLD-A", kind="supplier")
    batch = check("skus", csv_of(("code", "name"), ("OLD-A", "x")))
    assert [row.problems[0]["message"] for row in batch.rows.all()] == ["OLD-A is another code of A; name that one."]


def test_codes_are_given_changed_and_taken_back() -> None:
    SkuFactory(code="A")
    SkuFactory(code="B")
    data = csv_of(
        ("sku", "code", "kind", "units"), ("A", "4006381333931", "", ""), ("A", "BOX", "case", 12),
        ("B", "4006381333932", "", ""),
        ("B", "A", "", ""), ("NO", "X", "", ""), ("B", "", "", ""), ("B", "Y", "own", ""), ("B", "Z", "case", 0),
    )  # fmt: skip
    batch = bring("codes", data)
    assert problems(batch) == [
        (4, "code", "bad_code"), (5, "code", "taken"), (6, "sku", "unknown"), (7, "code", "required"), (8, "kind", "bad_choice"),
        (9, "units", "bad_number"),
    ]  # fmt: skip
    given = SkuCode.objects.exclude(kind="own").order_by("code").values_list("sku__code", "code", "kind", "units")
    assert list(given) == [("A", "4006381333931", "barcode", 1), ("A", "BOX", "case", 12)]
    more = bring("codes", csv_of(("sku", "code", "kind", "units"), ("A", "BOX", "case", 24)))
    assert counts(more) == (0, 1, 0, 0) and SkuCode.objects.get(code="BOX").units == 24
    undo(more)
    assert SkuCode.objects.get(code="BOX").units == 12
    undo(batch)
    assert not SkuCode.objects.exclude(kind="own").exists()


def test_locations_are_made_and_changed() -> None:
    LocationFactory(code="W1", name="One")
    data = csv_of(
        ("code", "name", "kind", "country", "time_zone", "cut_off", "working_days", "latitude", "is_active"),
        ("W1", "Main", "store", "DE", "Europe/Berlin", "16:00", "1 2 3", "53.5", "no"),
        ("W2", "Two", "", "", "", "", "", "", ""), ("W3", "Three", "ship", "de", "Mars", "25:00", "8", "91", "maybe"),
    )  # fmt: skip
    batch = bring("locations", data)
    assert {field for _row, field, _code in problems(batch)} == {
        "kind", "country", "time_zone", "cut_off", "working_days", "latitude", "is_active",
    }  # fmt: skip
    first = Location.objects.get(code="W1")
    assert (first.name, first.kind, first.country, first.time_zone) == ("Main", "store", "DE", "Europe/Berlin")
    assert (str(first.cut_off), first.working_days, first.latitude, first.is_active) == (
        "16:00:00",
        [1, 2, 3],
        53.5,
        False,
    )
    assert Location.objects.get(code="W2").working_days == [1, 2, 3, 4, 5]
    undo(batch)
    assert list(Location.objects.values_list("code", "name", "kind", "is_active")) == [("W1", "One", "warehouse", True)]


def test_who_is_limited_to_a_location_makes_no_other() -> None:
    place = LocationFactory(code="W1")
    LocationFactory(code="W2")
    asker = Asker("user:ben", Standing(Role.OPERATOR, frozenset({place.pk})))
    batch = check("locations", csv_of(("code", "name"), ("W1", "Mine"), ("W2", "Yours"), ("W3", "New")), asker=asker)
    assert problems(batch) == [(3, "code", "other_location"), (4, "code", "other_location")]


def test_costs_are_brought_and_seen_only_by_those_who_see_them() -> None:
    keeper, ann = Asker("user:ben", Standing(Role.WAREHOUSE)), Asker("user:ann", Standing(Role.OPERATOR))
    SkuFactory(code="A")
    without = check("skus", csv_of(("code", "name"), ("A", "A")), asker=ann)
    costly = check("skus", csv_of(("code", "unit_cost"), ("A", "7.77")), asker=ann)
    assert list(batches.visible(keeper)) == [without]
    assert set(batches.visible(ann)) == {without, costly}
    batch = upload("stock", csv_of(("sku", "location", "quantity", "unit_cost"), ("A", "W1", 1, 2)), asker=keeper)
    assert "unit_cost" not in batch.mapping


def test_kinds_and_modes_that_there_are_not_are_named() -> None:
    with pytest.raises(BadImport, match="there is no kind 'cars'; there are: products, skus"):
        upload("cars", b"a,b\r\n1,2\r\n")
    with pytest.raises(BadImport, match="There is no such mode"):
        upload("stock", b"a,b\r\n1,2\r\n", mode="double")


def test_stock_of_a_sku_survives_all_of_it() -> None:
    sku = stocked(5, code="A")
    bring("skus", csv_of(("code", "name"), ("A", "Other")))
    assert sku.levels.get().available == 5
