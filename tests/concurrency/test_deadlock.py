"""Two sales of the same two SKUs, their lines in opposite order."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from django.db import OperationalError

from fulfillment.models import SalesOrder
from inventory import reservations
from inventory.locks import LockedLevels, Pair, lock_levels
from inventory.models import Sku
from inventory.rebuild import verify
from tests.concurrency.threads import PATIENCE_SECONDS, together
from tests.factories import LocationFactory, ManualChannelFactory, numbers, request, stocked

pytestmark = pytest.mark.django_db(transaction=True)


class Crossing:
    """Locks the levels one by one in the order of asking; whoever has the first waits until the other has one too."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def lock_levels(self, pairs: Iterable[Pair], *, create: bool = True) -> LockedLevels:
        levels = LockedLevels()
        for turn, pair in enumerate(in_the_order_of(self.asked(), pairs)):
            levels.update(lock_levels([pair], create=create))
            if turn == 0:
                self.barrier.wait(PATIENCE_SECONDS)
        return levels

    def asked(self) -> list[int]:
        order: list[int] = getattr(threading.current_thread(), "skus")  # noqa: B009
        return order


def in_the_order_of(skus: list[int], pairs: Iterable[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: skus.index(pair[0]))


def cross(*, times: int) -> list[object]:
    place = LocationFactory()
    mug, cup = stocked(100, code="MUG", place=place), stocked(100, code="CUP", place=place)
    channel = ManualChannelFactory()

    def buy(first: Sku, second: Sku, order: str) -> SalesOrder:
        threading.current_thread().skus = [first.pk, second.pk]  # type: ignore[attr-defined]
        return request(channel, (first, 1), (second, 1), order=order)

    outcomes = []
    for turn in range(times):
        outcomes += together(
            lambda turn=turn: buy(mug, cup, f"{turn}a"),  # type: ignore[misc]
            lambda turn=turn: buy(cup, mug, f"{turn}b"),  # type: ignore[misc]
        )
    assert list(verify()) == []
    assert numbers(mug) == numbers(cup)
    return outcomes


def test_sales_that_cross_on_two_skus_do_not_wait_for_each_other() -> None:
    outcomes = cross(times=10)
    assert all(isinstance(outcome, SalesOrder) for outcome in outcomes)


def test_control_locked_in_the_order_of_the_lines_one_of_the_two_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservations, "lock_levels", Crossing().lock_levels)
    outcomes = cross(times=1)
    killed = [outcome for outcome in outcomes if isinstance(outcome, OperationalError)]
    assert ["deadlock detected" in str(error) for error in killed] == [True]
