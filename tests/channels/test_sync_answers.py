"""The outbox: whatever a channel answers, its number ends up right and nobody else's waits for it."""

from __future__ import annotations

import pytest

from channels import outbox, sync
from channels.models import Outcome, StockTarget
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_sku,
    drain,
    lane,
    many_listings,
    outcomes,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert ([], True) in alarms.sent("channels.tasks.drain_channels")
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
def test_an_impossible_number_in_a_result_is_no_acknowledgement(shop: Shop, hands: Hands, quantity: object) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.will(Answer(body={"results": [{"external_id": "x-A", "status": "applied", "quantity": quantity}]}))
    sync.drain_channel(listing.channel_id)
    target = target_of(listing)
    assert (target.outcome, target.shown, target.claimed_until) == (Outcome.UNKNOWN, None, None)
    assert owed() == {"x-A"}
    drain(listing.channel, hands, after=90)
    assert target_of(listing).shown == 5 and not owed()


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
    shop.will(Answer(applies=True, after_seconds=60))
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


def test_what_was_refused_is_tried_again_now_and_then_when_its_number_changes(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=9)
    listing = a_listing(a_channel(shop), sku)
    shop.book["x-A"], shop.rejects["x-A"] = 6, "no_such_offer"
    sync.drain_channel(listing.channel_id)
    assert target_of(listing).parked_reason == "no_such_offer"
    shop.rejects.clear()
    set_available(sku, 0)
    drain(listing.channel, hands)
    assert shop.book["x-A"] == 6, "a person was told; it is not tried over and over"
    drain(listing.channel, hands, after=301)
    assert shop.book["x-A"] == 0 and target_of(listing).parked_reason == ""
