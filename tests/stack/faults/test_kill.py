"""Kill -9 in the middle of a thousand sales: everything is recorded once and every book is right within ten seconds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
STORED, NOT_STORED, NO_ANSWER = 200, 503, 0


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
        ("postgres", "all"),
    ],
)
def test_a_thousand_sales_survive_the_death_of(product: Product, rush: Rush, part: str, whom: str) -> None:
    in_the_middle(rush)
    old = product.pids()[part]
    victims = family(old, whom=whom)
    with dying(victims):
        under_way = count_under_way(rush, database=part != "postgres")
        if part == "redis":
            lose_the_data(product)
    assert_under_way(under_way)
    restarted = time.monotonic() if whom == "child" else wait_for_another(product, part=part, old=old)
    assert_all_is_right(rush, restarted=restarted)


def test_a_thousand_sales_survive_the_death_of_the_launcher_and_a_second_start(product: Product, rush: Rush) -> None:
    in_the_middle(rush)
    with dying([psutil.Process(product.pids()["launcher"])]):
        under_way = count_under_way(rush)
    assert_under_way(under_way)
    product.start()
    assert_all_is_right(rush, restarted=time.monotonic())


def test_a_thousand_sales_survive_the_death_of_everything_at_once_and_a_second_start(
    product: Product, rush: Rush
) -> None:
    in_the_middle(rush)
    with dying([psutil.Process(pid) for pid in product.processes()]):
        under_way = count_under_way(rush, database=False)
    assert_under_way(under_way)
    product.start()
    assert_all_is_right(rush, restarted=time.monotonic())


def in_the_middle(rush: Rush) -> None:
    """Wait until a part of the sales is recorded."""
    eventually(lambda: rush.recorded() >= SALES // 4, seconds=60, every=0.05)


def count_under_way(rush: Rush, *, database: bool = True) -> tuple[int, int]:
    """Posts without an answer and deliveries not yet recorded; a frozen database cannot be asked for the latter."""
    return rush.under_way() if database else (rush.unanswered, 0)


def assert_under_way(under_way: tuple[int, int]) -> None:
    """Enough was unfinished at the instant of death, and enough was done."""
    assert sum(under_way) >= AT_LEAST_UNDER_WAY, f"unanswered and not recorded: {under_way}"
    assert sum(under_way) < SALES // 4 * 3, "the middle, not the beginning"


def assert_all_is_right(rush: Rush, *, restarted: float) -> None:
    """Within ten seconds of the restart (or of the last answer) the product agrees with the independent count."""
    deadline = max(restarted, rush.finish()) + SECONDS_AFTER_RESTART

    def settled() -> bool:
        assert rush.world.product.answers(), "every delivery may have been answered before the web process died"
        assert rush.recorded() == SALES
        assert rush.books_that_differ() == []
        return True

    eventually(settled, seconds=max(0.5, deadline - time.monotonic()))
    rush.assert_recorded_once()
    rush.assert_levels()
    for sku in rush.skus:
        assert_entries_explain_the_level(rush.world, sku=sku)
    assert_silent(rush.world)
    assert set(rush.answers) <= {STORED, NOT_STORED, NO_ANSWER}, rush.answers


def family(pid: int, *, whom: str) -> list[psutil.Process]:
    """The first process, one of its children, or all of them."""
    first = psutil.Process(pid)
    children = first.children(recursive=True)
    victims = {"all": [first, *children], "first": [first], "child": children[-1:]}[whom]
    assert victims, f"{pid} has no children"
    return victims


@contextmanager
def dying(victims: list[psutil.Process]) -> Iterator[None]:
    """Stop the victims at this instant, so that what is under way can be counted; they never run again."""
    try:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.suspend()
        yield
    finally:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()


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
