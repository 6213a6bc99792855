"""In a flood the inbox's worker rests between its claims, and nobody rings meanwhile. What comes then must be claimed too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from channels import inbox
from channels.models import Channel, Delivery, DeliveryStatus
from fulfillment import intake
from fulfillment.models import SalesOrder
from inventory.kernel import workqueue
from tests.channels.world import order
from tests.concurrency.conftest import forget_alarms
from tests.concurrency.threads import Job, until
from tests.factories import ChannelFactory, ListingFactory, stocked

pytestmark = pytest.mark.django_db(transaction=True)

Alarms = Callable[[str], int]

LANE = 0


@pytest.fixture
def channel() -> Channel:
    channel: Channel = ChannelFactory()
    ListingFactory(channel=channel, sku=stocked(1000))
    return channel


@pytest.fixture(autouse=True)
def rests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Long enough to be there in time, and known: while a batch is recorded somebody rings in vain."""
    settle = intake._settle

    def ring_and_settle(delivery_ids: list[int]) -> None:
        assert not workqueue.ring_now(intake.DRAIN, [LANE])
        settle(delivery_ids)

    monkeypatch.setattr(intake, "_settle", ring_and_settle)
    monkeypatch.setattr(intake, "REST_SECONDS", 3.0)
    workqueue._rests.clear()
    yield
    workqueue._rests.clear()


def references() -> Iterator[str]:
    """Orders of one lane."""
    number = 0
    while True:
        number += 1
        yield f"A-{number}"


def deliver(channel: Channel, *, units: int) -> None:
    """Store so many orders of the lane, from where the last call ended."""
    held = Delivery.objects.count()
    wanted = (ref for ref in references() if inbox.lane_of(channel.pk, ref) == LANE)
    for number, ref in zip(range(held + units), wanted, strict=False):
        if number >= held:
            event = {"type": "order.created", "id": ref, "order": order(ref, ("MUG", 1))}
            inbox.store(
                channel_id=channel.pk, event_id=ref, topic="", order_ref=ref, body=json.dumps(event).encode()
            )  # fmt: skip


def deliver_late(channel: Channel) -> None:
    """A flood is recorded; while its worker rests, three more orders come."""
    deliver(channel, units=intake.FLOOD)
    forget_alarms()
    worker = Job(lambda: intake.drain_inbox(LANE))
    until(lambda: SalesOrder.objects.count() == intake.FLOOD)
    worker.join(0.5)
    deliver(channel, units=3)
    worker.end()


def test_what_comes_while_the_worker_rests_is_recorded_though_nobody_rang(channel: Channel, alarms: Alarms) -> None:
    deliver_late(channel)
    assert alarms("intake") == 0
    assert SalesOrder.objects.count() == intake.FLOOD + 3
    assert not Delivery.objects.exclude(status=DeliveryStatus.DONE).exists()


def rest_that_breaks_off(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker fails after it has announced its rest; the next one comes at once, and then a delivery."""

    def ring_and_fail(*_args: Any) -> None:
        assert not workqueue.ring_now(intake.DRAIN, [LANE])
        raise MemoryError

    deliver(channel, units=intake.FLOOD)
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(intake, "_record", ring_and_fail)
        intake.drain_inbox(LANE)
    monkeypatch.setattr(intake, "FLOOD", 1000)  # the next one has no rest of its own
    forget_messages()
    worker = Job(lambda: intake.drain_inbox(LANE))
    until(lambda: SalesOrder.objects.count() == 16)
    worker.join(0.5)
    deliver(channel, units=3)
    worker.end()


def forget_messages() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(f"{settings.REDIS_PREFIX}celery:intake")
    client.close()


def test_who_comes_after_a_worker_that_broke_off_waits_its_rest_out(
    channel: Channel, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest_that_breaks_off(channel, monkeypatch)
    assert alarms("intake") == 0
    assert SalesOrder.objects.count() == 16 + 3


def test_control_who_does_not_ask_for_it_leaves_what_came_meanwhile(
    channel: Channel, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "rest_left", lambda name, lane: 0.0)
    rest_that_breaks_off(channel, monkeypatch)
    assert alarms("intake") == 0
    assert SalesOrder.objects.count() == 16


def test_who_knows_of_a_rest_does_not_ask_again_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    execute = redis.Redis.execute_command

    def count(self: redis.Redis, *words: Any, **options: Any) -> Any:
        asked.append(words[0])
        return execute(self, *words, **options)

    workqueue.rest("work", 1, seconds=0.4)
    monkeypatch.setattr(redis.Redis, "execute_command", count)
    assert [workqueue.ring_now("work", [1]) for _ in range(5)] == [False] * 5
    assert asked == ["SET", "PTTL"]
    until(lambda: not workqueue._rests_still("work", [1]))
    workqueue.answer("work", 1)
    asked.clear()
    assert not workqueue._rests_still("work", [1])
    assert workqueue._raise_flag_unless_resting("work", [1])
    assert asked == ["SET"]
