"""Lag by its definition, on a history worked out by hand; and history that has served its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels import lag, retention, sync
from channels.models import Channel, Delivery, PushLog, StockTarget
from fulfillment import intake
from inventory.kernel import clock
from tests.channels.shop import Answer, Shop
from tests.channels.world import Hands, a_channel, a_listing, a_sku

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = {"p50": None, "p95": None, "p99": None}


def pushed(channel: Channel, seconds: float, *, outcome: str = "applied", ago: float = 60, heard: bool = True) -> None:
    then = clock.now() - timedelta(seconds=ago)
    target = StockTarget.objects.get(channel=channel)
    stored = then - timedelta(seconds=seconds) if heard else None
    PushLog.objects.create(
        channel=channel, target=target, quantity=1, outcome=outcome, owed_at=then, computed_at=then, sent_at=then,
        stored_at=stored, acknowledged_at=then,
    )  # fmt: skip


@pytest.fixture
def channel() -> Channel:
    made = a_channel()
    a_listing(made, a_sku("A", available=100))
    return made


def test_percentiles(channel: Channel) -> None:
    assert lag.percentiles(channel.pk) == NOTHING
    for number in range(1, 101):
        pushed(channel, number / 100)
    assert lag.percentiles(channel.pk) == {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def test_only_numbers_applied_for_a_sale_within_the_window_count(channel: Channel) -> None:
    pushed(channel, 0.5)
    pushed(channel, 50, outcome="unknown")
    pushed(channel, 50, outcome="unchanged")
    pushed(channel, 50, heard=False)
    pushed(channel, 50, ago=3700)
    assert lag.percentiles(channel.pk) == {"p50": 0.5, "p95": 0.5, "p99": 0.5}


def test_channels_apart(channel: Channel) -> None:
    other = a_channel(code="other")
    pushed(channel, 0.5)
    assert lag.percentiles_of([channel.pk, other.pk]) == {channel.pk: {"p50": 0.5, "p95": 0.5, "p99": 0.5}}


def test_from_the_delivery_to_the_acknowledgement_across_a_failed_push(shop: Shop, hands: Hands) -> None:
    """A sale on one channel, heard of at one instant, sent late to another: the first number applied after it counts."""
    from channels import inbox
    from tests.channels.world import event, order

    seller, other = a_channel(shop, code="seller"), a_channel(shop, code="other")
    sku = a_sku("A", available=10)
    a_listing(seller, sku, "s-A")
    a_listing(other, sku, "o-A")
    for one in (seller, other):
        sync.drain_channel(one.pk)
    hands.later(60)
    body = event(order("1", ("s-A", 1), placed_at=clock.now()))
    inbox.store(channel_id=seller.pk, event_id="e", topic="", order_ref="1", body=body)
    intake.drain_inbox(inbox.lane_of(seller.pk, "1"))
    shop.will(Answer(500, {}))
    sync.drain_channel(other.pk)
    hands.later(40)
    sync.drain_channel(other.pk)
    last = PushLog.objects.filter(channel=other).latest("id")
    assert last.stored_at == Delivery.objects.get().stored_at
    assert shop.book == {"s-A": 10, "o-A": 9}
    found = lag.percentiles(other.pk)["p99"]
    assert found is not None and 40 <= found < 60


def test_history_goes_when_it_has_served_its_time(channel: Channel) -> None:
    for days in (1, 34, 36, 400):
        pushed(channel, 1, ago=days * 86400)
    assert retention.prune(batch=1) == 2
    assert PushLog.objects.count() == 2
    assert retention.prune() == 0
