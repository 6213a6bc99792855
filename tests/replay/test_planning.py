"""Returns are matched with sales as the published oracle does it, on logs made up for it and on the real one."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from config.replay.planning import Plan, Planner, Refund, Sale, StrayReturn
from config.replay.reading import Log

from .oracle import LOG, expected, expected_of, needs_log, needs_oracle

HEADER = "invoiceno,invoicedate,country,stockcode,quantity,unitprice\n"
SMALL = (
    HEADER
    + """\
1,2010-12-01T08:00,France,22222,5,1
1,2010-12-01T08:00,France,POST,1,18
1,2010-12-01T08:00,France,22222,2,1
2,2010-12-01T09:00,EIRE,22222,4,1
C3,2010-12-02T08:00,France,22222,-5,1
2,2010-12-02T09:00,EIRE,33333,1,1
C4,2010-12-03T08:00,France,22222,-9,1
C4,2010-12-03T08:00,France,44444,-1,1
"""
)


def plan_of(path: Path, *, rows: int = 0, seed: int = 1) -> Plan:
    return Planner(channels=30, seed=seed).add_all(Log(path, rows=rows))


def test_rows_whose_quotes_do_not_close_are_counted(tmp_path: Path) -> None:
    """A file with such a row is not called good: what it says is not certain."""
    file = tmp_path / "log.csv"
    file.write_text(SMALL.replace("POST", '"POST') + "7,yesterday,France,22222,1,1\n")
    plan = plan_of(file)
    assert (plan.torn, [number for number, _ in plan.bad], plan.rows) == (1, [2, 9], 9)
    assert plan.units_sold == 12


def numbers(plan: Plan) -> dict[str, int]:
    """A plan's numbers under the oracle's names."""
    return {
        "orders": plan.orders,
        "codes": len(plan.opening),
        "rows": plan.rows,
        "sale lines": plan.lines,
        "units sold": plan.units_sold,
        "return rows": plan.return_rows,
        "units returned": plan.units_returned,
        "units parked": plan.units_parked,
        "return rows not fully covered": plan.return_rows_not_covered,
        **{f"skipped: {reason}": count for reason, count in plan.skipped.items()},
        "reserved at the end": plan.units_sold - plan.units_returned,
    }


def by_code(plan: Plan) -> list[list[str]]:
    """A plan's rows in the oracle's form."""
    rows = (
        (code, sold, sold - plan.returned[code], plan.returned[code]) for code, sold in sorted(plan.opening.items())
    )
    return [["code", "opening", "reserved", "available"], *([str(each) for each in row] for row in rows)]


def test_a_return_covers_the_latest_sales_first(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(SMALL)
    plan = plan_of(tmp_path / "log.csv")
    first, second, *refunds, stray, unsold = plan.deeds
    assert isinstance(first, Sale) and isinstance(second, Sale)
    assert [(line.line_id, line.sku, line.quantity) for line in first.lines] == [("1", "22222", 5), ("3", "22222", 2)]
    # the order's last line stands later in the file, and is sold with the order
    assert [(line.line_id, line.sku, line.quantity) for line in second.lines] == [("1", "22222", 4), ("2", "33333", 1)]
    assert [(each.sale.order, each.units) for each in refunds if isinstance(each, Refund)] == [
        ("2", {"1": 4}),  # C3: five units, four of the latest order,
        ("1", {"3": 1}),  # one of the order before it
        ("1", {"3": 1, "1": 5}),  # C4: nine units, six are left to give back
    ]
    assert isinstance(stray, StrayReturn) and (stray.order, stray.line_id, stray.units) == ("C4", "1", 3)
    assert isinstance(unsold, StrayReturn) and (unsold.sku, unsold.units) == ("44444", 1)
    assert (plan.units_parked, plan.return_rows_not_covered) == (4, 2)


def test_orders_are_dealt_whole_and_alike_for_the_same_seed(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(HEADER + "".join(f"{n},2010-12-01,EIRE,22222,1,1\n" for n in range(3000)))

    def deal(seed: int) -> list[int]:
        return [deed.channel for deed in plan_of(tmp_path / "log.csv", seed=seed).deeds if isinstance(deed, Sale)]

    assert deal(1) == deal(1) != deal(2)
    assert set(deal(1)) == set(range(30))


@needs_oracle
@pytest.mark.parametrize("seed", range(5))
def test_made_up_logs_end_as_the_oracle_says(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    text = HEADER
    for _ in range(400):
        order = draw.choice(["", "C"]) + str(draw.randint(1, 60))
        sku = draw.choice(["11111", "11111a", "22222", "33333", "POST"])
        text += f"{order},2010-12-01,EIRE,{sku},{draw.randint(-8, 8)},{draw.choice(['0', '1.25', '3'])}\n"
    said = expected_of(text, folder=tmp_path, csv=tmp_path / "expected.csv")
    plan = plan_of(tmp_path / "uci_online_retail" / "lines.csv.xz")
    assert numbers(plan) == said
    with (tmp_path / "expected.csv").open(newline="") as stream:
        assert by_code(plan) == list(csv.reader(stream))


@needs_log
def test_the_real_log_ends_as_the_oracle_says(tmp_path: Path) -> None:
    said = expected(rows=100_000, csv=tmp_path / "expected.csv")
    plan = plan_of(LOG, rows=100_000)
    assert numbers(plan) == said
    with (tmp_path / "expected.csv").open(newline="") as stream:
        assert by_code(plan) == list(csv.reader(stream))
