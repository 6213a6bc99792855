from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from inventory import lot_tracking
from inventory.assemblies import AssemblyError, assemble, disassemble, reverse
from inventory.bundles import Component, set_components
from inventory.errors import InsufficientStock
from inventory.kernel import clock
from inventory.models import Assembly, LedgerEntry, Location, LotLevel, Sku
from inventory.rebuild import verify
from tests.factories import LocationFactory, SkuFactory, bundle, numbers, stocked
from tests.inventory.costing.shop import buy, worth

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _whole() -> Iterator[None]:
    yield
    assert [one.message for one in verify()] == []


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def parts(w1: Location) -> list[Sku]:
    return [stocked(7, code="A", place=w1), stocked(4, code="B", place=w1)]


@pytest.fixture
def kit(parts: list[Sku]) -> Sku:
    return bundle({parts[0]: 2, parts[1]: 1}, mode="pre_packed")


def free(*skus: Sku) -> list[int]:
    return [numbers(sku)[1] for sku in skus]


def test_components_go_out_and_kits_come_in(w1: Location, parts: list[Sku], kit: Sku) -> None:
    made = assemble(bundle=kit, location=w1, quantity=3, note="for Christmas", actor="user:ann")
    assert (made.kind, made.quantity, made.actor, free(*parts, kit)) == ("assemble", 3, "user:ann", [1, 1, 3])
    rows = LedgerEntry.objects.filter(reference=made.reference).order_by("id")
    assert [(row.level.sku.code, row.from_state, row.to_state, row.quantity, row.reason, row.note) for row in rows] == [
        ("A", "available", "assembly", 6, "assembly", "for Christmas"),
        ("B", "available", "assembly", 3, "assembly", "for Christmas"),
        ("KIT", "assembly", "available", 3, "assembly", "for Christmas"),
    ]
    assert made.reference == f"assembly:{made.code}"


def test_nothing_moves_where_a_component_is_short_and_each_is_named(w1: Location, parts: list[Sku], kit: Sku) -> None:
    with pytest.raises(InsufficientStock) as refused:
        assemble(bundle=kit, location=w1, quantity=5, actor="test")
    named = [(short.sku, short.location, short.wanted, short.available) for short in refused.value.lines]
    assert named == [("A", "W1", 10, 7), ("B", "W1", 5, 4)]
    assert (free(*parts, kit), Assembly.objects.count()) == ([7, 4, 0], 0)


def test_kits_are_taken_apart(w1: Location, parts: list[Sku], kit: Sku) -> None:
    assemble(bundle=kit, location=w1, quantity=3, actor="test")
    assert disassemble(bundle=kit, location=w1, quantity=2, actor="test").kind == "disassemble"
    assert free(*parts, kit) == [5, 3, 1]
    with pytest.raises(InsufficientStock, match="KIT at W1: 2 wanted, 1 there"):
        disassemble(bundle=kit, location=w1, quantity=2, actor="test")


def test_a_document_is_undone_once_and_by_what_went_in_then(w1: Location, parts: list[Sku], kit: Sku) -> None:
    made = assemble(bundle=kit, location=w1, quantity=2, actor="test")
    set_components(kit, [Component(parts[1], 4)])
    back = reverse(made, actor="test")
    assert (back.kind, back.reverses, free(*parts, kit)) == ("disassemble", made, [7, 4, 0])
    with pytest.raises(AssemblyError, match=f"{made.code} was undone by {back.code}"):
        reverse(made, actor="test")
    assert reverse(back, actor="test").kind == "assemble"
    assert free(*parts, kit) == [3, 2, 2]


def test_what_makes_no_sense_is_refused(w1: Location, parts: list[Sku], kit: Sku) -> None:
    with pytest.raises(AssemblyError, match="A is no bundle"):
        assemble(bundle=parts[0], location=w1, quantity=1, actor="test")
    for quantity in (0, -1, 10**12):
        with pytest.raises(AssemblyError, match="kits cannot be made"):
            assemble(bundle=kit, location=w1, quantity=quantity, actor="test")
    with pytest.raises(AssemblyError, match="SHUT is not active"):
        assemble(bundle=kit, location=LocationFactory(code="SHUT", is_active=False), quantity=1, actor="test")


def test_a_kit_of_packed_kits_takes_those(w1: Location, parts: list[Sku], kit: Sku) -> None:
    hamper = bundle({kit: 2, parts[1]: 1}, code="HAMPER", mode="pre_packed")
    assemble(bundle=kit, location=w1, quantity=2, actor="test")
    assemble(bundle=hamper, location=w1, quantity=1, actor="test")
    assert free(*parts, kit, hamper) == [3, 1, 0, 1]


def test_a_kit_is_worth_what_went_into_it(w1: Location) -> None:
    a, b = SkuFactory(code="A"), SkuFactory(code="B")
    buy(a, w1, 4, "1.00")
    buy(a, w1, 4, "2.00")
    buy(b, w1, 5, "10.00")
    kit = bundle({a: 2, b: 1}, mode="pre_packed")
    made = assemble(bundle=kit, location=w1, quantity=3, actor="test")
    assert worth(kit) == (3, "38.00", "39.00")
    assert (worth(a), worth(b)) == ((2, "4.00", "3.00"), (2, "20.00", "20.00"))
    reverse(made, actor="test")
    assert worth(kit) == (0, "0.00", "0.00")
    values = [worth(a), worth(b)]
    assert [units for units, *_value in values] == [8, 5]
    assert sum(Decimal(value) for _units, value, _average in values) == Decimal("62.00")


def test_what_expires_first_goes_into_kits_and_what_has_expired_does_not(w1: Location) -> None:
    cake = SkuFactory(code="CAKE")
    lot_tracking.start(cake, actor="test")
    today = clock.now().date()
    for code, days in (("LATE", 20), ("SOON", 5)):
        buy(cake, w1, 3, lot=code, expires_on=today + timedelta(days=days))
    buy(cake, w1, 3, lot="GONE", expires_on=today - timedelta(days=2), state="hold")
    box = bundle({cake: 2}, code="BOX", mode="pre_packed")
    assemble(bundle=box, location=w1, quantity=2, actor="test")
    left = dict(LotLevel.objects.filter(level__sku=cake).values_list("lot__code", "shelf"))
    assert (left["SOON"], left["LATE"]) == (0, 2)
