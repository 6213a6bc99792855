"""Kits and their components asked for at once, recipes that would make a circle, losses while kits are promised."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError

from fulfillment.models import SalesOrder
from fulfillment.orders import OrderShort
from inventory import bundles, count_approval, reservations
from inventory.bundles import BundleError, Component, set_components
from inventory.count_approval import approve
from inventory.counts import Take, count_lines, open_count, submit
from inventory.models import BundleComponent, Sku
from inventory.rebuild import verify
from tests.concurrency.test_one_unit import Meeting
from tests.concurrency.threads import PATIENCE_SECONDS, Gate, Job, together
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    SkuFactory,
    bundle,
    numbers,
    request,
    sell,
    stocked,
)

pytestmark = pytest.mark.django_db(transaction=True)


def scarce() -> tuple[Sku, Sku]:
    """A kit of 2 A and 1 B, and A; there are 2 A and 10 B."""
    place = LocationFactory(code="W1")
    a, b = stocked(2, code="A", place=place), stocked(10, code="B", place=place)
    return bundle({a: 2, b: 1}), a


def ask(kit: Sku, a: Sku, *, each: int) -> list[object]:
    """Kits and pairs of A are asked for at once, in turns."""
    phone = ManualChannelFactory()
    asked: list[Callable[[], object]] = []
    for n in range(each):
        asked.append(lambda n=n: request(phone, (kit, 1), order=f"kit {n}"))  # type: ignore[misc]
        asked.append(lambda n=n: request(phone, (a, 2), order=f"pair {n}"))  # type: ignore[misc]
    return together(*asked)


def test_a_kit_and_its_component_are_not_both_promised_the_same_units() -> None:
    kit, a = scarce()
    outcomes = ask(kit, a, each=5)
    assert sum(isinstance(outcome, SalesOrder) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, OrderShort) for outcome in outcomes) == 9
    assert numbers(a) == (2, 0, 2)
    assert list(verify()) == []


def test_control_without_the_lock_both_are_promised_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kit, a = scarce()
    monkeypatch.setattr(reservations, "lock_levels", Meeting(4).lock_levels)
    outcomes = ask(kit, a, each=2)
    assert not any(isinstance(outcome, OrderShort) for outcome in outcomes)
    # Each of the four believed that the units were there. What stopped three is the last line of defence, in the database.
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 3


def test_kits_that_share_components_crosswise_do_not_wait_for_each_other() -> None:
    place = LocationFactory()
    skus = [stocked(100, code=code, place=place) for code in "ABC"]
    one = bundle({skus[0]: 1, skus[1]: 1}, code="ONE")
    two = bundle({skus[2]: 1, skus[1]: 1, skus[0]: 1}, code="TWO")
    phone = ManualChannelFactory()
    for turn in range(6):
        outcomes = together(
            lambda turn=turn: request(phone, (one, 1), (two, 1), order=f"a{turn}"),  # type: ignore[misc]
            lambda turn=turn: request(phone, (two, 1), (one, 1), order=f"b{turn}"),  # type: ignore[misc]
            lambda turn=turn: request(phone, (skus[2], 1), (skus[0], 1), order=f"c{turn}"),  # type: ignore[misc]
        )
        assert all(isinstance(outcome, SalesOrder) for outcome in outcomes), outcomes
    assert [numbers(sku)[2] for sku in skus] == [30, 24, 18]
    assert list(verify()) == []


def two_bundles() -> list[Callable[[], object]]:
    """Two people who put each other's bundle into their own."""
    plain = SkuFactory(code="A")
    one, two = bundle({plain: 1}, code="ONE"), bundle({plain: 1}, code="TWO")
    return [
        lambda: set_components(one, [Component(plain), Component(two)]),
        lambda: set_components(two, [Component(plain), Component(one)]),
    ]


def test_two_people_cannot_make_a_circle_together() -> None:
    outcomes = together(*two_bundles())
    assert sum(isinstance(outcome, BundleError) for outcome in outcomes) == 1
    assert BundleComponent.objects.count() == 3
    assert list(verify()) == []


def test_control_without_turns_they_make_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    people, looked, meeting = two_bundles(), bundles.complaints, threading.Barrier(2)

    def look_together(bundle: Sku, components: list[Component]) -> dict[int, str]:
        found = looked(bundle, components)
        meeting.wait(PATIENCE_SECONDS)
        return found

    monkeypatch.setattr(bundles, "complaints", look_together)
    monkeypatch.setattr(bundles, "take_turn", lambda: None)
    monkeypatch.setattr(bundles, "_resolve", lambda bundle: None)  # whoever followed the circle would never arrive
    together(*people)
    circle = BundleComponent.objects.exclude(component__code="A").values_list("bundle__code", "component__code")
    assert sorted(circle) == [("ONE", "TWO"), ("TWO", "ONE")]


def test_a_kit_that_is_sold_while_a_loss_is_approved_breaks_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its components' levels were not among those that the approval meant to lock: it lets go and begins anew."""
    place = LocationFactory(code="W1")
    a, b = stocked(4, code="A", place=place), stocked(10, code="B", place=place)
    kit = bundle({a: 2, b: 1})
    shop = ChannelFactory()
    ListingFactory(channel=shop, sku=kit)
    count = open_count(location=place, skus=[a], actor="user:ann")
    count_lines(count, [Take(a, 1)], actor="user:ann")
    submit(count, actor="user:ann")
    gate, locked, turns = Gate(), count_approval.lock_levels, []

    def lock_levels(pairs, *, create=True):  # type: ignore[no-untyped-def]
        turns.append(set(pairs))
        if len(turns) == 1:
            gate.stop()
        return locked(pairs, create=create)

    monkeypatch.setattr(count_approval, "lock_levels", lock_levels)
    approval = Job(lambda: approve(count, actor="user:ben"))
    gate.arrival()
    order = sell(shop, (kit, 2))
    gate.open()
    approval.end()
    assert [len(pairs) for pairs in turns] == [1, 2], "A alone, then A and B"
    line = order.lines.get()
    assert (line.reserved, line.short) == (0, 2)
    assert (numbers(a), numbers(b)) == ((1, 1, 0), (10, 10, 0))
    assert list(verify()) == []
