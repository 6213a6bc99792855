"""Units are lost and found unseen, sold, shipped and received, and counted meanwhile: an approved count tells the truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.adjustments import adjust
from inventory.count_approval import approve
from inventory.counts import Take, cancel, count_lines, open_count, recount, submit
from inventory.models import Count, LedgerEntry, Location, Sku, StockLevel
from inventory.rebuild import verify
from inventory.reservations import Fulfil, Reserve, change_reservations
from tests.factories import LocationFactory, stocked
from tests.properties.examples import IN_DATABASE, rolled_back

START = 20
UNITS = st.integers(1, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["receive", "reserve", "ship", "pick", "lose", "find"]), UNITS),
        st.tuples(st.sampled_from(["count", "count", "approve", "approve", "recount", "cancel"]), st.just(0)),
    ),
    min_size=5,
    max_size=30,
)


class Shelf:
    """What is really there, beside what the ledger says. ``off`` is how far the two are apart by what nobody saw."""

    def __init__(self) -> None:
        self.place: Location = LocationFactory()
        self.mug: Sku = stocked(START, place=self.place)
        self.really, self.picked, self.off = START, 0, 0
        self.off_when_counted: int | None = None
        self.count: Count | None = None
        self.holders = 0

    @property
    def level(self) -> StockLevel:
        return StockLevel.objects.get(sku=self.mug)

    def do(self, step: str, units: int) -> None:
        getattr(self, step)(units)
        level = self.level
        assert level.available + level.reserved == self.really - self.off
        assert min(level.available, level.reserved, self.really) >= 0

    def receive(self, units: int) -> None:
        adjust(sku=self.mug, location=self.place, quantity=units, reason="receipt", actor="test")
        self.really += units

    def reserve(self, units: int) -> None:
        self.holders += 1
        step = Reserve(self.holders, self.mug.pk, units, [self.place.pk])
        change_reservations([step], holder_kind="test", actor="test", cause="sale")

    def pick(self, units: int) -> None:
        """Reserved units leave the shelf, and wait to be shipped."""
        self.picked = max(self.picked, min(units, self.level.reserved, self.really))

    def ship(self, units: int) -> None:
        for row in self.level.reservations.order_by("pk"):
            left = min(units, row.open_quantity, self.really)
            if left:
                change_reservations([Fulfil(row.holder_id, left)], holder_kind="test", actor="test", cause="shipment")
                self.really, units, self.picked = self.really - left, units - left, max(0, self.picked - left)

    def lose(self, units: int) -> None:
        lost = min(units, self.really - self.picked)
        self.really, self.off = self.really - lost, self.off - lost

    def find(self, units: int) -> None:
        self.really, self.off = self.really + units, self.off + units

    def counting(self) -> Count:
        if self.count is None:
            self.count = open_count(location=self.place, skus=[self.mug], actor="user:ann")
        return self.count

    def take(self) -> None:
        picked = min(self.picked, self.level.reserved)
        count_lines(self.counting(), [Take(self.mug, self.really - picked, picked)], actor="user:ann")
        self.off_when_counted = self.off

    def _counted(self, _units: int) -> None:
        if self.count is None or Count.objects.get(pk=self.count.pk).status == "draft":
            self.take()

    def approve(self, _units: int) -> None:
        if self.off_when_counted is None or self.count is None:
            return
        if Count.objects.get(pk=self.count.pk).status == "draft":
            submit(self.count, actor="user:ann")
        approve(self.count, actor="user:ben")
        self.off -= self.off_when_counted
        self.count = self.off_when_counted = None

    def recount(self, _units: int) -> None:
        if self.off_when_counted is not None and self.count is not None:
            submit(self.count, actor="user:ann")
            recount(self.count, actor="user:ben", skus=[self.mug])
            self.take()

    def cancel(self, _units: int) -> None:
        if self.count is not None:
            cancel(self.count, actor="user:ann")
            self.count = self.off_when_counted = None


@pytest.mark.django_db
@IN_DATABASE
@given(steps=STEPS)
def test_an_approved_count_leaves_only_what_was_lost_since(steps: list[tuple[str, int]]) -> None:
    with rolled_back():
        shelf = Shelf()
        for step, units in steps:
            shelf.do("_counted" if step == "count" else step, units)
        assert list(verify()) == []
        into, out = (
            sum(
                LedgerEntry.objects.filter(level__sku=shelf.mug, **{side: "adjustment"}).values_list(
                    "quantity", flat=True
                )
            )
            for side in ("from_state", "to_state")
        )
        gone = sum(
            LedgerEntry.objects.filter(level__sku=shelf.mug, to_state="customer").values_list("quantity", flat=True)
        )
        assert into - out - gone == shelf.level.on_hand
