"""Lots leave sale at the beginning of their day, by the clock of the place where they lie."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fulfillment.models import SalesOrderLine, Shortfall
from fulfillment.returns import create_return, receive
from fulfillment.shipping import create_shipment, dispatch
from inventory import expiry
from inventory.errors import LotError
from inventory.kernel import clock
from inventory.models import LedgerEntry, Location, LotLevel, Reason, Sku, StockLevel
from inventory.recall import end_recall, recall, report
from inventory.reservations import Reserve, change_reservations
from tests.factories import ListingFactory, LocationFactory, ManualChannelFactory, request, sell
from tests.inventory.lots import bring, check, in_place, lotted, shelf

pytestmark = pytest.mark.django_db

DAY = date(2030, 6, 15)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Set the clock."""

    def set_to(*parts: int) -> None:
        instant = datetime(*parts, tzinfo=UTC)  # type: ignore[misc]
        monkeypatch.setattr(clock, "now", lambda: instant)

    set_to(2030, 6, 1)
    return set_to


@pytest.fixture
def milk() -> Sku:
    return lotted()


def test_a_lot_leaves_sale_when_its_day_begins_where_it_lies(at, milk: Sku) -> None:  # type: ignore[no-untyped-def]
    auckland: Location = LocationFactory(code="AKL", time_zone="Pacific/Auckland")  # UTC+12 in June
    denver: Location = LocationFactory(code="DEN", time_zone="America/Denver")  # UTC-6 in June
    for place in (auckland, denver):
        bring(milk, place, 4, "A", DAY)
        bring(milk, place, 3, "B", date(2030, 6, 16))
    at(2030, 6, 14, 11, 59, 59)
    assert expiry.sweep() == 0
    at(2030, 6, 14, 12, 0, 0)
    assert expiry.sweep() == 4
    assert (shelf(milk, auckland), in_place(milk, "hold", auckland)) == ({"B": 3}, {"A": 4})
    assert shelf(milk, denver) == {"A": 4, "B": 3}
    at(2030, 6, 15, 5, 59, 59)
    assert expiry.sweep() == 0
    at(2030, 6, 15, 6, 0, 0)
    assert expiry.sweep() == 4
    assert (shelf(milk, denver), in_place(milk, "hold", denver)) == ({"B": 3}, {"A": 4})
    assert [level.available for level in StockLevel.objects.order_by("pk")] == [3, 3]
    entry = LedgerEntry.objects.filter(reason=Reason.EXPIRED).latest("pk")
    assert (entry.from_state, entry.to_state, entry.quantity) == ("available", "hold", 4)
    assert (entry.reference, entry.note, entry.actor) == ("lot:MILK/A", "lot A", "system")
    assert expiry.sweep() == 0
    check()


def test_promises_keep_what_has_not_expired(at, milk: Sku) -> None:  # type: ignore[no-untyped-def]
    place: Location = LocationFactory()
    bring(milk, place, 6, "OLD", DAY)
    bring(milk, place, 4, "NEW", date(2031, 1, 1))
    change_reservations([Reserve(1, milk.pk, 4, [place.pk])], holder_kind="test", actor="test", cause="sale")
    at(2030, 6, 15)
    assert expiry.sweep() == 6
    level = StockLevel.objects.get()
    assert (level.available, level.reserved, level.hold) == (0, 4, 6)
    check()


def test_an_order_whose_units_expire_waits_for_others(at, milk: Sku) -> None:  # type: ignore[no-untyped-def]
    place: Location = LocationFactory()
    bring(milk, place, 5, "OLD", DAY)
    bring(milk, place, 2, "NEW", date(2031, 1, 1))
    channel = ManualChannelFactory()
    first = request(channel, (milk, 1), order="1")
    second = request(channel, (milk, 4), order="2")
    at(2030, 6, 15)
    assert expiry.sweep() == 5
    level = StockLevel.objects.get()
    assert (level.available, level.reserved, level.hold) == (0, 2, 5)
    lines = {line.order_id: (line.reserved, line.short) for line in SalesOrderLine.objects.all()}
    assert lines == {first.pk: (1, 0), second.pk: (1, 3)}, "those promised last go without"
    assert Shortfall.objects.get().line.order_id == second.pk
    check()


def test_soon_to_expire_are_listed_with_what_has_expired(at, milk: Sku) -> None:  # type: ignore[no-untyped-def]
    place: Location = LocationFactory()
    for number, code in enumerate(("A", "B", "C"), start=10):
        bring(milk, place, 1, code, date(2030, 6, number))
    bring(milk, place, 1, "NEVER")
    at(2030, 6, 11)

    def codes(days: int) -> list[str]:
        return sorted(row.lot.code for row in expiry.expiring(within_days=days))

    assert (codes(0), codes(1), codes(365)) == (["A", "B"], ["A", "B", "C"], ["A", "B", "C"])


