"""Files brought in at a running product: 5,000 rows by worker, taken back, again; what cannot be read; sales beside it."""

from __future__ import annotations

import base64
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.stack.client import Api, Json, eventually
from tests.stack.conftest import make_key
from tests.stack.product import Product
from tests.stack.world import World

AT_WORK = ("checking", "applying")


def bring(world: World, kind: str, text: str, **fields: Any) -> Json:
    """Bring a file in and wait for its dry run."""
    return done(world, world.api.post("imports/", body={"kind": kind, "content": text, **fields}))


def done(world: World, made: Json, *, seconds: float = 60) -> Json:
    """Wait until nobody is at it any more."""

    def check() -> Json | None:
        now = world.api.get(f"imports/{made['code']}/")
        return None if now["status"] in AT_WORK else now

    return eventually(check, seconds=seconds, every=0.2)


def act(world: World, made: Json, step: str, status: int = 200, **body: Any) -> Json:
    return done(world, world.api.post(f"imports/{made['code']}/{step}/", body=body, status=status))


def counts(made: Json) -> tuple[int, int, int, int]:
    return made["new"], made["changed"], made["unchanged"], made["errors"]


def new_skus(world: World, count: int) -> list[str]:
    """Many SKUs, by file."""
    codes = [f"{world.tag}-{number:05}" for number in range(count)]
    made = bring(world, "skus", "code,name\n" + "".join(f"{code},Thing\n" for code in codes), reason="catalogue")
    assert counts(made) == (count, 0, 0, 0)
    assert act(world, made, "apply")["applied"] == count
    return codes


def test_five_thousand_rows_three_of_them_wrong(world: World) -> None:
    codes, place = new_skus(world, 5000), world.place
    rows = [f"{code},{place},{number % 90 + 10}" for number, code in enumerate(codes)]
    rows[10], rows[2000], rows[4999] = (
        f"{codes[10]},{place},ten",
        f"{codes[2000]},NOWHERE,5",
        f"NO-{codes[4999]},{place},5",
    )
    text = "\n".join(["sku,location,quantity", *rows])
    checked = bring(world, "stock", text, file_name="levels.csv")
    assert (checked["status"], counts(checked), checked["total"]) == ("checked", (0, 4997, 0, 3), 5000)
    wrong = world.api.rows(f"imports/{checked['code']}/rows/", state="error")
    assert [(row["row"], row["problems"][0]["field"]) for row in wrong] == [
        (12, "quantity"), (2002, "location"), (5001, "sku"),
    ]  # fmt: skip
    assert world.api.count(f"imports/{checked['code']}/rows/", state="planned") == 4997
    assert world.api.count("ledger-entries/", location=place) == 0, "a dry run posts nothing"
    applied = act(world, checked, "apply", reason="yearly count")
    assert (applied["status"], applied["applied"], applied["conflicts"]) == ("applied", 4997, 0)
    assert len(applied["sha256"]) == 64 and applied["applied_by"] == "key:tests"
    entry = world.api.get("ledger-entries/", reference=f"import:{applied['code']}", limit=1)
    assert (entry["count"], entry["results"][0]["note"]) == (4997, "yearly count")
    again = bring(world, "stock", text, reason="the same again")
    assert (counts(again), again["applied_before"]) == ((0, 0, 4997, 3), [applied["code"]])
    assert act(world, again, "apply")["applied"] == 0
    undone = act(world, applied, "undo", status=201, reason="wrong file")
    assert (undone["status"], undone["applied"], undone["undoes"]) == ("applied", 4997, applied["code"])
    assert world.api.get(f"imports/{applied['code']}/")["status"] == "undone"
    assert world.level(codes[0])["on_hand"] == 0
    verified = world.product.manage("verify_ledger")
    assert (verified.returncode, verified.stdout) == (0, "")


