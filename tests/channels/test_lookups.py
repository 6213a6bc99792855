"""Orders that a channel named without telling them are asked for, and recorded like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from channels import inbox, lookups
from channels.connectors.base import Account, OrderChanged, OutboundRequest
from channels.connectors.http import Http
from channels.models import Channel, Delivery, OrderLookup
from fulfillment import intake
from fulfillment.models import SalesOrder
from tests.channels.shop import Answer, Shop
from tests.channels.world import Alarms, Hands, a_channel, a_listing, a_sku, order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _names_orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ``http`` contract, with one more kind of event: it names an order and says nothing of it."""
    honest = Http.parse

    def parse(self: Http, body: bytes, *, topic: str) -> Any:
        named = json.loads(body).get("named")
        return OrderChanged(named) if named else honest(self, body, topic=topic)

    def ask(self: Http, account: Account, *, external_id: str, now: datetime) -> OutboundRequest:
        return self.orders_request(account, updated_since=now, cursor=external_id, now=now)

    monkeypatch.setattr(Http, "parse", parse)
    monkeypatch.setattr(Http, "order_request", ask)
    yield


def hear(channel: Channel, ref: str, *, event_id: str = "m-1") -> None:
    """A delivery that names an order is stored and worked off."""
    inbox.store(
        channel_id=channel.pk, event_id=event_id, topic="named", order_ref=ref, body=json.dumps({"named": ref}).encode()
    )
    record_all(channel)


def record_all(channel: Channel) -> None:
    for number in range(inbox.LANES):
        intake.drain_inbox(number)


@pytest.fixture
def channel(shop: Shop) -> Channel:
    found = a_channel(shop)
    a_listing(found, a_sku("A", available=9))
    return found


def tells(shop: Shop, *orders: Any) -> None:
    shop.always = lambda seen: Answer(body={"orders": list(orders), "next": None})


def test_an_order_that_is_named_is_asked_for_and_recorded(shop: Shop, channel: Channel, alarms: Alarms) -> None:
    hear(channel, "o-1")
    assert OrderLookup.objects.get().order_ref == "o-1"
    assert ([channel.pk], False) in alarms.sent(lookups.LOOK_UP)
    tells(shop, order("o-1", ("x-A", 2)))
    assert lookups.look_up_orders(channel.pk) == 1
    record_all(channel)
    assert SalesOrder.objects.get().lines.get().quantity == 2
    assert not OrderLookup.objects.exists()


def test_an_order_named_ten_times_is_asked_for_once(shop: Shop, channel: Channel) -> None:
    for number in range(10):
        hear(channel, "o-1", event_id=f"m-{number}")
    tells(shop, order("o-1", ("x-A", 2)))
    assert lookups.look_up_orders(channel.pk) == 1
    assert len(shop.reads("/orders")) == 1


def test_news_that_comes_while_it_is_asked_for_has_it_asked_for_again(
    shop: Shop, channel: Channel, hands: Hands
) -> None:
    hear(channel, "o-1")

    def hear_more(_seen: Any) -> None:
        from django.db import connection

        if shop.while_busy is not None:
            shop.while_busy = None
            hands.later(1)
            lookups.owe_lookups(channel.pk, ["o-1"])
            connection.close()

    shop.while_busy = hear_more
    tells(shop, order("o-1", ("x-A", 2)))
    lookups.look_up_orders(channel.pk)
    assert len(shop.reads("/orders")) == 2 and not OrderLookup.objects.exists()


def test_a_channel_that_does_not_answer_is_asked_again_later(shop: Shop, channel: Channel, hands: Hands) -> None:
    hear(channel, "o-1")
    shop.will(Answer(500, {}))
    assert lookups.look_up_orders(channel.pk) == 0
    assert OrderLookup.objects.get().last_error.startswith("500")
    assert lookups.sweep() == 0
    hands.later(10)
    assert lookups.sweep() == 1
    tells(shop, order("o-1", ("x-A", 2)))
    assert lookups.look_up_orders(channel.pk) == 1


def test_a_worker_that_died_while_asking_is_followed_by_another(shop: Shop, channel: Channel, hands: Hands) -> None:
    hear(channel, "o-1")
    lookups._claim(channel.pk)
    tells(shop, order("o-1", ("x-A", 2)))
    assert lookups.look_up_orders(channel.pk) == 0, "another is at it"
    hands.later(lookups.LEASE.total_seconds() + 1)
    assert lookups.look_up_orders(channel.pk) == 1


def test_an_order_that_is_refused_over_and_over_is_told_to_a_person_and_left_to_the_poll(
    shop: Shop, channel: Channel, hands: Hands
) -> None:
    from channels.signals import parked

    told: list[dict[str, Any]] = []

    def note(sender: Any, **news: Any) -> None:
        told.append(news)

    parked.connect(note)
    hear(channel, "o-1")
    shop.always = Answer(404, {"error": "no such order"})
    for _ in range(lookups.MOST_ATTEMPTS):
        lookups.look_up_orders(channel.pk)
        hands.later(600)
    parked.disconnect(note)
    assert not OrderLookup.objects.exists()
    assert [(news["what"], news["subject"], news["reason"]) for news in told] == [("order", "o-1", "order_refused")]


def test_the_news_itself_is_settled_in_the_same_transaction(channel: Channel) -> None:
    hear(channel, "o-1")
    assert Delivery.objects.get().status == "done"
