"""Promises: where they are taken from, how they are given back and shipped."""

from __future__ import annotations

import pytest
from django.db import transaction

from inventory.errors import InsufficientStock
from inventory.models import Location, Reservation, Sku, StockLevel
from inventory.models.reservation import ReservationStatus
from inventory.reservations import Change, Fulfil, Release, Reserve, Step, change_reservations
from tests.factories import LocationFactory, SkuFactory, add_stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def places() -> list[Location]:
    """A, B and C, to be taken from in this order."""
    return [LocationFactory(code=code) for code in "ABC"]


@pytest.fixture
def mug(places: list[Location]) -> Sku:
    """2 mugs at A, 5 at B, 3 at C."""
    mug: Sku = SkuFactory(code="MUG")
    for place, units in zip(places, (2, 5, 3), strict=True):
        add_stock(mug, place, units)
    return mug


def change(*steps: Step) -> dict[int, Change]:
    return change_reservations(steps, holder_kind="test", actor="test", cause="test")


def reserve(sku: Sku, places: list[Location], units: int, *, holder: int = 1, whole: bool = False) -> Reserve:
    return Reserve(holder, sku.pk, units, [place.pk for place in places], whole=whole)


def reserved() -> dict[str, int]:
    return dict(StockLevel.objects.order_by("location__code").values_list("location__code", "reserved"))


def test_the_first_place_that_covers_a_promise_gives_all_of_it(mug: Sku, places: list[Location]) -> None:
    assert change(reserve(mug, places, 3)) == {1: Change(reserved=3)}
    assert reserved() == {"A": 0, "B": 3, "C": 0}


def test_where_no_place_covers_it_it_is_split_in_their_order(mug: Sku, places: list[Location]) -> None:
    assert change(reserve(mug, places, 8)) == {1: Change(reserved=8)}
    assert reserved() == {"A": 2, "B": 5, "C": 1}


def test_what_is_not_there_is_short(mug: Sku, places: list[Location]) -> None:
    assert change(reserve(mug, places, 12)) == {1: Change(reserved=10, short=2)}


def test_a_sku_that_was_never_anywhere_is_short_and_makes_no_level(places: list[Location]) -> None:
    assert change(reserve(SkuFactory(), places, 1)) == {1: Change(short=1)}
    assert not StockLevel.objects.exists()


def test_steps_of_one_batch_share_what_is_there_in_their_order(mug: Sku, places: list[Location]) -> None:
    found = change(*(reserve(mug, places[2:], 2, holder=holder) for holder in (1, 2, 3)))
    assert [(found[holder].reserved, found[holder].short) for holder in (1, 2, 3)] == [(2, 0), (1, 1), (0, 2)]


def test_whole_refuses_all_steps_and_names_every_short_one(mug: Sku, places: list[Location]) -> None:
    cup = SkuFactory(code="CUP")
    steps = [
        reserve(mug, places, 11, whole=True),
        reserve(mug, places, 1, whole=True),
        reserve(cup, places[:1], 1, whole=True),
    ]
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        change(*steps)
    named = [(short.sku, short.location, short.wanted, short.available) for short in refused.value.lines]
    assert named == [("MUG", "", 11, 10), ("MUG", "", 1, 0), ("CUP", "A", 1, 0)]
    assert set(reserved().values()) == {0}


def test_what_was_promised_last_is_given_back_first(mug: Sku, places: list[Location]) -> None:
    change(reserve(mug, places, 8))
    assert change(Release(1, 3)) == {1: Change(released=3)}
    assert reserved() == {"A": 2, "B": 3, "C": 0}
    assert change(Release(1, 99)) == {1: Change(released=5)}
    assert {row.status for row in Reservation.objects.all()} == {ReservationStatus.RELEASED}


def test_what_was_promised_first_is_shipped_first(mug: Sku, places: list[Location]) -> None:
    change(reserve(mug, places, 8))
    assert change(Fulfil(1, 3)) == {1: Change(fulfilled=3)}
    assert reserved() == {"A": 0, "B": 4, "C": 1}
    assert sum(level.on_hand for level in StockLevel.objects.all()) == 7
    by_place = {row.level.location.code: row.status for row in Reservation.objects.select_related("level__location")}
    assert by_place == {"A": "fulfilled", "B": "pending", "C": "pending"}


def test_only_one_place_where_one_is_named(mug: Sku, places: list[Location]) -> None:
    change(reserve(mug, places, 8))
    found = change(Release(1, 9, location_id=places[1].pk), Fulfil(1, 9, places[0].pk))
    assert found == {1: Change(released=5, fulfilled=2)}
    assert reserved() == {"A": 0, "B": 0, "C": 1}


def test_units_that_one_step_gives_back_are_there_for_the_next(mug: Sku, places: list[Location]) -> None:
    change(reserve(mug, places, 10))
    found = change(Release(1, 4), reserve(mug, places, 4, holder=2, whole=True))
    assert found[2] == Change(reserved=4)


def test_a_holder_without_promises_gives_nothing_back(mug: Sku) -> None:
    assert change(Release(7, 1), Fulfil(8, 1)) == {7: Change(), 8: Change()}
    assert change() == {}


def test_holders_of_other_kinds_are_others(mug: Sku, places: list[Location]) -> None:
    change(reserve(mug, places, 2))
    change_reservations([Release(1, 2)], holder_kind="other", actor="test", cause="test")
    assert reserved()["A"] == 2
