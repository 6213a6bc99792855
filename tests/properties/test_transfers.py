"""Any story of transfers: no unit comes from nowhere, none is lost but those reported lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from inventory.adjustments import adjust
from inventory.errors import InsufficientStock
from inventory.manifest import Arrived, TransferError, Units
from inventory.models import StockLevel, Transfer, TransferLine
from inventory.rebuild import repair, verify
from inventory.transfers import cancel, create_transfer, dispatch, receive, report_lost
from tests.factories import LocationFactory, SkuFactory
from tests.properties.examples import IN_DATABASE, rolled_back

SKUS, PLACES, OPENING = ("MUG", "CUP"), ("A", "B", "C"), 20

number, sku, units = st.integers(0, 2), st.sampled_from(SKUS), st.integers(0, 9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("draft"), st.permutations(PLACES), st.dictionaries(sku, st.integers(1, 15), min_size=1)),
        st.tuples(st.just("dispatch"), number, st.none() | st.dictionaries(sku, units, min_size=1)),
        st.tuples(
            st.just("receive"), number, st.none() | st.dictionaries(sku, st.tuples(units, units), min_size=1)
        ),
        st.tuples(st.just("lose"), number, st.dictionaries(sku, units, min_size=1)),
        st.tuples(st.just("cancel"), number),
        st.tuples(st.just("sell"), sku, st.sampled_from(PLACES), units.filter(bool)),
    ),
    min_size=4,
    max_size=25,
)  # fmt: skip


class Story:
    """Two SKUs, 20 of each in A and B, and whatever is told of them."""

    def __init__(self) -> None:
        self.skus = {code: SkuFactory(code=code) for code in SKUS}
        self.places = {code: LocationFactory(code=code) for code in PLACES}
        self.made: list[Transfer] = []
        self.gone: Counter[str] = Counter()
        for one in self.skus.values():
            for place in ("A", "B"):
                adjust(sku=one, location=self.places[place], quantity=OPENING, actor="test")

    def tell(self, name: str, *told: Any) -> None:
        """One step, which is refused whole where it does not fit."""
        try:
            with transaction.atomic():
                getattr(self, name)(*told)
        except (InsufficientStock, TransferError):
            pass

    def draft(self, places: list[str], wanted: dict[str, int]) -> None:
        source, target, _other = (self.places[code] for code in places)
        lines = [Units(self.skus[code], count) for code, count in wanted.items()]
        self.made.append(create_transfer(from_location=source, to_location=target, lines=lines, actor="test"))

    def dispatch(self, index: int, given: dict[str, int] | None) -> None:
        lines = None if given is None else [Units(self.skus[code], count) for code, count in given.items()]
        self._on(index, lambda held: dispatch(held, lines=lines, actor="test"))

    def receive(self, index: int, given: dict[str, tuple[int, int]] | None) -> None:
        lines = None if given is None else [Arrived(self.skus[code], *came) for code, came in given.items()]
        self._on(index, lambda held: receive(held, lines=lines, actor="test"))

    def lose(self, index: int, given: dict[str, int]) -> None:
        lines = [Units(self.skus[code], count) for code, count in given.items()]
        self._on(index, lambda held: report_lost(held, lines=lines, actor="test"))
        if index < len(self.made):
            self.gone.update(given)

    def cancel(self, index: int) -> None:
        self._on(index, lambda held: cancel(held, actor="test"))

    def sell(self, code: str, place: str, count: int) -> None:
        adjust(sku=self.skus[code], location=self.places[place], quantity=-count, actor="test")
        self.gone[code] += count

    def _on(self, index: int, deed: Any) -> None:
        if index < len(self.made):
            deed(self.made[index])

    def units(self, code: str) -> int:
        """On hand or under way, everywhere."""
        levels = StockLevel.objects.filter(sku=self.skus[code])
        return sum(level.on_hand + level.in_transit for level in levels)


@pytest.mark.django_db
@IN_DATABASE
@given(steps)
def test_units_are_conserved_whatever_becomes_of_transfers(told: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        story = Story()
        for step in told:
            story.tell(*step)
            for code in SKUS:
                assert story.units(code) == 2 * OPENING - story.gone[code], step
        assert list(verify()) == []
        assert repair() == 0
        lost = sum(TransferLine.objects.values_list("lost", flat=True))
        assert lost <= sum(story.gone.values())
        for transfer in Transfer.objects.prefetch_related("lines"):
            rows = list(transfer.lines.all())
            assert transfer.is_open == (transfer.closed_at is None)
            if not transfer.is_open:
                assert not any(row.under_way for row in rows)
            if transfer.is_draft:
                assert not any(row.dispatched for row in rows)
