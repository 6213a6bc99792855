"""Bins are text in natural order, and move no unit."""

from __future__ import annotations

import pytest
from django.db.models import OuterRef

from inventory import bins
from inventory.bins import BinError, natural
from inventory.models import LevelBin, Location, Sku, StockLevel
from tests.factories import LocationFactory, SkuFactory, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


def names(sku: Sku) -> list[str]:
    return list(LevelBin.objects.filter(level__sku=sku).order_by("position").values_list("bin", flat=True))


def test_numbers_in_a_bin_count_as_numbers() -> None:
    said = ["B-1", "a-10", "A-2", "A-02-3", "A-2-12", "A", "10", "9"]
    assert sorted(said, key=natural) == ["9", "10", "A", "A-2", "A-02-3", "A-2-12", "a-10", "B-1"]


def test_the_longest_bin_can_be_sorted_by(place: Location) -> None:
    sku, longest = stocked(1, place=place), "1a" * 25
    bins.put(sku=sku, location=place, bins=[longest])
    assert LevelBin.objects.get().sort_key == natural(longest)


def test_levels_are_sorted_by_their_first_bin(place: Location) -> None:
    for code, given in (("X", ["A-10"]), ("Y", ["A-2", "Z"]), ("Z", ["B", "A-1"])):
        bins.put(sku=stocked(1, code=code, place=place), location=place, bins=given)
    rows = StockLevel.objects.annotate(key=bins.first_key(OuterRef("pk"))).order_by("key")
    assert [level.sku.code for level in rows.select_related("sku")] == ["Y", "X", "Z"]


def test_bins_are_put_in_their_order_added_at_the_end_and_taken_away(place: Location) -> None:
    sku = stocked(5, place=place)
    assert bins.put(sku=sku, location=place, bins=["A-10", " A-2 ", "A-10"]) == ["A-10", "A-2"]
    for name in ("B-1", "A-2"):
        bins.add(sku=sku, location=place, name=name)
    assert names(sku) == ["A-10", "A-2", "B-1"]
    bins.put(sku=sku, location=place, bins=[])
    assert names(sku) == []
    level = StockLevel.objects.get()
    assert (level.available, level.number) == (5, 1), "no unit has moved"


def test_a_sku_that_never_lay_there_may_have_its_bin_already(place: Location) -> None:
    sku = SkuFactory()
    bins.put(sku=sku, location=place, bins=[])
    assert not StockLevel.objects.exists()
    bins.put(sku=sku, location=place, bins=["A-1"])
    assert (StockLevel.objects.get().on_hand, names(sku)) == (0, ["A-1"])


@pytest.mark.parametrize("name", ["", "  ", "x" * 51, "A,B", "A\nB"])
def test_a_bin_that_cannot_be_called_so_is_refused(place: Location, name: str) -> None:
    sku = stocked(1, place=place)
    with pytest.raises(BinError, match="cannot be a bin"):
        bins.put(sku=sku, location=place, bins=["A-1", name])
    assert names(sku) == []


def test_there_are_at_most_twenty(place: Location) -> None:
    with pytest.raises(BinError, match="at most 20 bins"):
        bins.put(sku=stocked(1, place=place), location=place, bins=[str(number) for number in range(21)])
