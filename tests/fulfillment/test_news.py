"""The channel is told of a parcel, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channels import tokens, transport
from channels.connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    OutboundRequest,
    Response,
    ShipmentNews,
)
from channels.connectors.http import Http
from channels.models import Channel
from fulfillment.models import SalesOrder, Shipment
from fulfillment.models.shipment import NewsStatus
from fulfillment.news import MOST_ATTEMPTS, tell_again, tell_channels
from inventory.kernel import clock
from tests.factories import ChannelFactory, ListingFactory, request, sell
from tests.fulfillment.conftest import World, ship

pytestmark = pytest.mark.django_db


class Mailbox:
    """What would have left for the channel, and what it answers."""

    def __init__(self) -> None:
        self.sent: list[OutboundRequest] = []
        self.answer: Response | Exception = Response(201, b"{}", {})

    def send(self, request: OutboundRequest, *, timeout_seconds: float) -> Response:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """The transport refuses to run inside these tests' transaction; the real one is tested over HTTP elsewhere."""
    mailbox = Mailbox()
    monkeypatch.setattr(transport, "send", mailbox.send)
    return mailbox


def news(shipment: Shipment) -> tuple[str, int]:
    shipment.refresh_from_db()
    return shipment.news, shipment.news_attempts


def due_again(shipment: Shipment) -> None:
    Shipment.objects.filter(pk=shipment.pk).update(news_next_at=clock.now() - timedelta(seconds=1))


def test_a_channel_is_told_of_a_shipment_exactly_once(world: World, order: SalesOrder, mailbox: Mailbox) -> None:
    shipment = ship(order, world.w1, ("1", 3), carrier="DHL", tracking_number="T1")
    assert news(shipment) == (NewsStatus.OWED, 0)
    assert [tell_channels(), tell_channels(), tell_channels()] == [1, 0, 0]
    assert news(shipment) == (NewsStatus.TOLD, 1)
    (request_,) = mailbox.sent
    assert (request_.method, request_.url) == ("POST", "http://127.0.0.1:9/shipments")
    assert b'"order_id":"A-1"' in request_.body
    assert b'"tracking_number":"T1"' in request_.body
    assert b'"lines":[{"line_id":"1","quantity":3}]' in request_.body


def test_a_channel_that_takes_no_shipments_is_told_nothing(world: World, mailbox: Mailbox) -> None:
    order = request(world.phone, (world.mug, 1), order="R-1")
    assert news(ship(order, world.w1)) == (NewsStatus.NONE, 0)
    assert tell_channels() == 0


@pytest.mark.parametrize(
    "answer", [ChannelBusy("later"), ChannelUnclear("no answer"), Response(500, b"", {}), Response(429, b"", {})]
)
def test_news_that_did_not_arrive_is_sent_again_under_the_same_key(
    world: World, order: SalesOrder, mailbox: Mailbox, answer: Any
) -> None:
    shipment = ship(order, world.w1)
    mailbox.answer = answer
    assert [tell_channels(), tell_channels()] == [0, 0]
    assert news(shipment) == (NewsStatus.OWED, 1)
    assert shipment.news_error
    mailbox.answer = Response(201, b"{}", {})
    due_again(shipment)
    assert tell_channels() == 1
    assert len({request_.headers["webhook-id"] for request_ in mailbox.sent}) == 1


