"""Lots: first what expires first, the oldest of equals, those without a date last; and each unit's lot is known throughout."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory.adjustments import adjust, move, open_stock
from inventory.errors import InsufficientStock, InvalidMovement, KeyConflict, LotError, LotShort
from inventory.ledger import Posting, post
from inventory.lot_tracking import assign, name_lot, start, stop
from inventory.models import Location, Lot, LotEntry, LotLevel, Sku, State, StockLevel
from inventory.rebuild import repair, verify
from inventory.reservations import Fulfil, Reserve, change_reservations
from tests.factories import LocationFactory, SkuFactory, add_stock, stocked
from tests.inventory.lots import bring, check, days, in_place, lotted, shelf

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def milk() -> Sku:
    return lotted()


def ship(sku: Sku, place: Location, units: int, *, lot: Lot | None = None) -> None:
    steps = [Reserve(1, sku.pk, units, [place.pk], whole=True), Fulfil(1, units, lot=lot)]
    change_reservations(steps, holder_kind="test", actor="test", cause="shipment")


def take(sku: Sku, place: Location, units: int, **named: str) -> None:
    adjust(sku=sku, location=place, quantity=-units, reason="loss", actor="test", **named)  # type: ignore[arg-type]


def test_what_expires_first_leaves_first_and_what_never_does_leaves_last(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "NEVER")
    bring(milk, place, 4, "LATE", days(90))
    bring(milk, place, 3, "SOON", days(10))
    ship(milk, place, 2)
    assert shelf(milk) == {"LATE": 4, "NEVER": 5, "SOON": 1}
    ship(milk, place, 4)
    assert shelf(milk) == {"LATE": 1, "NEVER": 5}
    ship(milk, place, 3)
    assert shelf(milk) == {"NEVER": 3}
    check()


def test_of_lots_that_expire_on_one_day_the_oldest_leaves_first(milk: Sku, place: Location) -> None:
    for code in ("B", "A", "C"):
        bring(milk, place, 2, code, days(30))
    ship(milk, place, 3)
    assert shelf(milk) == {"A": 1, "C": 2}


def test_a_promise_pins_no_lot_and_moves_none(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "A", days(30))
    entries = LotEntry.objects.count()
    change_reservations([Reserve(1, milk.pk, 2, [place.pk])], holder_kind="test", actor="test", cause="sale")
    assert LotEntry.objects.count() == entries
    bring(milk, place, 3, "SOONER", days(5))
    change_reservations([Fulfil(1, 2)], holder_kind="test", actor="test", cause="shipment")
    assert shelf(milk) == {"A": 3, "SOONER": 1}
    check()


def test_a_lot_that_is_named_leaves_out_of_turn(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "SOON", days(5))
    bring(milk, place, 3, "LATE", days(50))
    ship(milk, place, 2, lot=Lot.objects.get(code="LATE"))
    take(milk, place, 1, lot="LATE")
    assert shelf(milk) == {"SOON": 3}
    check()


def test_units_that_come_name_their_lot(milk: Sku, place: Location) -> None:
    with pytest.raises(LotError, match="MILK keeps lots: say of which lot the 5 units are"):
        add_stock(milk, place, 5)
    assert LotLevel.objects.count() == 0


def test_a_lot_that_is_not_there_cannot_be_taken_from(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "A")
    with pytest.raises(LotError, match="MILK has no lot B"):
        take(milk, place, 1, lot="B")


def test_more_than_a_lot_has_cannot_be_taken(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "A")
    bring(milk, place, 9, "B")
    with pytest.raises(LotShort, match=r"lot A of MILK at W1 \(shelf\): 4 wanted, 3 there") as refused:
        take(milk, place, 4, lot="A")
    (line,) = refused.value.lines
    assert (line.sku, line.location, line.wanted, line.available) == ("MILK", "W1", 4, 3)


def test_a_sku_without_lots_takes_none(place: Location) -> None:
    mug = stocked(5, place=place)
    with pytest.raises(LotError, match="MUG keeps no lots: leave the lot A out"):
        adjust(sku=mug, location=place, quantity=1, lot="A", actor="test")
    lot = Lot.objects.create(sku=mug, code="A", created_at=StockLevel.objects.get().entries.get().recorded_at)
    with pytest.raises(LotError, match="MUG keeps no lots"):
        post([Posting(mug.pk, place.pk, "adjustment", "available", 1, lot=lot)], actor="test", cause="test")


def test_a_lot_of_another_sku_is_refused(milk: Sku, place: Location) -> None:
    other = name_lot(lotted("TEA"), "A")
    with pytest.raises(LotError, match="lot A is of another SKU than MILK"):
        post([Posting(milk.pk, place.pk, "adjustment", "available", 1, lot=other)], actor="test", cause="test")


def test_a_lot_has_one_expiry_date_for_ever(milk: Sku, place: Location) -> None:
    bring(milk, place, 1, "A", date(2099, 1, 31))
    bring(milk, place, 1, "A")
    bring(milk, place, 1, "A", date(2099, 1, 31))
    said = "lot A of MILK expires on 2099-01-31, not on 2099-02-28; a lot has one expiry date for ever"
    with pytest.raises(LotError, match=said):
        bring(milk, place, 1, "A", date(2099, 2, 28))
    bring(milk, place, 1, "B")
    with pytest.raises(LotError, match="lot B of MILK has no expiry date, not 2099-02-28"):
        bring(milk, place, 1, "B", date(2099, 2, 28))
    assert shelf(milk) == {"A": 3, "B": 1}


@pytest.mark.parametrize("code", ["", " ", "a/b", "..", "x" * 101, "a\nb"])
def test_a_lot_is_named_by_text_that_fits_into_an_address(milk: Sku, code: str) -> None:
    with pytest.raises(LotError, match="cannot be a lot"):
        name_lot(milk, code)


def test_states_are_kept_by_lot(milk: Sku, place: Location) -> None:
    bring(milk, place, 4, "SOON", days(5))
    bring(milk, place, 4, "LATE", days(50))
    common = {"sku": milk, "location": place, "actor": "test"}
    move(from_state="available", to_state="damaged", quantity=1, lot="LATE", **common)  # type: ignore[arg-type]
    move(from_state="available", to_state="quarantine", quantity=5, **common)  # type: ignore[arg-type]
    assert (shelf(milk), in_place(milk, "damaged")) == ({"LATE": 2}, {"LATE": 1})
    assert in_place(milk, "quarantine") == {"SOON": 4, "LATE": 1}
    move(from_state="quarantine", to_state="available", quantity=1, lot="LATE", **common)  # type: ignore[arg-type]
    with pytest.raises(LotShort):
        move(from_state="damaged", to_state="available", quantity=1, lot="SOON", **common)  # type: ignore[arg-type]
    assert shelf(milk) == {"LATE": 3}
    check()


def test_an_expired_lot_is_not_shipped_even_before_it_left_the_shelf(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "OLD", days(5))
    bring(milk, place, 2, "GOOD", days(50))
    Lot.objects.filter(code="OLD").update(expires_on=days(0))
    ship(milk, place, 1)
    assert shelf(milk) == {"GOOD": 1, "OLD": 3}
    said = rf"MILK at W1 \(shelf\): 2 wanted, 1 there of lots that may leave; lot OLD expired on {days(0)} \(3 units\)"
    with pytest.raises(LotShort, match=said), transaction.atomic():
        ship(milk, place, 2)
    with pytest.raises(LotShort, match="lot OLD expired on"), transaction.atomic():
        ship(milk, place, 1, lot=Lot.objects.get(code="OLD"))
    take(milk, place, 2)
    assert shelf(milk) == {"GOOD": 1, "OLD": 1}, "what is lost is lost: the expired ones first"


def test_an_expired_lot_is_not_put_up_for_sale(milk: Sku, place: Location) -> None:
    name_lot(milk, "OLD", expires_on=days(-1))
    with pytest.raises(LotError, match=f"MILK: lot OLD expired on {days(-1)} and cannot be put up for sale"):
        bring(milk, place, 1, "OLD")
    adjust(sku=milk, location=place, quantity=2, state="hold", lot="OLD", actor="test")
    with pytest.raises(LotShort, match="lot OLD expired on"):
        move(sku=milk, location=place, from_state="hold", to_state="available", quantity=1, actor="test")
    assert in_place(milk, "hold") == {"OLD": 2}


def test_a_retry_with_another_lot_is_a_conflict(milk: Sku, place: Location) -> None:
    first = adjust(sku=milk, location=place, quantity=2, lot="A", actor="test", key="k")
    assert adjust(sku=milk, location=place, quantity=2, lot="A", actor="test", key="k") == first
    with pytest.raises(KeyConflict):
        adjust(sku=milk, location=place, quantity=2, lot="B", actor="test", key="k")
    assert shelf(milk) == {"A": 2}


def test_set_to_is_about_all_lots_together(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "A", days(5))
    bring(milk, place, 5, "B", days(9))
    with pytest.raises(InvalidMovement, match="set_to is the number of all lots together"):
        adjust(sku=milk, location=place, set_to=3, lot="A", actor="test")
    adjust(sku=milk, location=place, set_to=4, actor="test")
    assert shelf(milk) == {"B": 4}


# Switching on and off ----------------------------------------------------------------------------------------------


def test_what_is_there_when_lots_begin_is_of_the_lot_unassigned(place: Location) -> None:
    mug = stocked(7, place=place)
    move(sku=mug, location=place, from_state="available", to_state="damaged", quantity=2, actor="test")
    change_reservations([Reserve(1, mug.pk, 4, [place.pk])], holder_kind="test", actor="test", cause="sale")
    before = StockLevel.objects.get().entries.count()
    start(mug, actor="test")
    assert (shelf(mug), in_place(mug, "damaged")) == ({"unassigned": 5}, {"unassigned": 2})
    assert StockLevel.objects.get().entries.count() == before, "no unit has moved"
    check()
    bring(mug, place, 1, "A", days(9))
    change_reservations([Fulfil(1, 4)], holder_kind="test", actor="test", cause="shipment")
    assert shelf(mug) == {"unassigned": 2}
    check()


def test_lots_that_begin_twice_begin_once(place: Location) -> None:
    mug = stocked(7, place=place)
    start(mug, actor="test")
    start(mug, actor="test")
    assert shelf(mug) == {"unassigned": 7}


def test_lots_do_not_end_while_they_have_units(milk: Sku, place: Location) -> None:
    bring(milk, place, 3, "A")
    with pytest.raises(LotError, match=r"MILK goes on keeping lots while they have units: A \(3 @ W1\)"):
        stop(milk, actor="test")
    take(milk, place, 3)
    stop(milk, actor="test")
    add_stock(milk, place, 4)
    assert (shelf(milk), StockLevel.objects.get().keeps_lots) == ({}, False)
    start(milk, actor="test")
    assert shelf(milk) == {"unassigned": 4}
    check()


def test_a_new_level_keeps_lots_as_its_sku_does(milk: Sku) -> None:
    bring(milk, LocationFactory(), 1, "A")
    add_stock(SkuFactory(code="MUG"), LocationFactory(), 1)
    assert dict(StockLevel.objects.values_list("sku__code", "keeps_lots")) == {"MILK": True, "MUG": False}


def test_opening_stock_in_bulk_names_no_lot(milk: Sku, place: Location) -> None:
    open_stock([(milk.pk, place.pk, 6)], actor="test")
    assert shelf(milk) == {"unassigned": 6}
    check()


def test_units_of_a_lot_that_nobody_knew_are_given_theirs(milk: Sku, place: Location) -> None:
    open_stock([(milk.pk, place.pk, 6)], actor="test")
    unassigned, known = Lot.objects.get(code="unassigned"), name_lot(milk, "A", expires_on=days(9))
    common = {"target": known, "location": place, "place": "shelf", "actor": "test"}
    assign(lot=unassigned, quantity=4, **common)  # type: ignore[arg-type]
    assert shelf(milk) == {"A": 4, "unassigned": 2}
    with pytest.raises(LotShort, match="lot unassigned of MILK at W1"):
        assign(lot=unassigned, quantity=3, **common)  # type: ignore[arg-type]
    with pytest.raises(InvalidMovement):
        assign(lot=known, quantity=1, **common)  # type: ignore[arg-type]
    check()


# What it costs ------------------------------------------------------------------------------------------------------


def statements(post_it: object) -> int:
    with CaptureQueriesContext(connection) as queries:
        post_it()  # type: ignore[operator]
    return len([query for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))])


def test_lots_cost_three_statements_however_many_there_are_and_others_none(place: Location) -> None:
    def posting(sku: Sku, units: int) -> Posting:
        return Posting(sku.pk, place.pk, State.AVAILABLE, State.ADJUSTMENT, units)

    mug, milk = stocked(50, place=place), lotted()
    for number in range(10):
        bring(milk, place, 5, f"L{number}", days(10 + number))
    others = statements(lambda: post([posting(mug, 1)], actor="test", cause="test"))
    one = statements(lambda: post([posting(milk, 1)], actor="test", cause="test"))
    many = statements(lambda: post([posting(milk, 30), posting(mug, 3)], actor="test", cause="test"))
    assert (one - others, many - others) == (3, 3)
    assert shelf(milk) == {"L6": 4, "L7": 5, "L8": 5, "L9": 5}


def test_a_reservation_costs_a_sku_with_lots_no_statement_more(place: Location) -> None:
    def reserve(sku: Sku, holder: int) -> int:
        step = Reserve(holder, sku.pk, 1, [place.pk])
        return statements(lambda: change_reservations([step], holder_kind="test", actor="test", cause="sale"))

    mug, milk = stocked(5, place=place), lotted()
    bring(milk, place, 5, "A")
    assert reserve(milk, 1) == reserve(mug, 2)


# The checker --------------------------------------------------------------------------------------------------------


def test_units_of_a_lot_that_were_altered_are_named_and_mended(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "A")
    LotLevel.objects.update(shelf=8)
    assert [one.message for one in verify()] == [
        "MILK at W1: shelf of all lots is 8, the level has 5 (+3)",
        "MILK at W1, lot A: shelf is 8, its entries say 5 (+3)",
    ]
    assert repair() == 1
    check()


def test_units_moved_from_one_lot_to_another_behind_our_back_are_named(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "A")
    bring(milk, place, 5, "B")
    LotLevel.objects.filter(lot__code="A").update(shelf=3)
    LotLevel.objects.filter(lot__code="B").update(shelf=7)
    assert [one.message for one in verify()] == [
        "MILK at W1, lot A: shelf is 3, its entries say 5 (-2)",
        "MILK at W1, lot B: shelf is 7, its entries say 5 (+2)",
    ]
    LotLevel.objects.all().delete()
    assert {one.kind for one in verify()} == {"lot_sum", "lot_level"}
    repair()
    assert shelf(milk) == {"A": 5, "B": 5}


def test_a_level_that_forgot_its_lots_is_named(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "A")
    StockLevel.objects.update(keeps_lots=False)
    assert [one.message for one in verify()] == ["MILK at W1: the level keeps no lots, its SKU keeps lots"]


@pytest.mark.parametrize("statement", ["UPDATE inventory_lotentry SET quantity = 1", "DELETE FROM inventory_lotentry",
                                       "TRUNCATE inventory_lotentry"])  # fmt: skip
def test_the_trace_cannot_be_changed(milk: Sku, place: Location, statement: str) -> None:
    bring(milk, place, 5, "A")
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_more_than_there_is_cannot_be_taken_of_all_lots(milk: Sku, place: Location) -> None:
    bring(milk, place, 5, "A")
    with pytest.raises(InsufficientStock, match="MILK at W1: 6 wanted, 5 there"):
        take(milk, place, 6)
