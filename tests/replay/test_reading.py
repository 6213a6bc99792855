"""Rows of an order log: what they are taken for, and what is said about those that cannot be used."""

from __future__ import annotations

import gzip
import lzma
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from config.replay.reading import Log, LogError, Row, RowKind, Shape

ROOT = Path(__file__).resolve().parents[2]
HEADER = "invoiceno,invoicedate,country,stockcode,quantity,unitprice\n"
GOOD = "536365,2010-12-01T08:26,United Kingdom,85123A,6,2.55\n"


def read(folder: Path, text: str, *, shape: Shape | None = None, rows: int = 0) -> list[Row]:
    file = folder / "log.csv"
    file.write_text(text, newline="")
    return list(Log(file, shape=shape or Shape(), rows=rows))


def test_a_sale(tmp_path: Path) -> None:
    (row,) = read(tmp_path, HEADER + GOOD)
    assert row == Row(
        number=1,
        kind=RowKind.SALE,
        order="536365",
        position=1,
        sku="85123A",
        quantity=6,
        price=Decimal("2.55"),
        placed_at=datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        country="United Kingdom",
    )


def test_positions_count_every_row_of_an_order_wherever_it_stands(tmp_path: Path) -> None:
    text = HEADER + GOOD + GOOD.replace("85123A", "POST") + GOOD.replace("536365", "536366") + GOOD
    assert [(row.order, row.position) for row in read(tmp_path, text)] == [
        ("536365", 1), ("536365", 2), ("536366", 1), ("536365", 3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "sku", "quantity", "price", "kind", "reason"),
    [
        ("C1", "22222", "-3", "1", RowKind.RETURN, ""),
        ("C1", "22222", "-3", "0", RowKind.RETURN, ""),
        ("C1", "22222", "3", "1", RowKind.SKIPPED, "positive on a C invoice"),
        ("C1", "22222", "0", "1", RowKind.SKIPPED, "negative or zero without C"),
        ("1", "22222", "-3", "1", RowKind.SKIPPED, "negative or zero without C"),
        ("1", "22222", "3", "0", RowKind.SKIPPED, "no price"),
        ("A1", "B", "1", "-11062.06", RowKind.SKIPPED, "not a product"),
        ("1", "POST", "1", "1", RowKind.SKIPPED, "not a product"),
        ("1", "2222", "1", "1", RowKind.SKIPPED, "not a product"),
    ],
)
def test_kinds(tmp_path: Path, order: str, sku: str, quantity: str, price: str, kind: RowKind, reason: str) -> None:
    (row,) = read(tmp_path, f"{HEADER}{order},2010-12-01,France,{sku},{quantity},{price}\n")
    assert (row.kind, row.reason) == (kind, reason)


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = {
        1: ("536365,2010-12-01,France,22222,six,1\n", "quantity 'six' is not a whole number"),
        2: ("536365,2010-12-01,France,22222,1.5,1\n", "quantity '1.5' is not a whole number"),
        3: ("536365,yesterday,France,22222,6,1\n", "date 'yesterday' is not of the form ISO 8601"),
        4: ("536365,2010-12-01,France,22222,6,NaN\n", "price 'NaN' is not a number"),
        5: (",2010-12-01,France,22222,6,1\n", "order's number is empty"),
        6: ("536365,2010-12-01,France\n", "quantity None"),
        7: ("536365,2010-12-01,France,22222,99999999999,1\n", "larger than"),
    }
    rows = read(tmp_path, HEADER + "".join(line for line, _ in bad.values()) + GOOD)
    assert [row.kind for row in rows] == [RowKind.BAD] * len(bad) + [RowKind.SALE]
    for row in rows[:-1]:
        assert bad[row.number][1] in row.reason


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    pack = {"": lambda data: data, ".xz": lzma.compress, ".gz": gzip.compress}[suffix]
    file = tmp_path / f"log.csv{suffix}"
    file.write_bytes(pack(b"\xef\xbb\xbf" + (HEADER + GOOD * 3).encode()))
    log = Log(file)
    assert [row.kind for row in log] == [RowKind.SALE] * 3
    assert log.progress == 1.0


def test_only_the_first_rows(tmp_path: Path) -> None:
    assert [row.number for row in read(tmp_path, HEADER + GOOD * 5, rows=3)] == [1, 2, 3]


