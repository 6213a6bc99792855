"""From deliveries to orders: batches, culprits, history and lost alarms."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import transaction

from channels import inbox
from channels.connectors.http import Http
from channels.models import Debt, Delivery, DeliveryStatus
from channels.models.inbox import DeliverySource
from channels.registration import create_listing, update_listing
from fulfillment import intake
from fulfillment.intake import drain_inbox
from fulfillment.models import SalesOrder, SalesOrderLine
from inventory.adjustments import adjust
from inventory.kernel import clock
from inventory.models import LedgerEntry, StockLevel
from inventory.rebuild import verify
from reports.models import Alert
from tests.concurrency.threads import Gate, Job, until_stuck
from tests.factories import SkuFactory, numbers, stocked
from tests.fulfillment.conftest import World

pytestmark = pytest.mark.django_db


def order_body(order: str, *lines: tuple[str, int], version: int = 1, **fields: Any) -> bytes:
    placed = fields.pop("placed_at", datetime.now(UTC).isoformat())
    stated = [{"id": str(n), "external_id": key, "quantity": units} for n, (key, units) in enumerate(lines, 1)]
    event = {"type": "order.created", "order": {"id": order, "version": version, "placed_at": placed, "lines": stated}}
    return json.dumps({**event, **fields}).encode()


def deliver(world: World, body: bytes, *, event: str, order: str = "A-1", source: str = "webhook") -> int | None:
    return inbox.store(
        channel_id=world.shop.pk, event_id=event, topic="", order_ref=order, body=body, source=DeliverySource(source)
    )


def drain(world: World) -> int:
    return sum(drain_inbox(lane) for lane in range(inbox.LANES))


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def test_what_waits_is_recorded_and_settled(world: World) -> None:
    for number in range(5):
        deliver(world, order_body(f"A-{number}", ("MUG", 1)), event=f"e{number}", order=f"A-{number}")
    assert drain(world) == 5
    assert statuses() == ["done"] * 5
    assert numbers(world.mug) == (14, 9, 5)
    assert SalesOrder.objects.filter(delivery=None).count() == 0
    assert drain(world) == 0


def test_the_same_bytes_under_the_same_event_are_stored_once(world: World) -> None:
    body = order_body("A-1", ("MUG", 1))
    assert deliver(world, body, event="e1") is not None
    assert [deliver(world, body, event="e1") for _ in range(4)] == [None] * 4
    assert deliver(world, order_body("A-1", ("MUG", 2), version=2), event="e1") is not None
    assert [delivery.conflicting for delivery in Delivery.objects.order_by("pk")] == [False, True]
    drain(world)
    assert numbers(world.mug) == (14, 12, 2)


def test_one_poisonous_delivery_among_three_hundred_is_parked_and_the_rest_recorded(world: World) -> None:
    adjust(sku=world.mug, location=world.w1, quantity=400, actor="test")
    for number in range(300):
        key = f"A-{number}"
        version: Any = 2**62 + 1 if number == 137 else 1
        deliver(world, order_body(key, ("MUG", 1), version=version), event=f"e{number}", order=key)
    assert drain(world) == 300
    (parked,) = Delivery.objects.filter(status=DeliveryStatus.PARKED)
    assert (parked.order_ref, parked.reason) == ("A-137", "bad_version")
    assert SalesOrder.objects.count() == 299
    assert numbers(world.mug)[2] == 299


def test_a_delivery_that_fails_in_the_database_is_found_by_halving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything that goes wrong over one order parks that one, with what went wrong."""
    record = intake.record_orders

    def choke(heard: Any) -> Any:
        if any(one.event.external_id == "A-5" for one in heard):
            raise ValueError("a bone in the throat")
        return record(heard)

    monkeypatch.setattr(intake, "record_orders", choke)
    for number in range(12):
        deliver(world, order_body(f"A-{number}", ("MUG", 1)), event=f"e{number}", order=f"A-{number}")
    drain(world)
    (parked,) = Delivery.objects.filter(status=DeliveryStatus.PARKED)
    assert (parked.order_ref, parked.reason) == ("A-5", "cannot_be_recorded")
    assert parked.detail == "ValueError: a bone in the throat"
    assert numbers(world.mug) == (14, 3, 11)
    assert Alert.objects.get(kind="parked").count == 1


