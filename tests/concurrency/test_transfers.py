"""Two transfers of the last units, and one transfer that two people receive at once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from inventory import transfers
from inventory.errors import InsufficientStock
from inventory.manifest import Units, WrongStep
from inventory.models import LedgerEntry, Location, Sku, StockLevel, Transfer
from inventory.rebuild import verify
from inventory.transfers import create_transfer, dispatch, receive
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import together
from tests.factories import LocationFactory, add_stock, stocked

pytestmark = pytest.mark.django_db(transaction=True)


def draft(sku: Sku, units: int, *places: Location) -> Transfer:
    source, target = places
    return create_transfer(from_location=source, to_location=target, lines=[Units(sku, units)], actor="test")


def rivals() -> list[Transfer]:
    """Four transfers of all 5 mugs, each to a place of its own, where there is a level already."""
    source = LocationFactory(code="W1")
    mug = stocked(5, place=source)
    found = []
    for _turn in range(4):
        target = LocationFactory()
        add_stock(mug, target, 1)
        found.append(draft(mug, 5, source, target))
    return found


def race(rows: list[Transfer]) -> list[object]:
    return together(*(lambda row=row: dispatch(row, actor="test") for row in rows))  # type: ignore[misc]


def test_of_four_transfers_of_the_same_units_one_leaves() -> None:
    outcomes = race(rivals())
    assert sum(isinstance(outcome, Transfer) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientStock)]
    assert [(one.wanted, one.available) for error in refused for one in error.lines] == [(5, 0)] * 3
    assert sum(level.in_transit for level in StockLevel.objects.all()) == 5
    assert list(verify()) == []


def test_control_without_the_lock_several_send_off_the_same_units(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rivals()
    monkeypatch.setattr(transfers, "lock_levels", Meeting(4).lock_levels)
    outcomes = race(rows)
    assert not any(isinstance(outcome, InsufficientStock) for outcome in outcomes)
    # Each of the four believed that the units were there. What stopped three is the last line of defence, in the database.
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3


def test_transfers_that_cross_do_not_wait_for_each_other() -> None:
    first, second = LocationFactory(), LocationFactory()
    mug, cup = stocked(100, code="MUG", place=first), stocked(100, code="CUP", place=first)
    add_stock(mug, second, 100)
    add_stock(cup, second, 100)
    for _turn in range(10):
        there = create_transfer(
            from_location=first, to_location=second, lines=[Units(mug, 1), Units(cup, 1)], actor="test"
        )
        back = create_transfer(
            from_location=second, to_location=first, lines=[Units(cup, 1), Units(mug, 1)], actor="test"
        )
        assert all(isinstance(outcome, Transfer) for outcome in race([there, back]))
    assert list(verify()) == []


def test_what_two_people_receive_at_once_comes_once() -> None:
    source, target = LocationFactory(code="W1"), LocationFactory(code="W2")
    held = draft(stocked(5, place=source), 5, source, target)
    dispatch(held, actor="test")
    outcomes = together(*[lambda: receive(held, actor="test")] * 4)
    assert sum(isinstance(outcome, Transfer) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongStep) for outcome in outcomes) == 3
    assert StockLevel.objects.get(location=target).available == 5


def test_the_same_request_four_times_at_once_is_done_once() -> None:
    source, target = LocationFactory(code="W1"), LocationFactory(code="W2")
    mug = stocked(5, place=source)
    lines = [Units(mug, 2)]
    made = together(
        *[lambda: create_transfer(from_location=source, to_location=target, lines=lines, actor="test", key="k")] * 4
    )
    assert len({row.pk for row in made if isinstance(row, Transfer)}) == Transfer.objects.count() == 1
    outcomes = race([Transfer.objects.get()] * 4)
    assert sum(isinstance(outcome, Transfer) for outcome in outcomes) == 1
    sent = together(*[lambda: dispatch(draft(mug, 1, source, target), actor="test", key="d")] * 2)
    assert sum(isinstance(one, Transfer) for one in sent) == 1, "a key is of one deed: the other draft is another"
    assert LedgerEntry.objects.filter(to_state="in_transit").count() == 2
