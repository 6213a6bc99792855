"""Parcels leave, and the channel is told once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

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
from fulfillment.models import OrderStatus, SalesOrder, SalesOrderLine, Shipment, Shortfall
from fulfillment.models.shipment import NewsStatus
from fulfillment.orders import cancel_order, hold_order
from fulfillment.shipping import (
    MOST_ATTEMPTS,
    ShippingError,
    create_shipment,
    dispatch,
    reject,
    tell_again,
    tell_channels,
)
from inventory.adjustments import adjust
from inventory.errors import InsufficientStock
from inventory.kernel import clock
from inventory.models import LedgerEntry, Reservation, StockLevel
from inventory.rebuild import verify
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, numbers, request, sell
from tests.fulfillment.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(world: World) -> SalesOrder:
    """5 mugs and 2 cups, reserved in W1."""
    return sell(world.shop, (world.mug, 5), (world.cup, 2), order="A-1")


@pytest.fixture(autouse=True)
def _whole() -> Iterator[None]:
    """Whatever a test did, the ledger is whole."""
    yield
    assert [one.message for one in verify()] == []


def line_of(order: SalesOrder, number: str = "1") -> SalesOrderLine:
    return order.lines.get(external_id=number)


def ship(order: SalesOrder, place: Any, *lines: tuple[str, int], **given: Any) -> Shipment:
    """Pack and dispatch; without lines, all that is left."""
    named = [(line_of(order, number), units) for number, units in lines] or None
    return dispatch(
        create_shipment(order=order, location=place, lines=named, actor="user:ann", **given), actor="user:ann"
    )


def test_a_shipment_of_everything_closes_the_order(world: World, order: SalesOrder) -> None:
    shipment = ship(order, world.w1, carrier="DHL", tracking_number="T1")
    order.refresh_from_db()
    assert (shipment.status, order.status) == ("dispatched", OrderStatus.SHIPPED)
    assert [(line.shipped, line.reserved) for line in order.lines.all()] == [(5, 0), (2, 0)]
    assert (numbers(world.mug), numbers(world.cup)) == ((9, 9, 0), (3, 3, 0))
    entry = LedgerEntry.objects.filter(reason="shipment", level__sku=world.mug).get()
    assert (entry.from_state, entry.to_state, entry.quantity, entry.actor) == ("reserved", "customer", 5, "user:ann")
    assert str(shipment.pk) in entry.reference
    assert order.reference in entry.reference


def test_a_partial_shipment_leaves_the_rest_outstanding(world: World, order: SalesOrder) -> None:
    ship(order, world.w1, ("1", 3))
    order.refresh_from_db()
    line = line_of(order)
    assert (order.status, line.shipped, line.reserved, line.outstanding) == (OrderStatus.OPEN, 3, 2, 2)
    ship(order, world.w1)
    order.refresh_from_db()
    assert (order.status, numbers(world.mug)) == (OrderStatus.SHIPPED, (9, 9, 0))


def test_what_was_packed_less_than_drafted_leaves_less(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    dispatch(draft, lines=[(line_of(order), 4)], actor="user:ann")
    assert [(line.shipped, line.reserved) for line in order.lines.all()] == [(4, 1), (0, 2)]
    assert [(one.line.external_id, one.quantity) for one in draft.lines.select_related("line")] == [("1", 4)]


def test_a_shipment_from_another_place_moves_its_reservation_there(world: World, order: SalesOrder) -> None:
    ship(order, world.w2, ("1", 4))
    at = {level.location.code: level for level in StockLevel.objects.filter(sku=world.mug).select_related("location")}
    assert [(at[code].available, at[code].reserved) for code in ("W1", "W2")] == [(9, 1), (0, 0)]
    assert line_of(order).reserved == 1
    assert sum(row.open_quantity for row in Reservation.objects.filter(holder_id=line_of(order).pk)) == 1


def test_more_than_another_place_has_is_refused_and_moves_nothing(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w2, actor="user:ann")
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        dispatch(draft, actor="user:ann")
    named = [(short.sku, short.location, short.wanted, short.available) for short in refused.value.lines]
    assert named == [("MUG", "W2", 5, 4), ("CUP", "W2", 2, 0)]
    assert numbers(world.mug) == (14, 9, 5)
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_short_units_leave_where_they_have_come_and_end_the_shortfall(world: World) -> None:
    order = sell(world.shop, (world.cup, 7))
    adjust(sku=world.cup, location=world.w1, quantity=2, actor="test")
    ship(order, world.w1)
    line = line_of(order)
    assert (line.shipped, line.short, line.reserved) == (7, 0, 0)
    assert Shortfall.objects.get().closed_at is not None
    assert numbers(world.cup) == (0, 0, 0)


def test_drafts_share_what_is_left(world: World, order: SalesOrder) -> None:
    create_shipment(order=order, location=world.w1, lines=[(line_of(order), 3)], actor="user:ann")
    with pytest.raises(ShippingError, match="3 units to ship, 2 left"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(order), 3)], actor="user:ann")
    rest = create_shipment(order=order, location=world.w1, actor="user:ann")
    assert sorted(rest.lines.values_list("line__external_id", "quantity")) == [("1", 2), ("2", 2)]
    with pytest.raises(ShippingError, match="nothing left to ship"), transaction.atomic():
        create_shipment(order=order, location=world.w1, actor="user:ann")


@pytest.mark.parametrize("units", [0, -1, 6])
def test_units_that_are_not_left_cannot_be_packed(world: World, order: SalesOrder, units: int) -> None:
    with pytest.raises(ShippingError), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(order), units)], actor="user:ann")


def test_lines_of_other_orders_and_of_the_channel_cannot_be_packed(world: World, order: SalesOrder) -> None:
    other = sell(world.shop, (world.mug, 1))
    with pytest.raises(ShippingError, match="of another order"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line_of(other), 1)], actor="user:ann")
    line = line_of(order)
    SalesOrderLine.objects.filter(pk=line.pk).update(fulfilled_by="channel")
    with pytest.raises(ShippingError, match="0 left that are ours"), transaction.atomic():
        create_shipment(order=order, location=world.w1, lines=[(line, 1)], actor="user:ann")
    SalesOrderLine.objects.filter(pk=line.pk).update(fulfilled_by="us")


def test_a_parcel_leaves_once(world: World, order: SalesOrder) -> None:
    shipment = ship(order, world.w1)
    with pytest.raises(ShippingError, match="left already"), transaction.atomic():
        dispatch(shipment, actor="user:ann")
    assert numbers(world.mug) == (9, 9, 0)


def test_cancelled_and_paused_orders_do_not_leave(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    hold_order(order, actor="user:ann")
    with pytest.raises(ShippingError, match="paused"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    cancel_order(order, actor="user:ann")
    with pytest.raises(ShippingError, match="cancelled"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    order.refresh_from_db()
    with pytest.raises(ShippingError), transaction.atomic():
        create_shipment(order=order, location=world.w1, actor="user:ann")


def test_units_cancelled_after_packing_do_not_leave(world: World) -> None:
    order = request(world.phone, (world.mug, 5), order="R-1")
    draft = create_shipment(order=order, location=world.w1, actor="user:ann")
    SalesOrderLine.objects.filter(order=order).update(cancelled=2)
    with pytest.raises(ShippingError, match="only 3 units are left"), transaction.atomic():
        dispatch(draft, actor="user:ann")
    SalesOrderLine.objects.filter(order=order).update(cancelled=0)


def test_a_place_that_never_had_the_sku_is_refused(world: World, order: SalesOrder) -> None:
    with pytest.raises(InsufficientStock, match="MUG at FAR: 1 wanted, 0 there"), transaction.atomic():
        ship(order, LocationFactory(code="FAR"), ("1", 1))


# The news


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


def test_a_rejected_draft_frees_its_units_and_is_final(world: World, order: SalesOrder) -> None:
    draft = create_shipment(order=order, location=world.w2, actor="user:ann")
    with pytest.raises(ShippingError, match="nothing left"):
        create_shipment(order=order, location=world.w1, actor="user:ann")
    assert reject(draft, reason="no courier", actor="user:ann").status == "rejected"
    for verb in (lambda: dispatch(draft, actor="user:ann"), lambda: reject(draft, reason="again", actor="user:ann")):
        with pytest.raises(ShippingError, match="was rejected"):
            verb()
    shipped = ship(order, world.w1)
    with pytest.raises(ShippingError, match="has left already"):
        reject(shipped, reason="late", actor="user:ann")
