"""Lots under load: what expires is not promised meanwhile, and no unit of a lot leaves twice."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from inventory import expiry, ledger, withdrawal
from inventory.adjustments import adjust
from inventory.errors import InsufficientStock, LotError
from inventory.ledger import Posting, post
from inventory.lot_tracking import start
from inventory.models import Location, Lot, LotLevel, Sku, State, StockLevel
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import Gate, Job, together, uncommitted, until_stuck
from tests.factories import LocationFactory, ManualChannelFactory, SkuFactory, request
from tests.inventory.lots import bring, check, days, in_place, lotted, shelf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def milk(place: Location) -> Sku:
    """4 units that expired today and 2 that have not."""
    sku = lotted()
    bring(sku, place, 4, "OLD", days(5))
    bring(sku, place, 2, "NEW", days(50))
    Lot.objects.filter(code="OLD").update(expires_on=days(0))
    return sku


def take(sku: Sku, place: Location, units: int) -> object:
    posting = Posting(sku.pk, place.pk, State.AVAILABLE, State.ADJUSTMENT, units)
    return post([posting], actor="test", cause="test")


def reserve_while_it_expires(milk: Sku, place: Location, monkeypatch: pytest.MonkeyPatch) -> Job:
    """An order takes 3 units: whom expiry concerns has been looked up by then, and the stock is not locked yet."""
    gate, locked, stops = Gate(), withdrawal.lock_levels, [True]

    def lock_levels(pairs, *, create=True):  # type: ignore[no-untyped-def]
        if stops:
            stops.clear()
            gate.stop()
        return locked(pairs, create=create)

    monkeypatch.setattr(withdrawal, "lock_levels", lock_levels)
    sweep = Job(expiry.sweep)
    gate.arrival()
    request(ManualChannelFactory(), (milk, 3), order="1")
    gate.open()
    return sweep


def test_what_was_promised_while_it_expired_goes_short(
    milk: Sku, place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reserve_while_it_expires(milk, place, monkeypatch).end() == 4
    level = StockLevel.objects.get()
    assert (level.available, level.reserved, level.hold) == (0, 2, 4)
    assert (shelf(milk), in_place(milk, "hold")) == ({"NEW": 2}, {"OLD": 4})
    check()


def test_control_without_looking_again_expiry_fails_on_what_was_promised(
    milk: Sku, place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawal, "find_losses", lambda missing, *, levels, told: [])
    sweep = reserve_while_it_expires(milk, place, monkeypatch)
    assert sweep.end() == 0, "3 of 6 are promised: 4 cannot go"
    assert shelf(milk) == {"NEW": 2, "OLD": 4}


def test_of_many_who_take_from_lots_at_once_none_takes_a_unit_twice(place: Location) -> None:
    sku = lotted()
    for number in range(5):
        bring(sku, place, 2, f"L{number}", days(10 + number))
    outcomes = together(*(lambda: take(sku, place, 3) for _ in range(4)))
    assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 1
    assert shelf(sku) == {"L4": 1}
    check()


def test_control_without_the_lock_two_take_the_same_lot(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    sku = lotted()
    bring(sku, place, 10, "A")
    monkeypatch.setattr(ledger, "lock_levels", Meeting(4).lock_levels)
    outcomes = together(*(lambda: take(sku, place, 2) for _ in range(4)))
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3


def test_a_level_that_is_made_while_lots_begin_keeps_them(place: Location) -> None:
    sku = SkuFactory(code="TEA")
    with uncommitted(lambda: start(sku, actor="test")):
        job = Job(lambda: adjust(sku=sku, location=place, quantity=1, actor="test"))
        until_stuck(job)
        assert not job.ended, "the level waits for its SKU"
    with pytest.raises(LotError, match="say of which lot"):
        job.end()
    assert not LotLevel.objects.exists()
    assert not StockLevel.objects.filter(keeps_lots=False).exists()
