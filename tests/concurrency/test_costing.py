"""Entries that commit late, with an earlier id than others that were valued: none is missed, none comes before those."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.costing import order
from inventory.costing.projection import behind, catch_up, lock_horizon, rebuild
from inventory.models import CostHorizon, CostMove, CostPosition, LedgerEntry, Location, Sku
from inventory.rebuild import verify
from tests.concurrency.threads import Job, together, uncommitted, until_stuck
from tests.factories import LocationFactory, SkuFactory, add_stock
from tests.inventory.costing.shop import buy, ship, worth

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def places() -> tuple[Location, Location]:
    return LocationFactory(code="W1"), LocationFactory(code="W2")


@pytest.fixture
def mug(places: tuple[Location, Location]) -> Sku:
    """A level at both places, so that only the entries race."""
    sku: Sku = SkuFactory(code="MUG")
    for place in places:
        buy(sku, place, 10, "5")
    assert worth(sku) == (20, "100.00", "100.00")
    return sku


def look() -> None:
    """Often enough for the horizon to move on as far as it ever will."""
    for _turn in range(3):
        assert catch_up()


def late_commit(mug: Sku, places: tuple[Location, Location]) -> tuple[int, int]:
    """Sales at both places; the first to draw an id is the last to commit. Both ids: the late one, the other."""
    with uncommitted(lambda: ship(mug, places[0], 1, "shipment:1 order:late/1")):
        ship(mug, places[1], 2, "shipment:2 order:early/1")
        look()
        early = LedgerEntry.objects.get(to_state="customer").pk
    look()
    late = LedgerEntry.objects.filter(to_state="customer").exclude(pk=early).get().pk
    assert late < early
    return late, early


def test_a_late_entry_is_not_missed_and_takes_its_place_after_the_others(
    mug: Sku, places: tuple[Location, Location]
) -> None:
    late, early = late_commit(mug, places)
    assert behind() == 0
    order_of_two = list(CostPosition.objects.order_by("pk").values_list("entry", flat=True))[-2:]
    assert order_of_two == [early, late]
    assert worth(mug) == (17, "85.00", "85.00")
    booked = list(CostMove.objects.order_by("pk").values_list("booked_at", flat=True))
    assert booked == sorted(booked), "a past instant reads the same before and after the late one"
    assert list(verify()) == []
    before = list(CostMove.objects.order_by("pk").values_list("position", "fifo_after"))
    rebuild()
    assert list(CostMove.objects.order_by("pk").values_list("position", "fifo_after")) == before


def test_control_going_by_the_last_id_that_is_seen_misses_it(
    mug: Sku, places: tuple[Location, Location], monkeypatch: pytest.MonkeyPatch
) -> None:
    def last_seen(cursor: Any, horizon: CostHorizon) -> int:
        cursor.execute("SELECT max(id) FROM inventory_ledgerentry")
        return int(cursor.fetchone()[0])

    monkeypatch.setattr(order, "settled_id", last_seen)
    late, _early = late_commit(mug, places)
    assert not CostPosition.objects.filter(entry=late).exists()
    assert [difference.message for difference in verify()] == [
        "MUG at W1: entry 2 was passed over when entries were lined up"
    ]
    assert worth(mug) == (18, "90.00", "90.00")


def newest() -> int:
    return LedgerEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]


def test_what_is_settled_is_not_looked_at_again(mug: Sku, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no other transaction under way: those of the server's other databases would hold it too."""
    monkeypatch.setattr(order, "_RUNNING", "SELECT 7::bigint, 7::bigint")
    CostHorizon.objects.update(pending_xid=7)
    look()
    assert CostHorizon.objects.get().seen_id == newest()


def test_an_open_transaction_holds_the_horizon_but_not_the_valuing(mug: Sku, places: tuple[Location, Location]) -> None:
    before = newest()
    with uncommitted(lambda: add_stock(mug, places[0], 1)):
        ship(mug, places[1], 2)
        look()
        assert CostHorizon.objects.get().seen_id <= before
        assert worth(mug) == (18, "90.00", "90.00")
    look()
    assert worth(mug) == (19, "95.00", "95.00")


def test_several_workers_value_each_entry_once(mug: Sku, places: tuple[Location, Location]) -> None:
    for _turn in range(5):
        ship(mug, places[0], 1)
    together(*[lambda: catch_up(wait=True)] * 4)
    assert CostMove.objects.count() == CostPosition.objects.count() == 7
    assert worth(mug) == (15, "75.00", "75.00")


def test_a_worker_leaves_it_to_whoever_is_at_it_and_a_closing_waits(mug: Sku) -> None:
    with uncommitted(lock_horizon):
        assert catch_up() is False
        waiting = Job(lambda: catch_up(wait=True))
        until_stuck(waiting)
        assert not waiting.ended
    assert waiting.end() is True
