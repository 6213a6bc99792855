"""Differences are named with their numbers, and mended."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import F

from inventory.models import Location, Reservation, Sku, StockLevel
from inventory.rebuild import repair, verify
from inventory.reservations import Reserve, change_reservations
from tests.factories import LocationFactory, stocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory(code="W1")
    return place


@pytest.fixture
def mug(place: Location) -> Sku:
    return stocked(10, place=place)


def test_a_level_off_by_three_is_named_with_three(mug: Sku) -> None:
    StockLevel.objects.update(available=F("available") + 3)
    (found,) = verify()
    assert (found.kind, found.sku, found.location, found.number) == ("level", "MUG", "W1", None)
    assert (found.expected, found.found) == ("10", "13")
    assert found.message == "MUG at W1: available is 13, the entries say 10 (+3)"
    assert repair() == 1
    assert list(verify()) == []
    assert StockLevel.objects.get().available == 10


def test_the_command_prints_the_difference_and_fails(mug: Sku) -> None:
    StockLevel.objects.update(available=F("available") - 3)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_ledger", stdout=out, stderr=out)
    assert "MUG" in out.getvalue()
    assert "-3" in out.getvalue()
    with pytest.raises(SystemExit):  # there were some
        call_command("verify_ledger", "--repair", stdout=StringIO(), stderr=StringIO())
    call_command("verify_ledger", stdout=StringIO())


def test_a_level_whose_last_number_or_hash_was_changed_is_named(mug: Sku) -> None:
    StockLevel.objects.update(number=7)
    assert [(one.kind, one.expected, one.found) for one in verify()] == [("tail", "7", "1")]
    assert repair() == 1
    StockLevel.objects.update(hash=b"other")
    assert [one.kind for one in verify()] == ["tail"]
    assert repair() == 1
    assert list(verify()) == []


def test_promises_that_do_not_add_up_to_what_is_reserved_are_named(mug: Sku, place: Location) -> None:
    change_reservations([Reserve(1, mug.pk, 4, [place.pk])], holder_kind="test", actor="test", cause="test")
    Reservation.objects.update(quantity=6)
    (found,) = verify()
    assert (found.kind, found.expected, found.found) == ("reserved", "6", "4")
    assert repair() == 0, "levels follow their entries; the promise is another matter"
