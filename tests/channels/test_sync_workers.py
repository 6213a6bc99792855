"""The outbox: workers that die, are late, or are overtaken by what changes meanwhile."""

from __future__ import annotations

import pytest

from channels import leases, outbox, selling, sync
from channels.models import Channel, Outcome, StockTarget
from channels.registration import update_channel, update_listing
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_sku,
    drain,
    lane,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("deed", ["stop", "disconnect", "shadow", "move"])
def test_what_changes_the_channel_between_alarm_and_claim_is_felt(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    """The debt owed by the change is claimed by a worker that had read the channel before it."""
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    elsewhere = Shop()
    real = outbox.claim_debts

    def late(*args: object, **named: object) -> object:
        monkeypatch.setattr(outbox, "claim_debts", real)
        channel = Channel.objects.get(pk=listing.channel_id)
        if deed == "stop":
            selling.stop_selling([channel], actor="test")
        elif deed == "disconnect":
            selling.disconnect(channel, actor="test")
        elif deed == "shadow":
            update_channel(channel, mode="shadow", actor="test")
        else:
            update_channel(channel, base_url=elsewhere.url, actor="test")
        return real(*args, **named)

    monkeypatch.setattr(outbox, "claim_debts", late)
    sync.drain_channel(listing.channel_id)
    elsewhere.close()
    assert shop.book == ({"x-A": 0} if deed == "stop" else {})
    assert elsewhere.book == ({"x-A": 5} if deed == "move" else {})
    assert owed() == ({"x-A"} if deed == "disconnect" else set())
    assert target_of(listing).claimed_until is None and lane(listing.channel).lease is None


def test_halving_may_take_longer_than_a_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request starts the lease anew: else another worker takes over, and the culprit is never found."""
    monkeypatch.setattr(outbox, "LEASE", outbox.timedelta(seconds=1))
    channel = a_channel(shop)
    for number in range(8):
        a_listing(channel, a_sku(f"S{number}", available=5))
    held: list[bool] = []

    def refuse(seen: Seen) -> Answer:
        answer = Answer(422, {}) if "x-S5" in seen.numbers else shop._route(seen)
        answer.after_seconds = 0.35
        return answer

    def look(_seen: Seen) -> None:
        from django.db import connection

        held.append(leases.free_expired_claims() == 0)
        connection.close()

    shop.always, shop.while_busy = refuse, look
    sync.drain_channel(channel.pk)
    assert len(shop.writes) >= 6 and all(held), held
    assert StockTarget.objects.get(parked_reason="http_422").listing.external_key == "x-S5"
    assert not owed() and len(shop.book) == 7


def test_a_worker_taken_over_by_its_successor_is_paid_at_once(shop: Shop, alarms: Alarms) -> None:
    from uuid import uuid4

    from inventory.kernel import workqueue

    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    (claimed,) = outbox.claim_debts({listing.channel_id: 10}, lease=(lease := uuid4()))[listing.channel_id]
    outbox.take_off({claimed.target_id: 5}, lease=lease)
    assert not owed() and target_of(listing).in_flight == 5
    alarms.forget()
    assert sync.take_over("somebody else") == 0, "only its own claims"
    assert sync.take_over(workqueue.worker_name()) == 1
    target = target_of(listing)
    assert (target.in_flight, target.shown, target.outcome) == (None, None, Outcome.UNKNOWN)
    assert owed() == {"x-A"} and ([], False) in alarms.sent("channels.tasks.drain_channels")
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5}


def test_a_dead_claim_is_freed_by_the_sweep_when_its_lease_ends(shop: Shop, hands: Hands) -> None:
    from uuid import uuid4

    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    outbox.claim_debts({listing.channel_id: 10}, lease=uuid4())
    assert sync.sweep() == 0
    hands.later(31)
    assert sync.sweep() >= 1
    assert owed() == {"x-A"}
    assert sync.drain_channel(listing.channel_id) == 1


def test_an_answer_that_comes_after_its_lease_ended_changes_nothing(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))

    def lose(_seen: Seen) -> None:
        from django.db import connection

        hands.later(31)
        leases.free_expired_claims()
        connection.close()

    shop.while_busy = lose
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).shown is None and owed() == {"x-A"}, "what the new owner knows stands"


def test_the_sweep_rings_a_lost_alarm_and_counts_the_repair(shop: Shop, hands: Hands, alarms: Alarms) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    alarms.forget()  # the broker lost everything
    hands.later(1)
    assert sync.sweep() == 0, "not yet late"
    hands.later(3)
    assert sync.sweep() == 1
    assert lane(listing.channel).repairs == 1
    assert ([], False) in alarms.sent("channels.tasks.drain_channels")


def test_the_sweep_repairs_nothing_where_nothing_failed(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop, settings={"max_batch": 2})
    for code in "ABCDEF":
        a_listing(channel, a_sku(code, available=5))
    for _ in range(3):
        drain(channel, hands)
        assert sync.sweep() == 0
    shop.will(Answer(429, {}, {"Retry-After": "60"}))
    set_available(a_listing(channel, a_sku("G")).sku, 3)
    drain(channel, hands)
    hands.later(30)
    assert sync.sweep() == 0, "told to wait is not a lost alarm"
    selling.disconnect(channel, actor="test")
    hands.later(100)
    assert sync.sweep() == 0
    assert lane(channel).repairs == 0


def test_two_workers_never_drive_in_one_lane(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    second: list[int] = []

    def meanwhile(_seen: Seen) -> None:
        from django.db import connection

        set_available(listing.sku, 4)
        second.append(sync.drain_channel(listing.channel_id))
        connection.close()

    shop.while_busy = meanwhile
    sync.drain_channel(listing.channel_id)
    assert second == [0] and len(shop.writes) == 1
    assert owed() == {"x-A"}, "what was owed meanwhile stays owed"


def test_a_remapped_listing_does_not_inherit_the_number_in_flight(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))

    def remap(_seen: Seen) -> None:
        from django.db import connection

        shop.while_busy = None
        update_listing(listing, external={"external_id": "new"})
        connection.close()

    shop.while_busy = remap
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).shown is None, "what landed was the old id's"
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 5, "new": 5}
