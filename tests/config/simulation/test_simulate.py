"""``simulate sync`` as anybody runs it: a stack of its own, real marketplaces, a report, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from config.layout import PROJECT_DIR

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

STRANGE = ("DJANGO_SETTINGS_MODULE", "DATA_DIR", "DATABASE_URL", "REDIS_URL")
SMALL = ("--channels", "5", "--skus", "40", "--rate", "10", "--seconds", "5", "--seed", "7", "--latency-ms", "20")


def simulate(*arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in STRANGE}
    return subprocess.Popen(
        [sys.executable, "manage.py", "simulate", "sync", *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("sellonce-scratch-*"))


def test_every_sale_reaches_every_book() -> None:
    before = folders()
    with simulate(*SMALL, "--json") as process:
        output, complaints = process.communicate(timeout=240)
    assert process.returncode == 0, output + complaints
    report = json.loads(output)
    assert report["sales"] == report["sales_recorded"] > 20
    assert report["books_agree"] and report["stock_agrees"] and report["quiet"]
    # On a machine that is busy with other things an alarm may be so late that the sweep rings again: that is no failure.
    assert report["repairs"]["reconciliation"] == report["repairs"]["poll"] == 0
    assert report["oversold_units"] == 0
    assert report["lag"]["never"] == report["lag_by_simulator"]["lag"]["never"] == 0
    assert report["lag"]["sale"]["count"] == report["sales"]
    assert 0 < report["lag"]["sale"]["p50"] <= report["lag"]["sale"]["p99"] < 60
    assert 0 < report["lag_by_simulator"]["lag"]["p50"] <= report["lag_by_simulator"]["certain"]["p99"]
    assert 0 < report["calls_per_sale"] <= 5
    assert folders() == before


def test_shopify_shops_among_others_and_trouble_on_every_wire() -> None:
    mixed = ("--channels", "5", "--shopify", "2", "--skus", "5", "--rate", "16", "--seconds", "10", "--seed", "7")
    with simulate(*mixed, "--latency-ms", "20", "--misfortune", "0.2", "--settle-seconds", "150", "--json") as process:
        output, complaints = process.communicate(timeout=280)
    assert process.returncode == 0, output + complaints
    report = json.loads(output)
    assert report["sales"] == report["sales_recorded"] > 20
    assert report["books_agree"] and report["stock_agrees"] and report["quiet"]
    assert report["oversold_units"] == 0
    assert report["lag"]["never"] == report["lag_by_simulator"]["lag"]["never"] == 0
    befell = report["misfortunes"]
    assert befell["items_stale"] > 0
    assert befell["items_rejected"] >= 2
    assert befell["fault_too_fast"] > 0
    assert sum(befell.get(f"fault_{name}", 0) for name in ("error_after", "reset_after", "half_after")) > 0
    # Each shop refuses one number for good, that of a bundle's parent: it waits for a person, the others do not.
    assert report["parked"] == {"deliveries": 0, "targets": 2}


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    before = folders()
    process = simulate(*SMALL)
    deadline = time.monotonic() + 120
    while not (children := psutil.Process(process.pid).children(recursive=True)) or not folders() - before:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    time.sleep(3)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)
    assert process.returncode != 0
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    assert folders() == before


def test_nonsense_is_refused() -> None:
    with simulate("--rate", "0") as process:
        _, complaints = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "above zero" in complaints
