"""The same order from several sides at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from channels import inbox
from channels.connectors.base import OrderState
from channels.models import Channel, Delivery, DeliveryStatus
from channels.models.inbox import DeliverySource
from fulfillment.intake import drain_inbox
from fulfillment.models import OrderStatus, SalesOrder
from fulfillment.orders import OrderExists
from inventory.models import LedgerEntry, Sku
from inventory.rebuild import verify
from tests.concurrency.threads import together
from tests.factories import (
    ChannelFactory,
    LineEventFactory,
    ListingFactory,
    ManualChannelFactory,
    OrderEventFactory,
    hear,
    numbers,
    request,
    stocked,
)

pytestmark = pytest.mark.django_db(transaction=True)


def body(kind: str, *, version: int, event: str) -> bytes:
    now = datetime.now(UTC).isoformat()
    cancelled = 3 if kind == "order.cancelled" else 0
    line = {"id": "1", "external_id": "MUG", "quantity": 3, "cancelled": cancelled}
    order = {"id": "A-1", "version": version, "placed_at": now, "currency": "EUR", "lines": [line]}
    return json.dumps({"type": kind, "id": event, "occurred_at": now, "order": order}).encode()


@pytest.fixture
def mug() -> Sku:
    return stocked(10)


@pytest.fixture
def channel(mug: Sku) -> Channel:
    channel: Channel = ChannelFactory()
    ListingFactory(channel=channel, sku=mug)
    return channel


def deliver(channel: Channel, kind: str, *, version: int = 1, event: str = "e1", source: str = "webhook") -> None:
    """Store a delivery and work its lane off, as the webhook and its task do."""
    inbox.store(
        channel_id=channel.pk, event_id=event, topic="", order_ref="A-1", body=body(kind, version=version, event=event),
        source=DeliverySource(source),
    )  # fmt: skip
    drain_inbox(inbox.lane_of(channel.pk, "A-1"))


def finish(channel: Channel) -> None:
    drain_inbox(inbox.lane_of(channel.pk, "A-1"))
    assert not Delivery.objects.exclude(status=DeliveryStatus.DONE).exists()


@pytest.mark.parametrize("turn", range(5))
def test_cancel_and_create_in_parallel_end_with_nothing_reserved(channel: Channel, mug: Sku, turn: int) -> None:
    together(
        lambda: deliver(channel, "order.created"),
        lambda: deliver(channel, "order.cancelled", version=2, event="e2"),
    )
    finish(channel)
    assert SalesOrder.objects.get().status == OrderStatus.CANCELLED
    assert numbers(mug) == (10, 10, 0)
    assert list(verify()) == []


@pytest.mark.parametrize("turn", range(3))
def test_cancel_and_create_recorded_past_the_lanes_end_the_same(channel: Channel, mug: Sku, turn: int) -> None:
    created = OrderEventFactory(external_id="A-1", lines=[LineEventFactory(external_id="1", quantity=3)])
    lines = [LineEventFactory(external_id="1", quantity=3, cancelled=3)]
    cancelled = OrderEventFactory(external_id="A-1", version=2, state=OrderState.CANCELLED, lines=lines)
    together(lambda: hear(channel, created), lambda: hear(channel, cancelled))
    assert SalesOrder.objects.get().status == OrderStatus.CANCELLED
    assert numbers(mug) == (10, 10, 0)


def test_the_same_delivery_by_five_webhooks_and_the_poll_at_once_moves_stock_once(channel: Channel, mug: Sku) -> None:
    webhooks = [lambda: deliver(channel, "order.created")] * 5
    polls = [lambda: deliver(channel, "order.created", event="poll:A-1:1", source="poll")] * 2
    together(*webhooks, *polls)
    finish(channel)
    assert SalesOrder.objects.count() == 1
    assert numbers(mug) == (10, 7, 3)
    assert LedgerEntry.objects.filter(reason="sale").count() == 1


def test_of_ten_requests_under_one_id_one_wins(mug: Sku) -> None:
    channel = ManualChannelFactory()
    outcomes = together(*[lambda: request(channel, (mug, 1), order="A-1")] * 10)
    assert sum(isinstance(outcome, SalesOrder) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, OrderExists) for outcome in outcomes) == 9
    assert numbers(mug) == (10, 9, 1)