@pytest.mark.parametrize("error", [RuntimeError("boom"), OSError("no such file"), Delivery.DoesNotExist("gone")])
def test_whatever_a_plug_in_raises_parks_that_delivery_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    parse = Http.parse

    def choke(self: Http, body: bytes, *, topic: str) -> Any:
        if b'"A-5"' in body:
            raise error
        return parse(self, body, topic=topic)

    monkeypatch.setattr(Http, "parse", choke)
    for number in range(12):
        deliver(world, order_body(f"A-{number}", ("MUG", 1)), event=f"e{number}", order=f"A-{number}")
    drain(world)
    assert statuses() == ["done"] * 5 + ["parked"] + ["done"] * 6
    assert Delivery.objects.get(status="parked").detail == f"{type(error).__name__}: {error}"


def test_a_level_that_was_tampered_with_parks_the_delivery_that_stumbles_over_it(world: World) -> None:
    deliver(world, order_body("A-1", ("MUG", 4)), event="e1")
    drain(world)
    StockLevel.objects.filter(sku=world.mug, location=world.w1).update(reserved=1)
    deliver(world, order_body("A-1", version=2, type="order.cancelled"), event="e2")
    for number in range(2, 6):
        deliver(world, order_body(f"A-{number}", ("CUP", 1)), event=f"e-{number}", order=f"A-{number}")
    drain(world)
    (parked,) = Delivery.objects.filter(status=DeliveryStatus.PARKED)
    assert (parked.event_id, parked.reason) == ("e2", "cannot_be_recorded")
    assert parked.detail.startswith("InsufficientStock: ")
    assert numbers(world.cup) == (5, 1, 4), "nobody waits behind it"


def test_an_order_id_as_long_as_we_take_is_recorded(world: World) -> None:
    name = "9" * 200
    deliver(world, order_body(name, ("MUG", 2)), event="e1", order=name)
    drain(world)
    assert statuses() == ["done"]
    assert numbers(world.mug) == (14, 12, 2)
    entry = LedgerEntry.objects.get(reason="sale")
    assert entry.reference == SalesOrder.objects.get().reference[:200]
    assert list(verify()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"type": "\xff"}', "not_utf8"),
        (b"{", "not_json"),
        (b"[]", "not_an_event"),
        (order_body("A-1"), "no_lines"),
        (order_body("A-1", ("MUG", 1), placed_at="yesterday"), "bad_time"),
    ],
)
def test_malformed_deliveries_are_parked_with_their_reason_and_evidence(world: World, body: bytes, reason: str) -> None:
    deliver(world, body, event="e1")
    drain(world)
    parked = Delivery.objects.get()
    assert (parked.status, parked.reason, bytes(parked.body)) == ("parked", reason, body)
    assert Alert.objects.get(kind="parked").subject == f"shop: {reason}"


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "x", 10**12, None])
def test_a_line_with_a_quantity_that_is_none_is_parked_and_the_others_go_on(world: World, quantity: Any) -> None:
    deliver(world, order_body("A-1", ("MUG", quantity), ("CUP", 1)), event="e1")
    drain(world)
    bad, good = SalesOrderLine.objects.order_by("position")
    assert (bad.parked_reason, bad.reserved) == ("bad_quantity", 0)
    assert good.reserved == 1


def test_an_event_of_no_concern_is_settled_without_a_trace(world: World) -> None:
    deliver(world, b'{"type": "product.updated"}', event="e1")
    drain(world)
    assert statuses() == ["done"]
    assert not SalesOrder.objects.exists()


def test_a_polled_order_from_before_the_channel_was_connected_is_history(world: World) -> None:
    old = (world.shop.orders_from - timedelta(days=1)).isoformat()
    deliver(world, order_body("A-1", ("MUG", 1), placed_at=old), event="poll:1", source="poll")
    deliver(world, order_body("A-2", ("MUG", 1), placed_at=old), event="e2", order="A-2")
    drain(world)
    assert [order.external_id for order in SalesOrder.objects.all()] == ["A-2"]


def test_a_replay_of_a_settled_delivery_changes_nothing(world: World) -> None:
    deliver(world, order_body("A-1", ("MUG", 3)), event="e1")
    drain(world)
    entries = LedgerEntry.objects.count()
    assert inbox.replay(Delivery.objects.values_list("pk", flat=True), actor="user:ann") == 1
    assert inbox.replay(Delivery.objects.values_list("pk", flat=True), actor="user:ann") == 0
    assert drain(world) == 1
    assert LedgerEntry.objects.count() == entries


