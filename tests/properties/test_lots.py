"""Lots against a naive model: a list of units, each with its lot, from which the first to expire is taken one by one."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from inventory import expiry
from inventory.adjustments import adjust, move
from inventory.errors import InsufficientStock, LotError
from inventory.models import Lot, LotLevel, StockLevel
from inventory.rebuild import repair, verify
from inventory.reservations import Fulfil, Reserve, change_reservations
from tests.factories import LocationFactory
from tests.inventory.lots import days, lotted
from tests.properties.examples import IN_DATABASE, rolled_back

#: Lots in the order in which they come into being, with the days until they expire.
LOTS = {"A": 9, "B": None, "C": 3, "D": 3, "E": None}
APART = ("quarantine", "damaged", "hold")

code, units, apart = st.sampled_from(list(LOTS)), st.integers(1, 6), st.sampled_from(APART)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("bring"), code, units),
        st.tuples(st.just("lose"), st.none() | code, units),
        st.tuples(st.just("set_aside"), st.none() | code, units, apart),
        st.tuples(st.just("put_back"), st.none() | code, units, apart),
        st.tuples(st.just("ship"), units),
        st.tuples(st.just("reserve"), units),
        st.tuples(st.just("expire"), code),
    ),
    min_size=4,
    max_size=30,
)


class Naive:
    """Units one by one: (lot, place)."""

    def __init__(self) -> None:
        self.held: Counter[tuple[str, str]] = Counter()
        self.expired: set[str] = set()
        self.dates: dict[str, date] = {name: days(left) if left else date.max for name, left in LOTS.items()}
        self.promised = 0

    def take(self, place: str, count: int, *, lot: str | None = None, good: bool = False) -> list[str]:
        """The lots of the units that leave; too few are none."""
        taken = []
        for _unit in range(count):
            found = [name for name in LOTS if self.held[name, place] and lot in (None, name)]
            found = [name for name in found if not (good and name in self.expired)]
            if not found:
                self.held.update((name, place) for name in taken)
                return []
            name = min(found, key=lambda one: (self.dates[one], list(LOTS).index(one)))
            self.held[name, place] -= 1
            taken.append(name)
        return taken

    def shelf(self) -> int:
        return sum(count for (_name, place), count in self.held.items() if place == "shelf")


class Story:
    """The product and the model, told the same."""

    def __init__(self) -> None:
        self.sku, self.place, self.model, self.holder = lotted(), LocationFactory(), Naive(), 0
        for name, left in LOTS.items():
            adjust(
                sku=self.sku,
                location=self.place,
                quantity=1,
                lot=name,
                expires_on=days(left) if left else None,
                actor="t",
            )
            self.model.held[name, "shelf"] += 1

    def tell(self, name: str, *told: Any) -> None:
        """One step; both refuse it, or neither does."""
        before, expected = self.model.held.copy(), getattr(self, f"model_{name}")(*told)
        try:
            with transaction.atomic():
                getattr(self, name)(*told)
            done = True
        except (InsufficientStock, LotError):
            done = False
        assert done == expected, (name, told, before)

    @property
    def free(self) -> int:
        return self.model.shelf() - self.model.promised

    def bring(self, lot: str, count: int) -> None:
        adjust(sku=self.sku, location=self.place, quantity=count, lot=lot, actor="t")

    def model_bring(self, lot: str, count: int) -> bool:
        if lot in self.model.expired:
            return False
        self.model.held[lot, "shelf"] += count
        return True

    def lose(self, lot: str | None, count: int) -> None:
        adjust(sku=self.sku, location=self.place, quantity=-count, lot=lot or "", actor="t")

    def model_lose(self, lot: str | None, count: int) -> bool:
        return count <= self.free and bool(self.model.take("shelf", count, lot=lot))

    def set_aside(self, lot: str | None, count: int, where: str) -> None:
        states = {"from_state": "available", "to_state": where, "quantity": count, "lot": lot or ""}
        move(sku=self.sku, location=self.place, actor="t", **states)  # type: ignore[arg-type]

    def model_set_aside(self, lot: str | None, count: int, where: str) -> bool:
        taken = self.model.take("shelf", count, lot=lot) if count <= self.free else []
        self.model.held.update((name, where) for name in taken)
        return bool(taken)

    def put_back(self, lot: str | None, count: int, where: str) -> None:
        states = {"from_state": where, "to_state": "available", "quantity": count, "lot": lot or ""}
        move(sku=self.sku, location=self.place, actor="t", **states)  # type: ignore[arg-type]

    def model_put_back(self, lot: str | None, count: int, where: str) -> bool:
        taken = self.model.take(where, count, lot=lot, good=True)
        self.model.held.update((name, "shelf") for name in taken)
        return bool(taken)

    def ship(self, count: int) -> None:
        self.holder += 1
        wanted = [Reserve(self.holder, self.sku.pk, count, [self.place.pk], whole=True), Fulfil(self.holder, count)]
        change_reservations(wanted, holder_kind="test", actor="t", cause="shipment")

    def model_ship(self, count: int) -> bool:
        return count <= self.free and bool(self.model.take("shelf", count, good=True))

    def reserve(self, count: int) -> None:
        self.holder += 1
        step = Reserve(self.holder, self.sku.pk, count, [self.place.pk], whole=True)
        change_reservations([step], holder_kind="test", actor="t", cause="sale")

    def model_reserve(self, count: int) -> bool:
        if count > self.free:
            return False
        self.model.promised += count
        return True

    def expire(self, lot: str) -> None:
        Lot.objects.filter(sku=self.sku, code=lot).update(expires_on=days(-1))
        expiry.sweep()

    def model_expire(self, lot: str) -> bool:
        """All of it goes to hold; promises keep what is left on the shelf."""
        self.model.expired.add(lot)
        self.model.dates[lot] = days(-1)
        self.model.held[lot, "hold"] += self.model.held.pop((lot, "shelf"), 0)
        self.model.promised = min(self.model.promised, self.model.shelf())
        return True

    def found(self) -> dict[tuple[str, str], int]:
        return {
            (row.lot.code, place): getattr(row, place)
            for row in LotLevel.objects.filter(lot__sku=self.sku).select_related("lot")
            for place in ("shelf", *APART)
            if getattr(row, place)
        }


@pytest.mark.django_db
@IN_DATABASE
@given(steps)
def test_each_unit_is_of_the_lot_that_a_naive_model_takes(told: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        story = Story()
        for step in told:
            story.tell(*step)
            assert story.found() == {key: count for key, count in story.model.held.items() if count}, step
            assert StockLevel.objects.get(sku=story.sku).reserved == story.model.promised, step
        assert [one.message for one in verify()] == []
        assert repair() == 0