def test_while_news_is_being_told_for_long_nobody_else_tells_it(
    world: World, order: SalesOrder, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch took longer than its claims held: the next worker told the rest of it at the same time."""
    started = clock.now()
    shipments = [ship(order, world.w1, ("1", 1)) for _ in range(3)]
    slow: list[timedelta] = []
    monkeypatch.setattr(clock, "now", lambda: started + timedelta(seconds=1) + sum(slow, timedelta()))

    def answer(request: OutboundRequest, *, timeout_seconds: float) -> Response:
        slow.append(timedelta(seconds=40))
        mailbox.sent.append(request)
        if len(slow) == 2:  # another worker comes by
            assert tell_channels() == 0
        return Response(201, b"{}", {})

    monkeypatch.setattr(transport, "send", answer)
    assert tell_channels() == 3
    assert len(mailbox.sent) == 3
    assert {news(shipment) for shipment in shipments} == {(NewsStatus.TOLD, 1)}


def test_a_worker_that_lost_its_claim_tells_no_more(
    world: World, order: SalesOrder, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipment = ship(order, world.w1)
    honest = tokens.fresh_account

    def stalled(channel: Channel, **given: Any) -> Any:
        Shipment.objects.filter(pk=shipment.pk).update(news_attempts=2)  # another worker took it over
        return honest(channel, **given)

    monkeypatch.setattr(tokens, "fresh_account", stalled)
    assert tell_channels() == 0
    assert mailbox.sent == []
    assert news(shipment) == (NewsStatus.OWED, 2)


def test_a_channel_that_does_not_answer_holds_up_nobody_elses_news(
    world: World, order: SalesOrder, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [ship(order, world.w1, ("1", 1)) for _ in range(4)]
    other = ChannelFactory(code="other", base_url="http://127.0.0.1:8")
    ListingFactory(channel=other, sku=world.mug)
    theirs = ship(sell(other, (world.mug, 1), order="B-1"), world.w1)

    def answer(request: OutboundRequest, *, timeout_seconds: float) -> Response:
        mailbox.sent.append(request)
        if ":9/" in request.url:
            raise ChannelUnclear("no answer")
        return Response(201, b"{}", {})

    monkeypatch.setattr(transport, "send", answer)
    assert tell_channels() == 1
    assert news(theirs) == (NewsStatus.TOLD, 1)
    assert [request.url for request in mailbox.sent] == ["http://127.0.0.1:9/shipments", "http://127.0.0.1:8/shipments"]
    assert sorted(news(shipment)[1] for shipment in silent) == [0, 0, 0, 1]
    assert tell_channels() == 0
    assert len(mailbox.sent) == 2, "all of the silent channel's news waits a while"


def test_what_an_order_has_sent_before_is_told_first_and_named(
    world: World, order: SalesOrder, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two parcels alike, a channel that lists parcels cannot say which was told."""
    heard: list[ShipmentNews] = []

    def listen(self: Http, given: ShipmentNews, account: Any, *, now: Any) -> Any:
        heard.append(given)
        raise ChannelUnclear("no answer") if len(heard) == 1 else ChannelRefused("enough")
        yield

    monkeypatch.setattr(Http, "ship", listen)
    first, second = ship(order, world.w1, ("1", 2), tracking_number="T1"), ship(order, world.w1, ("1", 1))
    assert tell_channels() == 0
    assert news(second) == (NewsStatus.OWED, 0), "the first may have been told"
    Shipment.objects.filter(pk=first.pk).update(news=NewsStatus.TOLD)
    due_again(second)
    tell_channels()
    assert [(one.is_repeat, list(one.others)) for one in heard] == [(False, []), (False, [("T1", [("1", 2)])])]


def test_news_that_is_refused_waits_for_a_person(world: World, order: SalesOrder, mailbox: Mailbox) -> None:
    shipment = ship(order, world.w1)
    mailbox.answer = Response(422, b"unknown order", {})
    assert tell_channels() == 0
    assert news(shipment)[0] == NewsStatus.PARKED
    assert "unknown order" in shipment.news_error
    mailbox.answer = Response(201, b"{}", {})
    due_again(shipment)
    assert tell_channels() == 0
    assert tell_again([shipment.pk]) == 1
    assert tell_channels() == 1


def test_news_that_never_arrives_waits_for_a_person_in_the_end(
    world: World, order: SalesOrder, mailbox: Mailbox
) -> None:
    shipment = ship(order, world.w1)
    mailbox.answer = ChannelUnclear("no answer")
    Shipment.objects.filter(pk=shipment.pk).update(news_attempts=MOST_ATTEMPTS - 1)
    tell_channels()
    assert news(shipment)[0] == NewsStatus.PARKED


@pytest.mark.parametrize("change", [{"is_active": False}, {"mode": "shadow"}, {"disconnected_at": clock.now()}])
def test_a_channel_that_is_sent_nothing_is_not_told(
    world: World, order: SalesOrder, mailbox: Mailbox, change: dict[str, Any]
) -> None:
    shipment = ship(order, world.w1)
    Channel.objects.filter(pk=world.shop.pk).update(**change)
    assert tell_channels() == 0
    assert news(shipment) == (NewsStatus.OWED, 0)
