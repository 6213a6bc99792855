"""Units on their way between locations: where they are after each step, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from inventory.errors import InsufficientStock, KeyConflict
from inventory.manifest import Arrived, NotYours, TransferError, Units, WrongStep
from inventory.models import LedgerEntry, Location, Sku, StockLevel, Transfer, TransferLine
from inventory.rebuild import verify
from inventory.transfers import amend, cancel, create_transfer, dispatch, receive, report_lost
from tests.factories import LocationFactory, SkuFactory, add_stock, stocked

pytestmark = pytest.mark.django_db

ANN = "user:ann"


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def w2() -> Location:
    return LocationFactory(code="W2")


@pytest.fixture
def mug(w1: Location) -> Sku:
    return stocked(10, place=w1)


@pytest.fixture
def cup(w1: Location) -> Sku:
    return stocked(4, code="CUP", place=w1)


@pytest.fixture
def draft(w1: Location, w2: Location, mug: Sku, cup: Sku) -> Transfer:
    return create_transfer(
        from_location=w1, to_location=w2, lines=[Units(mug, 6), Units(cup, 4)], code="T-A", note="for the sale", actor=ANN
    )  # fmt: skip


def level(sku: Sku, place: Location) -> tuple[int, int, int, int]:
    """Available, damaged, in transit, on hand."""
    row = StockLevel.objects.filter(sku=sku, location=place).first() or StockLevel()
    return row.available, row.damaged, row.in_transit, row.on_hand


def line(transfer: Transfer, sku: Sku) -> tuple[int, ...]:
    """Asked for, dispatched, received, damaged, lost, returned."""
    names = ("quantity", "dispatched", "received", "damaged", "lost", "returned")
    return TransferLine.objects.values_list(*names).get(transfer=transfer, sku=sku)


def test_a_draft_moves_nothing(draft: Transfer, mug: Sku, w1: Location, w2: Location) -> None:
    assert (draft.code, draft.status, draft.note, draft.dispatched_at, draft.closed_at) == (
        "T-A", "draft", "for the sale", None, None,
    )  # fmt: skip
    assert level(mug, w1) == (10, 0, 0, 10)
    assert level(mug, w2) == (0, 0, 0, 0)
    assert [(step.kind, step.actor, step.units) for step in draft.steps.all()] == [("created", ANN, 10)]
    assert not LedgerEntry.objects.filter(reference="T-A").exists()


def test_a_code_is_made_where_none_is_given(w1: Location, w2: Location, mug: Sku) -> None:
    made = create_transfer(from_location=w1, to_location=w2, lines=[Units(mug, 1)], actor=ANN)
    assert made.code == f"T-{made.pk}"
    taken = f"T-{made.pk + 1}"
    create_transfer(from_location=w1, to_location=w2, lines=[Units(mug, 1)], code=taken, actor=ANN)
    after = create_transfer(from_location=w1, to_location=w2, lines=[Units(mug, 1)], actor=ANN)
    assert after.code == f"T-{after.pk}" != taken


def test_what_is_dispatched_is_in_transit_at_the_destination(
    draft: Transfer, mug: Sku, cup: Sku, w1: Location, w2: Location
) -> None:
    sent = dispatch(draft, actor="user:bob")
    assert (sent.status, sent.dispatched_at is None, sent.closed_at) == ("dispatched", False, None)
    assert (level(mug, w1), level(mug, w2)) == ((4, 0, 0, 4), (0, 0, 6, 0))
    assert (level(cup, w1), level(cup, w2)) == ((0, 0, 0, 0), (0, 0, 4, 0))
    entries = LedgerEntry.objects.filter(level__sku=mug, reference="T-A").order_by("pk")
    said = [(e.level.location.code, e.from_state, e.to_state, e.quantity, e.reason, e.actor) for e in entries]
    assert said == [
        ("W1", "available", "transfer", 6, "relocation", "user:bob"),
        ("W2", "transfer", "in_transit", 6, "relocation", "user:bob"),
    ]
    assert list(verify()) == []


def test_a_transfer_is_received_in_parts_good_and_damaged(
    draft: Transfer, mug: Sku, cup: Sku, w1: Location, w2: Location
) -> None:
    dispatch(draft, actor=ANN)
    partly = receive(draft, lines=[Arrived(mug, 3, 1)], actor=ANN)
    assert partly.status == "partly_received"
    assert line(draft, mug) == (6, 6, 3, 1, 0, 0)
    assert level(mug, w2) == (3, 1, 2, 4)
    done = receive(draft, actor=ANN)
    assert (done.status, done.closed_at is None) == ("received", False)
    assert (line(draft, mug), line(draft, cup)) == ((6, 6, 5, 1, 0, 0), (4, 4, 4, 0, 0, 0))
    assert (level(mug, w2), level(cup, w2)) == ((5, 1, 0, 6), (4, 0, 0, 4))
    assert (level(mug, w1), level(cup, w1)) == ((4, 0, 0, 4), (0, 0, 0, 0))
    assert [(s.kind, s.units) for s in draft.steps.all()] == [
        ("created", 10), ("dispatched", 10), ("received", 4), ("received", 6),
    ]  # fmt: skip
    assert list(verify()) == []


def test_a_transfer_is_dispatched_in_parts(draft: Transfer, mug: Sku, cup: Sku, w2: Location) -> None:
    dispatch(draft, lines=[Units(mug, 2)], actor=ANN)
    assert receive(draft, actor=ANN).status == "partly_received"
    assert (line(draft, mug), line(draft, cup)) == ((6, 2, 2, 0, 0, 0), (4, 0, 0, 0, 0, 0))
    dispatch(draft, actor=ANN)
    assert (line(draft, mug), line(draft, cup)) == ((6, 6, 2, 0, 0, 0), (4, 4, 0, 0, 0, 0))
    assert receive(draft, actor=ANN).status == "received"
    assert level(mug, w2) == (6, 0, 0, 6)


def test_units_lost_on_the_way_leave_the_books_with_their_reason(
    draft: Transfer, mug: Sku, w1: Location, w2: Location
) -> None:
    dispatch(draft, lines=[Units(mug, 6)], actor=ANN)
    report_lost(draft, lines=[Units(mug, 2)], note="fell off the lorry", actor=ANN)
    assert line(draft, mug) == (6, 6, 0, 0, 2, 0)
    assert (level(mug, w1), level(mug, w2)) == ((4, 0, 0, 4), (0, 0, 4, 0))
    entry = LedgerEntry.objects.get(reason="loss")
    assert (entry.from_state, entry.to_state, entry.quantity, entry.note) == (
        "in_transit", "adjustment", 2, "fell off the lorry",
    )  # fmt: skip
    receive(draft, actor=ANN)
    assert level(mug, w2) == (4, 0, 0, 4)
    assert list(verify()) == []


def test_cancelling_a_draft_ends_it(draft: Transfer, mug: Sku, w1: Location) -> None:
    ended = cancel(draft, note="not needed", actor=ANN)
    assert (ended.status, ended.closed_at is None) == ("cancelled", False)
    assert level(mug, w1) == (10, 0, 0, 10)
    assert not LedgerEntry.objects.filter(reference="T-A").exists()
    with pytest.raises(WrongStep, match="transfer T-A is cancelled: it has ended"):
        dispatch(draft, actor=ANN)


def test_cancelling_takes_back_what_is_under_way_by_two_entries(
    draft: Transfer, mug: Sku, w1: Location, w2: Location
) -> None:
    dispatch(draft, lines=[Units(mug, 6)], actor=ANN)
    receive(draft, lines=[Arrived(mug, 1)], actor=ANN)
    assert cancel(draft, actor=ANN).status == "cancelled"
    assert line(draft, mug) == (6, 6, 1, 0, 0, 5)
    assert (level(mug, w1), level(mug, w2)) == ((9, 0, 0, 9), (1, 0, 0, 1))
    entries = LedgerEntry.objects.filter(reason="cancellation").order_by("pk")
    assert [(e.level.location.code, e.from_state, e.to_state, e.quantity) for e in entries] == [
        ("W2", "in_transit", "transfer", 5), ("W1", "transfer", "available", 5),
    ]  # fmt: skip
    assert list(verify()) == []


def test_a_draft_is_amended(draft: Transfer, mug: Sku, cup: Sku, w1: Location, w2: Location) -> None:
    amend(draft, lines=[Units(cup, 3)], note="less", actor=ANN)
    draft.refresh_from_db()
    assert ([(row.sku.code, row.quantity) for row in draft.lines.all()], draft.note) == ([("CUP", 3)], "less")
    amend(draft, from_location=w2, to_location=w1, actor=ANN)
    draft.refresh_from_db()
    assert (draft.from_location, draft.to_location) == (w2, w1)
    add_stock(cup, w2, 3)
    dispatch(draft, actor=ANN)
    with pytest.raises(WrongStep, match="only a draft can be changed"):
        amend(draft, note="late", actor=ANN)


def test_what_is_short_is_named_line_by_line_and_nothing_leaves(
    draft: Transfer, mug: Sku, cup: Sku, w1: Location
) -> None:
    amend(draft, lines=[Units(mug, 11), Units(cup, 5)], actor=ANN)
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        dispatch(draft, actor=ANN)
    said = [(short.sku, short.location, short.wanted, short.available) for short in refused.value.lines]
    assert said == [("MUG", "W1", 11, 10), ("CUP", "W1", 5, 4)]
    assert (level(mug, w1), level(cup, w1)) == ((10, 0, 0, 10), (4, 0, 0, 4))
    assert Transfer.objects.get().status == "draft"


def fields(action: Any) -> dict[str, list[str]]:
    with pytest.raises(TransferError) as refused, transaction.atomic():
        action()
    return refused.value.fields


def test_every_wrong_line_is_named(w1: Location, w2: Location, mug: Sku, cup: Sku) -> None:
    lines = [Units(mug, 0), Units(cup, -3), Units(mug, 10**9 + 1)]
    found = fields(lambda: create_transfer(from_location=w1, to_location=w2, lines=lines, actor=ANN))
    assert found == {
        "lines.0.quantity": ["MUG: 0 units cannot be moved; 1 to 1000000000 can"],
        "lines.1.quantity": ["CUP: -3 units cannot be moved; 1 to 1000000000 can"],
        "lines.2.sku": ["MUG: named twice; put its units into one line"],
        "lines.2.quantity": ["MUG: 1000000001 units cannot be moved; 1 to 1000000000 can"],
    }
    assert not Transfer.objects.exists()


def test_a_transfer_goes_somewhere_else_between_active_locations(w1: Location, w2: Location, mug: Sku) -> None:
    some = [Units(mug, 1)]
    found = fields(lambda: create_transfer(from_location=w1, to_location=w1, lines=some, actor=ANN))
    assert found == {"to_location": ["W1 is where it comes from; choose another location"]}
    closed = LocationFactory(code="OLD", is_active=False)
    found = fields(lambda: create_transfer(from_location=w1, to_location=closed, lines=some, actor=ANN))
    assert found == {"to_location": ["OLD is not active"]}
    assert fields(lambda: create_transfer(from_location=w1, to_location=w2, lines=[], actor=ANN)) == {
        "lines": ["name at least one SKU with its units"]
    }


def test_a_location_that_closed_meanwhile_sends_nothing_and_still_takes_in_what_is_under_way(
    draft: Transfer, mug: Sku, w2: Location
) -> None:
    dispatch(draft, lines=[Units(mug, 1)], actor=ANN)
    Location.objects.filter(pk=w2.pk).update(is_active=False)
    assert fields(lambda: dispatch(draft, actor=ANN)) == {"to_location": ["W2 is not active"]}
    receive(draft, actor=ANN)
    assert level(mug, w2) == (1, 0, 0, 1)


def test_more_than_is_under_way_is_refused_with_what_to_do(draft: Transfer, mug: Sku, cup: Sku, w2: Location) -> None:
    dispatch(draft, actor=ANN)
    found = fields(lambda: receive(draft, lines=[Arrived(cup, 4), Arrived(mug, 6, 2)], actor=ANN))
    said = "MUG: 8 units received, 6 under way; receive 6 and add the 2 too many to the stock of W2 as found"
    assert found == {"lines.1.quantity": [said]}
    assert level(cup, w2) == (0, 0, 4, 0)
    found = fields(lambda: report_lost(draft, lines=[Units(mug, 7)], actor=ANN))
    assert found == {"lines.0.quantity": ["MUG: 7 units lost, 6 under way; only those can be reported lost"]}


def test_more_than_was_asked_for_is_not_dispatched(draft: Transfer, mug: Sku) -> None:
    found = fields(lambda: dispatch(draft, lines=[Units(mug, 7)], actor=ANN))
    said = "MUG: 7 units to dispatch, 6 of 6 asked for are left; dispatch at most 6 and make another transfer for more"
    assert found == {"lines.0.quantity": [said]}


def test_a_sku_that_is_not_part_of_it_is_refused(draft: Transfer) -> None:
    pot = SkuFactory(code="POT")
    said = {"lines.0.sku": ["POT: not part of this transfer"]}
    assert fields(lambda: dispatch(draft, lines=[Units(pot, 1)], actor=ANN)) == said
    dispatch(draft, actor=ANN)
    assert fields(lambda: receive(draft, lines=[Arrived(pot, 1)], actor=ANN)) == said
    assert fields(lambda: report_lost(draft, lines=[Units(pot, 1)], actor=ANN)) == said


@pytest.mark.parametrize("quantity, damaged, place", [(0, 0, "quantity"), (-1, 2, "quantity"), (1, -1, "damaged")])
def test_counts_that_are_none_are_refused(draft: Transfer, mug: Sku, quantity: int, damaged: int, place: str) -> None:
    dispatch(draft, actor=ANN)
    assert list(fields(lambda: receive(draft, lines=[Arrived(mug, quantity, damaged)], actor=ANN))) == [
        f"lines.0.{place}"
    ]


def test_steps_out_of_turn_are_refused(draft: Transfer, mug: Sku) -> None:
    for step, said in (
        (lambda: receive(draft, actor=ANN), "transfer T-A: nothing is under way; dispatch it first"),
        (lambda: report_lost(draft, lines=[Units(mug, 1)], actor=ANN), "nothing is under way; dispatch it first"),
    ):
        with pytest.raises(WrongStep, match=said):
            step()
    dispatch(draft, actor=ANN)
    with pytest.raises(WrongStep, match="transfer T-A: everything has been dispatched already"):
        dispatch(draft, actor=ANN)
    receive(draft, actor=ANN)
    for step, said in (
        (lambda: receive(draft, actor=ANN), "transfer T-A: nothing is under way; it is received"),
        (lambda: cancel(draft, actor=ANN), "transfer T-A is received: it has ended"),
    ):
        with pytest.raises(WrongStep, match=said):
            step()


def test_a_step_under_the_same_key_is_done_once(draft: Transfer, mug: Sku, w1: Location, w2: Location) -> None:
    for _twice in range(2):
        dispatch(draft, lines=[Units(mug, 3)], actor=ANN, key="d")
    assert (level(mug, w1), level(mug, w2)) == ((7, 0, 0, 7), (0, 0, 3, 0))
    for _twice in range(2):
        receive(draft, lines=[Arrived(mug, 1)], actor=ANN, key="r")
    assert level(mug, w2) == (1, 0, 2, 1)
    for _twice in range(2):
        report_lost(draft, lines=[Units(mug, 1)], actor=ANN, key="l")
        amended = {"from_location": w1, "to_location": w2, "lines": [Units(mug, 1)], "actor": ANN}
        create_transfer(**amended, key="c")
    for _twice in range(2):
        cancel(draft, actor=ANN, key="x")
    assert line(draft, mug) == (6, 3, 1, 0, 1, 1)
    assert Transfer.objects.count() == 2
    with pytest.raises(KeyConflict):
        dispatch(draft, lines=[Units(mug, 2)], actor=ANN, key="d")
    with pytest.raises(KeyConflict):
        receive(draft, lines=[Arrived(mug, 1)], actor=ANN, key="d")


def test_a_code_is_given_once(draft: Transfer, w1: Location, w2: Location, mug: Sku) -> None:
    said = {"code": ["there is one already"]}
    again = {"from_location": w1, "to_location": w2, "lines": [Units(mug, 1)], "code": "T-A", "actor": ANN}
    assert fields(lambda: create_transfer(**again)) == said


def test_the_database_refuses_lines_that_do_not_add_up(draft: Transfer) -> None:
    for wrong in ({"dispatched": 7}, {"received": 1}, {"dispatched": 2, "lost": 3}, {"dispatched": 2, "damaged": -1}):
        with pytest.raises(IntegrityError, match="transfer_line_adds_up"), transaction.atomic():
            TransferLine.objects.filter(quantity=6).update(**wrong)


def test_who_is_limited_to_locations_is_looked_at_under_the_lock(
    draft: Transfer, mug: Sku, w1: Location, w2: Location
) -> None:
    here, there, elsewhere = frozenset({w1.pk}), frozenset({w2.pk}), frozenset({LocationFactory().pk})
    for places in (there, elsewhere):
        with pytest.raises(NotYours, match="that is for those of W1 to do"):
            dispatch(draft, actor=ANN, places=places)
    with pytest.raises(NotYours, match="W1 or W2"):
        amend(draft, note="mine", actor=ANN, places=elsewhere)
    amend(draft, note="ours", actor=ANN, places=there)
    dispatch(draft, actor=ANN, places=here)
    for places in (here, elsewhere):
        with pytest.raises(NotYours, match="that is for those of W2 to do"):
            receive(draft, actor=ANN, places=places)
        with pytest.raises(NotYours):
            report_lost(draft, lines=[Units(mug, 1)], actor=ANN, places=places)
    receive(draft, lines=[Arrived(mug, 1)], actor=ANN, places=there)
    with pytest.raises(NotYours, match="that is for those of W1 to do"):
        cancel(draft, actor=ANN, places=there)
    assert cancel(draft, actor=ANN, places=here).status == "cancelled"


def test_a_draft_is_cancelled_from_either_end(draft: Transfer, w2: Location) -> None:
    assert cancel(draft, actor=ANN, places=frozenset({w2.pk})).status == "cancelled"
