"""The outbox: what is owed is paid once, together, and only where it may be."""

from __future__ import annotations

import pytest

from channels import outbox, selling, sync
from channels.models import Channel, Debt, Outcome, PushLog, StockTarget, SyncLane
from channels.registration import update_channel, update_listing
from tests.channels.shop import Answer, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_location,
    a_sku,
    drain,
    outcomes,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_number_is_sent_applied_and_written_down(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=7))
    assert owed() == {"x-A"}
    assert sync.drain_channel(listing.channel_id) == 1
    assert shop.book == {"x-A": 7}
    (seen,) = shop.writes
    assert "expected" not in seen.items[0]
    target = target_of(listing)
    assert (target.published, target.shown, target.outcome, target.attempts) == (7, 7, Outcome.APPLIED, 0)
    assert target.in_flight is None and target.claimed_until is None and target.flight_key is None
    assert not owed()
    assert outcomes(listing) == ["applied"]


def test_a_number_that_stands_already_is_not_sent(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=7)
    listing = a_listing(a_channel(shop), sku)
    sync.drain_channel(listing.channel_id)
    set_available(sku, 9)
    set_available(sku, 7)
    assert owed() == {"x-A"}
    assert drain(listing.channel, hands) == 1
    assert len(shop.writes) == 1
    assert outcomes(listing) == ["applied", "unchanged"]
    assert target_of(listing).outcome == Outcome.APPLIED


def test_versions_grow_and_a_listing_made_anew_is_not_stale(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=1)
    channel = a_channel(shop)
    listing = a_listing(channel, sku)
    for units in (2, 3, 4):
        set_available(sku, units)
        drain(channel, hands)
    versions = [seen.items[0]["version"] for seen in shop.writes]
    assert versions == sorted(set(versions)) and len(versions) == 3
    listing.delete()
    hands.later(0.01)
    set_available(sku, 11)
    again = a_listing(channel, sku)
    drain(channel, hands)
    assert shop.book == {"x-A": 11}
    assert outcomes(again) == ["applied"]


def test_versions_grow_even_while_the_clock_stands_or_goes_back(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=1)
    listing = a_listing(a_channel(shop), sku)
    sync.drain_channel(listing.channel_id)
    hands.later(-3600)
    SyncLane.objects.update(not_before=None)
    set_available(sku, 2)
    sync.drain_channel(listing.channel_id)
    first, second = (seen.items[0]["version"] for seen in shop.writes)
    assert second == first + 1
    assert shop.book == {"x-A": 2}


def test_shadow_mode_computes_and_sends_nothing(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop, mode="shadow"), a_sku("A", available=5))
    assert sync.drain_channel(listing.channel_id) == 1
    target = target_of(listing)
    assert (target.published, target.shown, target.outcome, target.version) == (5, None, Outcome.SHADOW, 0)
    assert not shop.requests and not owed()
    update_channel(listing.channel, mode="live", actor="test")
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5}


def test_a_disconnected_channel_is_sent_nothing_and_resumes(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    selling.disconnect(listing.channel, actor="test")
    assert sync.drain_channel(listing.channel_id) == 0
    assert not shop.requests and owed() == {"x-A"}
    selling.resume(listing.channel, actor="test")
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5}


def test_an_inactive_channel_is_sent_nothing(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    update_channel(listing.channel, is_active=False, actor="test")
    assert sync.drain_channel(listing.channel_id) == 0 and not shop.requests


@pytest.mark.parametrize("change", [{"is_active": False}, {"fulfilled_by": "channel"}])
def test_a_listing_that_fell_out_of_use_is_not_sent_what_it_was_owed(shop: Shop, change: dict[str, object]) -> None:
    channel = a_channel(shop)
    a, _b = (a_listing(channel, a_sku(code, available=5)) for code in "AB")
    update_listing(a, **change)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-B": 5}
    assert outbox.next_due_in(channel.pk) is None, "nothing goes round in circles"


def test_max_batch_is_respected_and_the_backlog_is_worked_off(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop, settings={"max_batch": 4})
    for number in range(10):
        a_listing(channel, a_sku(f"S{number}", available=5))
    for _ in range(3):
        drain(channel, hands)
    assert [len(seen.items) for seen in shop.writes] == [4, 4, 2]
    assert len(shop.book) == 10


def test_the_pace_lets_debts_travel_together(shop: Shop, hands: Hands, alarms: Alarms) -> None:
    channel = a_channel(shop)
    skus = [a_sku(code, available=5) for code in "ABC"]
    for sku in skus:
        a_listing(channel, sku)
    sync.drain_channel(channel.pk)
    alarms.forget()
    for sku in skus:
        set_available(sku, 4)
        assert sync.drain_channel(channel.pk) == 0, "too soon"
    assert ([], True) in alarms.sent("channels.tasks.drain_channels")
    drain(channel, hands)
    assert [len(seen.items) for seen in shop.writes] == [3, 3]


def test_the_backlog_is_never_larger_than_the_catalogue(shop: Shop) -> None:
    channel = a_channel(shop)
    sku = a_sku("A", available=500)
    a_listing(channel, sku)
    for units in range(400, 440):
        set_available(sku, units)
    assert Debt.objects.count() == 1
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 439} and len(shop.writes) == 1


@pytest.mark.usefixtures("_has_places")
def test_each_remote_location_has_a_number_of_its_own(shop: Shop) -> None:
    w1, w2 = a_location("W1"), a_location("W2", priority=2)
    sku = a_sku("A", available=3)
    set_available(sku, 4, location=w2)
    listing = a_listing(a_channel(shop, locations=[(w1, "berlin"), (w2, "paris")]), sku)
    shop.always = lambda seen: Answer(body={"results": [{"external_id": "x-A", "status": "applied"}]})
    sync.drain_channel(listing.channel_id)
    assert {t.remote: t.published for t in StockTarget.objects.all()} == {"berlin": 3, "paris": 4}


def test_push_now_sends_what_is_believed_to_stand_already(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    sync.drain_channel(listing.channel_id)
    shop.book["x-A"] = 77
    assert sync.push_now([target_of(listing).pk]) == 1
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5} and len(shop.writes) == 2


def test_the_log_keeps_each_pushs_times(shop: Shop) -> None:
    a_listing(a_channel(shop), a_sku("A", available=5))
    sync.drain_channel(Channel.objects.get().pk)
    row = PushLog.objects.get()
    assert row.owed_at <= row.computed_at <= row.sent_at <= row.acknowledged_at
    assert row.quantity == 5 and row.stored_at is None
