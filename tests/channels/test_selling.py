"""Stop selling and disconnect are two things."""

from __future__ import annotations

import pytest

from channels import selling, sync
from channels.models import Channel, StockTarget
from channels.registration import create_listings
from reports.models import Alert, AlertKind
from tests.channels.shop import Answer, Shop
from tests.channels.world import Hands, a_channel, a_listing, a_sku, many_listings, owed, set_available

pytestmark = pytest.mark.django_db(transaction=True)


def test_stopping_shows_0_everywhere_and_until_each_has_acknowledged(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop, settings={"max_batch": 3})
    many_listings(channel, 5)
    for _ in range(2):
        sync.drain_channel(channel.pk)
        hands.later(2)
    assert min(shop.book.values()) > 0
    selling.stop_selling([channel], actor="user:ann")
    assert selling.unacknowledged(channel).count() == 5
    sync.drain_channel(channel.pk)
    assert selling.unacknowledged(channel).count() == 2
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert set(shop.book.values()) == {0} and not selling.unacknowledged(channel).exists()


def test_a_number_that_may_still_be_shown_counts_as_unacknowledged(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    sync.drain_channel(channel.pk)
    selling.stop_selling([channel], actor="user:ann")
    shop.will(Answer(500, {}))
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert selling.unacknowledged(channel).count() == 1
    hands.later(90)
    sync.drain_channel(channel.pk)
    assert not selling.unacknowledged(channel).exists()


def test_stopping_does_not_wait_for_a_back_off(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    shop.will(Answer(429, {}, {"Retry-After": "600"}))
    sync.drain_channel(channel.pk)
    selling.stop_selling([channel], actor="user:ann")
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 0}


def test_stopping_sends_0_for_what_was_refused_before(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    sku = a_sku("A", available=5)
    a_listing(channel, sku)
    sync.drain_channel(channel.pk)
    set_available(sku, 9)
    shop.will(Answer(200, {"results": [{"external_id": "x-A", "status": "rejected", "code": "too_many"}]}))
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert StockTarget.objects.get().parked_reason == "too_many" and shop.book == {"x-A": 5}
    selling.stop_selling([channel], actor="user:ann")
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 0} and not selling.unacknowledged(channel).exists()


def test_a_stopped_channel_stays_at_0_whatever_arrives(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    sku = a_sku("A", available=5)
    a_listing(channel, sku)
    selling.stop_selling([channel], actor="user:ann")
    sync.drain_channel(channel.pk)
    set_available(sku, 50)
    create_listings(channel, [{"sku": sku, "external": {"external_id": "late"}}])
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 0, "late": 0}
    selling.resume(Channel.objects.get(), actor="user:ann")
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 50, "late": 50}


def test_stopping_twice_keeps_the_first_instant(shop: Shop) -> None:
    channel = a_channel(shop)
    selling.stop_selling([channel], actor="user:ann")
    first = Channel.objects.get().stopped_at
    selling.stop_selling([Channel.objects.get()], actor="user:ann")
    assert Channel.objects.get().stopped_at == first is not None


def test_disconnecting_warns_until_it_is_resumed(shop: Shop) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    selling.disconnect(channel, actor="user:ann")
    alert = Alert.objects.get(kind=AlertKind.DISCONNECTED)
    assert alert.closed_at is None and "still on sale" in alert.message
    assert sync.drain_channel(channel.pk) == 0 and owed() == {"x-A"}
    selling.resume(channel, actor="user:ann")
    alert.refresh_from_db()
    assert alert.closed_at is not None
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 5}