def test_what_was_sold_since_is_not_taken_back(world: World) -> None:
    sold, kept = world.sku(), world.sku()
    made = bring(
        world, "stock", f"sku,location,quantity\n{sold},{world.place},5\n{kept},{world.place},5\n", reason="count"
    )
    act(world, made, "apply")
    world.adjust(sold, quantity=-2, reason="loss")
    refused = act(world, made, "undo", status=201)
    assert (refused["status"], refused["conflicts"]) == ("refused", 1)
    (row,) = world.api.rows(f"imports/{refused['code']}/rows/", state="conflict")
    assert (row["row"], row["problems"][0]["code"]) == (2, "insufficient_stock")
    assert (world.level(sold)["available"], world.level(kept)["available"]) == (3, 5)
    rest = act(world, made, "undo", status=201, rest=True)
    assert (rest["applied"], rest["conflicts"]) == (1, 1)
    assert (world.level(sold)["available"], world.level(kept)["available"]) == (3, 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"sku,location,quantity\n" + b"A,W,1\n" * 800_000 + b"B\x81,W,1\n",
            "Row 800002, byte 4800024 of the file (0x81)",
        ),
        (b"sku,location,quantity\n" + "MÜG,W,1\n".encode() + "M\xdcG,W,1\n".encode("latin-1"), "Row 3, byte"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "This is no text"),
        (b"", "The file is empty"),
        (b'sku,location,quantity\n"A,W,1\n', "quotation mark"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_changes_nothing(world: World, data: bytes, said: str) -> None:
    before = world.api.count("imports/")
    answer = world.api.http.post("/api/v1/imports/", data={"kind": "stock"}, files={"file": ("a.csv", data)})
    if said == "quotation mark":  # only reading its rows tells
        made = done(world, answer.json())
        assert made["status"] == "failed" and said in made["error"]
        return
    assert answer.status_code == 400 and said in answer.json()["error"]["message"], answer.text[:500]
    assert world.api.count("imports/") == before


def test_formulas_are_refused_by_row(world: World) -> None:
    text = (
        "code,name\n"
        + f"{world.tag}-1,=cmd|' /C calc'!A0\n{world.tag}-2,'=cmd\n{world.tag}-3,@SUM(A1)\n{world.tag}-4,fine\n"
    )
    made = bring(world, "skus", text, reason="catalogue")
    wrong = world.api.rows(f"imports/{made['code']}/rows/", state="error")
    assert [(row["row"], row["problems"][0]["code"]) for row in wrong] == [(2, "formula"), (4, "formula")]
    act(world, made, "apply")
    assert world.api.get(f"skus/{world.tag}-2/")["name"] == "=cmd"
    exported = world.api.http.get("/api/v1/exports/skus/").text
    assert f"{world.tag}-2," in exported and "'=cmd" in exported and ",=cmd" not in exported


def test_an_import_survives_the_death_of_its_process(world: World, product: Product) -> None:
    codes = new_skus(world, 3000)
    text = "sku,location,quantity\n" + "".join(f"{code},{world.place},7\n" for code in codes)
    made = bring(world, "stock", text, reason="opening")
    world.api.post(f"imports/{made['code']}/apply/", status=200)

    def half_done() -> bool:
        now = world.api.get(f"imports/{made['code']}/")
        return bool(0 < now["done"] < now["total"] or now["status"] == "applied")

    eventually(half_done, seconds=60, every=0.02)
    for pid, command in product.processes().items():
        if "run_import" in command:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    finished = done(world, made, seconds=110)
    assert (finished["status"], finished["applied"], finished["conflicts"]) == ("applied", 3000, 0)
    entries = world.api.get("ledger-entries/", reference=f"import:{made['code']}", limit=1)["count"]
    assert entries == 3000, "each row once"
    assert {row["available"] for row in world.api.rows("stock-levels/", location=world.place)} == {7}


def test_a_viewer_brings_in_and_takes_back_nothing(world: World, product: Product) -> None:
    made = bring(world, "stock", f"sku,location,quantity\n{world.sku()},{world.place},5\n", reason="count")
    viewer = Api(product.base_url, key=make_key(product, role="viewer"))
    assert viewer.request("POST", path="imports/", body={"kind": "stock", "content": "a"}).status_code == 403
    for step in ("check", "apply", "undo", "repeat", "save-preset"):
        assert viewer.request("POST", path=f"imports/{made['code']}/{step}/", body={}).status_code == 403
    assert viewer.request("GET", path=f"imports/{made['code']}/").status_code == 200
    viewer.close()


def test_the_command_brings_a_file_in(world: World, product: Product, tmp_path: Path) -> None:
    sku = world.sku(on_hand=3)
    file = tmp_path / "levels.csv"
    file.write_text(f"SKU;Location;Stock Level\n{sku};{world.place};9\nNOBODY;{world.place};1\n")
    looked = product.manage("import_file", "stock", str(file), "--dry-run", "--preset", "linnworks")
    assert looked.returncode == 1 and "2 rows: 0 new, 1 changed, 0 unchanged, 1 not valid" in looked.stdout
    assert "There is no SKU NOBODY" in looked.stdout and world.level(sku)["available"] == 3
    applied = product.manage("import_file", "stock", str(file), "--reason", "count")
    assert applied.returncode == 1 and "is applied: 1 rows" in applied.stdout
    assert world.level(sku)["available"] == 9
    again = product.manage("import_file", "stock", str(file), "--reason", "count")
    assert "This very file was applied as IMP-" in again.stdout and "0 changed, 1 unchanged" in again.stdout


def test_what_is_written_out_changes_nothing_when_it_is_brought_in(world: World) -> None:
    world.sku(on_hand=3)
    for kind in ("products", "skus", "codes", "locations", "stock"):
        for form in ("csv", "xlsx"):
            data = world.api.http.get(f"/api/v1/exports/{kind}/", params={"file": form}).content
            made = world.api.post("imports/", body={"kind": kind, "content_base64": base64.b64encode(data).decode()})
            told = done(world, made)
            assert (told["status"], told["new"], told["changed"], told["errors"]) == ("checked", 0, 0, 0), (kind, told)


def test_no_process_of_an_import_outlives_it(product: Product) -> None:
    assert not [command for command in product.processes().values() if "run_import" in command]
