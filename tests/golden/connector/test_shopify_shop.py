"""The connector and a simulated shop that was written apart from it: they understand each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from channels.connectors.base import (
    Account,
    ChannelBusy,
    ChannelRefused,
    InboundRequest,
    OrderChanged,
    OrderEvent,
    OutboundRequest,
    PolledOrder,
    PushItem,
    RemoteLevel,
    Response,
    ShipmentNews,
    TokenRejected,
)
from channels.connectors.shopify import Shopify
from channels.simulators import Marketplaces, Offer
from inventory.kernel import clock
from tests.channels.simulators.shopify_desk import EAST, SECRET, TERMS, TOKEN, WEST, A, B, Desk, Inbox, spec, wait_for

SHOPIFY = Shopify()


@pytest.fixture
def desk() -> Iterator[Desk]:
    yield from opened()


def opened(*, offers: Sequence[Offer] = (), **terms: object) -> Iterator[Desk]:
    inbox = Inbox()
    shop = spec(shopify=replace(TERMS, **terms), **({"offers": tuple(offers)} if offers else {}))  # type: ignore[arg-type]
    world = Marketplaces([shop], inbox.url)
    world.start()
    desk = Desk(world, inbox)
    yield desk
    desk.client.close()
    world.stop()
    inbox.close()


def account(desk: Desk, *, remotes: tuple[str, ...] = (), **credentials: str) -> Account:
    held = {"access_token": TOKEN, "client_secret": SECRET, **credentials}
    return Account("shop", desk.handle.base_url, {"location_id": "101"}, held, remotes)


def send(request: OutboundRequest | None) -> Response:
    assert request is not None
    answer = httpx.request(request.method, request.url, content=request.body, headers=dict(request.headers), timeout=10)
    return Response(answer.status_code, answer.content, {name.lower(): text for name, text in answer.headers.items()})


def stock(desk: Desk, *, remotes: tuple[str, ...] = ()) -> list[RemoteLevel]:
    """Everything that the shop shows, page by page."""
    levels: list[RemoteLevel] = []
    cursor = None
    for _ in range(9):
        page = SHOPIFY.read_stock(
            send(SHOPIFY.stock_request(account(desk, remotes=remotes), cursor=cursor, now=clock.now()))
        )
        assert page.unreadable == 0
        levels += page.levels
        cursor = page.next_cursor
        if cursor is None:
            return levels
    raise AssertionError("no end")


def item(target: int, inventory_item: str, quantity: int, *, expected: int | None, remote: str = "") -> PushItem:
    return PushItem(target, {"inventory_item_id": inventory_item}, "", remote, quantity, expected, 1, uuid4())


def push(desk: Desk, *items: PushItem) -> list[tuple[str, str]]:
    results = SHOPIFY.read_push(send(SHOPIFY.push_request(items, account(desk), now=clock.now())), items)
    return [(result.outcome.value, result.code) for result in results]


def shown(desk: Desk, *items: PushItem) -> dict[int, int]:
    return dict(SHOPIFY.read_levels(send(SHOPIFY.levels_request(items, account(desk), now=clock.now())), items))


def read(order: PolledOrder) -> OrderEvent:
    event = SHOPIFY.parse(order.body, topic="")
    assert isinstance(event, OrderEvent)
    return event


def polled(desk: Desk) -> list[OrderEvent]:
    events, cursor = [], None
    while True:
        since = clock.now() - timedelta(hours=1)
        page = SHOPIFY.read_orders(
            send(SHOPIFY.orders_request(account(desk), updated_since=since, cursor=cursor, now=since))
        )
        events += [read(order) for order in page.orders]
        cursor = page.next_cursor
        if cursor is None:
            return events


def asked(desk: Desk, external_id: str) -> OrderEvent:
    (order,) = SHOPIFY.read_orders(
        send(SHOPIFY.order_request(account(desk), external_id=external_id, now=clock.now()))
    ).orders
    return read(order)


def told(desk: Desk) -> list[tuple[str, OrderEvent | OrderChanged | None]]:
    """What the webhooks said, each of them verified."""
    heard = []
    for headers, body in desk.inbox.received:
        delivery = InboundRequest(body, headers)
        SHOPIFY.verify(delivery, account(desk), now=clock.now())
        assert SHOPIFY.event_id(delivery)
        event = SHOPIFY.parse(body, topic=SHOPIFY.topic(delivery))
        if event is not None:
            assert SHOPIFY.order_ref(body) == event.external_id
        heard.append((SHOPIFY.topic(delivery), event))
    return heard


def units(event: OrderEvent) -> list[tuple[int, int, int, int]]:
    return [(line.quantity, line.cancelled, line.refunded, line.shipped) for line in event.lines]


def ship(desk: Desk, news: ShipmentNews) -> int:
    """Tell of a shipment; how many requests that took."""
    count = 1
    steps = SHOPIFY.ship(news, account(desk), now=clock.now())
    request = next(steps)
    with suppress(StopIteration):
        while True:
            request = steps.send(send(request))
            count += 1
    return count


def test_numbers_are_compared_set_and_read_back(desk: Desk) -> None:
    assert shown(desk, item(1, A, 0, expected=None), item(2, B, 0, expected=None)) == {1: 10, 2: 10}
    assert push(desk, item(1, A, 7, expected=10), item(2, B, 8, expected=10)) == [("applied", ""), ("applied", "")]
    desk.buy(A, quantity=2)
    assert push(desk, item(1, A, 9, expected=7), item(2, B, 9, expected=8)) == [
        ("stale", "change_from_quantity_stale"), ("held_up", "held_up"),
    ]  # fmt: skip
    assert shown(desk, item(1, A, 0, expected=None), item(2, B, 0, expected=None)) == {1: 5, 2: 8}
    assert push(desk, item(2, B, 9, expected=8)) == [("applied", "")]
    nowhere = item(3, "gid://shopify/InventoryItem/99999", 1, expected=None)
    assert push(desk, item(1, A, 4, expected=5), nowhere) == [
        ("held_up", "held_up"),
        ("rejected", "invalid_inventory_item"),
    ]
    assert shown(desk, nowhere) == {}
    assert {level.quantity for level in stock(desk)} == {5, 9, 10}
    assert all(level.remote == "" for level in stock(desk))


def test_several_places_are_read_under_the_names_that_they_were_given(desk: Desk) -> None:
    assert push(desk, item(1, A, 3, expected=10, remote="101")) == [("applied", "")]
    levels = stock(desk, remotes=("101", WEST))
    assert {(level.remote, level.quantity) for level in levels if level.remote == "101"} == {("101", 3), ("101", 10)}
    assert {level.remote for level in stock(desk, remotes=(EAST,))} == {EAST}


def test_orders_mean_the_same_by_webhook_poll_and_question(desk: Desk) -> None:
    bought = desk.buy(A, quantity=5)
    wait_for(lambda: len(desk.inbox.received) >= 2)
    (created,) = (event for topic, event in told(desk) if topic == "orders/create")
    assert isinstance(created, OrderEvent)
    assert units(created) == [(5, 0, 0, 0)]
    listings = {level.external_key for level in stock(desk)}
    assert created.lines[0].listing_key in listings
    assert polled(desk) == [created] == [asked(desk, bought.order_id)]

    line = created.lines[0].external_id
    assert ship(desk, ShipmentNews(bought.order_id, "UPS", "TRK1", [(line, 3)], uuid4())) == 3
    assert units(asked(desk, bought.order_id)) == [(5, 0, 0, 3)]
    desk.do(lambda shop: shop.refund(bought.order_id, quantities={"7001": 3}, restock=True))
    assert units(asked(desk, bought.order_id)) == [(5, 2, 1, 3)]
    wait_for(lambda: any(topic == "refunds/create" for topic in desk.inbox.topics()))
    assert ("refunds/create", OrderChanged(bought.order_id)) in told(desk)
    (listed,) = polled(desk)
    assert listed == asked(desk, bought.order_id)


def test_edits_and_cancellations(desk: Desk) -> None:
    bought = desk.buy(A, quantity=3)
    desk.do(lambda shop: shop.edit(bought.order_id, {"7001": -2}, added=[("7002", 4)], restock=True))
    assert units(asked(desk, bought.order_id)) == [(3, 2, 0, 0), (4, 0, 0, 0)]
    wait_for(lambda: "orders/edited" in desk.inbox.topics())
    assert ("orders/edited", OrderChanged(bought.order_id)) in told(desk)
    desk.handle.cancel(bought.order_id)
    (cancelled,) = polled(desk)
    assert cancelled.state == "cancelled"
    assert units(cancelled) == [(3, 3, 0, 0), (4, 4, 0, 0)]
    wait_for(lambda: "orders/cancelled" in desk.inbox.topics())
    assert ("orders/cancelled", cancelled) in told(desk)


def test_unpaid_orders_are_pending_until_they_are_paid(desk: Desk) -> None:
    bought = desk.buy(A, pending=True)
    assert asked(desk, bought.order_id).state == "pending"
    desk.handle.pay(bought.order_id)
    assert asked(desk, bought.order_id).state == "open"


def test_a_shipment_is_told_once_and_what_is_gone_is_refused(desk: Desk) -> None:
    bought = desk.buy(A, quantity=2)
    line = asked(desk, bought.order_id).lines[0].external_id
    news = ShipmentNews(bought.order_id, "UPS", "TRK1", [(line, 1)], uuid4())
    assert ship(desk, news) == 3
    assert ship(desk, news) == 1, "told already"
    assert units(asked(desk, bought.order_id)) == [(2, 0, 0, 1)]
    with pytest.raises(ChannelRefused, match="nothing remains"):
        ship(desk, replace(news, tracking_number="TRK2", lines=[(line, 2)]))
    assert ship(desk, replace(news, tracking_number="TRK2")) == 3
    with pytest.raises(ChannelRefused, match="no order"):
        ship(desk, replace(news, order_external_id="1"))


def parcels(desk: Desk) -> list[tuple[str | None, int]]:
    """(tracking number, units) of each fulfillment that the shop made of ours."""
    told = [(one["tracking_number"], sum(line["quantity"] for line in one["lines"])) for one in desk.shop.shipments]
    return [(number or None, units) for number, units in told]


def test_news_without_a_number_whose_answer_was_lost_is_not_told_twice_while_units_are_left(desk: Desk) -> None:
    bought = desk.buy(A, quantity=4)
    line = asked(desk, bought.order_id).lines[0].external_id
    first = ShipmentNews(bought.order_id, "", "", [(line, 2)], uuid4())
    ship(desk, first)
    assert ship(desk, replace(first, is_repeat=True)) == 1, "its answer was lost: it is there"
    second = replace(first, others=[("", [(line, 2)])])
    ship(desk, second)
    ship(desk, replace(second, is_repeat=True))
    assert parcels(desk) == [(None, 2), (None, 2)]
    assert units(asked(desk, bought.order_id)) == [(4, 0, 0, 4)]


def test_a_shipment_of_more_lines_than_are_listed_at_a_time_is_told_whole() -> None:
    offers = [Offer(str(7001 + number), f"SKU-{number}", 10, "1.00") for number in range(64)]
    for desk in opened(offers=offers):
        bought = desk.buy(A)
        added = [(offer.external_id, 1) for offer in offers[1:]]
        desk.do(lambda shop, given=(bought.order_id, added): shop.edit(given[0], {}, added=given[1]))
        lines = [(line.external_id, 1) for line in asked(desk, bought.order_id).lines]
        assert len(lines) == 64
        assert ship(desk, ShipmentNews(bought.order_id, "UPS", "TRK1", lines, uuid4())) == 4
        assert parcels(desk) == [("TRK1", 64)]


def test_two_shipments_under_one_tracking_number_are_both_told(desk: Desk) -> None:
    bought = desk.buy(A, quantity=4)
    line = asked(desk, bought.order_id).lines[0].external_id
    first = ShipmentNews(bought.order_id, "UPS", "TRK1", [(line, 2)], uuid4())
    ship(desk, first)
    second = replace(first, lines=[(line, 1)], others=[("TRK1", [(line, 2)])])
    ship(desk, second)
    ship(desk, replace(second, is_repeat=True))
    assert parcels(desk) == [("TRK1", 2), ("TRK1", 1)]
    assert units(asked(desk, bought.order_id)) == [(4, 0, 0, 3)]


def test_an_empty_budget_says_when_to_come_again(desk: Desk) -> None:
    desk.handle.throttle_for(30)
    with pytest.raises(ChannelBusy) as caught:
        push(desk, item(1, A, 7, expected=10))
    assert not isinstance(caught.value, TokenRejected)
    assert caught.value.retry_after_seconds is not None and caught.value.retry_after_seconds > 0


def test_a_token_that_ends_is_refreshed() -> None:
    for desk in opened(token_seconds=1.0, refresh_token="shprt_1"):
        wrong = replace(account(desk), credentials={"access_token": "shpat_other", "client_secret": SECRET})
        with pytest.raises(TokenRejected):
            SHOPIFY.read_stock(send(SHOPIFY.stock_request(wrong, cursor=None, now=clock.now())))
        shop = account(
            desk, client_id="simulated-app", refresh_token="shprt_1", access_token_expires_at=clock.now().isoformat()
        )
        changed = SHOPIFY.read_token(send(SHOPIFY.token_request(shop, now=clock.now())), now=clock.now())
        assert set(changed) == {"access_token", "refresh_token", "access_token_expires_at"}
        fresh = replace(shop, credentials={**shop.credentials, **changed})
        ends_at = SHOPIFY.token_ends_at(fresh)
        assert ends_at is not None and ends_at > clock.now()
        assert SHOPIFY.read_stock(send(SHOPIFY.stock_request(fresh, cursor=None, now=clock.now()))).levels
        spent = replace(fresh, credentials={**fresh.credentials, "refresh_token": "shprt_none"})
        with pytest.raises(ChannelRefused) as caught:
            SHOPIFY.read_token(send(SHOPIFY.token_request(spent, now=clock.now())), now=clock.now())
        assert caught.value.code == "http_401"
