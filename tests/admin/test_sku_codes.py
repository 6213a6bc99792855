"""A SKU's codes on its page, and its renaming."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from inventory.models import Sku, SkuCode
from tests.admin.pages import address, page_of, text
from tests.factories import SkuFactory


@pytest.fixture
def mug(db: None) -> Sku:
    mug: Sku = SkuFactory(code="MUG")
    return mug


def codes_of(sku: Sku) -> list[tuple[str, str, int]]:
    return sorted(SkuCode.objects.filter(sku=sku).values_list("code", "kind", "units"))


def save(client: Client, sku: Sku, *rows: dict[str, Any]) -> str:
    """The form of a SKU with these codes, sent back."""
    held = [row for row in rows if "id" in row]
    form: dict[str, Any] = {
        "name": "Mug", "product": str(sku.product_id), "barcode": "", "tags": "", "is_active": "on", "unit_cost": "",
        "price": "", "currency": "", "weight_grams": "", "levels-TOTAL_FORMS": "0", "levels-INITIAL_FORMS": "0",
        "codes-TOTAL_FORMS": str(len(rows)), "codes-INITIAL_FORMS": str(len(held)),
        "components-TOTAL_FORMS": "0", "components-INITIAL_FORMS": "0", "bundle_places-TOTAL_FORMS": "0",
        "bundle_places-INITIAL_FORMS": "0", "bundle_mode": "virtual", "ships_together": "on",
    }  # fmt: skip
    for number, row in enumerate(rows):
        form |= {f"codes-{number}-{name}": str(value) for name, value in {"sku": sku.pk, **row}.items()}
    return text(client.post(page_of(sku), form, follow=True))


def test_codes_are_added_changed_and_given_up_on_the_skus_page(boss: Client, mug: Sku) -> None:
    save(boss, mug, {"code": "MUG-12", "kind": "case", "units": 12}, {"code": "ACME", "kind": "supplier", "units": 1})
    assert codes_of(mug) == [("ACME", "supplier", 1), ("MUG", "own", 1), ("MUG-12", "case", 12)]
    case, acme = (SkuCode.objects.get(code=code).pk for code in ("MUG-12", "ACME"))
    page = text(boss.get(page_of(mug)))
    assert "Other codes" in page and 'value="MUG-12"' in page and 'value="MUG"' not in page.split("Other codes")[1]
    save(
        boss, mug, {"id": case, "code": "MUG-24", "kind": "case", "units": 24},
        {"id": acme, "code": "ACME", "kind": "supplier", "units": 1, "DELETE": "on"},
    )  # fmt: skip
    assert codes_of(mug) == [("MUG", "own", 1), ("MUG-24", "case", 24)]


def test_a_complaint_stands_beside_its_code_and_nothing_changes(boss: Client, mug: Sku) -> None:
    SkuFactory(code="PLATE")
    page = save(
        boss,
        mug,
        {"code": "PLATE", "kind": "supplier", "units": 1},
        {"code": "4006381333932", "kind": "barcode", "units": 1},
    )
    assert "PLATE belongs to PLATE." in page and "4006381333932 has a wrong check digit" in page
    assert codes_of(mug) == [("MUG", "own", 1)]


def test_a_renamed_sku_is_found_by_its_old_code(boss: Client, mug: Sku) -> None:
    page = address("inventory.sku", "changelist")
    rename = f"{page_of(mug).removesuffix('change/')}rename/"
    assert "The old code goes on working" in text(boss.get(rename))
    said = text(boss.post(rename, {"_confirm": "1", "code": "CUP", "reason": "clearer"}, follow=True))
    assert "MUG is CUP from now on" in said
    assert codes_of(mug) == [("CUP", "own", 1), ("MUG", "old", 1)]
    assert "CUP" in text(boss.get(page, {"q": "MUG"}))


@pytest.mark.parametrize("code", ["PLATE", "DISH"])
def test_a_sku_cannot_be_renamed_to_what_another_is_known_by(boss: Client, mug: Sku, code: str) -> None:
    plate = SkuFactory(code="DISH")
    Sku.objects.filter(pk=plate.pk).update(code="PLATE")
    rename = f"{page_of(mug).removesuffix('change/')}rename/"
    page = text(boss.post(rename, {"_confirm": "1", "code": code, "reason": "clearer"}))
    assert f"{code} belongs to PLATE." in page
    assert codes_of(mug) == [("MUG", "own", 1)]
