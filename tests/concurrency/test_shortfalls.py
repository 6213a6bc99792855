"""Units come in while others want them: the line that waits, and a new sale."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from fulfillment.models import SalesOrderLine, Shortfall
from fulfillment.shortfalls import fill_shortfalls
from inventory import reservations
from inventory.rebuild import verify
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import together
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, add_stock, numbers, sell, stocked

pytestmark = pytest.mark.django_db(transaction=True)


def fill_and_sell_at_once(turn: int = 0) -> list[object]:
    """One unit is there, one line waits for it, and one sale wants it."""
    place = LocationFactory()
    mug = stocked(1, code=f"MUG{turn}", place=place)
    channel = ChannelFactory()
    ListingFactory(channel=channel, sku=mug)
    sell(channel, (mug, 2), order="early")
    add_stock(mug, place, 1)
    return together(fill_shortfalls, lambda: sell(channel, (mug, 1), order="late"))


@pytest.mark.parametrize("turn", range(5))
def test_a_unit_that_comes_in_is_promised_once(turn: int) -> None:
    outcomes = fill_and_sell_at_once(turn)
    assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    lines = SalesOrderLine.objects.all()
    assert sum(line.reserved for line in lines) == 2
    assert sum(line.short for line in lines) == 1
    assert {numbers(line.sku) for line in lines if line.sku} == {(2, 0, 2)}
    assert Shortfall.objects.filter(closed_at=None).count() == 1
    assert list(verify()) == []


def test_control_without_the_lock_both_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting(2)
    locked = reservations.lock_levels

    def meet_at_the_last_unit(pairs, *, create=True):  # type: ignore[no-untyped-def]
        if SalesOrderLine.objects.filter(order__external_id="early", short__gt=0).exists():
            return meeting.lock_levels(pairs, create=create)
        return locked(pairs, create=create)

    monkeypatch.setattr(reservations, "lock_levels", meet_at_the_last_unit)
    outcomes = fill_and_sell_at_once()
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 1
