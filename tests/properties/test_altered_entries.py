"""Whoever goes past the triggers and edits the ledger is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from config import servers
from inventory.adjustments import adjust, move
from inventory.models import LedgerEntry, Location, Sku
from inventory.rebuild import verify
from tests.factories import LocationFactory, stocked

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = (
    "quantity", "available_after", "reserved_after", "quarantine_after", "damaged_after", "hold_after", "in_transit_after",
)  # fmt: skip
TEXTS = ("reason", "note", "reference", "actor", "key")
TIMES = ("occurred_at", "recorded_at")


@pytest.fixture
def superuser(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """Past all triggers and rights."""
    url = servers.superuser_url(settings.LAYOUT, database=connection.settings_dict["NAME"])
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("SET session_replication_role = replica")
        yield link


@pytest.fixture
def mug() -> Sku:
    """6 entries about mugs at W1, and 2 about them at W2."""
    place: Location = LocationFactory(code="W1")
    mug = stocked(20, place=place)
    for number in range(4):
        adjust(sku=mug, location=place, quantity=number + 1, reason="found", note=f"shelf {number}", actor="ann")
    move(sku=mug, location=place, from_state="available", to_state="damaged", quantity=2, actor="ann", key="k1")
    other: Location = LocationFactory(code="W2")
    adjust(sku=mug, location=other, quantity=3, actor="ann")
    adjust(sku=mug, location=other, quantity=-1, actor="ann")
    assert list(verify()) == []
    return mug


def other_than(entry: LedgerEntry, column: str, data: st.DataObject) -> Any:
    """Another value for the column, as near as possible to the true one."""
    value = getattr(entry, column)
    if column in NUMBERS:
        return value + data.draw(st.integers(1, 3))
    if column in TIMES:
        return value + timedelta(microseconds=data.draw(st.sampled_from((-1, 1))))
    return data.draw(st.text("abc|:1", max_size=6).filter(lambda text: text != value and (text or value)))


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_altered_entry_is_named(mug: Sku, superuser: psycopg.Connection[Any], data: st.DataObject) -> None:
    entries = list(LedgerEntry.objects.select_related("level__location").order_by("pk"))
    entry = data.draw(st.sampled_from(entries))
    column = data.draw(st.sampled_from(NUMBERS + TEXTS + TIMES))
    value = other_than(entry, column, data)
    change = f"UPDATE inventory_ledgerentry SET {column} = %s WHERE id = %s"
    superuser.execute(change, [value, entry.pk])
    try:
        named = {(one.sku, one.location, one.number) for one in verify()}
    finally:
        superuser.execute(change, [getattr(entry, column), entry.pk])
    assert ("MUG", entry.level.location.code, entry.number) in named
    assert {location for _, location, _ in named} == {entry.level.location.code}
    assert list(verify()) == []


@pytest.mark.parametrize("number", range(1, 7))
def test_a_deleted_entry_is_named(mug: Sku, superuser: psycopg.Connection[Any], number: int) -> None:
    entry = LedgerEntry.objects.get(level__location__code="W1", number=number)
    superuser.execute("DELETE FROM inventory_ledgerentry WHERE id = %s", [entry.pk])
    kinds = {one.kind for one in verify()}
    assert kinds >= ({"tail"} if number == 6 else {"gap", "hash"})


def test_an_altered_entry_with_a_fresh_hash_is_betrayed_by_the_next(
    mug: Sku, superuser: psycopg.Connection[Any]
) -> None:
    superuser.execute(
        "UPDATE inventory_ledgerentry SET note = 'forged', hash = sha256('forged'::bytea) WHERE number = 3"
        " AND note = 'shelf 1'"
    )
    assert {(one.kind, one.number) for one in verify()} == {("hash", 3), ("hash", 4)}


def test_levels_and_entries_forged_together_are_betrayed_by_the_hashes(
    mug: Sku, superuser: psycopg.Connection[Any]
) -> None:
    """The last entry, its balance and the level all say one unit more."""
    superuser.execute(
        "UPDATE inventory_ledgerentry SET quantity = quantity + 1, available_after = available_after - 1,"
        " damaged_after = damaged_after + 1 WHERE key = 'k1'"
    )
    superuser.execute(
        "UPDATE inventory_stocklevel SET available = available - 1, damaged = damaged + 1 WHERE damaged = 2"
    )
    assert [(one.kind, one.number) for one in verify()] == [("hash", 6)]
