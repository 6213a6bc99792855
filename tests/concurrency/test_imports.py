"""Undoing an import while its units are shipped; a worker that dies between two transactions, and one that was thought dead."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from inventory.adjustments import adjust
from inventory.errors import InsufficientStock
from inventory.imports import applying, batches, work
from inventory.imports.errors import LeaseLost
from inventory.imports.kinds import stock as stock_kind
from inventory.models import ImportBatch, LedgerEntry, Location, Sku, StockLevel
from inventory.rebuild import verify
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import together
from tests.factories import LocationFactory, SkuFactory, add_stock
from tests.inventory.imports.bring import ANN, bring, check, csv_of, finish

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = ("sku", "location", "quantity")


def world(count: int = 1) -> tuple[Location, list[Sku]]:
    """SKUs with a level each, so that nobody has to make one."""
    place = LocationFactory(code="W1")
    skus = [SkuFactory(code=f"SKU-{number:03}") for number in range(count)]
    for sku in skus:
        add_stock(sku, place, 1)
    return place, skus


def undo_and_ship() -> tuple[list[object], ImportBatch]:
    """Five units came by file; somebody takes all six that are there while the import is undone."""
    place, (sku,) = world()
    batch = bring("stock", csv_of(HEAD, (sku.code, "W1", 6)))
    made = batches.undo(batch, asker=ANN)
    outcomes = together(
        lambda: work.run(made.pk, at_once=True),
        lambda: adjust(sku=sku, location=place, quantity=-6, reason="loss", actor="test"),
    )
    made.refresh_from_db()
    return outcomes, made


def test_units_are_either_taken_back_or_shipped() -> None:
    outcomes, made = undo_and_ship()
    left = StockLevel.objects.get().available
    if isinstance(outcomes[1], InsufficientStock):
        assert (made.status, made.applied, left) == ("applied", 1, 1)
    else:
        assert (made.applied, made.conflicts > 0, left) == (0, True, 0)
    assert list(verify()) == []


def test_control_without_the_lock_both_believe_that_the_units_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    place, (sku,) = world()
    batch = bring("stock", csv_of(HEAD, (sku.code, "W1", 7)))
    undo = batches.undo(batch, asker=ANN)
    with monkeypatch.context() as halted:
        halted.setattr(applying, "apply", _stop)
        work.run(undo.pk, at_once=True)  # tried, and not yet done
    meeting = Meeting(2)
    monkeypatch.setattr(stock_kind, "lock_levels", meeting.lock_levels)
    monkeypatch.setattr("inventory.adjustments.lock_levels", meeting.lock_levels)
    monkeypatch.setattr(applying, "try_changes", lambda kind, changes, context: kind.apply(changes, context))
    outcomes = together(
        lambda: work.run(undo.pk, at_once=True),
        lambda: adjust(sku=sku, location=place, quantity=-7, reason="loss", actor="test"),
    )
    assert not any(isinstance(outcome, InsufficientStock) for outcome in outcomes), "nobody saw the other"
    # Both believed that the units were there. What stopped one of them is the last line of defence, in the database.
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 1


def _stop(*_args: object, **_kwargs: object) -> None:
    raise LeaseLost


class Died(BaseException):
    """What ends a process between two instructions."""


def test_a_worker_that_dies_leaves_nothing_half_done_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    _place, skus = world(30)
    monkeypatch.setattr(stock_kind.Stock, "chunk", 7)
    batch = check("stock", csv_of(HEAD, *[(sku.code, "W1", 5) for sku in skus]))
    batches.apply(batch, asker=ANN, reason="count")
    settle, turns = applying.rows.settle, iter(range(100))

    def die(asked: object, outcomes: object) -> None:
        if next(turns) == 2:
            raise Died  # units are posted, their rows not marked: neither stays
        settle(asked, outcomes)

    monkeypatch.setattr(applying.rows, "settle", die)
    with pytest.raises(Died):
        work.run(batch.pk)
    batch.refresh_from_db()
    assert (batch.status, batch.done) == ("applying", 14)
    assert LedgerEntry.objects.filter(reference=batch.reference).count() == 14
    monkeypatch.setattr(applying.rows, "settle", settle)
    work.run(batch.pk)
    batch.refresh_from_db()
    assert batch.done == 14, "its lease has not ended: somebody may still be at it"
    work.take_over(ImportBatch.objects.get().holder)
    assert work.sweep() == 1
    work.run(batch.pk)
    batch.refresh_from_db()
    assert (batch.status, batch.applied, batch.conflicts) == ("applied", 30, 0)
    assert LedgerEntry.objects.filter(reference=batch.reference).count() == 30
    assert set(StockLevel.objects.values_list("available", flat=True)) == {5}


def test_a_worker_that_was_thought_dead_changes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    _place, skus = world(20)
    monkeypatch.setattr(stock_kind.Stock, "chunk", 5)
    batch = check("stock", csv_of(HEAD, *[(sku.code, "W1", 5) for sku in skus]))
    batches.apply(batch, asker=ANN, reason="count")
    turns = iter(range(100))

    def overtaken(one: ImportBatch) -> None:
        if next(turns) == 1:
            finish(one)  # another worker takes it from here to its end

    work.run(batch.pk, progress=overtaken)
    batch.refresh_from_db()
    assert (batch.status, batch.applied) == ("applied", 20)
    assert LedgerEntry.objects.filter(reference=batch.reference).count() == 20


def test_two_workers_at_once_do_each_row_once() -> None:
    _place, skus = world(10)
    batch = check("stock", csv_of(HEAD, *[(sku.code, "W1", 5) for sku in skus]))
    batches.apply(batch, asker=ANN, reason="count")
    together(*(lambda: work.run(batch.pk) for _turn in range(3)))
    batch.refresh_from_db()
    assert (batch.status, batch.applied) == ("applied", 10)
    assert LedgerEntry.objects.filter(reference=batch.reference).count() == 10
