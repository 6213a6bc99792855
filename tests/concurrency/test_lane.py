"""One number in flight at a time: leases, flights that a sale crosses, and workers that die over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from channels import leases, outbox, selling, sync, transport
from channels.connectors.base import OutboundRequest, Response
from channels.models import Channel, Debt, Outcome, StockTarget, SyncLane
from channels.publishing import OwnSale, owe_listings
from fulfillment import recording
from inventory.kernel import clock, workqueue
from tests.concurrency.conftest import World
from tests.concurrency.threads import Gate, Job, until
from tests.factories import ListingFactory, add_stock, sell, stocked


def push_twice_at_once(world: World) -> int:
    """A second drain runs while the first one's request is out; the most requests that were under way together."""
    cup = stocked(3, code="CUP", place=world.place)
    world.shop.gate = gate = Gate()
    add_stock(world.mug, world.place, 1)
    first = Job(world.drain)
    gate.arrival()
    ListingFactory(channel=world.channel, sku=cup)
    second = Job(world.drain)
    until(lambda: second.ended or world.shop.most_under_way > 1)
    gate.open()
    first.end()
    second.end()
    assert world.shows() == 11
    assert world.shop.book["CUP"] == 3
    return world.shop.most_under_way


def test_a_channel_never_has_two_requests_under_way(world: World) -> None:
    assert push_twice_at_once(world) == 1


def test_control_without_the_lanes_lease_it_has_two(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim_debts = outbox.claim_debts

    def break_in(limits: Mapping[int, int], **given: Any) -> dict[int, list[outbox.Claimed]]:
        SyncLane.objects.filter(channel__in=limits).update(lease_until=None)
        return claim_debts(limits, **given)

    monkeypatch.setattr(outbox, "claim_debts", break_in)
    assert push_twice_at_once(world) == 2


def sale_during_a_flight(world: World) -> None:
    """Our 15 is on the shelf and its answer on the way; the shop sells one, and we find one: 15 again."""
    world.shop.answer_gate = gate = Gate()
    add_stock(world.mug, world.place, 5)
    flight = Job(world.drain)
    gate.arrival()
    world.shop.sell("MUG", 1)
    sell(world.channel, (world.mug, 1))
    add_stock(world.mug, world.place, 1)
    gate.open()
    flight.end()


def test_what_is_shown_after_a_sale_during_a_flight_is_unknown_and_owed(world: World) -> None:
    sale_during_a_flight(world)
    assert world.shows() == 15
    assert world.shop.received[-2:] == [("MUG", 15), ("MUG", 15)]


def owe_alone(sales: Sequence[OwnSale]) -> None:
    owe_listings([sale.listing_id for sale in sales], firm=False)


def test_control_where_the_flight_is_believed_the_shop_keeps_showing_one_too_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "note_own_sales", owe_alone)
    sale_during_a_flight(world)
    assert world.shows() == 14
    assert world.level.available == 15


def sale_that_a_push_overtook(world: World) -> None:
    """The shop sells one of 10; our 9, for another channel's sale, lands on its 9; only then do we hear of its sale."""
    accepted_at = datetime.now(UTC)
    world.shop.sell("MUG", 1)
    add_stock(world.mug, world.place, -1)
    world.settle()
    sell(world.channel, (world.mug, 1), placed_at=accepted_at)


def test_a_sale_that_our_push_overtook_leaves_what_is_shown_unknown(world: World) -> None:
    sale_that_a_push_overtook(world)
    assert world.target.shown is None
    assert world.shows() == 8


def lower_whatever_was_sent(sales: Sequence[OwnSale]) -> None:
    owe_listings([sale.listing_id for sale in sales], firm=False)
    for sale in sales:
        StockTarget.objects.filter(listing=sale.listing_id).update(shown=F("shown") - sale.quantity)


def test_control_where_shown_is_lowered_regardless_the_shop_keeps_a_unit_too_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "note_own_sales", lower_whatever_was_sent)
    sale_that_a_push_overtook(world)
    assert world.shows() == 9
    assert world.level.available == 8


def test_after_its_own_sale_alone_nothing_is_sent(world: World) -> None:
    """The channel has lowered its number by itself."""
    long_ago = clock.now() - timedelta(minutes=1)
    StockTarget.objects.update(sent_at=long_ago, pushed_at=long_ago)
    world.shop.received.clear()
    world.shop.sell("MUG", 1)
    sell(world.channel, (world.mug, 1))
    assert world.shows() == 9
    assert world.shop.received == []


def test_a_stop_while_a_drain_is_under_way_is_not_swallowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain has read the channel already when selling is stopped, and then claims what the stop owed."""
    claim_debts = outbox.claim_debts

    def stop_first(limits: Mapping[int, int], **given: Any) -> dict[int, list[outbox.Claimed]]:
        monkeypatch.setattr(outbox, "claim_debts", claim_debts)
        Job(lambda: selling.stop_selling(list(Channel.objects.filter(pk__in=limits)), actor="test")).end()
        return claim_debts(limits, **given)

    monkeypatch.setattr(outbox, "claim_debts", stop_first)
    add_stock(world.mug, world.place, 1)
    world.drain()
    assert world.shows() == 0


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


def die_in_flight(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker claims, writes down its flight, and is killed with its request out."""

    def die(request: OutboundRequest, *, timeout_seconds: float) -> Response:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(transport, "send", die)
        patch.setattr(outbox, "release_lanes", lambda *args, **given: None)
        patch.setattr(outbox, "give_back", lambda *args, **given: None)
        patch.setattr(leases, "expire_claims", lambda *args, **given: None)
        patch.setattr(workqueue, "_worker_name", "sync-1")
        add_stock(world.mug, world.place, 4)
        with pytest.raises(Killed):
            world.drain()
    assert not Debt.objects.filter(target=world.target).exists()
    assert world.target.in_flight == 14


def test_what_a_killed_worker_had_claimed_is_owed_again_when_its_successor_starts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in_flight(world, monkeypatch)
    assert sync.take_over("sync-2") == 0
    assert sync.take_over("sync-1") == 1
    target = world.target
    assert (target.shown, target.in_flight, target.outcome) == (None, None, Outcome.UNKNOWN)
    assert world.shows() == 14


def test_without_a_successor_the_sweep_frees_it_when_the_lease_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in_flight(world, monkeypatch)
    assert sync.sweep() == 0
    long_ago = clock.now() - timedelta(seconds=1)
    StockTarget.objects.update(claimed_until=long_ago)
    SyncLane.objects.update(lease_until=long_ago)
    assert sync.sweep() >= 1
    assert world.shows() == 14


def test_control_without_the_freeing_the_claim_is_held_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "free_expired_claims", lambda: 0)
    die_in_flight(world, monkeypatch)
    sync.take_over("sync-1")
    assert world.shows() == 10
    assert world.level.available == 14


def test_a_landing_under_a_lease_that_was_taken_over_changes_nothing(world: World) -> None:
    world.shop.gate = gate = Gate()
    add_stock(world.mug, world.place, 4)
    late = Job(world.drain)
    gate.arrival()
    StockTarget.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    SyncLane.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert leases.free_expired_claims() == 1
    gate.open()
    late.end()
    assert world.shows() == 14
    assert world.target.in_flight is None
