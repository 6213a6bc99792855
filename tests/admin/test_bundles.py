"""Bundles in the back office: made on the SKU's page, counted, put together, taken apart."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory.models import Assembly, BundleComponent, Location, Sku
from tests.admin.pages import page_of, text
from tests.factories import LocationFactory, SkuFactory, add_stock, bundle, numbers, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def parts(w1: Location) -> list[Sku]:
    return [stocked(7, code="A", place=w1), stocked(100, code="B", place=w1)]


def form(sku: Sku, *components: tuple[Sku, int], **changes: Any) -> dict[str, Any]:
    """What the SKU's page posts."""
    held = list(BundleComponent.objects.filter(bundle=sku).order_by("pk"))
    values: dict[str, Any] = {
        "product": sku.product_id, "name": sku.name, "currency": "", "barcode": "", "tags": "", "is_active": "on",
        "bundle_mode": sku.bundle_mode, "ships_together": "on" if sku.ships_together else "",
    }  # fmt: skip
    for prefix, initial, total in (("codes", 0, 0), ("bundle_places", 0, 0), ("levels", 0, 0)):
        values |= {f"{prefix}-INITIAL_FORMS": initial, f"{prefix}-TOTAL_FORMS": total}
    values |= {"components-INITIAL_FORMS": len(held), "components-TOTAL_FORMS": len(components)}
    for place, (component, units) in enumerate(components):
        row = f"components-{place}"
        values |= {f"{row}-bundle": sku.pk, f"{row}-component": component.pk, f"{row}-quantity": units}
        if place < len(held):
            values[f"{row}-id"] = held[place].pk
    return values | changes


def recipe(sku: Sku) -> dict[str, int]:
    return dict(BundleComponent.objects.filter(bundle=sku).values_list("component__code", "quantity"))


def test_a_bundle_is_made_on_its_skus_page(boss: Client, parts: list[Sku]) -> None:
    kit = SkuFactory(code="KIT")
    assert "Not a bundle" in text(boss.get(page_of(kit)))
    answer = boss.post(page_of(kit), form(kit, (parts[0], 2), (parts[1], 1)))
    assert (answer.status_code, recipe(kit)) == (302, {"A": 2, "B": 1})
    page = text(boss.get(page_of(kit)))
    for said in ("3 for sale", "0 packed, 3 to be put together", "In the end one is 2 × A, 1 × B", "A limits it"):
        assert said in page
    assert "KIT" in text(boss.get(page_of(parts[0]))), "and its component says where it is in"
    changes = {"bundle_mode": "pre_packed", "ships_together": ""}
    boss.post(page_of(kit), form(kit, (parts[0], 2), (parts[1], 5), **changes))
    kit.refresh_from_db()
    assert (recipe(kit), kit.bundle_mode, kit.ships_together) == ({"A": 2, "B": 5}, "pre_packed", False)
    assert "0 for sale" in text(boss.get(page_of(kit)))


def test_a_component_that_cannot_be_is_said_beside_it(boss: Client, parts: list[Sku]) -> None:
    kit = bundle({parts[0]: 1})
    box = bundle({kit: 1}, code="BOX")
    answer = boss.post(page_of(kit), form(kit, (parts[0], 1), (box, 1)))
    assert answer.status_code == 200 and "KIT cannot be in itself: KIT &gt; BOX &gt; KIT." in answer.content.decode()
    answer = boss.post(page_of(kit), form(kit, (parts[0], 1), (parts[0], 2)))
    assert "A is named twice." in text(answer)
    assert recipe(kit) == {"A": 1}


def test_the_list_of_skus_shows_what_components_make(boss: Client, parts: list[Sku]) -> None:
    kit = bundle({parts[0]: 2, parts[1]: 1})
    answer = boss.get(reverse("admin:inventory_sku_changelist"))
    assert {sku.code: sku.kits and sku.kits.available for sku in answer.context["cl"].result_list} == {
        "A": None, "B": None, kit.code: 3,
    }  # fmt: skip


def test_kits_are_put_together_taken_apart_and_undone(boss: Client, parts: list[Sku], w1: Location) -> None:
    kit = bundle({parts[0]: 2, parts[1]: 1}, mode="pre_packed")
    address = page_of(kit, "assemble")
    assert "Put together or take apart KIT" in text(boss.get(address))
    values = {"_confirm": "1", "kind": "assemble", "location": w1.pk, "quantity": 4, "reason": "for Christmas"}
    assert "A at W1: 8 wanted, 7 there" in text(boss.post(address, values))
    boss.post(address, values | {"quantity": 3})
    made = Assembly.objects.get()
    assert (numbers(kit)[1], numbers(parts[0])[1], made.note, made.actor) == (3, 1, "for Christmas", "user:boss")
    boss.post(address, values | {"kind": "disassemble", "quantity": 1})
    assert (numbers(kit)[1], numbers(parts[0])[1]) == (2, 3)
    boss.post(page_of(made, "reverse_one"), {"_confirm": "1", "reason": "too early"})
    assert Assembly.objects.count() == 2, "two kits are not three"
    add_stock(kit, w1, 1)
    boss.post(page_of(made, "reverse_one"), {"_confirm": "1", "reason": "too early"})
    assert (numbers(kit)[1], numbers(parts[0])[1]) == (0, 9)
    assert made.code in text(boss.get(page_of(Assembly.objects.latest("pk"))))
    rows = boss.get(reverse("admin:inventory_assembly_export_csv"))
    lines = b"".join(rows.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "code,kind,bundle,location,quantity,made_at,actor,note,undoes,undone_by"
    assert len(lines) == 4


def test_who_may_only_look_may_not_make(viewer: Client, parts: list[Sku]) -> None:
    kit = bundle({parts[0]: 2})
    assert viewer.get(page_of(kit)).status_code == 200
    assert viewer.get(page_of(kit, "assemble")).status_code == 403
