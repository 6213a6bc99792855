"""The outbox: what is owed is paid once, in whatever way the channel misbehaves."""

from __future__ import annotations

import pytest

from channels import outbox, selling, sync
from channels.models import Channel, Debt, Outcome, PushLog, StockTarget, SyncLane
from channels.registration import update_channel, update_listing
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_location,
    a_sku,
    many_listings,
    outcomes,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def lane(channel: Channel) -> SyncLane:
    return SyncLane.objects.get(pk=channel.pk)


def drain(channel: Channel, hands: Hands, *, after: float = 2.0) -> int:
    hands.later(after)
    return sync.drain_channel(channel.pk)


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


def test_compare_and_set_sends_what_is_believed(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=7)
    listing = a_listing(a_channel(shop, settings={"compare_and_set": True}), sku)
    sync.drain_channel(listing.channel_id)
    assert "expected" not in shop.writes[0].items[0], "nothing is believed of a new listing"
    set_available(sku, 6)
    drain(listing.channel, hands)
    assert shop.writes[1].items[0]["expected"] == 7


def test_stale_with_the_channels_number_is_computed_again_at_once(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=7)
    channel = a_channel(shop, settings={"compare_and_set": True})
    listing = a_listing(channel, sku)
    sync.drain_channel(channel.pk)
    shop.book["x-A"] = 5  # sold meanwhile, unknown to us
    set_available(sku, 6)
    drain(channel, hands)
    assert target_of(listing).shown == 5 and owed() == {"x-A"}
    assert target_of(listing).next_attempt_at is None, "at once"
    drain(channel, hands)
    assert shop.writes[-1].items[0]["expected"] == 5
    assert shop.book == {"x-A": 6} and not owed()
    assert outcomes(listing) == ["applied", "stale", "applied"]


def test_stale_without_a_number_leaves_it_unknown_and_is_sent_again(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=7))
    shop.will(Answer(body={"results": [{"external_id": "x-A", "status": "stale"}]}))
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).shown is None and owed() == {"x-A"}
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 7} and not owed()


def test_a_channel_that_always_says_stale_is_asked_less_and_less_often(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=7))
    shop.always = Answer(body={"results": [{"external_id": "x-A", "status": "stale"}]})
    for _ in range(4):
        drain(listing.channel, hands, after=400)
    target = target_of(listing)
    assert target.attempts == 4 and target.next_attempt_at is not None and owed() == {"x-A"}
    assert drain(listing.channel, hands, after=0) == 0
    assert len(shop.writes) == 4


def test_a_rejected_item_is_parked_with_its_code_and_the_others_are_applied(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop, settings={"max_batch": 250})
    listings = many_listings(channel, 250)
    shop.rejects = {"x-S007": "listing_blocked"}
    sync.drain_channel(channel.pk)
    assert len(shop.book) == 249 and len(shop.writes) == 1
    culprit = target_of(listings[7])
    assert (culprit.parked_reason, culprit.outcome) == ("listing_blocked", Outcome.REJECTED)
    assert culprit.last_error == "listing_blocked: no such offer"
    assert StockTarget.objects.filter(outcome=Outcome.APPLIED).count() == 249
    assert not owed()
    set_available(listings[7].sku, 99)
    drain(channel, hands)
    assert len(shop.writes) == 1, "what is parked is owed and not sent"
    assert owed() == {"x-S007"}
    shop.rejects = {}
    assert sync.unpark([culprit.pk]) == 1
    sync.drain_channel(channel.pk)
    assert shop.book["x-S007"] == 99 and not owed()


def test_a_parked_target_raises_one_alert(shop: Shop) -> None:
    from reports.models import Alert

    listing = a_listing(a_channel(shop), a_sku("A", available=7))
    shop.rejects = {"x-A": "unknown_external_id"}
    sync.drain_channel(listing.channel_id)
    alert = Alert.objects.get()
    assert alert.subject == "web: unknown_external_id" and "x-A" in alert.message


def test_a_batch_refused_as_a_whole_is_halved_until_the_culprit_stands_alone(shop: Shop) -> None:
    channel = a_channel(shop)
    listings = [a_listing(channel, a_sku(f"S{number}", available=5)) for number in range(10)]

    def refuse(seen: Seen) -> Answer:
        if "x-S6" in seen.numbers:
            return Answer(422, {"error": "S6 makes no sense"})
        return shop._route(seen)

    shop.always = refuse
    sync.drain_channel(channel.pk)
    assert set(shop.book) == {f"x-S{number}" for number in range(10)} - {"x-S6"}
    culprit = target_of(listings[6])
    assert culprit.parked_reason == "http_422" and "S6 makes no sense" in culprit.last_error
    assert not owed() and len(shop.writes) <= 9


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

        held.append(outbox.free_expired_claims() == 0)
        connection.close()

    shop.always, shop.while_busy = refuse, look
    sync.drain_channel(channel.pk)
    assert len(shop.writes) >= 6 and all(held), held
    assert StockTarget.objects.get(parked_reason="http_422").listing.external_key == "x-S5"
    assert not owed() and len(shop.book) == 7


