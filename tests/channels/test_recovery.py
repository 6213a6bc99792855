"""After an older database was put back: everything is owed, and nothing leaves before the orders since then are known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels import recovery, sync
from channels.models import Channel, Delivery, DeliveryStatus, StockTarget, SyncLane
from tests.channels.shop import Shop
from tests.channels.world import Alarms, Hands, a_channel, a_listing, a_sku, owed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def channel(shop: Shop, hands: Hands) -> Channel:
    """A channel in good order: its number is shown, its orders were just read."""
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    sync.drain_channel(channel.pk)
    Channel.objects.update(orders_read_until=hands.instant, stock_read_at=hands.instant)
    return Channel.objects.get()


def test_every_number_is_unknown_and_owed(channel: Channel, hands: Hands) -> None:
    assert StockTarget.objects.get().shown == 5
    assert recovery.start_over(since=hands.instant) == 1
    assert StockTarget.objects.get().shown is None
    assert owed(channel) == {"x-A"}


def test_orders_are_read_from_before_the_backup(channel: Channel, hands: Hands) -> None:
    since = hands.instant - timedelta(minutes=5)
    recovery.start_over(since=since)
    channel.refresh_from_db()
    assert channel.orders_read_until == since - timedelta(hours=1)
    assert channel.stock_read_at is None


def test_orders_that_were_read_earlier_still_are_read_from_there(channel: Channel, hands: Hands) -> None:
    before = hands.instant - timedelta(days=3)
    Channel.objects.update(orders_read_until=before)
    recovery.start_over(since=hands.instant)
    channel.refresh_from_db()
    assert channel.orders_read_until == before


def test_nothing_leaves_until_the_orders_were_read_and_recorded(channel: Channel, shop: Shop, hands: Hands) -> None:
    recovery.start_over(since=hands.instant)
    shop.book["x-A"] = 3  # two were sold of which we know nothing
    hands.later(60)
    assert recovery.go_on() == 0
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 3}
    Channel.objects.update(orders_read_until=hands.instant)
    Delivery.objects.create(
        channel=channel,
        event_id="e",
        body_hash=b"h",
        body=b"{}",
        stored_at=hands.instant,
        status=DeliveryStatus.WAITING,
    )
    assert recovery.go_on() == 0
    Delivery.objects.update(status=DeliveryStatus.DONE)
    assert recovery.go_on() == 1
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 5}
    assert recovery.go_on() == 0


def test_channels_are_asked_once_the_stack_runs(channel: Channel, hands: Hands, alarms: Alarms) -> None:
    recovery.start_over(since=hands.instant)
    recovery.go_on()
    assert alarms.sent("fulfillment.tasks.poll_orders") == [([channel.pk], False)]


def test_a_channel_that_does_not_answer_is_waited_for_ten_minutes(channel: Channel, shop: Shop, hands: Hands) -> None:
    recovery.start_over(since=hands.instant)
    hands.later(86400)  # the time in which nothing runs does not count
    assert recovery.go_on() == 0
    hands.later(599)
    assert recovery.go_on() == 0
    hands.later(2)
    assert recovery.go_on() == 1
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 5}


def test_a_disconnected_channel_is_not_waited_for(channel: Channel, hands: Hands) -> None:
    Channel.objects.update(disconnected_at=hands.instant)
    recovery.start_over(since=hands.instant)
    assert recovery.go_on() == 1


def test_lanes_of_workers_are_left_alone(channel: Channel) -> None:
    SyncLane.objects.update(holder="sync@here")
    assert recovery.go_on() == 0
    assert SyncLane.objects.get().holder == "sync@here"