# Recall -------------------------------------------------------------------------------------------------------------


def test_a_recall_takes_all_of_a_lot_off_sale_and_tells_who_got_it(milk: Sku) -> None:
    first, second = LocationFactory(code="W1"), LocationFactory(code="W2")
    bring(milk, first, 10, "A")
    bring(milk, second, 3, "A")
    bring(milk, first, 2, "B")
    channel = ManualChannelFactory(code="phone")
    gone = request(channel, (milk, 6), order="gone")
    dispatch(create_shipment(order=gone, location=first, actor="test"), actor="test")
    waits = request(channel, (milk, 6), order="waits")
    lot = LotLevel.objects.filter(lot__code="A").first().lot  # type: ignore[union-attr]
    assert recall(lot, reason="glass", actor="user:ann") == 7
    assert shelf(milk) == {"B": 2}
    assert sorted(LotLevel.objects.filter(lot=lot).values_list("level__location__code", "quarantine")) == [
        ("W1", 4), ("W2", 3),
    ]  # fmt: skip
    line = waits.lines.get()
    assert (line.reserved, line.short) == (2, 4)
    told = report(lot)
    assert [(buyer.document, buyer.shipped, buyer.returned) for buyer in told.buyers] == [("order:phone/gone", 6, 0)]
    assert [(one.location, one.units) for one in told.received] == [("W1", 10), ("W2", 3)]
    assert (told.units_here, told.units_shipped) == (7, 6)
    assert report(lot, places=[second.pk]).units_here == 3
    assert report(lot, places=[second.pk]).buyers == []
    check()


def test_of_a_recalled_lot_nothing_is_sold_until_the_recall_ends(milk: Sku) -> None:
    place: Location = LocationFactory()
    bring(milk, place, 1, "A")
    lot = LotLevel.objects.get().lot
    recall(lot, reason="glass", actor="test")
    with pytest.raises(LotError, match="lot A of MILK is recalled already"):
        recall(lot, reason="glass", actor="test")
    with pytest.raises(LotError, match="lot A was recalled and cannot be put up for sale"):
        bring(milk, place, 1, "A")
    end_recall(lot, actor="test")
    bring(milk, place, 1, "A")
    assert (shelf(milk), in_place(milk, "quarantine")) == ({"A": 1}, {"A": 1})
    with pytest.raises(LotError, match="is not recalled"):
        end_recall(lot, actor="test")


def test_what_comes_of_a_recalled_lot_by_other_ways_is_taken_off_sale(milk: Sku) -> None:
    place: Location = LocationFactory()
    bring(milk, place, 3, "A")
    lot = LotLevel.objects.get().lot
    type(lot).objects.filter(pk=lot.pk).update(recalled_at=clock.now())
    assert expiry.sweep() == 3
    assert (shelf(milk), in_place(milk, "quarantine")) == ({}, {"A": 3})
    check()


def test_what_buyers_sent_back_is_told_with_them(milk: Sku) -> None:
    place: Location = LocationFactory()
    bring(milk, place, 5, "A")
    order = request(ManualChannelFactory(code="phone"), (milk, 4), order="7")
    dispatch(create_shipment(order=order, location=place, actor="test"), actor="test")
    line = order.lines.get()
    parcel = create_return(order=order, lines=[(line, 3, "sour")], actor="test")
    receive(parcel, lines=[(line, {"restock": 1}, place)], lots={line.pk: "A"}, actor="test")
    receive(parcel, lines=[(line, {"restock": 1, "quarantine": 1}, place)], actor="test")
    assert shelf(milk) == {"A": 2}
    assert in_place(milk, "quarantine") == {"unassigned": 2}, "nobody said of which lot they are: they are not sold"
    told = parcel.lines.get()
    assert (told.restocked, told.quarantined) == (1, 2)
    lot = LotLevel.objects.get(lot__code="A").lot
    (buyer,) = report(lot).buyers
    assert (buyer.document, buyer.shipped, buyer.returned, buyer.kept) == ("order:phone/7", 4, 1, 3)
    check()


def test_a_marketplace_sale_beyond_what_may_be_sold_is_short(at, milk: Sku) -> None:  # type: ignore[no-untyped-def]
    place: Location = LocationFactory()
    bring(milk, place, 2, "OLD", DAY)
    listing = ListingFactory(sku=milk)
    at(2030, 6, 15)
    expiry.sweep()
    order = sell(listing.channel, (milk, 1))
    line = order.lines.get()
    assert (line.reserved, line.short) == (0, 1)
