"""A count takes promised units away while their orders move: neither overwrites the other, and nobody waits in a circle."""

from __future__ import annotations

import random

import pytest
from django.db import OperationalError

from fulfillment import shortfalls
from fulfillment.models import SalesOrder, SalesOrderLine, Shortfall
from fulfillment.orders import cancel_order
from fulfillment.shipping import create_shipment, dispatch
from inventory import count_approval, reservations
from inventory.count_approval import approve
from inventory.counts import Take, count_lines, open_count, submit
from inventory.errors import CountError, InsufficientStock
from inventory.locks import lock_levels
from inventory.losses import Told
from inventory.models import Count, StockLevel
from inventory.rebuild import verify
from tests.concurrency.threads import Gate, Job, together, until_stuck
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, numbers, sell, stocked

pytestmark = pytest.mark.django_db(transaction=True)


class Scene:
    """10 mugs, 6 of them promised to one order; a count found 3 and waits for approval."""

    def __init__(self) -> None:
        self.place = LocationFactory(code="W1")
        self.mug = stocked(10, place=self.place)
        self.channel = ChannelFactory()
        ListingFactory(channel=self.channel, sku=self.mug)
        self.order = sell(self.channel, (self.mug, 6), order="early")
        self.count = open_count(location=self.place, skus=[self.mug], actor="user:ann")
        count_lines(self.count, [Take(self.mug, 3)], actor="user:ann")
        submit(self.count, actor="user:ann")

    def approve(self) -> Count:
        return approve(self.count, actor="user:ben")

    def ship_two(self) -> None:
        lines = [(self.order.lines.get(), 2)]
        dispatch(create_shipment(order=self.order, location=self.place, lines=lines, actor="test"), actor="test")


def ship_while_it_is_approved(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Two units ship: what the order holds has been read when the count is approved, and the stock is not locked yet."""
    gate, locked = Gate(), reservations.lock_levels
    stops = [True]

    def lock_levels(pairs, *, create=True):  # type: ignore[no-untyped-def]
        if stops:
            stops.clear()
            gate.stop()
        return locked(pairs, create=create)

    monkeypatch.setattr(reservations, "lock_levels", lock_levels)
    shipping = Job(scene.ship_two)
    gate.arrival()
    approval = Job(scene.approve)
    until_stuck(approval)
    gate.open()
    shipping.end()
    return approval


def test_an_order_that_ships_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    ship_while_it_is_approved(scene, monkeypatch).end()
    line = SalesOrderLine.objects.get()
    assert (line.shipped, line.reserved, line.short) == (2, 1, 3)
    assert numbers(scene.mug) == (1, 0, 1)  # 10 - 2 shipped - 7 that were missing
    assert (Shortfall.objects.get().kind, Shortfall.objects.get().quantity) == ("backorder", 3)
    assert list(verify()) == []


def test_control_without_the_orders_lock_the_promise_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortfalls, "lock_orders", lambda line_ids: None)
    scene = Scene()
    ship_while_it_is_approved(scene, monkeypatch).end()
    (difference,) = verify()
    assert (difference.kind, difference.found, difference.expected) == ("reserved", "1", "4")


def test_control_with_stock_locked_before_orders_they_wait_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_holders = count_approval.tell_holders

    def lock_stock_first(missing):  # type: ignore[no-untyped-def]
        lock_levels(missing)
        return tell_holders(missing)

    monkeypatch.setattr(count_approval, "tell_holders", lock_stock_first)
    scene = Scene()
    with pytest.raises(OperationalError, match="deadlock detected"):
        ship_while_it_is_approved(scene, monkeypatch).end()


def test_a_sale_that_comes_between_looking_and_locking_loses_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest promise loses, although its order was not known when the count looked for whom it concerns."""
    scene = Scene()
    gate, locked = Gate(), count_approval.lock_levels
    turns = []

    def lock_levels(pairs, *, create=True):  # type: ignore[no-untyped-def]
        turns.append(pairs)
        if len(turns) == 1:
            gate.stop()
        return locked(pairs, create=create)

    monkeypatch.setattr(count_approval, "lock_levels", lock_levels)
    approval = Job(scene.approve)
    gate.arrival()
    late = sell(scene.channel, (scene.mug, 4), order="late")
    gate.open()
    approval.end()
    assert len(turns) == 2
    lines = {line.order.external_id: (line.reserved, line.short) for line in SalesOrderLine.objects.all()}
    assert lines == {"early": (3, 3), late.external_id: (0, 4)}
    assert numbers(scene.mug) == (3, 0, 3)
    assert list(verify()) == []


def test_an_approval_that_is_always_too_late_says_so_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    monkeypatch.setattr(count_approval, "tell_holders", lambda missing: Told())
    with pytest.raises(CountError, match="too fast just now"):
        scene.approve()
    assert numbers(scene.mug) == (10, 4, 6)
    scene.count.refresh_from_db()
    assert scene.count.status == "submitted"


def test_two_approvals_at_once_post_once() -> None:
    scene = Scene()
    outcomes = together(scene.approve, scene.approve)
    assert sum(isinstance(outcome, CountError) for outcome in outcomes) == 1
    assert numbers(scene.mug) == (3, 0, 3)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(3))
def test_sales_parcels_cancellations_and_counts_of_the_same_skus_never_lock_up(seed: int) -> None:
    place = LocationFactory(code="W1")
    channel = ChannelFactory()
    skus = [stocked(30, code=f"S{number}", place=place) for number in range(4)]
    for sku in skus:
        ListingFactory(channel=channel, sku=sku)
    refusals = (CountError, InsufficientStock)

    def trade(number: int) -> None:
        dice = random.Random(f"{seed}/{number}")
        for turn in range(12):
            order = sell(
                channel, *((sku, dice.randint(1, 3)) for sku in dice.sample(skus, 2)), order=f"{number}-{turn}"
            )
            if dice.random() < 0.4:
                cancel_order(order, actor="test")
            elif dice.random() < 0.5:
                lines = [(line, line.reserved) for line in order.lines.all() if line.reserved]
                if lines:
                    try:
                        parcel = create_shipment(order=order, location=place, lines=lines, actor="test")
                        dispatch(parcel, actor="test")
                    except refusals:
                        continue

    def count_all() -> None:
        dice = random.Random(seed)
        for _turn in range(12):
            count = open_count(location=place, skus=skus, actor="user:ann")
            levels = {level.sku_id: level for level in StockLevel.objects.filter(location=place)}
            found = {
                sku: max(0, levels[sku.pk].available + levels[sku.pk].reserved + dice.randint(-4, 3)) for sku in skus
            }
            count_lines(count, [Take(sku, units, row=f"lines.{n}") for n, (sku, units) in enumerate(found.items())],
                        actor="user:ann")  # fmt: skip
            submit(count, actor="user:ann")
            try:
                approve(count, actor="user:ben")
            except CountError:
                Count.objects.filter(pk=count.pk).update(status="cancelled")
                count.lines.update(is_open=False)

    outcomes = together(lambda: trade(1), lambda: trade(2), lambda: trade(3), count_all)
    assert outcomes == [None] * 4
    assert list(verify()) == []
    for line in SalesOrderLine.objects.all():
        assert line.reserved + line.short == line.outstanding, line
    assert SalesOrder.objects.count() == 36
