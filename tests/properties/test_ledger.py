"""Random operations on stock, against a ledger in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from inventory.adjustments import adjust, move
from inventory.availability import levels_at
from inventory.errors import InsufficientStock
from inventory.models import LedgerEntry, Location, Reservation, Sku, StockLevel
from inventory.rebuild import repair, verify
from inventory.reservations import Change, Fulfil, Release, Reserve, change_reservations
from tests.factories import LocationFactory, SkuFactory
from tests.properties.examples import IN_DATABASE, rolled_back

BY_HAND = ("available", "quarantine", "damaged", "hold")
STATES = ("available", "reserved", "quarantine", "damaged", "hold")

skus, places, holders = st.sampled_from(("MUG", "CUP")), st.sampled_from(("A", "B", "C")), st.integers(1, 3)
units = st.integers(1, 9)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("adjust"), skus, places, st.sampled_from(BY_HAND), st.integers(-6, 12).filter(bool)),
        st.tuples(st.just("set"), skus, places, st.sampled_from(BY_HAND), st.integers(0, 9)),
        st.tuples(st.just("move"), skus, places, st.permutations(BY_HAND), units),
        st.tuples(st.just("reserve"), holders, skus, st.permutations(("A", "B", "C")), units, st.booleans()),
        st.tuples(st.just("release"), holders, units),
        st.tuples(st.just("fulfil"), holders, units),
    ),
    min_size=3,
    max_size=25,
)


class Refused(Exception):
    """The book does not allow it."""


class Book:
    """Stock by (SKU, place) and state; promises by holder in the order in which they were made."""

    def __init__(self) -> None:
        self.stock: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.promised: defaultdict[int, dict[tuple[str, str], int]] = defaultdict(dict)

    def snapshot(self) -> dict[tuple[str, str], dict[str, int]]:
        return {pair: {state: stock[state] for state in STATES} for pair, stock in self.stock.items()}

    def adjust(self, sku: str, place: str, state: str, by: int) -> None:
        if self.stock[sku, place][state] + by < 0:
            raise Refused
        self.stock[sku, place][state] += by

    def set(self, sku: str, place: str, state: str, to: int) -> None:
        self.stock[sku, place][state] = to

    def move(self, sku: str, place: str, states: list[str], by: int) -> None:
        self.adjust(sku, place, states[0], -by)
        self.stock[sku, place][states[1]] += by

    def reserve(self, holder: int, sku: str, order: list[str], wanted: int, whole: bool) -> tuple[int, int]:
        """Units reserved and units short."""
        there = {place: self.stock[sku, place]["available"] for place in order if (sku, place) in self.stock}
        if whole and sum(there.values()) < wanted:
            raise Refused
        covering = [place for place in there if there[place] >= wanted][:1]
        left = wanted
        for place in covering or there:
            taken = min(left, there[place])
            if taken:
                self._shift(sku, place, "available", "reserved", taken)
                held = self.promised[holder]
                held[sku, place] = held.get((sku, place), 0) + taken
                left -= taken
        return wanted - left, left

    def end(self, holder: int, by: int, to: str | None) -> int:
        """Release (last promises first) or ship (first promises first); the units."""
        held = self.promised[holder]
        left = by
        for sku, place in list(held) if to is None else reversed(list(held)):
            taken = min(left, held[sku, place])
            held[sku, place] -= taken
            self._shift(sku, place, "reserved", to, taken)
            left -= taken
        return by - left

    def _shift(self, sku: str, place: str, source: str, target: str | None, by: int) -> None:
        self.stock[sku, place][source] -= by
        if target is not None:
            self.stock[sku, place][target] += by


class Desk:
    """The same operations on the product."""

    def __init__(self) -> None:
        self.skus: dict[str, Sku] = {code: SkuFactory(code=code) for code in ("MUG", "CUP")}
        self.places: dict[str, Location] = {code: LocationFactory(code=code) for code in ("A", "B", "C")}

    def adjust(self, sku: str, place: str, state: str, by: int) -> None:
        adjust(sku=self.skus[sku], location=self.places[place], quantity=by, state=state, actor="test")

    def set(self, sku: str, place: str, state: str, to: int) -> None:
        adjust(sku=self.skus[sku], location=self.places[place], set_to=to, state=state, actor="test")

    def move(self, sku: str, place: str, states: list[str], by: int) -> None:
        move(
            sku=self.skus[sku], location=self.places[place], from_state=states[0], to_state=states[1], quantity=by,
            actor="test",
        )  # fmt: skip

    def reserve(self, holder: int, sku: str, order: list[str], wanted: int, whole: bool) -> tuple[int, int]:
        locations = [self.places[place].pk for place in order]
        change = self._change(Reserve(holder, self.skus[sku].pk, wanted, locations, whole=whole))
        return change.reserved, change.short

    def end(self, holder: int, by: int, to: str | None) -> int:
        if to is None:
            return self._change(Fulfil(holder, by)).fulfilled
        return self._change(Release(holder, by)).released

    def _change(self, step: Reserve | Release | Fulfil) -> Change:
        return change_reservations([step], holder_kind="test", actor="test", cause="test")[step.holder_id]

    def snapshot(self) -> dict[tuple[str, str], dict[str, int]]:
        levels = StockLevel.objects.select_related("sku", "location")
        return {(row.sku.code, row.location.code): {state: getattr(row, state) for state in STATES} for row in levels}


def carry_out(on: Book | Desk, operation: tuple[Any, ...]) -> Any:
    """What came of it; "refused" where there was too little."""
    name, *given = operation
    try:
        with transaction.atomic():
            if name in ("release", "fulfil"):
                return on.end(*given, "available" if name == "release" else None)
            return getattr(on, name)(*given)
    except (InsufficientStock, Refused):
        return "refused"


def moved(snapshot: dict[tuple[str, str], dict[str, int]]) -> dict[tuple[str, str], dict[str, int]]:
    """Without the levels that hold nothing: the book has no opinion about when an empty level comes into being."""
    return {pair: states for pair, states in snapshot.items() if any(states.values())}


@pytest.mark.django_db
@IN_DATABASE
@given(operations)
def test_any_operations_leave_the_stock_that_a_book_says(told: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        book, desk = Book(), Desk()
        for operation in told:
            assert carry_out(desk, operation) == carry_out(book, operation), operation
            assert moved(desk.snapshot()) == moved(book.snapshot())
        assert list(verify()) == []
        assert repair() == 0
        open_units = sum(row.open_quantity for row in Reservation.objects.all())
        assert open_units == sum(level.reserved for level in StockLevel.objects.all())


@pytest.mark.django_db
@IN_DATABASE
@given(operations)
def test_stock_of_any_past_instant_is_what_it_was_then(told: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        desk = Desk()
        history: dict[Any, Any] = {}
        for operation in told:
            carry_out(desk, operation)
            last = LedgerEntry.objects.first()
            if last is not None:
                history[last.recorded_at] = desk.snapshot()
        for instant, then in history.items():
            rows = {(row.sku, row.location): {s: getattr(row, s) for s in STATES} for row in levels_at(instant)}
            assert moved(rows) == moved(then)


@pytest.mark.django_db
@IN_DATABASE
@given(operations, st.data())
def test_a_level_that_was_tampered_with_is_named_and_mended(told: list[tuple[Any, ...]], data: st.DataObject) -> None:
    with rolled_back():
        desk = Desk()
        desk.adjust("MUG", "A", "available", 5)
        for operation in told:
            carry_out(desk, operation)
        before = desk.snapshot()
        level = data.draw(st.sampled_from(list(StockLevel.objects.select_related("sku", "location"))))
        state = data.draw(st.sampled_from(STATES))
        by = data.draw(st.integers(-getattr(level, state), 1000).filter(bool))
        StockLevel.objects.filter(pk=level.pk).update(**{state: F(state) + by})
        named = {(one.kind, one.sku, one.location, one.found) for one in verify()}
        found = ("level", level.sku.code, level.location.code, str(getattr(level, state) + by))
        assert named - {("reserved", *found[1:])} == {found}
        assert f"({by:+d})" in next(iter(verify())).message
        assert repair() == 1
        assert desk.snapshot() == before
        assert list(verify()) == []
