"""Counts: what is found against what the ledger said at that instant."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from inventory import counts
from inventory.adjustments import adjust, move
from inventory.classes import classes_at
from inventory.count_approval import approve, needs_second_person
from inventory.counts import Take, cancel, count_lines, open_count, recount, shows_expected, submit
from inventory.errors import CountError, SecondPersonNeeded
from inventory.kernel import clock
from inventory.ledger import Posting, post
from inventory.models import (
    Count,
    CountLine,
    CountStatus,
    CountTolerance,
    LedgerEntry,
    Location,
    RecountRequest,
    Sku,
    StockLevel,
)  # fmt: skip
from inventory.rebuild import verify
from inventory.recounts import close_recounts, want_recounts
from inventory.reservations import Fulfil, Reserve, change_reservations
from inventory.tolerances import Tolerance
from tests.factories import LocationFactory, SkuFactory, add_stock, numbers, stocked

pytestmark = pytest.mark.django_db

ANN, BEN = "user:ann", "user:ben"


@pytest.fixture
def place() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug(place: Location) -> Sku:
    return stocked(10, place=place)


def counted(place: Location, *found: tuple[Sku, int], by: str = ANN, picked: int = 0, **asked: Any) -> Count:
    """A submitted count of these SKUs."""
    count = open_count(location=place, skus=[sku for sku, _ in found], actor=by, **asked)
    count_lines(count, [Take(sku, units, picked, f"lines.{n}") for n, (sku, units) in enumerate(found)], actor=by)
    return submit(count, actor=by)


def reserve(sku: Sku, place: Location, units: int, *, holder: int = 1) -> None:
    change_reservations([Reserve(holder, sku.pk, units, [place.pk])], holder_kind="test", actor="test", cause="sale")


def ship(units: int, *, holder: int = 1) -> None:
    change_reservations([Fulfil(holder, units)], holder_kind="test", actor="test", cause="shipment")


def line_of(count: Count, sku: Sku) -> CountLine:
    return CountLine.objects.get(count=count, sku=sku)


def test_a_missing_unit_is_posted_with_the_counts_code(place: Location, mug: Sku) -> None:
    count = counted(place, (mug, 9), code="SHELF-1")
    approve(count, actor=BEN)
    entry = LedgerEntry.objects.latest("id")
    assert (entry.from_state, entry.to_state, entry.quantity) == ("available", "adjustment", 1)
    assert (entry.reason, entry.reference, entry.actor) == ("count", "SHELF-1", BEN)
    assert numbers(mug) == (9, 9, 0)
    count.refresh_from_db()
    assert (count.status, count.submitted_by, count.approved_by) == ("approved", ANN, BEN)


def test_units_found_are_posted(place: Location, mug: Sku) -> None:
    approve(counted(place, (mug, 13)), actor=BEN)
    assert numbers(mug) == (13, 13, 0)


def test_what_moves_between_counting_and_approval_does_not_matter(place: Location, mug: Sku) -> None:
    count = counted(place, (mug, 8))
    reserve(mug, place, 3)
    ship(3)
    add_stock(mug, place, 20)
    approve(count, actor=BEN)
    assert numbers(mug) == (25, 25, 0)  # 10 - 3 + 20, and 2 that were missing
    line = line_of(count, mug)
    assert (line.expected, line.variance, line.number) == (10, -2, 1)


def test_reserved_units_are_on_the_shelf_and_picked_ones_are_added_back(place: Location, mug: Sku) -> None:
    reserve(mug, place, 4)
    count = counted(place, (mug, 7), picked=3)
    assert line_of(count, mug).variance == 0
    before = LedgerEntry.objects.count()
    approve(count, actor=ANN)
    assert LedgerEntry.objects.count() == before
    assert numbers(mug) == (10, 6, 4)


def test_more_picked_than_reserved_is_refused(place: Location, mug: Sku) -> None:
    reserve(mug, place, 1)
    count = open_count(location=place, skus=[mug], actor=ANN)
    with pytest.raises(CountError) as caught:
        count_lines(count, [Take(mug, 8, 2)], actor=ANN)
    assert caught.value.rows == {"lines.0.picked": "MUG: more is said to be picked than orders have reserved"}
    assert line_of(count, mug).counted is None


def test_what_lies_apart_is_not_counted(place: Location, mug: Sku) -> None:
    move(sku=mug, location=place, from_state="available", to_state="damaged", quantity=2, actor="test")
    count = counted(place, (mug, 8))
    assert (line_of(count, mug).expected, line_of(count, mug).variance) == (8, 0)


def test_a_line_is_counted_again_and_again_until_submitted(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 4)], actor=ANN)
    count_lines(count, [Take(mug, 9)], actor=BEN)
    line = line_of(count, mug)
    assert (line.counted, line.counted_by, line.recount) == (9, BEN, 0)
    submit(count, actor=BEN)
    with pytest.raises(CountError, match="is submitted: have lines counted anew"):
        count_lines(count, [Take(mug, 10)], actor=ANN)


def test_scans_add_up_against_the_instant_of_the_first(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    for _ in range(3):
        count_lines(count, [Take(mug, 2)], actor=ANN, adding=True)
        reserve(mug, place, 1)
        ship(1)
    line = line_of(count, mug)
    assert (line.counted, line.expected, line.number, line.variance) == (6, 10, 1, -4)


def test_a_take_can_be_taken_back(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 4)], actor=ANN)
    count_lines(count, [Take(mug, None)], actor=ANN)
    line = line_of(count, mug)
    assert (line.counted, line.expected, line.variance, line.counted_by) == (None, None, None, "")


def test_what_nobody_expected_there_joins_the_count(place: Location, mug: Sku) -> None:
    cup = SkuFactory(code="CUP")
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 10), Take(cup, 2, row="lines.1")], actor=ANN)
    approve(submit(count, actor=ANN), actor=BEN)
    assert numbers(cup) == (2, 2, 0)


def test_uncounted_lines_are_named_and_stay_as_they_are_where_that_is_said(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = open_count(location=place, skus=[mug, cup], actor=ANN)
    with pytest.raises(CountError, match="has no counted line"):
        submit(count, actor=ANN)
    count_lines(count, [Take(mug, 9)], actor=ANN)
    with pytest.raises(CountError, match=r"1 line is not counted yet \(CUP\)"):
        submit(count, actor=ANN)
    approve(submit(count, actor=ANN, skip_uncounted=True), actor=BEN)
    assert (numbers(mug), numbers(cup)) == ((9, 9, 0), (5, 5, 0))


def test_it_is_approved_once(place: Location, mug: Sku) -> None:
    count = counted(place, (mug, 9))
    approve(count, actor=BEN)
    with pytest.raises(CountError, match="was approved already"):
        approve(count, actor=BEN)
    assert numbers(mug) == (9, 9, 0)


def test_a_draft_is_not_approved(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    with pytest.raises(CountError, match="is still being counted"):
        approve(count, actor=BEN)


def test_a_cancelled_count_moves_nothing_and_frees_its_skus(place: Location, mug: Sku) -> None:
    count = counted(place, (mug, 2))
    cancel(count, actor=BEN)
    with pytest.raises(CountError, match="was cancelled"):
        approve(count, actor=BEN)
    assert numbers(mug) == (10, 10, 0)
    assert counted(place, (mug, 10)).status == CountStatus.SUBMITTED


# A second person --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "percent", "variance", "expected", "within"),
    [
        (5, 20, -5, 25, True), (5, 20, -6, 100, False), (5, 20, 5, 24, False), (0, None, 1, 1000, False),
        (None, 10, 10, 100, True), (None, 10, 11, 100, False), (None, None, -99, 99, True), (5, 20, 1, 0, False),
    ],
)  # fmt: skip
def test_a_tolerance_has_two_limits(
    units: int | None, percent: int | None, variance: int, expected: int, within: bool
) -> None:
    limit = Tolerance(units, None if percent is None else Decimal(percent))
    assert limit.covers(variance, expected=expected) is within


def test_whoever_counted_cannot_approve_what_is_over_tolerance(place: Location, mug: Sku) -> None:
    count = counted(place, (mug, 4))  # 6 of 10; class C lets 5 units and 20 % pass
    assert needs_second_person(count, actor=ANN) and not needs_second_person(count, actor=BEN)
    with pytest.raises(SecondPersonNeeded, match=r"1 line is off by more than its tolerance \(MUG -6\)"):
        approve(count, actor=ANN)
    assert numbers(mug) == (10, 10, 0)
    approve(count, actor=BEN)
    assert numbers(mug) == (4, 4, 0)


def test_whoever_has_counted_a_part_has_counted(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 2)], actor=ANN)
    count_lines(count, [Take(mug, 1)], actor=BEN, adding=True)
    submit(count, actor=BEN)
    for actor in (ANN, BEN):
        with pytest.raises(SecondPersonNeeded):
            approve(count, actor=actor)
    recount(count, actor=BEN)
    count_lines(count, [Take(mug, 3)], actor=BEN)
    approve(submit(count, actor=BEN), actor=ANN)
    assert numbers(mug) == (3, 3, 0)


def test_what_is_counted_over_is_whose_number_stands(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 2)], actor=ANN)
    count_lines(count, [Take(mug, 1)], actor=BEN, adding=True)
    count_lines(count, [Take(mug, 4)], actor=BEN)
    approve(submit(count, actor=BEN), actor=ANN)
    assert numbers(mug) == (4, 4, 0)


def test_within_tolerance_the_same_person_approves(place: Location, mug: Sku) -> None:
    approve(counted(place, (mug, 8)), actor=ANN)
    assert numbers(mug) == (8, 8, 0)


def test_an_edited_tolerance_holds(place: Location, mug: Sku) -> None:
    CountTolerance.objects.update_or_create(stock_class="C", defaults={"units": 0, "percent": None})
    with pytest.raises(SecondPersonNeeded):
        approve(counted(place, (mug, 9)), actor=ANN)


def test_a_recount_forgets_the_take_and_keeps_it_as_evidence(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = counted(place, (mug, 1), (cup, 5))
    recount(count, actor=BEN)
    line = line_of(count, mug)
    assert (line.counted, line.recount, line_of(count, cup).counted, line_of(count, cup).recount) == (None, 1, 5, 0)
    (take,) = line.earlier
    assert (take["counted"], take["expected"], take["variance"], take["counted_by"]) == (1, 10, -9, ANN)
    count_lines(count, [Take(mug, 10)], actor=BEN)
    approve(submit(count, actor=BEN), actor=BEN)
    assert numbers(mug) == (10, 10, 0)


def test_named_lines_are_counted_anew_and_only_counted_ones(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = counted(place, (mug, 10))
    with pytest.raises(CountError, match="nothing to count anew"):
        recount(count, actor=BEN)
    with pytest.raises(CountError) as caught:
        recount(count, actor=BEN, skus=[mug, cup])
    assert caught.value.rows == {"lines.1.sku": "CUP was not counted"}
    recount(count, actor=BEN, skus=[mug])
    assert line_of(count, mug).recount == 1


def test_a_blind_count_shows_nothing_to_who_counts(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN, blind=True)
    assert not shows_expected(count, actor=BEN)
    count_lines(count, [Take(mug, 1)], actor=ANN)
    submit(count, actor=ANN)
    count.refresh_from_db()
    assert shows_expected(count, actor=BEN) and not shows_expected(count, actor=ANN)
    with pytest.raises(SecondPersonNeeded) as caught:
        approve(count, actor=ANN)
    assert "MUG" not in str(caught.value) and "9" not in str(caught.value).replace(count.code, "")
    approve(count, actor=BEN)
    count.refresh_from_db()
    assert shows_expected(count, actor=ANN)


# What is asked for ------------------------------------------------------------------------------------------------


def sold(sku: Sku, place: Location, units: int, *, holder: int) -> None:
    reserve(sku, place, units, holder=holder)
    ship(units, holder=holder)


def test_classes_go_by_the_value_that_left(place: Location) -> None:
    values = {"LAMP": (79, 10), "CUP": (10, 9), "PEN": (1, 110), "SPOON": (5, 2)}  # cost, units
    for holder, (code, (cost, units)) in enumerate(values.items()):
        sold(stocked(200, code=code, place=place, unit_cost=Decimal(cost)), place, units, holder=holder)
    still = stocked(1, code="STILL", place=place)
    found = {Sku.objects.get(pk=pk).code: letter for pk, letter in classes_at(place).items()}
    assert found == {"LAMP": "A", "PEN": "A", "CUP": "B", "SPOON": "C"}  # 790, 110, 90, 10 of 1000
    count = open_count(location=place, stock_class="A", actor=ANN)
    assert {line.sku.code for line in count.lines.all()} == {"LAMP", "PEN"}
    assert {line.stock_class for line in count.lines.all()} == {"A"}
    rest = open_count(location=place, stock_class="C", actor=ANN)
    assert {line.sku.code for line in rest.lines.all()} == {"SPOON", still.code}
    assert count.asked_for == "Class A"


def test_not_counted_for_some_days(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    approve(counted(place, (mug, 10)), actor=ANN)
    count = open_count(location=place, not_counted_days=30, actor=ANN)
    assert [line.sku for line in count.lines.all()] == [cup]
    CountLine.objects.filter(sku=mug).update(counted_at=clock.now() - timedelta(days=31))
    cancel(count, actor=ANN)
    later = open_count(location=place, not_counted_days=30, actor=ANN)
    assert {line.sku for line in later.lines.all()} == {cup, mug}


def test_all_of_a_location_but_what_is_being_counted(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    stocked(5, code="ELSEWHERE")
    first = open_count(location=place, skus=[mug], actor=ANN)
    assert [line.sku for line in open_count(location=place, actor=ANN).lines.all()] == [cup]
    with pytest.raises(CountError, match="there is nothing to count"):
        open_count(location=place, actor=ANN)
    with pytest.raises(CountError) as caught:
        open_count(location=place, skus=[mug], actor=ANN)
    assert caught.value.rows == {"lines.0.sku": f"MUG is being counted in {first.code}"}
    assert Count.objects.count() == 2


def test_a_sku_is_in_one_open_count_of_a_location_whatever_the_code_does(place: Location, mug: Sku) -> None:
    first = open_count(location=place, skus=[mug], actor=ANN)
    other = Count.objects.create(code="X", location=place, scope="skus", created_by=ANN, created_at=clock.now())
    with pytest.raises(IntegrityError, match="count_line_open_once"), transaction.atomic():
        CountLine.objects.create(count=other, location=place, sku=mug)
    cancel(first, actor=ANN)
    CountLine.objects.create(count=other, location=place, sku=mug)


@pytest.mark.parametrize("kind", ["fba", "wfs"])
def test_a_marketplace_counts_its_own_stock(mug: Sku, kind: str) -> None:
    theirs = LocationFactory(code="THEIRS", kind=kind)
    with pytest.raises(CountError, match="the marketplace counts what it holds"):
        open_count(location=theirs, skus=[mug], actor=ANN)
    assert not Count.objects.exists()


def test_nonsense_is_refused_by_row_and_nothing_is_taken_down(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = open_count(location=place, skus=[mug, cup], actor=ANN)
    with pytest.raises(CountError) as caught:
        count_lines(count, [Take(mug, 3), Take(cup, -1, row="lines.1")], actor=ANN)
    assert caught.value.rows == {"lines.1.counted": "CUP: a count is 0 to 1000000000 units"}
    with pytest.raises(CountError) as caught:
        count_lines(count, [Take(mug, 3), Take(mug, 4, row="lines.1")], actor=ANN)
    assert caught.value.rows == {"lines.1.sku": "MUG is named twice"}
    assert not CountLine.objects.filter(counted__isnull=False).exists()
    for asked in ({"stock_class": "D"}, {"not_counted_days": 0}, {"stock_class": "A", "not_counted_days": 1}):
        with pytest.raises(CountError):
            open_count(location=place, actor=ANN, **asked)
    with pytest.raises(CountError, match=f"there is a count {count.code} already"):
        open_count(location=place, code=count.code, skus=[SkuFactory()], actor=ANN)


def test_made_codes_pass_over_taken_ones(place: Location, mug: Sku) -> None:
    first = open_count(location=place, skus=[mug], actor=ANN)
    cancel(first, actor=ANN)
    open_count(location=place, code=f"C-{first.pk + 2:05}", skus=[mug], actor=ANN)
    assert open_count(location=place, skus=[SkuFactory()], actor=ANN).code == f"C-{first.pk + 3:05}"


# Promises that lose their units ------------------------------------------------------------------------------------


def test_the_latest_promises_lose_their_units_first(place: Location, mug: Sku) -> None:
    for holder, units in ((1, 3), (2, 4), (3, 2)):
        reserve(mug, place, units, holder=holder)
    approve(counted(place, (mug, 5), code="C1"), actor=BEN)
    level = StockLevel.objects.get(sku=mug)
    held = {row.holder_id: (row.open_quantity, row.released) for row in level.reservations.all()}
    assert held == {1: (3, 0), 2: (2, 2), 3: (0, 2)}
    assert numbers(mug) == (5, 0, 5)
    entries = LedgerEntry.objects.filter(reference="C1").order_by("number")
    assert [(one.from_state, one.to_state, one.quantity, one.reason) for one in entries] == [
        ("reserved", "available", 2, "count"), ("reserved", "available", 2, "count"),
        ("available", "adjustment", 5, "count"),
    ]  # fmt: skip
    assert list(verify()) == []


def test_available_units_are_lost_before_promised_ones(place: Location, mug: Sku) -> None:
    reserve(mug, place, 4)
    approve(counted(place, (mug, 4)), actor=BEN)
    assert numbers(mug) == (4, 0, 4)


def test_more_missing_than_left_is_refused_by_row(place: Location, mug: Sku) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = counted(place, (cup, 4), (mug, 2))
    reserve(mug, place, 5)
    ship(5)
    with pytest.raises(CountError) as caught:
        approve(count, actor=BEN)
    assert caught.value.rows == {
        "lines.MUG": "MUG: 8 units are missing by the count, and 5 are left now: have it counted anew"
    }
    assert (numbers(cup), numbers(mug)) == ((5, 5, 0), (5, 5, 0))
    count.refresh_from_db()
    assert count.status == CountStatus.SUBMITTED


# Wanted recounts --------------------------------------------------------------------------------------------------


def test_a_recount_is_wanted_once_until_it_is_counted(place: Location, mug: Sku) -> None:
    pair = (mug.pk, place.pk)
    assert (want_recounts([pair], cause="oversell"), want_recounts([pair], cause="oversell")) == (1, 0)
    count = counted(place, (mug, 10))
    assert RecountRequest.objects.filter(closed_at=None).count() == 1
    approve(count, actor=ANN)
    (row,) = RecountRequest.objects.all()
    assert (row.closed_at is not None, row.count) == (True, count)
    assert want_recounts([pair], cause="oversell") == 1
    assert close_recounts([RecountRequest.objects.get(closed_at=None).pk]) == 1


def test_nobody_wants_a_recount_where_the_marketplace_counts(mug: Sku) -> None:
    assert want_recounts([(mug.pk, LocationFactory(kind="fba").pk)], cause="oversell") == 0


def test_the_module_knows_its_limits(place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor=ANN)
    count_lines(count, [Take(mug, 1_000_000_000)], actor=ANN)
    with pytest.raises(CountError):
        count_lines(count, [Take(mug, 1)], actor=ANN, adding=True)
    assert counts.MOST_DAYS == 3650
    adjust(sku=mug, location=place, quantity=1, reason="found", actor="test")
    post([Posting(mug.pk, place.pk, "available", "hold", 1)], actor="test", cause="move")
    assert line_of(count, mug).expected == 10
