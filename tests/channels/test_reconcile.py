"""Channels are read back: drift is what two reads agree on, and a sale on its way is none."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from channels import inbox, reconcile, sync
from channels.models import Channel, Drift, Listing, StockTarget
from fulfillment import intake
from reports.models import Alert, AlertKind
from tests.channels.shop import Answer, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_sku,
    event,
    order,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listing(shop: Shop, hands: Hands) -> Listing:
    """Shows its 5 units, settled for a while."""
    made = a_listing(a_channel(shop), a_sku("A", available=5))
    sync.drain_channel(made.channel_id)
    hands.later(10)
    return made


def read(channel_id: int) -> int:
    return reconcile.read_back(channel_id)


def test_nothing_is_found_where_nothing_is_wrong(shop: Shop, listing: Listing, hands: Hands, alarms: Alarms) -> None:
    alarms.forget()
    for _ in range(3):
        assert read(listing.channel_id) == 0
        hands.later(7)
    assert not Drift.objects.exists() and not owed() and len(shop.writes) == 1
    assert not alarms.sent("channels.tasks.read_back")
    assert Channel.objects.get().stock_read_at is not None


def test_set_to_10_by_hand_is_recorded_and_repaired_by_the_second_read(
    shop: Shop, listing: Listing, hands: Hands, alarms: Alarms
) -> None:
    shop.book["x-A"] = 10
    assert read(listing.channel_id) == 1
    assert not Drift.objects.exists() and not owed(), "not yet"
    assert alarms.sent("channels.tasks.read_back") == [([listing.channel_id], True)]
    hands.later(7)
    read(listing.channel_id)
    drift = Drift.objects.get()
    assert (drift.expected, drift.found, drift.excess, drift.target) == (5, 10, 5, target_of(listing))
    assert target_of(listing).shown == 10 and owed() == {"x-A"}
    assert Alert.objects.get(kind=AlertKind.DRIFT).subject == "web"
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5} and not owed()
    hands.later(10)
    assert read(listing.channel_id) == 0 and Drift.objects.count() == 1


def test_too_little_is_drift_without_excess(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.book["x-A"] = 2
    read(listing.channel_id)
    hands.later(7)
    read(listing.channel_id)
    drift = Drift.objects.get()
    assert (drift.expected, drift.found, drift.excess) == (5, 2, 0)


def test_a_sale_on_its_way_is_not_drift(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.book["x-A"] = 3
    document = order("1", ("x-A", 2), placed_at=reconcile.clock.now())
    assert read(listing.channel_id) == 1, "suspected"
    hands.later(3)
    lane = inbox.lane_of(listing.channel_id, "1")
    inbox.store(channel_id=listing.channel_id, event_id="e", topic="", order_ref="1", body=event(document))
    hands.later(4)
    assert read(listing.channel_id) == 0, "a delivery waits: nothing can be said"
    assert not Drift.objects.exists()
    intake.drain_inbox(lane)
    assert target_of(listing).shown == 3
    hands.later(7)
    sync.drain_channel(listing.channel_id)
    read(listing.channel_id)
    hands.later(7)
    read(listing.channel_id)
    assert not Drift.objects.exists() and shop.book == {"x-A": 3}
    assert len(shop.writes) == 1, "repairs are 0 where nothing failed"


def test_a_suspicion_that_passes_or_changes_is_forgotten(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.book["x-A"] = 10
    read(listing.channel_id)
    shop.book["x-A"] = 5
    hands.later(7)
    read(listing.channel_id)
    assert target_of(listing).suspect is None
    shop.book["x-A"] = 10
    read(listing.channel_id)
    hands.later(7)
    shop.book["x-A"] = 11
    assert read(listing.channel_id) == 1, "another wrong number starts anew"
    assert not Drift.objects.exists() and target_of(listing).suspect == 11


def test_two_reads_in_a_row_are_one(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.book["x-A"] = 10
    read(listing.channel_id)
    hands.later(1)
    read(listing.channel_id)
    assert not Drift.objects.exists()


def test_what_was_just_sent_or_is_owed_is_not_suspected(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.book["x-A"] = 10
    set_available(listing.sku, 4)
    assert read(listing.channel_id) == 0, "owed"
    sync.drain_channel(listing.channel_id)
    shop.book["x-A"] = 10
    assert read(listing.channel_id) == 0, "just sent"
    hands.later(3)
    assert read(listing.channel_id) == 1


def test_unknown_and_foreign_listings_are_none_of_our_business(shop: Shop, listing: Listing, hands: Hands) -> None:
    StockTarget.objects.update(shown=None)
    shop.book |= {"x-A": 10, "not ours": 7}
    assert read(listing.channel_id) == 0


def test_pages_are_followed_to_the_end(shop: Shop, listing: Listing, hands: Hands) -> None:
    shop.page_size = 2
    shop.book = {f"n{number}": 1 for number in range(5)} | {"x-A": 6}
    assert read(listing.channel_id) == 1
    assert [seen.query.get("cursor") for seen in shop.reads("/stock")] == [None, "2", "4"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}),
        Answer(401, {}),
        Answer(resets=True),
        Answer(200, b"nonsense"),
        Answer(200, {"items": [{"external_id": "x-A"}]}),
        Answer(200, {"items": [{"external_id": "x-A", "quantity": "--3"}]}),
        Answer(200, {"items": [{"external_id": "x-A", "quantity": 10**40}]}),
        Answer(200, {"items": {}}),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body}",
)
def test_a_read_that_fails_says_nothing(shop: Shop, listing: Listing, answer: Answer) -> None:
    shop.book["x-A"] = 10
    shop.will(answer)
    assert read(listing.channel_id) == 0
    assert target_of(listing).suspect is None and Channel.objects.get().stock_read_at is None


@pytest.mark.parametrize("row", [{"external_id": "x-B", "quantity": None}, {"quantity": 1}, None, 7, []])
def test_a_row_that_cannot_be_read_is_left_out_and_the_others_are_compared(
    shop: Shop, listing: Listing, row: object
) -> None:
    shop.will(Answer(200, {"items": [row, {"external_id": "x-A", "quantity": 10}]}))
    troubles: list[str] = []
    found = reconcile.read_back(listing.channel_id, report=lambda channel, trouble: troubles.append(trouble))
    assert (found, troubles) == (1, ["stock rows that could not be read: 1"])
    assert target_of(listing).suspect == 10 and Channel.objects.get().stock_read_at is not None


def test_cursors_that_go_round_end(shop: Shop, listing: Listing) -> None:
    round_about = {None: "a", "a": "b", "b": "a"}
    shop.always = lambda seen: Answer(200, {"items": [], "orders": [], "next": round_about[seen.query.get("cursor")]})
    assert read(listing.channel_id) == 0
    assert [seen.query.get("cursor") for seen in shop.reads("/stock")] == [None, "a", "b"]
    assert list(reconcile.order_pages(listing.channel)) == [[], [], []]
    assert [seen.query.get("cursor") for seen in shop.reads("/orders")] == [None, "a", "b"]


def test_the_command_says_what_could_not_be_read(shop: Shop, listing: Listing, capsys: pytest.CaptureFixture) -> None:
    call_command("reconcile")
    rows = [{"external_id": "x-A", "quantity": 5}, {"external_id": "x-B", "quantity": None}]
    shop.always = lambda seen: Answer(200, {"items": rows}) if seen.path == "/stock" else Answer(500, {})
    with pytest.raises(CommandError) as raised:
        call_command("reconcile", channel="web")
    assert raised.value.returncode == 1
    assert str(raised.value).splitlines() == [
        "Not everything could be read:", "web: orders could not be read: 500: {}",
        "web: stock rows that could not be read: 1",
    ]  # fmt: skip
    shop.always = Answer(500, {})
    with pytest.raises(CommandError, match="web: stock could not be read: 500"):
        call_command("reconcile")


def test_disconnected_channels_are_not_read(shop: Shop, listing: Listing) -> None:
    from channels.selling import disconnect

    disconnect(listing.channel, actor="test")
    before = len(shop.requests)
    assert read(listing.channel_id) == 0 and len(shop.requests) == before


def test_reconcile_reads_twice_and_returns_what_it_found(
    shop: Shop, listing: Listing, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: (waited.append(seconds), hands.later(seconds)))
    assert reconcile.reconcile([listing.channel]) == [] and not waited
    shop.book["x-A"] = 10
    (drift,) = reconcile.reconcile([listing.channel])
    assert (drift.expected, drift.found) == (5, 10) and waited == [reconcile.CONFIRM_SECONDS]


def test_every_channel_with_numbers_is_rung_for(alarms: Alarms) -> None:
    from channels.registration import create_channel

    channel = a_channel()
    create_channel(code="phone", name="Phone", connector="manual", actor="test")
    a_channel(code="off", is_active=False)
    alarms.forget()
    reconcile.schedule_read_backs()
    assert alarms.sent("channels.tasks.read_back") == [([channel.pk], False)]
