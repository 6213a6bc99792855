"""The last unit is promised once, and numbers have no gaps, however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from django.db import IntegrityError

from fulfillment.models import SalesOrder
from fulfillment.orders import OrderShort
from inventory import ledger, reservations
from inventory.ledger import Posting, post
from inventory.locks import LockedLevel, LockedLevels, Pair
from inventory.models import LedgerEntry, Location, Sku, State, StockLevel
from inventory.rebuild import verify
from tests.concurrency.conftest import LEVEL_COLUMNS
from tests.concurrency.threads import PATIENCE_SECONDS, together
from tests.factories import LocationFactory, ManualChannelFactory, request, stocked

pytestmark = pytest.mark.django_db(transaction=True)


def read_unlocked(pairs: Iterable[Pair]) -> LockedLevels:
    """What ``lock_levels`` reads, without its lock."""
    levels = LockedLevels()
    for sku_id, location_id in set(pairs):
        for row in StockLevel.objects.filter(sku=sku_id, location=location_id).values_list(*LEVEL_COLUMNS):
            levels[sku_id, location_id] = LockedLevel(*row[:10], hash=bytes(row[10]))
    return levels


class Meeting:
    """Readers wait for each other, so that several have read before any of them writes."""

    def __init__(self, parties: int) -> None:
        self.barrier = threading.Barrier(parties)

    def lock_levels(self, pairs: Iterable[Pair], *, create: bool = True) -> LockedLevels:
        levels = read_unlocked(pairs)
        self.barrier.wait(PATIENCE_SECONDS)
        return levels


def ask_fifty_times(sku: Sku, *, times: int = 50) -> list[object]:
    channel = ManualChannelFactory()
    return together(*(lambda n=n: request(channel, (sku, 1), order=str(n)) for n in range(times)))  # type: ignore[misc]


def test_of_fifty_requests_for_one_unit_one_wins() -> None:
    outcomes = ask_fifty_times(stocked(1))
    assert sum(isinstance(outcome, SalesOrder) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, OrderShort)]
    assert [short.lines for short in refused] == [[{"sku": "MUG", "wanted": 1, "available": 0}]] * 49
    level = StockLevel.objects.get()
    assert (level.available, level.reserved, level.number) == (0, 1, 2)
    assert SalesOrder.objects.count() == 1
    assert list(verify()) == []


def test_control_without_the_lock_several_take_the_same_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservations, "lock_levels", Meeting(4).lock_levels)
    outcomes = ask_fifty_times(stocked(1), times=4)
    assert not any(isinstance(outcome, OrderShort) for outcome in outcomes)
    # Each of the four believed that the unit was there. What stopped three is the last line of defence, in the database.
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3


def post_at_once(sku: Sku, place: Location, *, times: int) -> list[object]:
    def receive() -> int:
        posting = Posting(sku.pk, place.pk, State.SUPPLIER, State.AVAILABLE, 1)
        return post([posting], actor="test", cause="receipt")[0].number

    return together(*[receive] * times)


def test_twenty_parallel_postings_are_numbered_without_gaps() -> None:
    place = LocationFactory()
    sku = stocked(5, place=place)
    assert sorted(post_at_once(sku, place, times=20)) == list(range(2, 22))  # type: ignore[type-var]
    entries = LedgerEntry.objects.order_by("number")
    assert [(entry.number, entry.available_after) for entry in entries] == [(1, 5), *((n, n + 4) for n in range(2, 22))]
    assert list(verify()) == []


def test_control_without_the_lock_numbers_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    place = LocationFactory()
    sku = stocked(5, place=place)
    monkeypatch.setattr(ledger, "lock_levels", Meeting(4).lock_levels)
    outcomes = post_at_once(sku, place, times=4)
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3


def test_a_level_that_twenty_create_at_once_is_one() -> None:
    place = LocationFactory()
    sku = stocked(1)
    assert sorted(post_at_once(sku, place, times=20)) == list(range(1, 21))  # type: ignore[type-var]
    assert StockLevel.objects.get(location=place).available == 20