def test_the_lag_of_a_sale_is_not_measured_from_a_delivery_that_was_replayed_beside_it(world: World) -> None:
    lane = inbox.lane_of(world.shop.pk, "A-1")
    order = next(ref for ref in map("A-{}".format, range(2, 100)) if inbox.lane_of(world.shop.pk, ref) == lane)
    deliver(world, order_body("A-1", ("MUG", 1)), event="e1")
    drain(world)
    Debt.objects.all().delete()
    Delivery.objects.update(stored_at=clock.now() - timedelta(days=1))
    inbox.replay(Delivery.objects.values_list("pk", flat=True), actor="user:ann")
    deliver(world, order_body(order, ("MUG", 1)), event="e2", order=order)
    drain(world)
    assert {debt.stored_at for debt in Debt.objects.all()} == {Delivery.objects.get(event_id="e2").stored_at}


def test_a_remapped_listing_resolves_what_waited_for_it(world: World) -> None:
    plate = stocked(5, code="PLATE", place=world.w1)
    listing = create_listing(channel=world.shop, sku=plate, external={"external_id": "old-id"})
    deliver(world, order_body("A-1", ("new-id", 2)), event="e1")
    drain(world)
    assert SalesOrderLine.objects.get().parked_reason == "unknown_listing"
    update_listing(listing, external={"external_id": "new-id"})
    assert SalesOrderLine.objects.get().reserved == 2


def test_an_order_of_a_thousand_lines_is_recorded(world: World) -> None:
    plates = SkuFactory.create_batch(3)
    for plate in plates:
        adjust(sku=plate, location=world.w1, quantity=1000, actor="test")
        create_listing(channel=world.shop, sku=plate, external={"external_id": plate.code})
    lines = [(plates[number % 3].code, 1) for number in range(1000)]
    deliver(world, order_body("A-1", *lines), event="e1")
    drain(world)
    assert SalesOrderLine.objects.filter(reserved=1).count() == 1000


# Alarms


@pytest.fixture
def alarms() -> Callable[[], int]:
    """How many messages wait for the intake's workers."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    return lambda: client.llen(f"{settings.REDIS_PREFIX}celery:intake")


def test_deliveries_ring_once_until_their_task_starts(
    world: World, alarms: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(20):
            deliver(world, order_body("A-1", ("MUG", 1)), event=f"e{number}")
    assert alarms() == 1


def test_the_sweep_rings_for_what_was_not_rung_for_and_for_nothing_else(
    world: World, alarms: Callable[[], int]
) -> None:
    deliver(world, order_body("A-1", ("MUG", 1)), event="e1")
    assert intake.sweep() == 0
    Delivery.objects.update(stored_at=clock.now() - timedelta(seconds=3))
    assert intake.sweep() == 1
    assert alarms() == 1


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_costs_a_second_and_no_delivery(world: World, alarms: Callable[[], int]) -> None:
    """Two versions in one batch lock mugs, then cups; somebody else has cups and wants mugs."""
    gate = Gate()

    def cups_then_mugs() -> None:
        with transaction.atomic():
            adjust(sku=world.cup, location=world.w1, quantity=1, actor="test")
            gate.stop()
            adjust(sku=world.mug, location=world.w1, quantity=1, actor="test")

    other = Job(cups_then_mugs)
    gate.arrival()
    deliver(world, order_body("A-1", ("MUG", 1)), event="e1")
    deliver(world, order_body("A-1", ("MUG", 1), ("CUP", 1), version=2), event="e2")
    lane = inbox.lane_of(world.shop.pk, "A-1")
    before = alarms()
    drain_job = Job(lambda: drain_inbox(lane))
    until_stuck(drain_job)
    gate.open()
    assert drain_job.end() in (0, 2)
    other.join(30)
    if drain_job.outcome == 0:
        assert alarms() == before + 1
        assert drain_inbox(lane) == 2
    assert statuses() == ["done", "done"]
    assert numbers(world.cup)[2] == numbers(world.mug)[2] == 1


@pytest.mark.django_db(transaction=True)
def test_a_lane_has_one_driver_and_the_second_comes_back(world: World, alarms: Callable[[], int]) -> None:
    deliver(world, order_body("A-1", ("MUG", 1)), event="e1")
    lane = inbox.lane_of(world.shop.pk, "A-1")
    gate = Gate()

    def drive() -> None:
        with transaction.atomic():
            inbox.claim(lane, limit=1)
            gate.stop()

    first = Job(drive)
    gate.arrival()
    before = alarms()
    assert drain_inbox(lane) == 0
    assert alarms() == before + 1
    gate.open()
    first.end()
    assert drain_inbox(lane) == 1