@pytest.mark.parametrize("status", [401, 402, 403, 404, 415])
def test_a_refused_account_backs_the_lane_off_and_everything_stays_owed(shop: Shop, hands: Hands, status: int) -> None:
    channel = a_channel(shop)
    listings = [a_listing(channel, a_sku(code, available=5)) for code in "ABC"]
    shop.will(Answer(status, {"error": "who are you"}))
    sync.drain_channel(channel.pk)
    held = lane(channel)
    assert len(shop.writes) == 1 and owed() == {"x-A", "x-B", "x-C"}
    assert held.failures == 1 and held.not_before is not None and str(status) in held.last_error
    assert {target_of(one).parked_reason for one in listings} == {""}
    assert sync.drain_channel(channel.pk) == 0 and len(shop.writes) == 1, "backed off"
    drain(channel, hands, after=90)
    assert len(shop.book) == 3 and lane(channel).failures == 0 and lane(channel).last_error == ""


def test_retry_after_is_respected(shop: Shop, hands: Hands, alarms: Alarms) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.will(Answer(429, {}, {"Retry-After": "60"}))
    sync.drain_channel(listing.channel_id)
    target = target_of(listing)
    assert target.outcome == Outcome.RETRY_LATER and target.attempts == 0 and owed() == {"x-A"}
    assert ([listing.channel_id], True) in alarms.sent("channels.tasks.drain_channel")
    drain(listing.channel, hands, after=58)
    assert len(shop.writes) == 1
    drain(listing.channel, hands, after=9)
    assert shop.book == {"x-A": 5} and not owed()


def test_a_throttled_number_is_still_believed(shop: Shop, hands: Hands) -> None:
    """429 did nothing: what is shown stays known, so going back to it needs no call."""
    sku = a_sku("A", available=5)
    listing = a_listing(a_channel(shop), sku)
    sync.drain_channel(listing.channel_id)
    set_available(sku, 4)
    shop.will(Answer(429, {}))
    drain(listing.channel, hands)
    assert target_of(listing).shown == 5
    set_available(sku, 5)
    drain(listing.channel, hands, after=90)
    assert len(shop.writes) == 2 and not owed()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}, applies=True),
        Answer(502, b"<html>", applies=True),
        Answer(503, {}, applies=True),
        Answer(302, {}, {"Location": "/elsewhere"}),
        Answer(408, {}),
        Answer(resets=True, applies=True),
        Answer(200, b"not json", applies=True),
        Answer(200, b"\xff\xfe", applies=True),
        Answer(200, [], applies=True),
        Answer(200, {"ok": True}, applies=True),
        Answer(200, {"results": "fine"}, applies=True),
        Answer(200, {"results": []}, applies=True),
        Answer(200, {"results": [None, 3, {"external_id": ["x-A"], "status": "applied"}]}, applies=True),
        Answer(200, {"results": [{"external_id": "x-A", "status": "whatever"}]}, applies=True),
        Answer(200, b"x", {"content-encoding": "gzip"}, applies=True),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body!r}{'-reset' if answer.resets else ''}",
)
def test_an_unclear_answer_makes_the_number_unknown_and_it_is_sent_again(
    shop: Shop, hands: Hands, answer: Answer
) -> None:
    sku = a_sku("A", available=5)
    listing = a_listing(a_channel(shop), sku)
    sync.drain_channel(listing.channel_id)
    set_available(sku, 4)
    shop.will(answer)
    drain(listing.channel, hands)
    target = target_of(listing)
    assert (target.outcome, target.shown, target.in_flight) == (Outcome.UNKNOWN, None, None)
    assert target.attempts == 1 and target.next_attempt_at is not None and owed() == {"x-A"}
    set_available(sku, 5)  # back to what it was: it may have been applied, so it must be said again
    drain(listing.channel, hands, after=90)
    assert len(shop.writes) == 3 and shop.book == {"x-A": 5}
    assert target_of(listing).attempts == 0 and not owed()


