"""One SKU in one warehouse, offered in one shop that answers over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import pytest
import redis
from django.conf import settings

from channels import sync
from channels.models import Channel, Debt, StockTarget, SyncLane
from inventory.locks import LockedLevel
from inventory.models import Location, Sku, StockLevel
from tests.concurrency.shop import Shop
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, stocked

#: What locks read of a level, for controls that read it without.
LEVEL_COLUMNS = tuple(field.name for field in fields(LockedLevel))


@dataclass
class World:
    """10 mugs in W1, listed and shown in a shop."""

    place: Location
    mug: Sku
    channel: Channel
    shop: Shop

    @property
    def target(self) -> StockTarget:
        return StockTarget.objects.get(listing__sku=self.mug, channel=self.channel)

    @property
    def level(self) -> StockLevel:
        return StockLevel.objects.get(sku=self.mug, location=self.place)

    def drain(self) -> int:
        """Pay what is due, whatever the pace and the back-off."""
        SyncLane.objects.filter(channel=self.channel).update(not_before=None)
        StockTarget.objects.filter(channel=self.channel).update(next_attempt_at=None)
        return sync.drain_channel(self.channel.pk)

    def settle(self) -> None:
        """Pay until nothing is owed."""
        for _ in range(20):
            if not Debt.objects.filter(channel=self.channel).exists():
                return
            self.drain()
        raise AssertionError("the channel is owed for ever")

    def shows(self) -> int:
        """What the shop offers once all debts are paid and the sweep has been by."""
        self.settle()
        sync.sweep()
        self.settle()
        return self.shop.book[self.mug.code]


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def world(transactional_db: None, shop: Shop) -> World:
    place = LocationFactory(code="W1")
    mug = stocked(10, place=place)
    channel = ChannelFactory(code="shop", base_url=shop.url)
    ListingFactory(channel=channel, sku=mug)
    world = World(place, mug, channel, shop)
    assert world.shows() == 10
    forget_alarms()
    return world


def forget_alarms() -> None:
    """The broker loses its data."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()


@pytest.fixture
def alarms() -> Iterator[Callable[[str], int]]:
    """How many messages wait in a queue of the broker."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    yield lambda queue: client.llen(f"{settings.REDIS_PREFIX}celery:{queue}")
    client.close()
