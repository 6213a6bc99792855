"""What is owed, and what a channel is believed to show after its own sale."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from channels import outbox, publishing, sync
from channels.models import Channel, Debt, Listing, StockTarget
from channels.publishing import Offer, OwnSale, note_own_sales
from channels.registration import update_listing
from inventory.kernel import clock
from tests.channels.shop import Seen, Shop
from tests.channels.world import (
    Alarms,
    Hands,
    a_channel,
    a_listing,
    a_location,
    a_sku,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settled(shop: Shop) -> Listing:
    """A listing that shows its 10 units, pushed a minute ago."""
    listing = a_listing(a_channel(shop), a_sku("A", available=10))
    sync.drain_channel(listing.channel_id)
    a_minute_ago = clock.now() - timedelta(seconds=60)
    StockTarget.objects.update(sent_at=a_minute_ago, pushed_at=a_minute_ago)
    return listing


def sold(listing: Listing, units: int, *, at: datetime | None = None) -> None:
    with transaction.atomic():
        note_own_sales([OwnSale(listing.channel, listing.pk, units, at or clock.now())])


def test_every_listing_of_a_sku_is_owed_and_rung_for_once(alarms: Alarms) -> None:
    sku, other = a_sku("A", available=5), a_sku("B", available=5)
    channels = [a_channel(code=f"c{number}") for number in range(5)]
    for channel in channels:
        a_listing(channel, sku)
        a_listing(channel, sku, "second")
        a_listing(channel, other)
    Debt.objects.all().delete()
    alarms.forget()
    set_available(sku, 4)
    set_available(sku, 3)
    assert Debt.objects.count() == 10 and owed() == {"x-A", "second"}
    assert alarms.sent("channels.tasks.drain_channels") == [([], False)], "one alarm for all of them"


def test_what_is_out_of_use_is_owed_nothing() -> None:
    from channels.registration import update_channel

    sku = a_sku("A", available=5)
    channel, closed = a_channel(), a_channel(code="closed")
    a_listing(channel, sku, "inactive", is_active=False)
    a_listing(channel, sku, "theirs", fulfilled_by="channel")
    a_listing(channel, sku, "ours")
    a_listing(closed, sku, "closed")
    update_channel(closed, is_active=False, actor="test")
    Debt.objects.all().delete()
    set_available(sku, 4)
    assert owed() == {"ours"}


def test_a_debt_keeps_its_first_time_and_its_delivery(settled: Listing) -> None:
    heard = clock.now() - timedelta(seconds=3)
    with publishing.heard_at(heard):
        publishing.owe_skus([settled.sku_id])
    first = Debt.objects.get()
    publishing.owe_skus([settled.sku_id])
    publishing.owe_listings([settled.pk])
    again = Debt.objects.get()
    assert (again.owed_at, again.stored_at) == (first.owed_at, heard)


def test_nothing_is_owed_where_the_transaction_fails(settled: Listing, alarms: Alarms) -> None:
    alarms.forget()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publishing.owe_listings([settled.pk])
        raise ZeroDivisionError
    assert not owed() and not alarms.sent("channels.tasks.drain_channels")


def test_a_firm_debt_cannot_be_claimed_before_its_reason_is_committed(settled: Listing) -> None:
    """A plain debt may be: whoever claims it waits at the level instead. A rule has no level to wait at."""
    from uuid import uuid4

    def claim_in_another_session() -> int:
        found: list[int] = []

        def claim() -> None:
            lease = uuid4()
            lanes = outbox.claim_debts({settled.channel_id: 10}, lease=lease)
            found.append(sum(map(len, lanes.values())))
            outbox.release_lanes([outbox.Release(channel_id) for channel_id in lanes], lease=lease)
            connection.close()

        worker = threading.Thread(target=claim)
        worker.start()
        worker.join(5)
        assert not worker.is_alive()
        return found[0]

    publishing.owe_listings([settled.pk])
    settled.channel.lane.__class__.objects.update(not_before=None)
    with transaction.atomic():
        publishing.owe_listings([settled.pk], firm=True)
        assert claim_in_another_session() == 0
    assert claim_in_another_session() == 1


def test_own_sale_long_after_the_push_lowers_what_is_shown(settled: Listing, shop: Shop, hands: Hands) -> None:
    shop.book["x-A"] = 8  # the channel lowered its number itself
    sold(settled, 2)
    assert target_of(settled).shown == 8
    set_available(settled.sku, 8)
    hands.later(2)
    sync.drain_channel(settled.channel_id)
    assert len(shop.writes) == 1, "nothing need be sent"
    assert not owed()


@pytest.mark.parametrize("seconds_before_acceptance", [-30.0, 0.0, 1.5])
def test_own_sale_around_the_push_leaves_it_unknown(settled: Listing, seconds_before_acceptance: float) -> None:
    accepted = clock.now() - timedelta(seconds=40)
    pushed = accepted - timedelta(seconds=seconds_before_acceptance)
    StockTarget.objects.update(sent_at=pushed, pushed_at=pushed)
    sold(settled, 2, at=accepted)
    assert target_of(settled).shown is None and owed() == {"x-A"}


def test_own_sale_between_sending_and_acknowledgement_leaves_it_unknown(settled: Listing) -> None:
    """The channel may have taken the number before or after it sold."""
    now = clock.now()
    StockTarget.objects.update(sent_at=now - timedelta(seconds=30), pushed_at=now - timedelta(seconds=20))
    sold(settled, 2, at=now - timedelta(seconds=25))
    assert target_of(settled).shown is None


def test_own_sale_while_the_number_is_in_flight_leaves_it_unknown(settled: Listing, shop: Shop, hands: Hands) -> None:
    def sell(_seen: Seen) -> None:
        shop.while_busy = None
        sold(settled, 2)
        connection.close()

    set_available(settled.sku, 9)
    hands.later(2)
    shop.while_busy = sell
    sync.drain_channel(settled.channel_id)
    assert target_of(settled).shown is None and owed() == {"x-A"}
    hands.later(2)
    sync.drain_channel(settled.channel_id)
    assert len(shop.writes) == 3 and target_of(settled).shown == 9


def test_own_sale_of_a_listing_of_which_nothing_is_known_stays_unknown() -> None:
    """Unknown less two is unknown, not 0: a 0 that is believed would never be sent."""
    listing = a_listing(a_channel(), a_sku("A", available=2))
    sold(listing, 2)
    assert target_of(listing).shown is None
    StockTarget.objects.update(sent_at=clock.now() - timedelta(hours=1))
    sold(listing, 2)
    assert target_of(listing).shown is None


def test_a_first_sale_that_sells_out_a_new_listing_sends_0(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=2))
    sold(listing, 2)
    set_available(listing.sku, 0)
    shop.book["x-A"] = 3  # what it showed before we knew it
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 0}


def test_own_sales_never_lower_below_0_and_add_up(settled: Listing) -> None:
    with transaction.atomic():
        note_own_sales([OwnSale(settled.channel, settled.pk, units, clock.now()) for units in (3, 4)])
    assert target_of(settled).shown == 3
    sold(settled, 99)
    assert target_of(settled).shown == 0


def test_the_earliest_of_several_sales_decides(settled: Listing) -> None:
    early = clock.now() - timedelta(seconds=90)
    with transaction.atomic():
        note_own_sales([OwnSale(settled.channel, settled.pk, 1, at) for at in (clock.now(), early)])
    assert target_of(settled).shown is None


def test_a_sale_from_the_future_leaves_unknown_what_is_shown(settled: Listing) -> None:
    sold(settled, 1, at=clock.now() + timedelta(seconds=60))
    assert target_of(settled).shown is None


def test_a_sale_heard_of_soon_after_a_push_leaves_unknown_what_is_shown_whatever_its_clock_says(
    settled: Listing,
) -> None:
    StockTarget.objects.update(sent_at=clock.now() - timedelta(seconds=5), pushed_at=clock.now() - timedelta(seconds=5))
    sold(settled, 1, at=clock.now() - timedelta(seconds=1))
    assert target_of(settled).shown is None
    StockTarget.objects.update(sent_at=clock.now())
    sold(settled, 1, at=clock.now() + timedelta(days=400))
    assert target_of(settled).shown is None


def test_a_channel_that_does_not_lower_is_believed_to_show_what_it_was_told(settled: Listing) -> None:
    Channel.objects.update(settings={"lowers_on_sale": False})
    settled.channel.refresh_from_db()
    sold(settled, 2)
    assert target_of(settled).shown == 10 and not owed()


def test_a_sale_that_saw_the_debt_is_in_the_number(settled: Listing) -> None:
    """The swallowed debt: the claim is committed, and the levels are read once the sale has committed."""
    began, numbers = threading.Event(), []

    def compute() -> None:
        began.set()
        target = target_of(settled)
        offer = Offer(target.pk, settled.channel_id, settled.sku_id, "")
        numbers.append(publishing.compute_numbers({settled.channel_id: settled.channel}, [offer])[target.pk])
        connection.close()

    with transaction.atomic():
        set_available(settled.sku, 4)
        worker = threading.Thread(target=compute)
        worker.start()
        assert began.wait(5)
        worker.join(0.3)
        assert worker.is_alive() and not numbers, "it waits for the sale"
    worker.join(5)
    assert numbers == [4]


def test_the_explanation_the_list_and_the_push_agree(shop: Shop) -> None:
    from channels.models import AllocationRule
    from channels.numbers import explanations_now, numbers_now
    from channels.rules import save_rule

    w2 = a_location("W2", priority=2)
    a_location("FBA", kind="fba")
    sku = a_sku("A", available=30, category="mugs", tags=["blue"])
    set_available(sku, 71, location=w2)
    set_available(sku, 500, location=a_location("FBA"))
    channel = a_channel(shop)
    listing = a_listing(channel, sku)
    for kind, value, scope in (("percent", 50, {"category": "mugs"}), ("buffer", 3, {"tag": "blue"})):
        save_rule(AllocationRule(kind=kind, value=Decimal(value), **scope))
    sync.drain_channel(channel.pk)
    explained = explanations_now([listing])[listing.pk][""]
    rows = Listing.objects.select_related("channel", "sku__product")
    assert shop.book == {"x-A": 47}
    assert explained.published == 47 == numbers_now(list(rows))[listing.pk]
    assert [(step.rule, step.input, step.output) for step in explained.steps] == [
        ("pool", 101, 101),
        ("percent", 101, 50),
        ("buffer", 50, 47),
    ]


def test_an_inactive_location_feeds_nobody(shop: Shop) -> None:
    sku = a_sku("A", available=3)
    set_available(sku, 70, location=a_location("W2", is_active=False))
    listing = a_listing(a_channel(shop), sku)
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 3}


def test_a_listing_of_another_sku_shows_its_number(settled: Listing, shop: Shop, hands: Hands) -> None:
    update_listing(settled, sku=a_sku("B", available=3))
    hands.later(2)
    sync.drain_channel(settled.channel_id)
    assert shop.book == {"x-A": 3}
