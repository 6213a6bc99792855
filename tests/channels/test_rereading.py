"""Channels that compare before they set: what is unknown is read first, with the orders that belong to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from channels import inbox, lookups, rereading, sync
from channels.connectors.base import Account, OutboundRequest, PolledOrder, PushItem, Response
from channels.connectors.http import Http
from channels.models import Channel, Delivery, OrderLookup
from fulfillment import intake, polling
from fulfillment.models import SalesOrder
from inventory.kernel import clock
from inventory.models import StockLevel
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import (
    Hands,
    a_channel,
    a_listing,
    a_sku,
    drain,
    lane,
    order,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _compares(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``http`` contract, with the right to ask for certain numbers."""
    honest = Http.capabilities

    def capabilities(self: Http, settings: Mapping[str, Any]) -> Any:
        return replace(honest(self, settings), compare_and_set=True, rereads=True)

    def ask(self: Http, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        return self.stock_request(account, cursor=None, now=now)

    def read(self: Http, response: Response, items: Sequence[PushItem]) -> Mapping[int, int]:
        shown = {level.external_key: level.quantity for level in self.read_stock(response).levels}
        return {item.target_id: shown[item.external_key] for item in items if item.external_key in shown}

    monkeypatch.setattr(Http, "capabilities", capabilities)
    monkeypatch.setattr(Http, "levels_request", ask)
    monkeypatch.setattr(Http, "read_levels", read)


def a_comparing_channel(shop: Shop) -> Channel:
    return a_channel(shop, settings={"compare_and_set": True})


def record_all(channel: Channel) -> None:
    for number in range(inbox.LANES):
        intake.drain_inbox(number)


def sent(shop: Shop) -> list[tuple[int, int | None]]:
    """(quantity, expected) of each number that was sent."""
    return [(row["quantity"], row.get("expected")) for write in shop.writes for row in write.items]


def test_what_is_unknown_is_read_before_it_is_set(shop: Shop) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=7))
    shop.book["x-A"] = 3
    sync.drain_channel(listing.channel_id)
    assert [(seen.method, seen.path) for seen in shop.requests] == [
        ("GET", "/stock"), ("GET", "/orders"), ("PUT", "/stock"),
    ]  # fmt: skip
    assert sent(shop) == [(7, 3)] and shop.book["x-A"] == 7 and target_of(listing).shown == 7


def test_what_is_known_is_not_read_again(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=7)
    listing = a_listing(a_comparing_channel(shop), sku)
    shop.book["x-A"] = 3
    sync.drain_channel(listing.channel_id)
    set_available(sku, 6)
    drain(listing.channel, hands)
    assert sent(shop) == [(7, 3), (6, 7)] and len(shop.reads("/stock")) == 1


def test_what_shows_the_right_number_already_is_not_set(shop: Shop) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=7))
    shop.book["x-A"] = 7
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [] and target_of(listing).shown == 7 and owed() == set()


def sell_unheard(shop: Shop, hands: Hands, units: int) -> None:
    """A sale whose webhook never comes."""
    hands.later(60)
    shop.book["x-A"] -= units
    shop.orders.append(order("o-1", ("x-A", units), placed_at=hands.instant))


def test_a_sale_that_we_did_not_hear_of_is_recorded_before_the_number_is_computed(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=5)
    listing = a_listing(a_comparing_channel(shop), sku)
    shop.book["x-A"] = 5
    sell_unheard(shop, hands, 1)
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [] and owed() == {"x-A"}, "the order waits in the inbox: the number would be one too high"
    record_all(listing.channel)
    drain(listing.channel, hands)
    assert SalesOrder.objects.count() == 1 and StockLevel.objects.get(sku=sku).available == 4
    assert shop.book["x-A"] == 4 and target_of(listing).shown == 4 and owed() == set()


def test_control_without_the_orders_the_sold_unit_is_offered_again(
    shop: Shop, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(channel: Channel, **_: Any) -> Iterator[Sequence[PolledOrder]]:
        return iter(())

    monkeypatch.setattr(rereading, "order_pages", nothing)
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=5))
    shop.book["x-A"] = 5
    sell_unheard(shop, hands, 1)
    sync.drain_channel(listing.channel_id)
    assert shop.book["x-A"] == 5, "five are shown, and four are there"


