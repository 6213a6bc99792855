"""Lots on their way between locations, and lots when stock is counted."""

from __future__ import annotations

from typing import Any

import pytest

from fulfillment.models import SalesOrderLine
from inventory import count_approval, counts, expiry, transfers
from inventory.counts import Take
from inventory.errors import LotShort
from inventory.imports.kinds import stock
from inventory.ledger import post
from inventory.lot_tracking import start
from inventory.manifest import Arrived, Units
from inventory.models import Location, Lot, LotLevel, Sku, StockLevel, Transfer
from inventory.recall import recall
from tests.factories import LocationFactory, ManualChannelFactory, bundle, request, stocked
from tests.inventory.lots import bring, check, days, in_place, lotted, shelf

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def shop() -> Location:
    place: Location = LocationFactory(code="SHOP")
    return place


@pytest.fixture
def milk(w1: Location) -> Sku:
    sku = lotted()
    bring(sku, w1, 4, "SOON", days(20))
    bring(sku, w1, 6, "LATE", days(60))
    return sku


def draft(sku: Sku, source: Location, target: Location, units: int) -> Transfer:
    return transfers.create_transfer(from_location=source, to_location=target, lines=[Units(sku, units)], actor="test")


def test_lots_travel_with_their_units(milk: Sku, w1: Location, shop: Location) -> None:
    held = draft(milk, w1, shop, 6)
    transfers.dispatch(held, actor="test")
    assert (shelf(milk), in_place(milk, "in_transit", shop)) == ({"LATE": 4}, {"SOON": 4, "LATE": 2})
    transfers.receive(held, lines=[Arrived(milk, 3, 1)], actor="test")
    assert (shelf(milk, shop), in_place(milk, "damaged", shop)) == ({"SOON": 3}, {"SOON": 1})
    transfers.report_lost(held, lines=[Units(milk, 1)], actor="test")
    transfers.receive(held, actor="test")
    assert (shelf(milk, shop), in_place(milk, "in_transit")) == ({"SOON": 3, "LATE": 1}, {})
    check()


@pytest.mark.parametrize("ends", [transfers.receive, transfers.cancel])
def test_what_expired_on_its_way_is_never_put_up_for_sale(milk: Sku, w1: Location, shop: Location, ends: Any) -> None:
    held = draft(milk, w1, shop, 6)
    transfers.dispatch(held, actor="test")
    Lot.objects.filter(code="SOON").update(expires_on=days(-2))
    ends(held, actor="test")
    place, left = (shop, {"LATE": 2}) if ends is transfers.receive else (w1, {"LATE": 6})
    level = StockLevel.objects.get(sku=milk, location=place)
    assert (shelf(milk, place), in_place(milk, "hold", place)) == (left, {"SOON": 4})
    assert (level.available, level.hold) == (left["LATE"], 4)
    check()


def test_what_was_recalled_on_its_way_comes_into_quarantine(milk: Sku, w1: Location, shop: Location) -> None:
    held = draft(milk, w1, shop, 6)
    transfers.dispatch(held, actor="test")
    recall(Lot.objects.get(code="SOON"), reason="glass", actor="test")
    transfers.receive(held, lines=[Arrived(milk, 4, 1)], actor="test")
    got = shelf(milk, shop), in_place(milk, "quarantine"), in_place(milk, "damaged")
    assert got == ({}, {"SOON": 4}, {"LATE": 1}), "of what came, the good units are those that expire first"
    check()


def test_of_two_transfers_each_brings_what_it_was_sent(milk: Sku, w1: Location, shop: Location) -> None:
    first, second = draft(milk, w1, shop, 4), draft(milk, w1, shop, 3)
    transfers.dispatch(first, actor="test")
    transfers.dispatch(second, actor="test")
    assert in_place(milk, "in_transit", shop) == {"SOON": 4, "LATE": 3}
    transfers.receive(second, actor="test")
    assert (shelf(milk, shop), in_place(milk, "in_transit", shop)) == ({"LATE": 3}, {"SOON": 4})
    transfers.receive(first, lines=[Arrived(milk, 2)], actor="test")
    transfers.cancel(first, actor="test")
    assert (shelf(milk, shop), shelf(milk, w1)) == ({"LATE": 3, "SOON": 2}, {"SOON": 2, "LATE": 3})
    check()