@pytest.mark.parametrize("quantity", [10**30, 2**63, -(10**30), "many", True, 1.5, [], {}])
def test_an_impossible_number_in_a_result_is_not_believed(shop: Shop, quantity: object) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.will(Answer(body={"results": [{"external_id": "x-A", "status": "applied", "quantity": quantity}]}))
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).shown == 5 and target_of(listing).claimed_until is None


def test_a_channel_that_applies_another_number_is_told_again(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=500))
    shop.will(Answer(body={"results": [{"external_id": "x-A", "status": "applied", "quantity": 99}]}))
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).shown == 99 and owed() == {"x-A"}
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 500} and not owed()


def test_ids_answered_as_numbers_are_the_same_ids(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5), "77")
    shop.will(Answer(body={"results": [{"external_id": 77, "status": "applied"}]}))
    sync.drain_channel(listing.channel_id)
    assert outcomes(listing) == ["applied"]


def test_a_missing_result_is_unknown_and_the_others_are_settled(shop: Shop) -> None:
    channel = a_channel(shop)
    a, b = (a_listing(channel, a_sku(code, available=5)) for code in "AB")
    shop.will(Answer(body={"results": [{"external_id": "x-B", "status": "applied"}]}))
    sync.drain_channel(channel.pk)
    assert (target_of(a).outcome, target_of(b).outcome) == (Outcome.UNKNOWN, Outcome.APPLIED)
    assert owed() == {"x-A"}


def test_a_silent_channel_costs_its_time_out_and_is_unknown(
    shop: Shop, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from channels.connectors.http import Http

    honest = Http.capabilities
    monkeypatch.setattr(Http, "capabilities", lambda self, given: replace(honest(self, given), timeout_seconds=0.3))
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.will(Answer(applies=True, after_seconds=5))
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).outcome == Outcome.UNKNOWN and owed() == {"x-A"}
    drain(listing.channel, hands, after=90)
    assert not owed() and len(shop.writes) == 2


def test_a_channel_that_cannot_be_reached_stays_owed(hands: Hands) -> None:
    listing = a_listing(a_channel(base_url="http://127.0.0.1:1"), a_sku("A", available=5))
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).outcome == Outcome.RETRY_LATER and owed() == {"x-A"}
    held = lane(listing.channel)
    assert held.failures == 1 and "no connection" in held.last_error


def test_failures_in_a_row_wait_longer_and_longer(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.always = Answer(401, {})
    waits = []
    for _ in range(9):
        drain(listing.channel, hands, after=61)
        waits.append((lane(listing.channel).not_before - outbox.clock.now()).total_seconds())
    assert waits[0] < 1 and waits[-1] > 25 and max(waits) <= 60, waits


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
    assert ([channel.pk], True) in alarms.sent("channels.tasks.drain_channel")
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


def test_a_worker_taken_over_by_its_successor_is_paid_at_once(shop: Shop, alarms: Alarms) -> None:
    from uuid import uuid4

    from inventory.kernel import workqueue

    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    (claimed,) = outbox.claim_debts(listing.channel_id, lease=(lease := uuid4()), limit=10)
    outbox.take_off({claimed.target_id: 5}, lease=lease, send=True)
    assert not owed() and target_of(listing).in_flight == 5
    alarms.forget()
    assert sync.take_over("somebody else") == 0, "only its own claims"
    assert sync.take_over(workqueue.worker_name()) == 1
    target = target_of(listing)
    assert (target.in_flight, target.shown, target.outcome) == (None, None, Outcome.UNKNOWN)
    assert owed() == {"x-A"} and ([listing.channel_id], False) in alarms.sent("channels.tasks.drain_channel")
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5}


def test_a_dead_claim_is_freed_by_the_sweep_when_its_lease_ends(shop: Shop, hands: Hands) -> None:
    from uuid import uuid4

    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    outbox.claim_debts(listing.channel_id, lease=uuid4(), limit=10)
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
        outbox.free_expired_claims()
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
    assert ([listing.channel_id], False) in alarms.sent("channels.tasks.drain_channel")


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


def test_two_workers_never_drive_in_one_lane(shop: Shop) -> None:
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


def test_the_log_keeps_each_pushs_times(shop: Shop) -> None:
    a_listing(a_channel(shop), a_sku("A", available=5))
    sync.drain_channel(Channel.objects.get().pk)
    row = PushLog.objects.get()
    assert row.owed_at <= row.computed_at <= row.sent_at <= row.acknowledged_at
    assert row.quantity == 5 and row.stored_at is None
