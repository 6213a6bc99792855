"""Which column means what: other programs' files are understood by their headings."""

from __future__ import annotations

import pytest

from inventory.imports.columns import checked, guess
from inventory.imports.errors import BadImport
from inventory.imports.kind import all_kinds, get_kind

pytestmark = pytest.mark.django_db

LINNWORKS_ITEMS = ["SKU", "Item Title", "Barcode Number", "Purchase Price", "Retail Price", "Weight", "Category"]
LINNWORKS_LEVELS = ["SKU", "Title", "Location", "Bin Rack", "Stock Level", "Unit Cost", "Minimum Level"]
SHOPIFY_PRODUCTS = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value", "Variant SKU",
    "Variant Grams", "Variant Inventory Qty", "Variant Price", "Variant Barcode", "Cost per item", "Status",
]  # fmt: skip
SHOPIFY_INVENTORY = [
    "Handle", "Title", "Option1 Name", "Option1 Value", "SKU", "HS Code", "COO", "Location", "Bin name", "Incoming",
    "Unavailable", "Committed", "Available", "On hand",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "headings", "preset", "columns"),
    [
        ("skus", LINNWORKS_ITEMS, "linnworks", {"code": "SKU", "name": "Item Title", "barcode": "Barcode Number",
            "unit_cost": "Purchase Price", "price": "Retail Price", "weight_grams": "Weight"}),
        ("stock", LINNWORKS_LEVELS, "linnworks", {"sku": "SKU", "location": "Location", "quantity": "Stock Level"}),
        ("skus", SHOPIFY_PRODUCTS, "shopify", {"code": "Variant SKU", "product": "Handle", "name": "Title", "tags": "Tags",
            "price": "Variant Price", "barcode": "Variant Barcode", "unit_cost": "Cost per item",
            "weight_grams": "Variant Grams"}),
        ("products", SHOPIFY_PRODUCTS, "shopify", {"code": "Handle", "name": "Title", "category": "Type", "brand": "Vendor"}),
        ("stock", SHOPIFY_INVENTORY, "shopify", {"sku": "SKU", "location": "Location", "quantity": "Available"}),
        ("stock", ["sku", "location", "quantity", "state"], "sellonce", {"sku": "sku", "location": "location",
            "quantity": "quantity", "state": "state"}),
        ("stock", ["Item number", "Warehouse", "QTY"], "generic", {"sku": "Item number", "location": "Warehouse",
            "quantity": "QTY"}),
    ],
)  # fmt: skip
def test_files_are_understood_by_their_headings(
    kind: str, headings: list[str], preset: str, columns: dict[str, str]
) -> None:
    found = guess(get_kind(kind), headings)
    assert {name: source["column"] for name, source in found.mapping.items() if name in columns} == columns
    assert found.preset == preset


def test_words_that_say_nothing_are_part_of_a_preset() -> None:
    assert guess(get_kind("stock"), SHOPIFY_INVENTORY).mapping["quantity"]["skip"] == ["not stocked"]


@pytest.mark.parametrize("kind", sorted(all_kinds()))
def test_our_own_export_is_understood(kind: str) -> None:
    names = [field.name for field in get_kind(kind).fields]
    found = guess(get_kind(kind), names)
    assert (found.preset, [source["column"] for source in found.mapping.values()]) == ("sellonce", names)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sku": "A", "location": "B"}, "mapping.quantity"),
        ({"sku": "A", "location": "B", "quantity": "Z"}, "mapping.quantity"),
        ({"sku": "A", "location": "B", "quantity": "D"}, "mapping.quantity"),
        ({"sku": "A", "location": {"value": "="}, "quantity": "C"}, "mapping.location"),
        ({"sku": 5, "location": "B", "quantity": "C"}, "mapping.sku"),
        ({"sku": {"column": "A", "value": "x"}, "location": "B", "quantity": "C"}, "mapping.sku"),
    ],
)
def test_a_mapping_that_makes_no_sense_names_its_field(given: dict[str, object], field: str) -> None:
    with pytest.raises(BadImport) as raised:
        checked(get_kind("stock"), ["A", "B", "C", "D", "D"], given)
    assert list(raised.value.fields) == [field]
