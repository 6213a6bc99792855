"""Files by the API: brought in and checked, applied, taken back, written out."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from inventory.imports import work
from inventory.models import ImportBatch, Location, Role, Sku
from tests.api.conftest import Api, caller, levels, make_sku, stock

pytestmark = pytest.mark.django_db
CSV = "sku,location,quantity\nMUG,W1,40\n"


def done(api: Api, code: str) -> Any:
    """What a worker does, and how it stands then."""
    work.run(ImportBatch.objects.get(code=code).pk, at_once=True)
    return api.get(f"imports/{code}/")


def upload(api: Api, content: str = CSV, *, status: int = 201, kind: str = "stock", **fields: Any) -> Any:
    return api.post("imports/", {"kind": kind, "file_name": "a.csv", "content": content, **fields}, status=status)


def test_a_file_is_checked_applied_and_taken_back(admin: Api, mug: Sku, w1: Location) -> None:
    stock(mug, w1, 50)
    made = upload(admin, reason="yearly count")
    assert (made["status"], made["mapping"]["sku"], made["created_by"]) == ("checking", {"column": "sku"}, "key:admin")
    checked = done(admin, made["code"])
    assert (checked["status"], checked["changed"], checked["errors"]) == ("checked", 1, 0)
    rows = admin.rows(f"imports/{made['code']}/rows/")
    assert rows == [
        {"row": 2, "state": "planned", "key": "MUG @ W1", "before": {"available": 50}, "after": {"available": 40}, "problems": []}
    ]  # fmt: skip
    assert levels(admin, "MUG") == (50, 50, 0)
    assert admin.post(f"imports/{made['code']}/apply/", status=200)["status"] == "applying"
    applied = done(admin, made["code"])
    assert (applied["status"], applied["applied"], applied["applied_by"]) == ("applied", 1, "key:admin")
    assert levels(admin, "MUG") == (40, 40, 0)
    (entry,) = admin.rows("ledger-entries/", reference=f"import:{made['code']}")
    assert (entry["quantity"], entry["note"], entry["actor"]) == (10, "yearly count", "key:admin")
    again = done(admin, upload(admin)["code"])
    assert (again["changed"], again["unchanged"], again["applied_before"]) == (0, 1, [made["code"]])
    undone = done(admin, admin.post(f"imports/{made['code']}/undo/", {"reason": "wrong"})["code"])
    assert (undone["status"], undone["undoes"], undone["applied"]) == ("applied", made["code"], 1)
    assert admin.get(f"imports/{made['code']}/")["undone_by"] == [undone["code"]]
    assert admin.get(f"imports/{made['code']}/")["status"] == "undone"
    assert levels(admin, "MUG") == (50, 50, 0)


def test_the_same_request_twice_is_one_import(admin: Api, mug: Sku, w1: Location) -> None:
    body = {"kind": "stock", "content": CSV}
    first = admin.post("imports/", body, key="one")
    assert admin.post("imports/", body, key="one")["code"] == first["code"]
    admin.post("imports/", {**body, "content": CSV + "MUG,W1,1\n"}, key="one", status=422)
    assert ImportBatch.objects.count() == 1


def test_a_file_comes_in_a_form_or_in_base64(admin: Api, mug: Sku, w1: Location) -> None:
    data = CSV.encode("utf-16")
    answers = []
    for _turn in range(2):
        form = {"kind": "stock", "file": SimpleUploadedFile("levels.csv", data), "mode": "add"}
        answers.append(admin.client.post("/api/v1/imports/", form, format="multipart", HTTP_IDEMPOTENCY_KEY="form"))
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].content
    made = answers[0].json()
    assert (made["file_name"], made["encoding"], made["mode"], made["size"]) == (
        "levels.csv",
        "utf-16",
        "add",
        len(data),
    )
    assert answers[1].json()["code"] == made["code"]
    other = admin.post("imports/", {"kind": "stock", "content_base64": base64.b64encode(data).decode()})
    assert other["sha256"] == made["sha256"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "stock"}, "file"),
        ({"kind": "stock", "content": CSV, "content_base64": "QQ=="}, "file"),
        ({"kind": "stock", "content_base64": "%%"}, "content_base64"),
        ({"kind": "stock", "file": "levels.csv"}, "file"),
        ({"kind": "cars", "content": CSV}, "kind"),
        ({"kind": "stock", "content": CSV, "mode": "double"}, "mode"),
        ({"kind": "stock", "content": CSV, "preset": "nobody"}, "preset"),
        ({"kind": "stock", "content": CSV, "mapping": {"colour": "sku"}}, "mapping.colour"),
        ({"kind": "stock", "content": CSV, "mapping": {"sku": "colour"}}, "mapping.sku"),
        ({"kind": "stock", "content": "a,b\n1,2\n"}, "mapping.sku"),
        ({"kind": "stock", "content": ""}, "content"),
        ({"kind": "stock", "content_base64": base64.b64encode(b"sku\n\x81\n").decode()}, "file"),
        ({"kind": "stock", "content": CSV, "reason": "x" * 201}, "reason"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_and_leaves_nothing(
    admin: Api, body: dict[str, Any], field: str
) -> None:
    assert field in admin.refused("post", "imports/", body, status=400)["fields"]
    assert not ImportBatch.objects.exists()


def test_columns_are_mapped_fixed_and_mapped_anew(admin: Api, mug: Sku, w1: Location) -> None:
    stock(mug, w1, 50)
    text = "Article;Count;Other\nMUG;7;8\n"
    made = upload(admin, text, mapping={"sku": "Article", "location": {"value": "W1"}, "quantity": "Count"})
    assert done(admin, made["code"])["changed"] == 1
    saved = admin.post(f"imports/{made['code']}/save-preset/", {"name": "our ERP"})
    assert saved == {"name": "our ERP"}
    again = upload(admin, text, preset="our ERP")
    assert (again["preset"], again["mapping"]) == ("our ERP", made["mapping"])
    mapping = {**made["mapping"], "quantity": "Other"}
    admin.post(f"imports/{made['code']}/check/", {"mapping": mapping}, status=200)
    done(admin, made["code"])
    assert admin.rows(f"imports/{made['code']}/rows/")[0]["after"] == {"available": 8}


def test_rows_to_be_mended_come_as_they_stood_with_the_reason(admin: Api, mug: Sku, w1: Location) -> None:
    made = upload(admin, "sku,location,quantity,note\nMUG,W1,x,=cmd\nMUG,W1,5,fine\nNO,W1,1,\n")
    done(admin, made["code"])
    assert len(admin.rows(f"imports/{made['code']}/rows/", state="error")) == 2
    admin.refused("get", f"imports/{made['code']}/rows/", state="lost", status=400)
    answer = admin.client.get(f"/api/v1/imports/{made['code']}/not-applied/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["sku", "location", "quantity", "note", "import error"],
        ["MUG", "W1", "x", "'=cmd", "quantity: 'x' is not a whole number of units"],
        ["NO", "W1", "1", "", "sku: There is no SKU NO."],
    ]
    mended = upload(admin, text.replace(",x,", ",6,"))
    assert done(admin, mended["code"])["errors"] == 1


def test_steps_that_make_no_sense_are_refused(admin: Api, mug: Sku, w1: Location) -> None:
    code = upload(admin)["code"]
    for step in ("apply", "undo"):
        assert admin.refused("post", f"imports/{code}/{step}/", {"reason": "x"}, status=409)["code"] == "conflict"
    done(admin, code)
    assert "reason" in admin.refused("post", f"imports/{code}/apply/", {}, status=400)["fields"]
    admin.get("imports/IMP-99999/", expect=404)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT, Role.BUYER])
def test_who_only_reads_is_refused_on_every_path(admin: Api, mug: Sku, w1: Location, role: Role) -> None:
    code = upload(admin, reason="count")["code"]
    done(admin, code)
    eve = caller(role)
    eve.post("imports/", {"kind": "stock", "content": CSV}, status=403)
    for step in ("check", "apply", "undo", "repeat", "save-preset"):
        eve.post(f"imports/{code}/{step}/", {"name": "x"} if step == "save-preset" else {}, status=403)
    assert eve.get(f"imports/{code}/")["status"] == "checked" and eve.rows(f"imports/{code}/rows/")


def test_the_warehouse_brings_in_stock_and_nothing_else(mug: Sku, w1: Location) -> None:
    keeper = caller(Role.WAREHOUSE)
    upload(keeper)
    upload(keeper, "code,name\nA,A\n", kind="skus", status=403)


def test_a_key_limited_to_a_location_sees_its_own_imports(admin: Api, mug: Sku, w1: Location, w2: Location) -> None:
    theirs = upload(admin)["code"]
    keeper = caller(Role.OPERATOR, w2)
    made = upload(keeper, "sku,location,quantity\nMUG,W1,1\nMUG,W2,2\n")["code"]
    assert done(keeper, made)["errors"] == 1
    assert [row["code"] for row in keeper.rows("imports/")] == [made]
    keeper.get(f"imports/{theirs}/", expect=404)
    keeper.post(f"imports/{theirs}/undo/", status=404)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_written_out_and_brought_in_again_changes_nothing(
    admin: Api, mug: Sku, w1: Location, w2: Location, form: str
) -> None:
    stock(mug, w1, 5)
    make_sku("=1+1", price="2.50", unit_cost="1", tags=["a,b", "-c"], barcode="'@x", weight_grams=3)
    for kind in ("products", "skus", "codes", "bundles", "locations", "stock"):
        answer = admin.client.get(f"/api/v1/exports/{kind}/", {"file": form})
        data = b"".join(answer.streaming_content)
        made = admin.post("imports/", {"kind": kind, "content_base64": base64.b64encode(data).decode()})
        told = done(admin, made["code"])
        assert (told["status"], told["new"], told["changed"], told["errors"]) == ("checked", 0, 0, 0), (kind, told)
        assert (
            told["unchanged"]
            == told["total"]
            == {"products": 2, "skus": 2, "codes": 0, "bundles": 0, "locations": 2, "stock": 1}[kind]
        )


def test_exports_stay_within_role_and_locations(admin: Api, mug: Sku, w1: Location, w2: Location) -> None:
    stock(mug, w1, 5)
    stock(mug, w2, 6)

    def text(api: Api, kind: str) -> str:
        return b"".join(api.client.get(f"/api/v1/exports/{kind}/").streaming_content).decode()

    assert "unit_cost" in text(admin, "skus") and "unit_cost" not in text(caller(Role.WAREHOUSE), "skus")
    assert "W1" not in text(caller(Role.WAREHOUSE, w2), "stock")
    admin.get("exports/cars/", expect=404)
    admin.refused("get", "exports/stock/", file="pdf", status=400)


def test_what_can_be_brought_in_is_listed(admin: Api) -> None:
    kinds = {kind["code"]: kind for kind in admin.get("imports/kinds/")["kinds"]}
    assert list(kinds)[:5] == ["products", "skus", "codes", "bundles", "locations"]
    assert (kinds["stock"]["modes"], kinds["stock"]["presets"][0]) == (["set", "add", "remove"], "sellonce")
