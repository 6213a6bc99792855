"""Imports in the back office: from the file to its end and back, and who may."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from inventory.imports import work
from inventory.models import ImportBatch, ImportPreset, Location, Role, StockLevel
from tests.admin.pages import address, page_of, text
from tests.factories import LocationFactory, SkuFactory, stocked
from tests.people.phone import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "x"))
    return client


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


def upload(client: Client, data: bytes, *, kind: str = "stock", **fields: Any) -> Any:
    form = {"kind": kind, "file": SimpleUploadedFile("levels.csv", data), **fields}
    return client.post(address("inventory.importbatch", "bring_in"), form)


def finish(batch: ImportBatch) -> ImportBatch:
    work.run(batch.pk, at_once=True)
    batch.refresh_from_db()
    return batch


def test_from_a_file_to_its_end_and_back(boss: Client, w1: Location) -> None:
    stocked(50, code="MUG", place=w1)
    answer = upload(boss, b"Article;Place;Count\nMUG;W1;40\nNO;W1;1\n", reason="yearly count")
    batch = ImportBatch.objects.get()
    assert answer.url == page_of(batch, "map_columns")
    page = text(boss.get(answer.url))
    assert "Column of the file" in page and "MUG" in page and "divided by “;”" in page
    refused = text(boss.post(answer.url, {"column_sku": "Article", "column_quantity": "Count"}))
    assert "Say which column is location" in refused
    chosen = {"column_sku": "Article", "column_location": "=", "value_location": "W1", "column_quantity": "Count"}
    assert boss.post(answer.url, {**chosen, "preset_name": "our ERP"}).url == page_of(batch)
    assert "It is being checked; nothing is changed." in text(boss.get(page_of(batch)))
    assert "data-at-work" in text(boss.get(page_of(batch), {"live": 1}))
    finish(batch)
    page = text(boss.get(page_of(batch)))
    assert "There is no SKU NO." in page and "Apply 1 row" in page
    assert "<s>50</s> → <strong>40</strong>" in text(boss.get(page_of(batch), {"rows": "planned"}))
    assert ImportPreset.objects.get().mapping["location"] == {"value": "W1"}
    boss.post(page_of(batch, "apply_import"), {"_confirm": "1", "reason": "yearly count"})
    assert finish(batch).applied == 1 and StockLevel.objects.get().available == 40
    mended = b"".join(boss.get(page_of(batch, "mend_rows")).streaming_content).decode("utf-8-sig")
    assert mended.splitlines() == ["Article,Place,Count,import error", "NO,W1,1,sku: There is no SKU NO."]
    answer = boss.post(page_of(batch, "undo_import"), {"_confirm": "1", "reason": ""})
    undo = ImportBatch.objects.get(undoes=batch)
    assert answer.url == page_of(undo)
    assert finish(undo).applied == 1 and StockLevel.objects.get().available == 50
    assert f'takes back <a class="so-link" href="{page_of(batch)}">' in text(boss.get(page_of(undo)))
    assert undo.code in text(boss.get(page_of(batch)))
    assert boss.get(page_of(batch, "repeat_import")).status_code == 200 and ImportBatch.objects.count() == 2
    boss.post(page_of(batch, "repeat_import"), {"_confirm": "1"})
    assert finish(ImportBatch.objects.latest("pk")).changed == 1
    assert boss.post(page_of(batch)).status_code == 403


def test_a_file_that_cannot_be_read_is_told_beside_the_field(boss: Client) -> None:
    page = text(upload(boss, b"sku,location\nA\x81,B\n"))
    assert "Row 2, byte 15 of the file (0x81)" in page and not ImportBatch.objects.exists()


def test_the_same_file_again_says_so_before_anything_is_done(boss: Client, w1: Location) -> None:
    stocked(50, code="MUG", place=w1)
    data = b"sku,location,quantity\nMUG,W1,40\n"
    for _turn in range(2):
        answer = upload(boss, data, reason="count")
        batch = ImportBatch.objects.latest("pk")
        page = text(boss.get(answer.url))
        boss.post(answer.url, {f"column_{name}": name for name in ("sku", "location", "quantity")})
        finish(batch)
        boss.post(page_of(batch, "apply_import"), {"_confirm": "1", "reason": "count"})
        finish(batch)
    assert "This very file was applied as IMP-" in page
    page = text(boss.get(page_of(batch)))
    assert "This very file was applied as IMP-" in page and "No row changes anything." in page


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT, Role.BUYER])
def test_who_only_looks_is_refused_every_deed(boss: Client, w1: Location, role: Role) -> None:
    stocked(50, code="MUG", place=w1)
    upload(boss, b"sku,location,quantity\nMUG,W1,40\n")
    batch = ImportBatch.objects.get()
    eve = Client()
    eve.force_login(person("eve", role))
    assert eve.get(page_of(batch)).status_code == 200
    assert upload(eve, b"sku,location,quantity\nMUG,W1,1\n").status_code == 403
    for deed in ("map_columns", "apply_import", "undo_import", "repeat_import"):
        assert eve.post(page_of(batch, deed), {"_confirm": "1", "reason": "x"}).status_code == 403, deed
    assert ImportBatch.objects.count() == 1


def test_the_warehouse_is_offered_stock_alone(w1: Location) -> None:
    keeper = Client()
    keeper.force_login(person("ben", Role.WAREHOUSE))
    page = text(keeper.get(address("inventory.importbatch", "bring_in")))
    assert 'value="stock"' in page and 'value="skus"' not in page
    assert upload(keeper, b"code,name\nA,A\n", kind="skus").status_code == 200
    assert not ImportBatch.objects.exists()


def test_lists_lead_to_import_and_export(boss: Client) -> None:
    for label, kind in (
        ("inventory.sku", "skus"),
        ("inventory.stocklevel", "stock"),
        ("inventory.location", "locations"),
    ):
        assert boss.get(address(label, "bring_in_file")).url.endswith(f"bring-in/?kind={kind}")
        assert boss.get(address(label, "write_all")).url.endswith(f"write-out/?kind={kind}")
    page = text(boss.get(address("inventory.importbatch", "write_out"), {"kind": "stock"}))
    assert "?kind=stock&amp;file=xlsx" in page


def test_a_workbook_is_written_out_without_formulas(boss: Client) -> None:
    SkuFactory(code="=1+1", name="@x")
    answer = boss.get(address("inventory.importbatch", "write_out"), {"kind": "skus", "file": "xlsx"})
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).worksheets[0]
    assert [(cell.value, cell.data_type) for cell in sheet[2]][:3:2] == [("'=1+1", "s"), ("'@x", "s")]
