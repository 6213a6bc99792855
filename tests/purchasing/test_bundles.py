"""Kits are demand for their components: what is sold of them, and what is short of them."""

from __future__ import annotations

import pytest

from inventory.models import Location, Sku
from purchasing.models import ReorderAlert
from purchasing.replenishment import check_reorder
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ReorderRuleFactory,
    add_stock,
    bundle,
    sell,
    stocked,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory()
    return place


@pytest.fixture
def parts(place: Location) -> list[Sku]:
    """10 A and 100 B, to be bought again at 5 A."""
    skus = [stocked(10, code="A", place=place), stocked(100, code="B", place=place)]
    ReorderRuleFactory(sku=skus[0], reorder_point=5)
    check_reorder()
    return skus


def positions() -> list[int]:
    return list(ReorderAlert.objects.order_by("pk").values_list("position", flat=True))


def sell_kits(kit: Sku, units: int) -> None:
    channel = ChannelFactory()
    ListingFactory(channel=channel, sku=kit)
    sell(channel, (kit, units))
    check_reorder()


def test_a_kit_that_is_sold_crosses_its_components_reorder_point(parts: list[Sku]) -> None:
    kit = bundle({parts[0]: 2, parts[1]: 1})
    sell_kits(kit, 2)
    assert positions() == []
    sell_kits(kit, 1)
    assert positions() == [4]


def test_kits_that_are_short_are_demand_for_their_components(parts: list[Sku]) -> None:
    """5 kits take all A; 3 more are short, and want 6."""
    sell_kits(bundle({parts[0]: 2, parts[1]: 1}), 8)
    assert positions() == [-6]


def test_short_kits_that_are_packed_before_want_no_components(parts: list[Sku], place: Location) -> None:
    kit = bundle({parts[0]: 2, parts[1]: 1}, mode="pre_packed")
    add_stock(kit, place, 1)
    sell_kits(kit, 4)
    assert positions() == []
