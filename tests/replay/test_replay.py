"""A real log through the real stack: every number as the oracle says, every book equal to ours, the ledger whole."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .oracle import LOG, expected, needs_log

ROOT = Path(__file__).resolve().parents[2]
SURROUNDINGS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PORT", "DATA_DIR")


def replay(*words: str, seconds: float) -> tuple[int, dict[str, Any], str]:
    """Run the command on a stack of its own: its status, its summary, and what it said beside it."""
    done = subprocess.run(
        [sys.executable, "manage.py", "replay", *words, "--json"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in SURROUNDINGS},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr


def assert_as_expected(summary: dict[str, Any], *, rows: int, ledger: Path, oracle: Path) -> None:
    """The product's own rows beside the oracle's."""
    said = expected(rows=rows, csv=oracle)
    found = summary["recorded"]
    assert found["orders"] == said["orders"]
    assert found["lines"] == said["sale lines"]
    assert found["units_sold"] == said["units sold"]
    assert found["units_returned"] == said["units returned"]
    assert found["units_parked"] == said["units parked"]
    assert found["parked_lines"] == said["return rows not fully covered"]
    assert (found["short"], found["reserved"]) == (0, said["reserved at the end"])
    assert {f"skipped: {name}": count for name, count in summary["skipped"].items()} == {
        name: count for name, count in said.items() if name.startswith("skipped")
    }
    with ledger.open(newline="") as ours, oracle.open(newline="") as theirs:
        assert list(csv.reader(ours)) == list(csv.reader(theirs))
    assert summary["books_agree"] and summary["book_rows"] == 30 * said["codes"]
    assert summary["ledger_differences"] == []
    assert summary["units_not_shown"] == 0
    assert summary["good"]


@needs_log
@pytest.mark.stack
@pytest.mark.timeout(240)
def test_the_first_20000_rows_of_the_real_log(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.csv"
    status, summary, said = replay(str(LOG), "--rows", "20000", "--csv", str(ledger), seconds=220)
    assert status == 0, f"{said}\n{summary}"
    assert_as_expected(summary, rows=20_000, ledger=ledger, oracle=tmp_path / "expected.csv")


@needs_log
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_whole_real_log(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.csv"
    status, summary, said = replay(str(LOG), "--csv", str(ledger), seconds=3500)
    assert status == 0, f"{said}\n{summary}"
    assert_as_expected(summary, rows=0, ledger=ledger, oracle=tmp_path / "expected.csv")


@pytest.mark.stack
@pytest.mark.timeout(120)
def test_a_merchants_own_log_with_bad_rows(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text(
        "Order,When,SKU,Qty,Price\n"
        "#1001,24.12.2024 18:00,MUG-BLUE,2,9.90\n"
        "#1001,24.12.2024 18:00,TEAPOT,1,29.00\n"
        "#1002,24.12.2024 18:05,MUG-BLUE,many,9.90\n"
        "#1003,25.12.2024 09:00,MUG-BLUE,3,9.90\n"
        "R-7,27.12.2024 10:00,MUG-BLUE,-4,9.90\n"
        "R-8,27.12.2024 11:00,TEAPOT,-2,29.00\n"
    )
    columns = ("--order-column=Order", "--date-column=When", "--country-column=", "--sku-column=SKU")
    shape = ("--quantity-column=Qty", "--price-column=Price", "--date-format=%d.%m.%Y %H:%M", "--sku-pattern=")
    status, summary, said = replay(
        str(log), *columns, *shape, "--return-prefix=R-", "--channels=3", "--time-zone=Europe/Berlin", seconds=110
    )
    assert status == 0, f"{said}\n{summary}"
    assert summary["bad_rows"] == [{"row": 3, "reason": "the quantity 'many' is not a whole number"}]
    assert "row 3: the quantity 'many' is not a whole number" in said
    numbers = ("orders", "lines", "units_sold", "units_returned", "units_parked", "parked_lines")
    assert [summary["recorded"][name] for name in numbers] == [2, 3, 6, 5, 1, 1]
    assert (summary["reserved_at_end"], summary["available_at_end"]) == (1, 5)


def test_attaching_needs_a_running_stack(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("invoiceno,invoicedate,country,stockcode,quantity,unitprice\n")
    done = subprocess.run(
        [sys.executable, "manage.py", "replay", str(tmp_path / "log.csv"), "--attach"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "No stack runs on" in done.stderr and "make up" in done.stderr
