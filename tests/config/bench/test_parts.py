"""Which stacks are started for which parts, and small things that the parts stand on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from config.bench import meters
from config.bench.counts import differences, expected_rows
from config.bench.floor import HERE, read_report
from config.bench.hands import Hand, HandError
from config.bench.lag import CHANNELS, RATE, _seed, planned, problems_of
from config.bench.parts import Job, by_part, jobs_for
from config.bench.seller import turns

REPORT = """
number of transactions actually processed: 11904
number of failed transactions: 0 (0.000%)
latency average = 10.7 ms
tps = 1487.215318 (without initial connection time)
"""


def test_a_part_that_compares_has_one_stack_and_the_others_one_a_run() -> None:
    jobs = jobs_for(["intake", "lag", "parallelism"], runs=2)
    assert jobs == [Job("intake", 1), Job("lag", 1), Job("lag", 2), Job("parallelism", 1)]


def test_memory_is_looked_at_after_the_lag_and_costs_no_run_of_its_own() -> None:
    assert jobs_for(["memory"], runs=1) == [Job("lag", 1)]
    assert jobs_for(["memory", "lag"], runs=1) == [Job("lag", 1)]
    assert by_part(["memory"], {"lag": [{"megabytes": {}}]}) == {"memory": [{"megabytes": {}}]}


def test_only_what_was_asked_for_and_measured_is_reported() -> None:
    measured: dict[str, Any] = {"intake": [{"runs": []}], "lag": []}
    assert by_part(["intake", "lag"], measured) == {"intake": {"runs": []}}


def test_pgbench_is_read() -> None:
    said = read_report(REPORT)
    assert (said.rate, said.done, said.failed) == (1487.2, 11904, 0)
    with pytest.raises(HandError):
        read_report("pgbench: error")


def test_the_floor_is_there() -> None:
    assert "insert into debt" in (HERE / "floor.sql").read_text()
    assert "generate_series(1, 100000) i, generate_series(1, 30) c" in (HERE / "floor_schema.sql").read_text()


def test_rows_that_are_missing_are_named() -> None:
    expected = expected_rows(100, skus=100)
    assert (expected["orders"], expected["entries"], expected["debts"]) == (100, 100, 3000)
    assert differences(expected, expected=expected) == []
    assert differences({**expected, "debts": 2999}, expected=expected) == ["debts: 2999 rows instead of 3000"]


def test_each_run_of_the_lag_has_another_seed_that_brings_enough_shoppers() -> None:
    seeds = [_seed(run, seconds=4.0, zipf=1.1) for run in (1, 2, 3)]
    assert sorted(set(seeds)) == seeds
    assert all(planned(seed, seconds=4.0, zipf=1.1) >= 4 * RATE for seed in seeds)
    assert CHANNELS == 30


GOOD = {
    "books_agree": True,
    "stock_agrees": True,
    "quiet": True,
    "oversold_units": 0,
    "found_nothing": 0,
    "repairs": {"total": 0},
    "lag": {"never": 0},
    "parked": {"targets": 0},
    "sales": 9,
    "sales_recorded": 9,
}


def test_a_run_without_problems() -> None:
    assert problems_of(GOOD) == []


def test_what_is_wrong_with_a_run_is_named() -> None:
    bad = {**GOOD, "books_agree": False, "oversold_units": 2, "sales_recorded": 8, "parked": {"targets": 1}}
    assert problems_of(bad) == [
        "not so: books agree",
        "oversold units: 2",
        "targets: 1",
        "9 sales of which 8 were recorded",
    ]


def test_sellers_sell_each_of_their_skus_before_any_twice() -> None:
    drawn = turns(10, 14, seed="a")
    assert sorted(next(drawn) for _ in range(4)) == [10, 11, 12, 13]
    assert sorted(next(drawn) for _ in range(4)) == [10, 11, 12, 13]


def comes_true(condition: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def test_shares_of_memory_are_read_in_the_kernels_words() -> None:
    assert meters.pss_bytes("Rss:  900 kB\nPss:                1024 kB\nPss_Dirty: 3 kB\n") == 1_048_576
    assert meters.pss_bytes("") == 0


def test_costs_are_differences() -> None:
    assert meters.spent({"web": 1.0}, {"web": 3.5}) == {"web": 2.5}


def test_what_a_named_descendant_costs_is_not_counted_twice() -> None:
    child = subprocess.Popen([sys.executable, "-c", "sum(range(30_000_000)); input()"], stdin=subprocess.PIPE)
    try:
        assert comes_true(lambda: sum(psutil.Process(child.pid).cpu_times()[:2]) > 0.1)
        apart = meters.cpu_seconds({"us": os.getpid(), "child": child.pid})
        together = meters.cpu_seconds({"us": os.getpid()})
        assert apart["child"] >= 0.05
        assert together["us"] >= apart["us"] + 0.05
    finally:
        child.communicate(b"\n")


def test_processes_stand_still_for_a_while() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with meters.suspended([child.pid]):
            assert comes_true(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
        assert comes_true(lambda: psutil.Process(child.pid).status() != psutil.STATUS_STOPPED)
    finally:
        child.communicate(b"\n")


def test_a_hand_that_does_not_get_ready_is_an_error() -> None:
    with Hand("config.bench.seller", ["--help"]) as hand, pytest.raises(HandError, match="did not get ready"):
        hand.wait_until_ready()
