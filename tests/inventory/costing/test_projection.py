"""What entries cost, by both methods, in the order in which they were seen."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory.adjustments import adjust, move
from inventory.costing.projection import behind, catch_up, rebuild
from inventory.errors import CostError, KeyConflict
from inventory.models import CostCursor, CostFact, CostLayer, CostMove, CostPosition, Location, Sku
from inventory.rebuild import verify
from tests.factories import LocationFactory, SkuFactory
from tests.inventory.costing.shop import buy, come_back, moves, ship, worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug() -> Sku:
    return SkuFactory(code="MUG")


def test_ten_at_5_and_ten_at_7_sell_15(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    buy(mug, w1, 10, "7")
    ship(mug, w1, 15)
    assert worth(mug) == (5, "35.00", "30.00")
    assert moves(mug) == [
        ("receipt", 10, "50.00", "50.00"), ("receipt", 10, "70.00", "70.00"), ("sale", -15, "-85.00", "-90.00"),
    ]  # fmt: skip
    assert [(row.units_left, row.value_left) for row in CostLayer.objects.order_by("pk")] == [(0, 0), (5, 35)]


def test_states_and_reservations_cost_nothing(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    move(sku=mug, location=w1, from_state="available", to_state="damaged", quantity=4, actor="test")
    assert worth(mug) == (10, "50.00", "50.00")
    assert CostPosition.objects.count() == 1
    assert behind() == 0


def test_without_a_cost_the_skus_own_of_that_time_is_taken_for_ever(mug: Sku, w1: Location) -> None:
    Sku.objects.filter(pk=mug.pk).update(unit_cost=Decimal("3.25"))
    buy(mug, w1, 4)
    assert worth(mug) == (4, "13.00", "13.00")
    Sku.objects.filter(pk=mug.pk).update(unit_cost=Decimal("9"))
    assert rebuild() == 1
    assert worth(mug) == (4, "13.00", "13.00")


def test_an_entry_that_was_passed_over_is_named_and_has_its_place_when_all_is_valued_anew(
    mug: Sku, w1: Location
) -> None:
    buy(mug, w1, 10, "5")
    worth(mug)
    entries = [buy(mug, w1, 3, "7"), buy(mug, w1, 2, "8")]
    # as though the first of them had been taken out behind our back while the second was lined up
    CostCursor.objects.update(number=entries[0].number)
    assert worth(mug) == (12, "66.00", "66.00")
    assert [one.message for one in verify()] == ["MUG in MAIN: 12 units are valued, the ledger has 15 (-3)"]
    assert rebuild() == 3
    assert worth(mug) == (15, "87.00", "87.00")
    assert list(verify()) == []
    assert rebuild() == 3


def test_without_any_cost_the_last_known_average_is_taken(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    ship(mug, w1, 10)
    buy(mug, w1, 2)
    assert worth(mug) == (2, "10.00", "10.00")
    assert not CostMove.objects.filter(is_unknown=True).exists()


def test_a_cost_that_nobody_knows_is_nothing_and_is_said(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 3)
    assert worth(mug) == (3, "0.00", "0.00")
    assert CostMove.objects.get(is_unknown=True).quantity == 3


def test_returned_units_come_back_at_what_they_left_with(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    buy(mug, w1, 10, "7")
    ship(mug, w1, 12)  # 10 x 5 + 2 x 7
    buy(mug, w1, 1, "100")
    come_back(mug, w1, 3)
    come_back(mug, w1, 9)
    assert moves(mug)[-2:] == [("return", 3, "16.00", "18.00"), ("return", 9, "48.00", "54.00")]
    assert worth(mug) == (21, "220.00", "220.00")


def test_units_that_never_left_come_back_at_the_average(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    come_back(mug, w1, 1, "return:7 order:elsewhere/2")
    assert worth(mug) == (11, "55.00", "55.00")


def test_a_loss_and_what_is_found_are_adjustments(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    adjust(sku=mug, location=w1, quantity=-2, reason="theft", actor="test")
    adjust(sku=mug, location=w1, quantity=1, reason="found", actor="test")
    assert worth(mug) == (9, "45.00", "45.00")
    assert [row[0] for row in moves(mug)] == ["receipt", "adjustment", "adjustment"]


def test_cents_of_rounding_are_carried_to_the_next_move(mug: Sku, w1: Location) -> None:
    for _unit in range(10):
        buy(mug, w1, 1, "0.004")
    catch_up()
    booked = [Decimal(row[2]) for row in moves(mug)]
    assert sum(booked) == Decimal("0.04")
    assert set(booked) == {Decimal("0.00"), Decimal("0.01")}
    ship(mug, w1, 3)
    ship(mug, w1, 7)
    assert worth(mug) == (0, "0.00", "0.00")
    assert sum(Decimal(row[3]) for row in moves(mug)) == 0


def test_a_third_is_divided_without_a_rest(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 3, "3.333333")
    for _unit in range(3):
        ship(mug, w1, 1)
    assert worth(mug) == (0, "0.00", "0.00")
    assert [row[2] for row in moves(mug)] == ["10.00", "-3.33", "-3.34", "-3.33"]


def test_made_anew_it_is_the_same(mug: Sku, w1: Location) -> None:
    test_returned_units_come_back_at_what_they_left_with(mug, w1)
    columns = ("kind", "quantity", "fifo_cost", "average_cost", "fifo_after", "average_after", "booked_at", "document")
    before = list(CostMove.objects.order_by("pk").values_list(*columns))
    layers = list(CostLayer.objects.order_by("pk").values_list("entry", "quantity", "units_left", "value_left"))
    assert rebuild() == 6
    assert list(CostMove.objects.order_by("pk").values_list(*columns)) == before
    assert list(CostLayer.objects.order_by("pk").values_list("entry", "quantity", "units_left", "value_left")) == layers
    assert list(verify()) == []


def test_a_cost_is_of_what_comes_in_and_a_retry_says_the_same(mug: Sku, w1: Location) -> None:
    first = buy(mug, w1, 10, "5", key="k")
    assert buy(mug, w1, 10, "5.00", key="k") == first
    with pytest.raises(KeyConflict):
        buy(mug, w1, 10, "6", key="k")
    with pytest.raises(KeyConflict):
        buy(mug, w1, 10, key="k")
    with pytest.raises(CostError, match="the cost at which they came"):
        adjust(sku=mug, location=w1, quantity=-1, unit_cost=Decimal(5), actor="test")
    for wrong in ("-1", "0.0000001", "NaN", "1E+20"):
        with pytest.raises(CostError):
            buy(mug, w1, 1, wrong)
    assert CostFact.objects.count() == 1
    assert worth(mug) == (10, "50.00", "50.00")


def test_the_checker_names_what_was_altered(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    ship(mug, w1, 4)
    catch_up()
    assert list(verify()) == []
    CostLayer.objects.update(units_left=7)
    CostMove.objects.filter(kind="sale").update(fifo_after=99)
    said = [difference.message for difference in verify()]
    assert "MUG in MAIN: its layers have 7 units left, 6 are valued (+1)" in said
    assert any("expected are 6 / 30.000000 / 30.000000" in one for one in said)
    rebuild()
    assert list(verify()) == []


def test_the_checker_is_content_while_valuing_lags(mug: Sku, w1: Location) -> None:
    buy(mug, w1, 10, "5")
    catch_up()
    ship(mug, w1, 4)
    assert behind() == 1
    assert list(verify()) == []
