"""What people change about stock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from inventory.adjustments import adjust, move, open_stock
from inventory.availability import ON_HAND, levels_at
from inventory.errors import InsufficientStock, InvalidMovement, KeyConflict
from inventory.models import LedgerEntry, Location, Sku, StockLevel
from inventory.reasons import parse_reason
from tests.factories import LocationFactory, SkuFactory, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def mug(place: Location) -> Sku:
    return stocked(10, place=place)


def change(mug: Sku, place: Location, **given: Any) -> LedgerEntry | None:
    return adjust(sku=mug, location=place, actor="user:ann", **given)


def level() -> dict[str, int]:
    return StockLevel.objects.values("available", "reserved", "quarantine", "damaged", "hold").get()


def test_units_are_added_and_taken(mug: Sku, place: Location) -> None:
    entry = change(mug, place, quantity=-4, reason="damage", note="fell", reference="R-1")
    assert entry is not None
    assert (entry.from_state, entry.to_state, entry.quantity, entry.balance) == ("available", "adjustment", 4, 6)
    assert (entry.reason, entry.note, entry.reference, entry.actor) == ("damage", "fell", "R-1", "user:ann")
    entry = change(mug, place, quantity=2, state="hold")
    assert entry is not None
    assert (entry.from_state, entry.to_state, entry.balance) == ("adjustment", "hold", 8)


def test_a_number_is_set_by_the_difference(mug: Sku, place: Location) -> None:
    entry = change(mug, place, set_to=7)
    assert entry is not None
    assert (entry.from_state, entry.quantity, entry.available_after) == ("available", 3, 7)
    assert change(mug, place, set_to=7) is None
    assert LedgerEntry.objects.count() == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"quantity": 1, "set_to": 1},
        {"quantity": 0},
        {"set_to": -1},
        {"quantity": 1, "state": "reserved"},
        {"quantity": 1, "state": "customer"},
    ],
)
def test_adjustments_that_make_no_sense_are_refused(mug: Sku, place: Location, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidMovement), transaction.atomic():
        change(mug, place, **given)


def test_more_than_is_there_cannot_be_taken(mug: Sku, place: Location) -> None:
    with pytest.raises(InsufficientStock, match="MUG at W1: 11 wanted, 10 there"):
        change(mug, place, quantity=-11)
    assert level()["available"] == 10


def test_units_move_between_states(mug: Sku, place: Location) -> None:
    move(sku=mug, location=place, from_state="available", to_state="quarantine", quantity=4, actor="user:ann")
    move(sku=mug, location=place, from_state="quarantine", to_state="damaged", quantity=1, actor="user:ann")
    assert level() == {"available": 6, "reserved": 0, "quarantine": 3, "damaged": 1, "hold": 0}


@pytest.mark.parametrize(
    "states", [("available", "reserved"), ("reserved", "available"), ("available", "customer"), ("hold", "hold")]
)
def test_reserved_and_outside_are_no_business_of_hands(mug: Sku, place: Location, states: tuple[str, str]) -> None:
    with pytest.raises(InvalidMovement), transaction.atomic():
        move(sku=mug, location=place, from_state=states[0], to_state=states[1], quantity=1, actor="user:ann")


def test_a_key_makes_a_retry_harmless(mug: Sku, place: Location) -> None:
    first = change(mug, place, quantity=-2, key="k1")
    assert change(mug, place, quantity=-2, key="k1") == first
    counted = change(mug, place, set_to=5, key="k2")
    assert change(mug, place, set_to=5, key="k2") == counted
    moves = [
        move(sku=mug, location=place, from_state="available", to_state="hold", quantity=1, actor="test", key="k3")
        for _ in range(2)
    ]
    assert moves[0] == moves[1]
    assert level() == {"available": 4, "reserved": 0, "quarantine": 0, "damaged": 0, "hold": 1}


@pytest.mark.parametrize("given", [{"quantity": -3}, {"quantity": 2}, {"quantity": -2, "state": "hold"}, {"set_to": 9}])
def test_a_key_that_was_used_for_another_movement_is_an_error(mug: Sku, place: Location, given: dict[str, Any]) -> None:
    change(mug, place, quantity=-2, key="k1")
    with pytest.raises(KeyConflict), transaction.atomic():
        change(mug, place, **given, key="k1")
    with pytest.raises(KeyConflict), transaction.atomic():
        change(mug, LocationFactory(), quantity=-2, key="k1")
    with pytest.raises(KeyConflict), transaction.atomic():
        move(sku=mug, location=place, from_state="available", to_state="hold", quantity=2, actor="test", key="k1")
    assert level()["available"] == 8 if StockLevel.objects.count() == 1 else True


def test_opening_stock_comes_in_batches(place: Location) -> None:
    skus = [SkuFactory() for _ in range(5)]
    rows = [(sku.pk, place.pk, units) for sku, units in zip(skus, (3, 0, 7, 1, 2), strict=True)]
    assert open_stock(rows, actor="test", reference="import", batch=2) == 4
    assert sorted(StockLevel.objects.values_list("available", flat=True)) == [1, 2, 3, 7]
    assert set(LedgerEntry.objects.values_list("reason", "reference")) == {("opening", "import")}


def test_a_past_instant_shows_the_levels_of_then(mug: Sku, place: Location) -> None:
    other = LocationFactory(code="W2")
    change(mug, place, quantity=-4)
    then = LedgerEntry.objects.latest("recorded_at").recorded_at
    change(mug, other, quantity=5)
    change(mug, place, quantity=-1)
    assert [(row.sku, row.location, row.available, row.on_hand) for row in levels_at(then)] == [("MUG", "W1", 6, 6)]
    now = levels_at(then + timedelta(days=1))
    assert [(row.location, row.available) for row in now] == [("W1", 5), ("W2", 5)]
    assert [row.location for row in levels_at(then + timedelta(days=1), location_codes=["W2"])] == ["W2"]
    assert levels_at(then + timedelta(days=1), sku_codes=["CUP"]) == []
    assert levels_at(then - timedelta(days=1)) == []


def test_on_hand_is_the_sum_of_all_states(mug: Sku, place: Location) -> None:
    change(mug, place, quantity=2, state="damaged")
    assert StockLevel.objects.annotate(units=ON_HAND).get().units == 12
    assert StockLevel.objects.get().on_hand == 12
    assert StockLevel.objects.get().unavailable == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [("damage", ("damage", "")), (" Theft ", ("theft", "")), ("fell off", ("other", "fell off")), ("", ("other", ""))],
)
def test_reasons_known_and_free(text: str, found: tuple[str, str]) -> None:
    assert parse_reason(text) == found


def test_a_reason_has_at_most_200_characters() -> None:
    with pytest.raises(ValueError, match="200"):
        parse_reason("x" * 201)
