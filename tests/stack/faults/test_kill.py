"""Kill -9 in the middle of a thousand sales: everything is recorded once and every book is right within ten seconds."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.stack.audit import assert_entries_explain_the_level, assert_silent
from tests.stack.client import eventually
from tests.stack.faults.rush import SALES, Rush
from tests.stack.product import Product
from tests.stack.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(150, func_only=True)]

SECONDS_AFTER_RESTART = 10
AT_LEAST_UNDER_WAY = 10


@pytest.fixture
def rush(world: World, request: pytest.FixtureRequest) -> Iterator[Rush]:
    started = Rush(world, seed=len(request.node.name))
    yield started
    started.stop()


@pytest.mark.parametrize(
    ("part", "whom"),
    [
        ("web", "all"),
        ("web", "first"),
        ("intake", "all"),
        ("intake", "child"),
        ("sync", "all"),
        ("redis", "all"),
    ],
)
def test_a_thousand_sales_survive_the_death_of(
    product: Product, world: World, rush: Rush, part: str, whom: str
) -> None:
    eventually(lambda: rush.recorded() >= SALES // 4, seconds=60, every=0.05)
    old = product.pids()[part]
    victims = freeze(old, whom=whom)
    unanswered, unrecorded = rush.under_way()
    if part == "redis":
        lose_the_data(product)
    kill(victims)
    assert unanswered + unrecorded >= AT_LEAST_UNDER_WAY, f"unanswered {unanswered}, not recorded {unrecorded}"
    assert unanswered + unrecorded < SALES // 4 * 3, "the middle, not the beginning"
    restarted = time.monotonic() if whom == "child" else wait_for_another(product, part=part, old=old)
    answered = rush.finish()
    deadline = max(restarted, answered) + SECONDS_AFTER_RESTART

    def settled() -> bool:
        assert rush.recorded() == SALES
        assert rush.books_that_differ() == []
        return True

    eventually(settled, seconds=max(0.5, deadline - time.monotonic()))
    rush.assert_recorded_once()
    rush.assert_levels()
    for sku in rush.skus:
        assert_entries_explain_the_level(world, sku=sku)
    assert_silent(world)


def freeze(pid: int, *, whom: str) -> list[psutil.Process]:
    """Stop the victims at this instant, so that what is under way can be counted; from here on they do nothing more."""
    first = psutil.Process(pid)
    children = first.children(recursive=True)
    victims = {"all": [first, *children], "first": [first], "child": children[-1:]}[whom]
    assert victims, f"{pid} has no children"
    for victim in victims:
        victim.suspend()
    return victims


def kill(victims: list[psutil.Process]) -> None:
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)


def lose_the_data(product: Product) -> None:
    """Remove every file in which the Redis server keeps its data."""
    kept = [path for folder in (product.data_dir, *homes(product)) for path in folder.rglob("appendonly*")]
    assert kept, "the Redis server's files were not found"
    for path in kept:
        if path.is_dir():
            shutil.rmtree(path)


def homes(product: Product) -> list[Path]:
    """Folders besides the data folder in which the server may work."""
    return [Path(psutil.Process(product.pids()["redis"]).cwd())]


def wait_for_another(product: Product, *, part: str, old: int) -> float:
    """Wait until the launcher has started the part again; the moment is returned."""

    def restarted() -> bool:
        new = product.pids().get(part)
        return new is not None and new != old and psutil.pid_exists(new)

    eventually(restarted, seconds=30)
    return time.monotonic()