def test_another_merchants_columns(tmp_path: Path) -> None:
    shape = Shape(
        order_column="Order", date_column="When", country_column="", sku_column="SKU", quantity_column="Qty",
        price_column="Price", date_format="%d.%m.%Y %H:%M", time_zone="Europe/Berlin", sku_pattern="", return_prefix="",
    )  # fmt: skip
    (row,) = read(tmp_path, "SKU,Qty,Price,Order,When\nMUG-BLUE,2,9.90,#1001,24.12.2024 18:00\n", shape=shape)
    assert (row.kind, row.sku, row.quantity, row.order) == (RowKind.SALE, "MUG-BLUE", 2, "#1001")
    assert row.placed_at == datetime(2024, 12, 24, 17, 0, tzinfo=UTC)


def test_a_missing_column_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"no column 'stockcode'.*--order-column"):
        read(tmp_path, HEADER.replace("stockcode", "sku") + GOOD)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be opened"):
        list(Log(tmp_path / "nothing.csv"))


def test_columns_are_found_in_whatever_case(tmp_path: Path) -> None:
    (row,) = read(tmp_path, HEADER.replace("stockcode", "StockCode ").replace("invoiceno", "INVOICENO") + GOOD)
    assert (row.kind, row.order, row.sku) == (RowKind.SALE, "536365", "85123A")
    exact = "SKU," + HEADER.replace("stockcode", "sku")
    (row,) = read(tmp_path, exact + "other," + GOOD, shape=Shape(sku_column="sku"))
    assert row.sku == "85123A"


def test_a_byte_that_is_not_utf8_makes_one_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_bytes((HEADER + GOOD).encode() + GOOD.replace("United", "Curaçao").encode("latin-1") + GOOD.encode())
    rows = list(Log(file))
    assert [(row.kind, row.position) for row in rows] == [(RowKind.SALE, 1), (RowKind.BAD, 0), (RowKind.SALE, 3)]
    assert rows[1].number == 2 and "not UTF-8" in rows[1].reason and not rows[1].torn


def test_a_nul_makes_one_bad_row(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + GOOD.replace("United", "\0") + GOOD)
    assert [row.kind for row in rows] == [RowKind.BAD, RowKind.SALE]


@pytest.mark.parametrize(
    "row",
    [
        GOOD.replace("85123A", '"85123A'),
        GOOD.replace("536365", '"536365'),
        GOOD.replace("2.55", '"2.55'),
        GOOD.replace("United", '"' + "x" * 200_000),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 300])
def test_a_quote_that_does_not_close_takes_no_other_row_along(tmp_path: Path, row: str, after: int) -> None:
    rows = read(tmp_path, HEADER + GOOD + row + GOOD * after)
    assert [one.kind for one in rows] == [RowKind.SALE, RowKind.BAD] + [RowKind.SALE] * after
    assert [one.number for one in rows] == list(range(1, after + 3))
    assert rows[1].torn or "field limit" in rows[1].reason


def test_a_quote_that_closes_in_another_row_is_torn_too(tmp_path: Path) -> None:
    first, second = GOOD.replace("United", '"United'), GOOD.replace("Kingdom", 'Kingdom"')
    rows = read(tmp_path, HEADER + first + GOOD.replace(",6,", ",six,") + second + GOOD)
    assert [one.kind for one in rows] == [RowKind.BAD, RowKind.BAD, RowKind.SALE, RowKind.SALE]
    assert [one.torn for one in rows] == [True, False, False, False]


def test_a_field_may_go_over_several_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + GOOD.replace("United Kingdom", '"United\r\n\nKingdom"') + "\n" + GOOD)
    assert [(row.kind, row.country) for row in rows] == [
        (RowKind.SALE, "United\r\n\nKingdom"), (RowKind.SALE, "United Kingdom")
    ]  # fmt: skip


def test_nothing_usable_is_said_before_anything_is_started(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_bytes(b"\xff\xfei\0n\0v\0")
    for words in ((tmp_path / "none.csv",), (file,), (file, "--sku-pattern", "(")):
        done = subprocess.run(
            [sys.executable, "manage.py", "replay", *map(str, words)], cwd=ROOT, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith("CommandError: ") and "Traceback" not in done.stderr, done.stderr


def test_a_file_that_breaks_off(tmp_path: Path) -> None:
    file = tmp_path / "log.csv.xz"
    file.write_bytes(lzma.compress((HEADER + GOOD * 50_000).encode())[:-40])
    with pytest.raises(LogError, match="cannot be read beyond row"):
        list(Log(file))
