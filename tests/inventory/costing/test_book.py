"""Cost without a database: nothing is lost or made by rounding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory.costing.book import MICRO, Cost, Scope, from_micro, part, share, to_micro


def bought(*lots: tuple[int, int]) -> Scope:
    """Lots of (units, cost of each) in their order."""
    scope = Scope()
    for number, (units, each) in enumerate(lots):
        scope.receive(units, Cost(units * each * MICRO, units * each * MICRO), entry_id=number)
    return scope


def test_ten_at_5_and_ten_at_7_of_which_15_are_sold() -> None:
    scope = bought((10, 5), (10, 7))
    assert scope.issue(15) == Cost(85 * MICRO, 90 * MICRO)
    assert (scope.quantity, scope.fifo, scope.average) == (5, 35 * MICRO, 30 * MICRO)
    assert [(layer.left, layer.value) for layer in scope.layers] == [(5, 35 * MICRO)]


def test_the_last_unit_takes_all_that_is_left() -> None:
    scope = bought((3, 10))
    scope.receive(0 + 4, Cost(10 * MICRO, 10 * MICRO), entry_id=9)
    costs = [scope.issue(1) for _unit in range(7)]
    assert sum(cost.fifo for cost in costs) == sum(cost.average for cost in costs) == 40 * MICRO
    assert (scope.quantity, scope.fifo, scope.average, scope.layers) == (0, 0, 0, [])


def test_the_last_known_average_outlives_the_stock() -> None:
    scope = bought((2, 8))
    scope.issue(2)
    assert scope.unit_average() == 8 * MICRO
    assert Scope().unit_average() is None


def test_a_charge_stays_on_what_is_left_of_its_receipt() -> None:
    scope = bought((100, 5))
    (layer,) = scope.layers
    scope.issue(40)
    assert scope.charge(layer, 100 * MICRO) == Cost(60 * MICRO, 60 * MICRO)
    assert (scope.fifo, scope.average, layer.value) == (360 * MICRO, 360 * MICRO, 360 * MICRO)


def test_a_charge_comes_too_late_where_nothing_is_left() -> None:
    scope = bought((100, 5))
    (layer,) = scope.layers
    scope.issue(100)
    assert scope.charge(layer, 100 * MICRO) == Cost()
    assert scope.charge(layer, -100 * MICRO) == Cost()


@pytest.mark.parametrize(
    ("value", "weights", "shares"),
    [
        (100, [1, 1, 1], [33, 34, 33]),
        (300, [500, 1000], [100, 200]),
        (1, [1, 1], [1, 0]),
        (10, [0, 0], [5, 5]),
        (0, [3, 4], [0, 0]),
        (7, [0, 5], [0, 7]),
    ],
)
def test_shares_add_up(value: int, weights: list[int], shares: list[int]) -> None:
    assert share(value, weights) == shares


@pytest.mark.parametrize(("value", "units", "whole", "taken"), [(1, 1, 2, 1), (1, 1, 3, 0), (2, 1, 3, 1), (9, 3, 3, 9)])
def test_a_part_is_rounded_halves_up(value: int, units: int, whole: int, taken: int) -> None:
    assert part(value, units, whole) == taken


def test_millionths_are_exact() -> None:
    for text in ("0.000001", "12.500000", "1234567890123456789012.123456"):
        assert from_micro(to_micro(Decimal(text))) == Decimal(text)
    assert from_micro(-1) == Decimal("-0.000001")
