"""10 mugs and 5 cups in W1, 4 mugs in W2; a shop that lists both, and a telephone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from channels.models import Channel
from fulfillment.models import SalesOrder, SalesOrderLine, Shipment
from fulfillment.shipping import create_shipment, dispatch
from inventory.models import Location, Sku
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    add_stock,
    sell,
    stocked,
)


@dataclass
class World:
    """A small merchant."""

    w1: Location
    w2: Location
    mug: Sku
    cup: Sku
    shop: Channel
    phone: Channel


@pytest.fixture
def world(db: None) -> World:
    w1, w2 = LocationFactory(code="W1", priority=1), LocationFactory(code="W2", priority=2)
    mug, cup = stocked(10, code="MUG", place=w1), stocked(5, code="CUP", place=w1)
    add_stock(mug, w2, 4)
    shop, phone = ChannelFactory(code="shop"), ManualChannelFactory(code="phone")
    ListingFactory(channel=shop, sku=mug)
    ListingFactory(channel=shop, sku=cup)
    return World(w1, w2, mug, cup, shop, phone)


@pytest.fixture
def order(world: World) -> SalesOrder:
    """5 mugs and 2 cups, reserved in W1."""
    return sell(world.shop, (world.mug, 5), (world.cup, 2), order="A-1")


def line_of(order: SalesOrder, number: str = "1") -> SalesOrderLine:
    return order.lines.get(external_id=number)


def ship(order: SalesOrder, place: Any, *lines: tuple[str, int], **given: Any) -> Shipment:
    """Pack and dispatch; without lines, all that is left."""
    named = [(line_of(order, number), units) for number, units in lines] or None
    return dispatch(
        create_shipment(order=order, location=place, lines=named, actor="user:ann", **given), actor="user:ann"
    )
