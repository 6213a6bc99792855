"""Units of a SKU come in from another location while an order's units leave."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from fulfillment.models import Shipment
from fulfillment.shipping import create_shipment
from fulfillment.shipping import dispatch as ship
from inventory import reservations, transfers
from inventory.manifest import Units
from inventory.models import LedgerEntry, Location, StockLevel, Transfer
from inventory.rebuild import verify
from inventory.transfers import create_transfer, dispatch, receive
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import together
from tests.factories import LocationFactory, ManualChannelFactory, add_stock, request, stocked

pytestmark = pytest.mark.django_db(transaction=True)


class Dock:
    """5 mugs are on their way to W2, where 3 of 4 mugs are packed."""

    def __init__(self) -> None:
        source: Location = LocationFactory(code="W1", priority=2)
        self.place: Location = LocationFactory(code="W2", priority=1)
        mug = stocked(5, place=source)
        add_stock(mug, self.place, 4)
        made = create_transfer(from_location=source, to_location=self.place, lines=[Units(mug, 5)], actor="test")
        self.transfer = dispatch(made, actor="test")
        order = request(ManualChannelFactory(), (mug, 3), order="1")
        self.parcel = create_shipment(order=order, location=self.place, actor="test")

    def receive(self) -> Transfer:
        return receive(self.transfer, actor="test")

    def ship(self) -> Shipment:
        return ship(self.parcel, actor="test")

    @property
    def level(self) -> StockLevel:
        return StockLevel.objects.get(location=self.place)


@pytest.mark.parametrize("turn", range(3))
def test_both_are_in_the_ledger_one_after_the_other(turn: int) -> None:
    dock = Dock()
    outcomes = together(dock.receive, dock.ship)
    assert [type(outcome) for outcome in outcomes] == [Transfer, Shipment]
    level = dock.level
    assert (level.available, level.reserved, level.in_transit, level.number) == (6, 0, 0, 5)
    numbers = LedgerEntry.objects.filter(level=level).order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4, 5]
    assert list(verify()) == []


def test_control_without_the_lock_both_count_from_the_same_level(monkeypatch: pytest.MonkeyPatch) -> None:
    dock = Dock()
    unlocked = Meeting(2).lock_levels
    monkeypatch.setattr(transfers, "lock_levels", unlocked)
    monkeypatch.setattr(reservations, "lock_levels", unlocked)
    outcomes = together(dock.receive, dock.ship)
    # Both wrote the entry of the same number. What stopped one of them is the last line of defence, in the database.
    assert sorted(isinstance(outcome, IntegrityError) for outcome in outcomes) == [False, True]
