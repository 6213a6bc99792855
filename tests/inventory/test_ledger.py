"""The one door to every quantity."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from inventory.errors import InsufficientStock, InvalidMovement
from inventory.kernel.quantities import LARGEST
from inventory.ledger import Posting, post
from inventory.models import LedgerEntry, Location, Sku, State, StockLevel
from inventory.rebuild import repair, verify
from inventory.signals import stock_changed
from tests.factories import LocationFactory, SkuFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def mug() -> Sku:
    mug: Sku = SkuFactory(code="MUG")
    return mug


@pytest.fixture
def news() -> Iterator[list[dict[str, Any]]]:
    """What the ledger tells."""
    heard: list[dict[str, Any]] = []

    def hear(sender: Any, *, signal: Any, **told: Any) -> None:
        heard.append(told)

    stock_changed.connect(hear)
    yield heard
    stock_changed.disconnect(hear)


def posting(sku: Sku, place: Location, source: str, target: str, units: int = 1, **fields: Any) -> Posting:
    return Posting(sku.pk, place.pk, source, target, units, **fields)


def test_an_entry_carries_its_number_and_the_balance_after_it(mug: Sku, place: Location) -> None:
    post(
        [
            posting(mug, place, State.SUPPLIER, State.AVAILABLE, 10, reason="receipt", reference="PO-1", note="dock 2"),
            posting(mug, place, State.AVAILABLE, State.DAMAGED, 3),
            posting(mug, place, State.DAMAGED, State.ADJUSTMENT, 1),
        ],
        actor="user:ann",
        cause="receipt",
    )
    entries = list(LedgerEntry.objects.order_by("number"))
    assert [(e.number, e.quantity, e.available_after, e.damaged_after, e.balance) for e in entries] == [
        (1, 10, 10, 0, 10), (2, 3, 7, 3, 10), (3, 1, 7, 2, 9),
    ]  # fmt: skip
    first = entries[0]
    assert (first.reason, first.reference, first.note, first.actor) == ("receipt", "PO-1", "dock 2", "user:ann")
    assert first.occurred_at == first.recorded_at
    level = StockLevel.objects.get()
    assert (level.available, level.damaged, level.number, bytes(level.hash)) == (7, 2, 3, bytes(entries[2].hash))


def test_units_in_transit_are_known_where_they_go_and_on_hand_nowhere(mug: Sku, place: Location) -> None:
    other: Location = LocationFactory(code="W2")
    post([posting(mug, place, State.SUPPLIER, State.AVAILABLE, 10)], actor="test", cause="receipt")
    steps = [
        posting(mug, place, State.AVAILABLE, State.TRANSFER, 4),
        posting(mug, other, State.TRANSFER, State.IN_TRANSIT, 4),
        posting(mug, other, State.IN_TRANSIT, State.AVAILABLE, 3),
    ]
    post(steps, actor="test", cause="transfer", reference="T-1")
    levels = {level.location.code: level for level in StockLevel.objects.select_related("location")}
    assert {code: (level.on_hand, level.available, level.in_transit) for code, level in levels.items()} == {
        "W1": (6, 6, 0), "W2": (3, 3, 1),
    }  # fmt: skip
    last = LedgerEntry.objects.get(level=levels["W2"], number=2)
    assert (last.balance, last.in_transit_after) == (3, 1)
    assert {one.kind for one in verify()} == {"in_transit", "transfer"}, (
        "the chain is whole; only no document explains them"
    )
    with pytest.raises(InsufficientStock):
        post([posting(mug, other, State.IN_TRANSIT, State.AVAILABLE, 2)], actor="test", cause="transfer")


def test_both_times_are_kept(mug: Sku, place: Location) -> None:
    theirs = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    post(
        [posting(mug, place, State.SUPPLIER, State.AVAILABLE, occurred_at=theirs)], actor="test", cause="receipt"
    )  # fmt: skip
    entry = LedgerEntry.objects.get()
    assert entry.occurred_at == theirs
    assert entry.recorded_at > theirs
    assert list(verify()) == []


@pytest.mark.parametrize(
    ("source", "target", "units"),
    [
        (State.SUPPLIER, State.AVAILABLE, 0),
        (State.SUPPLIER, State.AVAILABLE, -1),
        (State.SUPPLIER, State.AVAILABLE, LARGEST + 1),
        (State.AVAILABLE, State.AVAILABLE, 1),
        (State.SUPPLIER, State.CUSTOMER, 1),
    ],
)
def test_movements_that_make_no_sense_are_refused(
    mug: Sku, place: Location, source: str, target: str, units: int
) -> None:
    with pytest.raises(InvalidMovement), transaction.atomic():
        post([posting(mug, place, source, target, units)], actor="test", cause="test")
    assert not StockLevel.objects.exists()


def test_nothing_is_moved_where_one_posting_of_several_is_short(mug: Sku, place: Location) -> None:
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        post(
            [posting(mug, place, State.SUPPLIER, State.AVAILABLE, 2), posting(mug, place, State.AVAILABLE, State.HOLD, 3)],
            actor="test", cause="test",
        )  # fmt: skip
    (short,) = refused.value.lines
    assert (short.sku, short.location, short.wanted, short.available) == ("MUG", "W1", 3, 2)
    assert str(refused.value) == "not enough stock: MUG at W1: 3 wanted, 2 there"
    assert not LedgerEntry.objects.exists()


def test_news_names_the_skus_whose_available_changed_once(
    mug: Sku, place: Location, news: list[dict[str, Any]]
) -> None:
    cup = SkuFactory(code="CUP")
    post(
        [
            posting(mug, place, State.SUPPLIER, State.AVAILABLE, 5),
            posting(mug, place, State.AVAILABLE, State.HOLD, 1),
            posting(cup, place, State.SUPPLIER, State.QUARANTINE, 5),
        ],
        actor="test", cause="receipt", reference="PO-1",
    )  # fmt: skip
    assert news == [{"sku_ids": [mug.pk], "cause": "receipt", "reference": "PO-1", "new_levels": True}]
    news.clear()
    post([posting(mug, place, State.AVAILABLE, State.HOLD, 1)], actor="test", cause="move")
    assert [told["new_levels"] for told in news] == [False]
    news.clear()
    post([posting(mug, place, State.HOLD, State.DAMAGED, 1)], actor="test", cause="move")
    post([], actor="test", cause="nothing")
    assert news == []


def test_a_key_is_used_once(mug: Sku, place: Location) -> None:
    one = posting(mug, place, State.SUPPLIER, State.AVAILABLE, key="k")
    post([one], actor="test", cause="test")
    with pytest.raises(IntegrityError), transaction.atomic():
        post([one], actor="test", cause="test")
    assert StockLevel.objects.get().available == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory_ledgerentry SET quantity = 2",
        "UPDATE inventory_ledgerentry SET note = note",
        "DELETE FROM inventory_ledgerentry",
        "TRUNCATE inventory_ledgerentry",
        "TRUNCATE inventory_ledgerentry CASCADE",
        "TRUNCATE inventory_stocklevel CASCADE",
        "ALTER TABLE inventory_ledgerentry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE inventory_ledgerentry",
    ],
)
def test_the_applications_role_cannot_change_history(mug: Sku, place: Location, statement: str) -> None:
    post([posting(mug, place, State.SUPPLIER, State.AVAILABLE)], actor="test", cause="test")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert LedgerEntry.objects.get().quantity == 1


@pytest.mark.parametrize("state", ["available", "reserved", "quarantine", "damaged", "hold"])
def test_the_database_lets_no_state_fall_below_zero(mug: Sku, place: Location, state: str) -> None:
    post([posting(mug, place, State.SUPPLIER, State.AVAILABLE)], actor="test", cause="test")
    with pytest.raises(IntegrityError), transaction.atomic():
        StockLevel.objects.update(**{state: -1})


def test_ten_thousand_random_operations_leave_no_difference() -> None:
    chance = random.Random(20261123)
    skus, places = [SkuFactory() for _ in range(8)], [LocationFactory() for _ in range(3)]
    inside = ["available", "quarantine", "damaged", "hold"]
    outside = ["supplier", "customer", "adjustment"]
    book: Counter[tuple[int, int, str]] = Counter()
    for _ in range(50):
        postings = []
        while len(postings) < 200:
            sku, place = chance.choice(skus), chance.choice(places)
            source, target = chance.choice(inside + outside), chance.choice(inside + outside)
            if source == target or (source in outside and target in outside):
                continue
            there = book[sku.pk, place.pk, source] if source in inside else 50
            if there == 0:
                continue
            units = chance.randint(1, there)
            book[sku.pk, place.pk, source] -= units if source in inside else 0
            book[sku.pk, place.pk, target] += units if target in inside else 0
            postings.append(posting(sku, place, source, target, units, note=chance.choice(("", "é|1", "a:b"))))
        post(postings, actor="test", cause="test")
    assert LedgerEntry.objects.count() == 10_000
    assert list(verify()) == []
    assert repair() == 0
    for level in StockLevel.objects.all():
        assert {s: getattr(level, s) for s in inside} == {s: book[level.sku_id, level.location_id, s] for s in inside}
