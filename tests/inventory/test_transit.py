"""What is in transit, the transfers and their entries have to say the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F

from inventory.ledger import Posting, post
from inventory.manifest import Arrived, Units
from inventory.models import LedgerEntry, Sku, State, StockLevel, Transfer, TransferLine
from inventory.rebuild import repair, verify
from inventory.transfers import create_transfer, dispatch, receive
from tests.factories import LocationFactory, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> Sku:
    return stocked(10, place=LocationFactory(code="W1"))


@pytest.fixture
def under_way(mug: Sku) -> Transfer:
    """6 of 10 mugs left, 2 of them came."""
    w1, w2 = StockLevel.objects.get().location, LocationFactory(code="W2")
    made = create_transfer(from_location=w1, to_location=w2, lines=[Units(mug, 6)], code="T-A", actor="test")
    dispatch(made, actor="test")
    receive(made, lines=[Arrived(mug, 2)], actor="test")
    assert list(verify()) == []
    return made


def differences() -> list[tuple[Any, ...]]:
    return [(one.kind, one.sku, one.location, one.expected, one.found) for one in verify()]


def test_a_level_in_transit_that_no_transfer_explains_is_named_and_mended(under_way: Transfer) -> None:
    StockLevel.objects.filter(location__code="W2").update(in_transit=F("in_transit") + 3)
    assert differences() == [("level", "MUG", "W2", "4", "7"), ("in_transit", "MUG", "W2", "4", "7")]
    assert [one.message for one in verify()][1] == ("MUG at W2: in transit is 7, open transfers add up to 4 (+3)")
    assert repair() == 1
    assert list(verify()) == []


def test_a_line_that_its_entries_do_not_bear_out_is_named_and_no_unit_is_invented(under_way: Transfer) -> None:
    TransferLine.objects.update(received=3)
    before = list(StockLevel.objects.order_by("pk").values())
    assert differences() == [("in_transit", "MUG", "W2", "3", "4"), ("transfer", "MUG", "W2", "2", "3")]
    assert [one.message for one in verify()][1] == (
        "MUG at W2: transfer T-A counts 3 units from in_transit to available, its entries add up to 2 (+1)"
    )
    count = LedgerEntry.objects.count()
    assert repair() == 0
    assert list(StockLevel.objects.order_by("pk").values()) == before
    assert LedgerEntry.objects.count() == count


def test_entries_in_transit_without_a_transfer_are_named(mug: Sku) -> None:
    place = StockLevel.objects.get().location_id
    post([Posting(mug.pk, place, State.TRANSFER, State.IN_TRANSIT, 2, reference="T-X")], actor="test", cause="test")
    assert differences() == [("in_transit", "MUG", "W1", "0", "2"), ("transfer", "MUG", "W1", "2", "0")]


def test_a_line_without_any_level_is_named(under_way: Transfer) -> None:
    Transfer.objects.update(to_location=LocationFactory(code="W3"))
    assert differences() == [
        ("in_transit", "MUG", "W2", "0", "4"),
        ("in_transit", "MUG", "W3", "4", "0"),
        ("transfer", "MUG", "W2", "2", "0"),
        ("transfer", "MUG", "W2", "6", "0"),
        ("transfer", "MUG", "W3", "0", "2"),
        ("transfer", "MUG", "W3", "0", "6"),
    ]
