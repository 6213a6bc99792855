"""Stock by file: looked at first, applied as one import, taken back by another."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory.adjustments import adjust
from inventory.imports import batches
from inventory.imports.batches import Asker
from inventory.imports.errors import BadImport, NotYours, WrongStep
from inventory.models import CostFact, ImportRow, LedgerEntry, Location, Role, StockLevel
from inventory.people.roles import Standing
from tests.factories import LocationFactory, SkuFactory, add_stock, stocked
from tests.inventory.imports.bring import ANN, apply, bring, check, counts, csv_of, finish, problems, undo, upload

pytestmark = pytest.mark.django_db
HEAD = ("sku", "location", "quantity")


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1", name="Main warehouse")


def units(code: str, state: str = "available") -> int:
    return getattr(StockLevel.objects.get(sku__code=code), state)


def test_a_dry_run_says_what_would_change_and_changes_nothing(w1: Location) -> None:
    stocked(50, code="A", place=w1)
    stocked(7, code="B", place=w1)
    SkuFactory(code="C")
    batch = check(
        "stock", csv_of(HEAD, ("A", "W1", 40), ("B", "W1", 7), ("C", "W1", 3), ("NO", "W1", 1), ("A", "W9", 1))
    )
    assert (batch.status, counts(batch), batch.total) == ("checked", (0, 2, 1, 2), 5)
    rows = [(row.number, row.key, row.before, row.after, row.state) for row in batch.rows.order_by("number")]
    assert rows == [
        (2, "A @ W1", {"available": 50}, {"available": 40}, "planned"),
        (4, "C @ W1", {"available": 0}, {"available": 3}, "planned"),
        (5, "NO @ W1", None, None, "error"),
        (6, "A @ W9", None, None, "error"),
    ]
    assert problems(batch) == [(5, "sku", "unknown"), (6, "location", "unknown")]
    assert units("A") == 50 and LedgerEntry.objects.count() == 2


def test_it_is_applied_as_one_import_with_user_and_reason(w1: Location) -> None:
    stocked(50, code="A", place=w1)
    SkuFactory(code="C")
    batch = bring("stock", csv_of(HEAD, ("A", "W1", 40), ("C", "W1", 3)), reason="yearly count")
    assert (batch.status, batch.applied, batch.conflicts) == ("applied", 2, 0)
    entries = LedgerEntry.objects.filter(reference=f"import:{batch.code}").order_by("level__sku__code")
    told = [(e.level.sku.code, e.from_state, e.to_state, e.quantity, e.reason, e.note, e.actor) for e in entries]
    assert told == [
        ("A", "available", "adjustment", 10, "other", "yearly count", "user:ann"),
        ("C", "adjustment", "available", 3, "other", "yearly count", "user:ann"),
    ]
    assert (units("A"), units("C")) == (40, 3)


def test_the_same_file_again_changes_nothing_and_says_so_before(w1: Location) -> None:
    stocked(50, code="A", place=w1)
    data = csv_of(HEAD, ("A", "W1", 40))
    first = bring("stock", data)
    again = check("stock", data)
    assert [one.code for one in batches.applied_before(again)] == [first.code]
    assert counts(again) == (0, 0, 1, 0)
    assert apply(again).applied == 0 and units("A") == 40


@pytest.mark.parametrize(("mode", "after"), [("add", 60), ("remove", 40)])
def test_units_of_the_same_file_are_not_counted_twice(w1: Location, mode: str, after: int) -> None:
    stocked(50, code="A", place=w1)
    data = csv_of(HEAD, ("A", "W1", 10))
    first = bring("stock", data, mode=mode)
    assert units("A") == after
    again = check("stock", data, mode=mode)
    assert counts(again) == (0, 0, 1, 0)
    apply(again)
    assert units("A") == after
    undo(first)
    assert counts(check("stock", data, mode=mode)) == (0, 1, 0, 0), "it was taken back: it may be brought in again"


def test_units_are_added_twice_where_somebody_says_so(w1: Location) -> None:
    stocked(50, code="A", place=w1)
    data = csv_of(HEAD, ("A", "W1", 10))
    bring("stock", data, mode="add")
    assert counts(bring("stock", data, mode="add", again=True)) == (0, 1, 0, 0)
    assert units("A") == 70


def test_two_checked_imports_of_one_file_are_not_both_applied(w1: Location) -> None:
    stocked(50, code="A", place=w1)
    data = csv_of(HEAD, ("A", "W1", 10))
    first, second = check("stock", data, mode="add"), check("stock", data, mode="add")
    apply(first)
    with pytest.raises(WrongStep):
        batches.apply(second, asker=ANN, reason="count")
    assert units("A") == 60


def test_what_moved_since_the_check_is_told_and_not_overwritten(w1: Location) -> None:
    a = stocked(50, code="A", place=w1)
    stocked(50, code="B", place=w1)
    batch = check("stock", csv_of(HEAD, ("A", "W1", 40), ("B", "W1", 45)))
    adjust(sku=a, location=w1, quantity=-3, reason="loss", actor="test")
    apply(batch)
    assert (batch.applied, batch.conflicts, units("A"), units("B")) == (1, 1, 47, 45)
    assert problems(batch, "conflict") == [(2, "quantity", "moved_on")]
    rest = finish(batches.repeat(batch, asker=ANN))
    assert counts(rest) == (0, 1, 1, 0)
    apply(rest)
    assert units("A") == 40


def test_undo_posts_the_difference_not_the_number(w1: Location) -> None:
    a = stocked(50, code="A", place=w1)
    batch = bring("stock", csv_of(HEAD, ("A", "W1", 40)))
    adjust(sku=a, location=w1, quantity=-3, reason="loss", actor="test")
    undone = undo(batch)
    assert (undone.status, undone.applied, batch.status) == ("applied", 1, "undone")
    assert units("A") == 47
    entry = LedgerEntry.objects.get(reference=f"import:{undone.code}")
    assert (entry.quantity, entry.to_state, entry.note) == (10, "available", f"Undo of {batch.code}")


def test_undo_is_refused_for_units_that_are_gone_and_the_rest_is_undone(w1: Location) -> None:
    a = stocked(10, code="A", place=w1)
    stocked(10, code="B", place=w1)
    batch = bring("stock", csv_of(HEAD, ("A", "W1", 30), ("B", "W1", 30)))
    adjust(sku=a, location=w1, quantity=-25, reason="loss", actor="test")
    refused = undo(batch)
    assert (refused.status, refused.conflicts, batch.status) == ("refused", 1, "applied")
    assert problems(refused, "conflict") == [(2, "quantity", "insufficient_stock")]
    assert (units("A"), units("B")) == (5, 30), "nothing was changed"
    undone = undo(batch, rest=True)
    assert (undone.status, undone.applied, undone.conflicts, batch.status) == ("applied", 1, 1, "partly_undone")
    assert (units("A"), units("B")) == (5, 10)
    add_stock(a, w1, 20)
    assert undo(batch).applied == 1
    assert (batch.status, units("A")) == ("undone", 5)


def test_an_import_is_undone_once(w1: Location) -> None:
    stocked(10, code="A", place=w1)
    batch = bring("stock", csv_of(HEAD, ("A", "W1", 30)))
    undo(batch)
    with pytest.raises(WrongStep):
        batches.undo(batch, asker=ANN)
    assert units("A") == 10


def test_states_names_and_other_codes(w1: Location) -> None:
    stocked(10, code="A", place=w1, barcode="4006381333931")
    data = csv_of(("Barcode", "Warehouse", "Qty", "State"), ("4006381333931", "main warehouse", 2, "Damaged"))
    bring("stock", data)
    assert (units("A"), units("A", "damaged")) == (10, 2)


def test_each_row_is_checked_by_itself(w1: Location) -> None:
    stocked(10, code="A", place=w1)
    batch = check(
        "stock",
        csv_of(
            HEAD, ("A", "W1", "1.5"), ("A", "W1", "-1"), ("A", "W1", "many"), ("A", "W1", ""), ("", "W1", 1),
            ("=cmd", "W1", 1), ("A", "W1", 11), ("A", "W1", 12), ("A", "W1", 1, "x"), ("A", "W1", 10**12),
        ),
    )  # fmt: skip
    assert problems(batch) == [
        (2, "quantity", "bad_number"), (3, "quantity", "bad_number"), (4, "quantity", "bad_number"),
        (5, "quantity", "required"), (6, "sku", "required"), (7, "sku", "formula"), (9, "", "named_twice"),
        (10, "", "too_many_cells"), (11, "quantity", "bad_number"),
    ]  # fmt: skip
    assert counts(batch) == (0, 1, 0, 9)


def test_what_units_cost_is_kept_with_those_that_come_in(w1: Location) -> None:
    stocked(10, code="A", place=w1)
    stocked(10, code="B", place=w1)
    data = csv_of((*HEAD, "unit_cost"), ("A", "W1", 15, "3.2"), ("B", "W1", 4, "9"), ("B", "W9", 4, "x"))
    batch = bring("stock", data)
    assert (batch.applied, problems(batch)) == (2, [(4, "unit_cost", "bad_amount")])
    (fact,) = CostFact.objects.all()
    assert (fact.level.sku.code, fact.unit_cost) == ("A", Decimal("3.2"))
    undo(batch)
    assert (units("A"), units("B"), CostFact.objects.count()) == (10, 10, 1)


def test_more_than_there_is_cannot_be_removed(w1: Location) -> None:
    stocked(10, code="A", place=w1)
    batch = check("stock", csv_of(HEAD, ("A", "W1", 11)), mode="remove")
    assert problems(batch) == [(2, "quantity", "insufficient_stock")]


def test_a_reason_is_asked_for(w1: Location) -> None:
    stocked(10, code="A", place=w1)
    batch = check("stock", csv_of(HEAD, ("A", "W1", 11)))
    with pytest.raises(BadImport, match="Say why"):
        batches.apply(batch, asker=ANN)


def test_who_is_limited_to_a_location_changes_that_alone(w1: Location) -> None:
    w2 = LocationFactory(code="W2")
    sku = stocked(10, code="A", place=w1)
    add_stock(sku, w2, 10)
    keeper = Asker("user:ben", Standing(Role.WAREHOUSE, frozenset({w2.pk})))
    batch = bring("stock", csv_of(HEAD, ("A", "W1", 1), ("A", "W2", 2)), asker=keeper)
    assert problems(batch) == [(2, "location", "other_location")]
    levels = dict(StockLevel.objects.values_list("location__code", "available"))
    assert levels == {"W1": 10, "W2": 2}
    assert list(batches.visible(keeper)) == [batch]
    other = bring("stock", csv_of(HEAD, ("A", "W1", 1)))
    assert list(batches.visible(keeper)) == [batch]
    with pytest.raises(NotYours):
        batches.undo(other, asker=keeper)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT, Role.BUYER])
def test_who_may_not_change_stock_brings_none_in(w1: Location, role: Role) -> None:
    stocked(10, code="A", place=w1)
    asker = Asker("user:eve", Standing(role))
    data = csv_of(HEAD, ("A", "W1", 1))
    with pytest.raises(NotYours):
        upload("stock", data, asker=asker)
    batch = check("stock", data)
    for verb in (batches.check, batches.apply, batches.undo, batches.repeat):
        with pytest.raises(NotYours):
            verb(batch, asker=asker)
    assert ImportRow.objects.count() == 1 and units("A") == 10
