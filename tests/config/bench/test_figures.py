"""Figures, worked out of measurements that are known."""

from typing import Any

import pytest

from config.bench.figures import PARTS, figures_of, middle


def intake(*pairs: tuple[float, float], problems: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"runs": [{"orders_per_second": ours, "floor_tps": floor, "problems": problems} for ours, floor in pairs]}


def lag(p50: float | None, p99: float | None, *, achieved: float = 50.0, **more: Any) -> dict[str, Any]:
    one = {"p50": p50, "p99": p99}
    by_part = {"sale": one, "intake": {"p50": 0.1, "p99": 0.2}, "sync": {"p50": 0.2, "p99": 0.4}}
    return {"lag": by_part, "rate": 50.0, "achieved_rate": achieved, "problems": [], **more}


def test_the_median_of_five() -> None:
    assert middle([5.0, 1.0, 4.0, 2.0, 3.0]) == 3.0
    assert middle([1.0, 2.0]) == 1.5
    assert middle([1.23456], digits=2) == 1.23


def test_intake_is_the_ratio_of_the_medians() -> None:
    (figure,) = figures_of("intake", intake((300, 1000), (500, 1250), (400, 1100)))
    assert (figure.value, figure.is_met) == (0.364, True)
    assert list(figure.runs) == [0.3, 0.4, 0.364]
    assert "400 orders/s" in figure.detail and "1100 sales/s" in figure.detail


def test_intake_just_below_the_target_is_not_met() -> None:
    assert not figures_of("intake", intake((299, 1000)))[0].is_met
    assert figures_of("intake", intake((300, 1000)))[0].is_met


def test_a_figure_whose_rows_do_not_add_up_is_not_met() -> None:
    (figure,) = figures_of("intake", intake((900, 1000), problems=("debts: 1 rows instead of 2",)))
    assert figure.within and not figure.is_met
    assert figure.problems == ["1: debts: 1 rows instead of 2"]
    assert figure.document()["met"] is False


def test_lag_has_three_figures_each_with_its_target() -> None:
    figures = figures_of("lag", [lag(0.3, 1.6), lag(0.5, 1.4), lag(0.4, 1.5, achieved=49.0)])
    assert [(figure.value, figure.is_met) for figure in figures] == [(0.4, True), (1.5, True), (1.0, True)]
    p50, p99, rate = figures_of("lag", [lag(0.41, 1.51, achieved=49.4)])
    assert not p50.is_met and not p99.is_met and not rate.is_met
    assert rate.value == 0.988


def test_a_lag_run_without_sales_is_no_zero() -> None:
    p50, p99, _ = figures_of("lag", [lag(None, None)])
    assert not p50.is_met and not p99.is_met


def test_coalescing_is_the_worst_channel_of_the_worst_run() -> None:
    runs = [
        {"busiest_second": {"a": 3, "b": 8}, "calls": 90, "channels": 2, "sales": 100, "problems": []},
        {"busiest_second": {"a": 4, "b": 2}, "calls": 60, "channels": 2, "sales": 120, "problems": []},
    ]
    (figure,) = figures_of("coalescing", runs)
    assert (figure.value, list(figure.runs), figure.is_met) == (8, [8, 4], True)
    runs[1]["busiest_second"] = {"a": 9, "b": 2}
    assert not figures_of("coalescing", runs)[0].is_met


def test_parallelism_is_the_ratio_of_the_medians_of_pairs() -> None:
    pairs = [{"one": 100.0, "four": 160.0}, {"one": 110.0, "four": 150.0}, {"one": 90.0, "four": 200.0}]
    (figure,) = figures_of("parallelism", {"pairs": pairs, "problems": []})
    assert (figure.value, list(figure.runs), figure.is_met) == (1.6, [1.6, 1.364, 2.222], True)
    assert not figures_of("parallelism", {"pairs": pairs, "problems": ["1: entries"]})[0].is_met


@pytest.mark.parametrize(("beat", "met"), [(99.9, True), (100.0, False)])
def test_memory_must_stay_below_its_target(beat: float, met: bool) -> None:
    (figure,) = figures_of("memory", [{"megabytes": {"web": 150.0, "intake": 200.0, "sync": 150.0, "beat": beat}}])
    assert figure.is_met is met
    assert figure.detail == f"web 150, intake 200, sync 150, beat {beat:.0f}"


def test_every_part_has_its_figures() -> None:
    assert PARTS == ("intake", "lag", "coalescing", "parallelism", "memory", "ledger")


def ledger(
    *,
    slowest: float = 0.2,
    buffers: int = 110,
    receivers: int = 3,
    as_of: float = 1.999,
    problems: tuple[str, ...] = (),
) -> dict[str, Any]:
    names = ("stock_list", "stock_list_api", "sku_page")
    short = {
        name: {"most_seconds": 0.1, "slowest": "/a/", "buffers": 100, "each": {"/a/": [0.1, 100]}} for name in names
    }
    long = {name: {**short[name], "most_seconds": slowest, "buffers": buffers} for name in names}
    return {
        "entries": 1_000_000, "short": short, "long": long, "statements": {"ledger": 4, "receivers": receivers},
        "verify_seconds": 4.81, "rebuild_seconds": 6.7, "rebuilt": 500_000, "problems": problems,
        "as_of": {"now": 1.2, "then": as_of}, "valued_a_second": 9000,
    }  # fmt: skip


def test_the_ledger_has_a_figure_for_each_page_and_what_it_reads_and_for_each_deed() -> None:
    figures = figures_of("ledger", ledger())
    assert [figure.value for figure in figures] == [0.2, 1.1, 0.2, 1.1, 0.2, 1.1, 4, 3, 6.7, 2.0]
    assert all(figure.is_met for figure in figures)
    assert "500000 levels from 1000000 entries; verified in 4.8 s" in figures[-2].detail


@pytest.mark.parametrize(
    ("worse", "missed"),
    [({"slowest": 0.301}, {0, 2, 4}), ({"buffers": 111}, {1, 3, 5}), ({"receivers": 4}, {7}), ({"as_of": 2.01}, {9})],
)
def test_what_is_worse_than_the_target_is_not_met(worse: dict[str, Any], missed: set[int]) -> None:
    figures = figures_of("ledger", ledger(**worse))
    assert {number for number, figure in enumerate(figures) if not figure.is_met} == missed


def test_no_figure_of_a_ledger_that_does_not_add_up_is_met() -> None:
    assert not any(figure.is_met for figure in figures_of("ledger", ledger(problems=("9 units instead of 8",))))