def test_a_sale_between_the_reading_and_the_setting_makes_it_stale_and_all_ends_well(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=5)
    listing = a_listing(a_comparing_channel(shop), sku)
    shop.book["x-A"] = 9
    hands.later(60)
    sold: list[int] = []

    def sell_once(seen: Seen) -> None:
        if seen.method == "PUT" and not sold:
            sold.append(1)
            shop.book["x-A"] -= 1
            shop.orders.append(order("o-1", ("x-A", 1), placed_at=hands.instant))

    shop.while_busy = sell_once
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [(5, 9)] and shop.book["x-A"] == 8
    for _ in range(3):
        record_all(listing.channel)
        drain(listing.channel, hands)
    assert StockLevel.objects.get(sku=sku).available == 4
    assert shop.book["x-A"] == 4 and target_of(listing).shown == 4 and owed() == set()


def test_where_it_cannot_be_read_nothing_is_sent_and_all_stays_owed(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=5))
    shop.will(Answer(500, {"error": "down"}))
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [] and owed() == {"x-A"} and lane(listing.channel).failures == 1
    shop.book["x-A"] = 2
    drain(listing.channel, hands)
    assert sent(shop) == [(5, 2)] and lane(listing.channel).failures == 0


def test_what_the_channel_knows_nothing_of_is_sent_without_an_expectation(shop: Shop) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=5))
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [(5, None)] and target_of(listing).shown == 5


def test_an_order_of_another_listing_holds_nothing_up(shop: Shop, hands: Hands) -> None:
    channel = a_comparing_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    a_listing(channel, a_sku("B", available=5))
    shop.book |= {"x-A": 5, "x-B": 9}
    sell_unheard(shop, hands, 1)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 4, "x-B": 5} and owed() == {"x-A"}
    assert Delivery.objects.filter(status="waiting").count() == 1


def test_its_own_sale_lowers_what_is_shown_however_soon_after_a_push(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=5)
    listing = a_listing(a_comparing_channel(shop), sku)
    shop.book["x-A"] = 9
    sync.drain_channel(listing.channel_id)
    sell_unheard(shop, hands, 2)
    inbox_body = b'{"type": "order.created", "order": ' + json.dumps(shop.orders[0]).encode() + b"}"
    inbox.store(channel_id=listing.channel_id, event_id="m", topic="order.created", order_ref="o-1", body=inbox_body)
    record_all(listing.channel)
    assert target_of(listing).shown == 3
    drain(listing.channel, hands)
    assert sent(shop) == [(5, 9)] and shop.book["x-A"] == 3


def owe_lookup(channel: Channel, *, attempts: int) -> None:
    OrderLookup.objects.create(
        channel=channel, order_ref="o-9", owed_at=clock.now(), attempts=attempts, next_attempt_at=clock.now()
    )


def test_an_order_that_is_about_to_be_asked_for_may_hold_any_listing(shop: Shop) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=5))
    shop.book["x-A"] = 9
    owe_lookup(listing.channel, attempts=lookups.MOST_ATTEMPTS - 1)
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [] and owed() == {"x-A"}


def test_an_order_that_can_never_be_read_does_not_hold_the_channels_numbers_for_ever(shop: Shop) -> None:
    listing = a_listing(a_comparing_channel(shop), a_sku("A", available=5))
    shop.book["x-A"] = 9
    owe_lookup(listing.channel, attempts=lookups.MOST_ATTEMPTS)
    sync.drain_channel(listing.channel_id)
    assert sent(shop) == [(5, 9)] and owed() == set()


def test_a_unit_that_the_channel_puts_back_on_sale_itself_is_taken_off_again(shop: Shop, hands: Hands) -> None:
    """Refunded after it has left, it moves no stock of ours; what the channel shows may have risen all the same."""
    sku = a_sku("A", available=5)
    listing = a_listing(a_comparing_channel(shop), sku)
    shop.book["x-A"] = 5
    drain(listing.channel, hands)
    sell_unheard(shop, hands, 1)
    shop.orders[0]["lines"][0] |= {"shipped": 1}
    poll(listing.channel, hands)
    drain(listing.channel, hands)
    assert shop.book["x-A"] == 4 and target_of(listing).shown == 4 and shop.writes == []
    shop.orders[0]["lines"][0] |= {"refunded": 1}
    shop.orders[0]["version"] = 2
    shop.book["x-A"] += 1
    poll(listing.channel, hands)
    assert StockLevel.objects.get(sku=sku).available == 4
    drain(listing.channel, hands)
    assert sent(shop) == [(4, 5)] and shop.book["x-A"] == 4 and target_of(listing).shown == 4 and owed() == set()


def poll(channel: Channel, hands: Hands) -> None:
    hands.later(60)
    polling.poll_orders(channel.pk)
    record_all(channel)
