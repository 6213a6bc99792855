"""Long lists of orders: what was read of them is remembered, and one worker goes on with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from channels import reconcile
from channels.connectors.base import ChannelUnclear, OrderPage, Response
from channels.connectors.http import Http
from channels.models import Channel
from inventory.kernel import clock
from tests.channels.shop import Answer, Shop
from tests.channels.world import Hands, a_channel, order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _in_order_of_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``http`` contract, whose orders are listed by their last change."""
    honest = Http.read_orders

    def read(self: Http, response: Response) -> OrderPage:
        page = honest(self, response)
        changes = [self.parse(one.body, topic="").placed_at for one in page.orders]
        return replace(page, read_until=max(changes, default=None))

    monkeypatch.setattr(Http, "read_orders", read)


@pytest.fixture
def channel(shop: Shop, hands: Hands) -> Channel:
    """Six orders of the last hours, two on a page; the last poll was a day ago."""
    made = a_channel(shop)
    began = hands.instant
    shop.orders = [order(f"o-{hour}", ("x-A", 1), placed_at=began + timedelta(hours=hour)) for hour in range(6)]
    shop.page_size = 2
    Channel.objects.update(orders_read_until=began - timedelta(hours=1))
    hands.later(24 * 3600)
    return Channel.objects.get(pk=made.pk)


def mark() -> datetime | None:
    return Channel.objects.get().orders_read_until


def hours(instant: datetime | None, since: Channel) -> float:
    assert instant is not None and since.orders_read_until is not None
    return (instant - since.orders_read_until) / timedelta(hours=1)


def take(pages: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(pages)


def test_a_poll_that_breaks_off_goes_on_from_the_last_page_that_was_taken(channel: Channel, shop: Shop) -> None:
    pages = reconcile.order_pages(channel)
    take(pages, 2)
    assert hours(mark(), channel) == 2, "the first page is stored, the second was only handed over"
    shop.will(Answer(500, {}))
    with pytest.raises(ChannelUnclear):
        next(pages)
    assert hours(mark(), channel) == 4
    list(reconcile.order_pages(Channel.objects.get()))
    since = datetime.fromisoformat(shop.reads("/orders")[-3].query["updated_since"])
    assert hours(since + reconcile.OVERLAP, channel) == pytest.approx(4, abs=1e-5)
    assert mark() == clock.now()


def test_a_second_poll_gives_way_to_the_one_that_is_further_on(channel: Channel, shop: Shop) -> None:
    first, second = (reconcile.order_pages(channel, gives_way=True) for _ in range(2))
    take(first, 2)
    assert len(list(second)) == 1
    assert hours(mark(), channel) == 2
    assert len(list(first)) == 1
    assert mark() == clock.now()


def test_who_needs_all_of_them_gives_way_to_nobody(channel: Channel) -> None:
    first, needed = reconcile.order_pages(channel, gives_way=True), reconcile.order_pages(channel)
    take(first, 2)
    assert len(list(needed)) == 3
    assert mark() == clock.now()
    assert list(first) == [], "all that is left was read meanwhile"


def test_a_page_of_the_future_moves_nothing_beyond_now(channel: Channel, shop: Shop) -> None:
    shop.orders[1]["placed_at"] = (clock.now() + timedelta(days=2)).isoformat()
    take(reconcile.order_pages(channel), 2)
    assert mark() == clock.now()