def test_a_lot_may_be_named_to_leave_and_to_come(milk: Sku, w1: Location, shop: Location) -> None:
    soon, late = Lot.objects.get(code="SOON"), Lot.objects.get(code="LATE")
    held = draft(milk, w1, shop, 5)
    transfers.dispatch(held, lines=[Units(milk, 2, late)], actor="test")
    transfers.dispatch(held, lines=[Units(milk, 3, soon)], actor="test")
    assert in_place(milk, "in_transit", shop) == {"SOON": 3, "LATE": 2}
    transfers.receive(held, lines=[Arrived(milk, 1, lot=late)], actor="test")
    with pytest.raises(LotShort, match=r"lot LATE of MILK at SHOP \(in transit\): 2 wanted, 1 there"):
        transfers.receive(held, lines=[Arrived(milk, 2, lot=late)], actor="test")
    assert shelf(milk, shop) == {"LATE": 1}


def test_an_expired_lot_is_not_sent_to_be_sold_elsewhere(milk: Sku, w1: Location, shop: Location) -> None:
    Lot.objects.filter(code="SOON").update(expires_on=days(-1))
    with pytest.raises(LotShort, match="10 wanted, 6 there of lots that may leave"):
        transfers.dispatch(draft(milk, w1, shop, 10), actor="test")
    transfers.dispatch(draft(milk, w1, shop, 6), actor="test")
    assert in_place(milk, "in_transit") == {"LATE": 6}


def test_what_is_under_way_when_lots_begin_comes_as_unassigned(w1: Location, shop: Location) -> None:
    mug = stocked(10, place=w1)
    first, second = draft(mug, w1, shop, 4), draft(mug, w1, shop, 3)
    transfers.dispatch(first, actor="test")
    start(mug, actor="test")
    bring(mug, w1, 5, "A", days(3))
    transfers.dispatch(second, actor="test")
    assert in_place(mug, "in_transit") == {"unassigned": 4, "A": 3}
    check()
    transfers.receive(first, actor="test")
    assert shelf(mug, shop) == {"unassigned": 4}
    transfers.cancel(second, actor="test")
    assert shelf(mug, w1) == {"unassigned": 6, "A": 5}
    check()


def test_what_a_count_misses_was_of_the_lot_that_expires_first(milk: Sku, w1: Location) -> None:
    approve_count(milk, w1, 5)
    assert shelf(milk) == {"LATE": 5}
    check()


def test_what_a_count_finds_is_of_no_known_lot(milk: Sku, w1: Location) -> None:
    approve_count(milk, w1, 12)
    assert shelf(milk) == {"SOON": 4, "LATE": 6, "unassigned": 2}
    assert LotLevel.objects.count() == 3
    check()


def approve_count(sku: Sku, place: Location, found: int) -> None:
    count = counts.open_count(location=place, skus=[sku], actor="ann")
    counts.count_lines(count, [Take(sku, found)], actor="ann")
    counts.submit(count, actor="ann")
    count_approval.approve(count, actor="ben")


def test_a_kit_whose_component_expires_is_short(w1: Location) -> None:
    tea, cup = lotted("TEA"), stocked(5, code="CUP", place=w1)
    bring(tea, w1, 4, "OLD", days(5))
    kit = bundle({tea: 2, cup: 1})
    request(ManualChannelFactory(code="phone"), (kit, 2), order="1")
    Lot.objects.filter(code="OLD").update(expires_on=days(-1))
    assert expiry.sweep() == 4
    line = SalesOrderLine.objects.get()
    assert (line.reserved, line.short) == (0, 2)
    assert (in_place(tea, "hold"), StockLevel.objects.get(sku=cup).available) == ({"OLD": 4}, 5)
    check()


def test_stock_that_comes_by_file_names_no_lot(milk: Sku, w1: Location) -> None:
    posting = stock._posting((milk.pk, w1.pk, "available"), 3, reason="receipt", note="", reference="IMP-1", key="k")
    post([posting], actor="test", cause="import")
    assert shelf(milk) == {"SOON": 4, "LATE": 6, "unassigned": 3}
