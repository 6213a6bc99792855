"""What channels tell, through inbox and intake, against the model made from the documents alone."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import inbox
from channels.models import Channel, Delivery, DeliveryStatus
from fulfillment.intake import drain_inbox
from fulfillment.models import SalesOrder, SalesOrderLine
from fulfillment.shortfalls import fill_shortfalls
from inventory.models import Location, Sku, StockLevel
from inventory.rebuild import verify
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, SkuFactory, add_stock, numbers
from tests.oracle.model import Model
from tests.oracle.stories import CHANNELS, SKUS, disorder, orders
from tests.properties.examples import IN_DATABASE, rolled_back

#: What nobody offers, and what the channel ships itself.
UNLISTED = {("gamma", "PAN")}
BY_CHANNEL = {("beta", "JUG")}


class World:
    """Three channels, four SKUs, two warehouses."""

    def __init__(self) -> None:
        self.places: dict[str, Location] = {code: LocationFactory(code=code) for code in ("A", "B")}
        self.skus: dict[str, Sku] = {code: SkuFactory(code=code) for code in SKUS}
        self.channels: dict[str, Channel] = {code: ChannelFactory(code=code) for code in CHANNELS}
        for channel, sku in itertools.product(CHANNELS, SKUS):
            if (channel, sku) not in UNLISTED:
                fulfilled_by = "channel" if (channel, sku) in BY_CHANNEL else "us"
                ListingFactory(channel=self.channels[channel], sku=self.skus[sku], fulfilled_by=fulfilled_by)

    def open(self, stock: dict[str, dict[str, int]]) -> Model:
        """Bring the stock in; the model that starts from it."""
        for place, units in stock.items():
            for sku, count in units.items():
                if count:
                    add_stock(self.skus[sku], self.places[place], count)
        offered = {pair: pair[1] for pair in itertools.product(CHANNELS, SKUS) if pair not in UNLISTED}
        return Model(stock, listings=offered, fulfilled_by_channel=BY_CHANNEL)

    def store(self, code: str, event: dict[str, Any]) -> None:
        inbox.store(
            channel_id=self.channels[code].pk, event_id=event["id"], topic="", order_ref=event["order"]["id"],
            body=json.dumps(event).encode(),
        )  # fmt: skip

    def tell(self, code: str, event: dict[str, Any]) -> None:
        """Store one and work it off."""
        self.store(code, event)
        drain_inbox(inbox.lane_of(self.channels[code].pk, event["order"]["id"]))

    def drain(self) -> None:
        for lane in range(inbox.LANES):
            drain_inbox(lane)


@pytest.fixture
def world(db: None) -> World:
    return World()


def assert_agreement(world: World, model: Model) -> None:
    assert not Delivery.objects.exclude(status=DeliveryStatus.DONE).exists()
    for code, sku in world.skus.items():
        if code not in model.unspecified:
            assert numbers(sku) == model.numbers(code), code
    for (channel, order_id), expected in model.orders.items():
        order = SalesOrder.objects.get(channel=world.channels[channel], external_id=order_id)
        lines = {line.external_id: line for line in order.lines.select_related("sku")}
        assert set(lines) == set(expected.lines)
        for number, wanted in expected.lines.items():
            line = lines[number]
            assert (line.sku and line.sku.code) == wanted.sku
            stated = (line.quantity, line.cancelled, line.refunded, line.shipped)
            assert stated == (wanted.quantity, wanted.cancelled, wanted.refunded, wanted.shipped)
            if wanted.sku not in model.unspecified:
                assert (line.reserved, line.short) == (wanted.reserved.total(), wanted.short)
        if says_what_becomes_of(expected):
            assert order.status == expected.status


def says_what_becomes_of(order: Any) -> bool:
    """Whether the documents decide the status: not where all that is left was refunded, or nobody knows the SKU."""
    return not any(line.refunded or line.sku is None for line in order.lines.values())


def assert_sound(world: World) -> None:
    """What is always true, whatever was told."""
    assert list(verify()) == []
    for line in SalesOrderLine.objects.all():
        ours = line.sku_id is not None and line.fulfilled_by == "us"
        assert line.reserved + line.short == (line.outstanding if ours else 0), line
    reserved = sum(level.reserved for level in StockLevel.objects.all())
    assert reserved == sum(line.reserved for line in SalesOrderLine.objects.all())
    fill_shortfalls()
    for line in SalesOrderLine.objects.filter(short__gt=0):
        assert line.sku is not None
        assert numbers(line.sku)[1] == 0


@IN_DATABASE
@given(data=st.data())
def test_with_plenty_of_stock_any_disorder_in_any_batches_ends_as_the_model_says(
    world: World, data: st.DataObject
) -> None:
    deliveries = data.draw(disorder(told=data.draw(orders())))
    with rolled_back():
        model = world.open({"A": dict.fromkeys(SKUS, 500), "B": dict.fromkeys(SKUS, 500)})
        for channel, event in deliveries:
            model.deliver(channel, event=event)
            world.store(channel, event)
            if data.draw(st.integers(0, 4)) == 0:
                world.drain()
        world.drain()
        assert not model.unspecified
        assert_agreement(world, model)
        assert_sound(world)


stock = st.fixed_dictionaries({place: st.fixed_dictionaries(dict.fromkeys(SKUS, st.integers(0, 6))) for place in "AB"})


@IN_DATABASE
@given(data=st.data(), opening=stock)
def test_when_stock_is_scarce_one_delivery_after_the_other_ends_as_the_model_says(
    world: World, data: st.DataObject, opening: dict[str, dict[str, int]]
) -> None:
    deliveries = data.draw(disorder(told=data.draw(orders())))
    with rolled_back():
        model = world.open(opening)
        for channel, event in deliveries:
            model.deliver(channel, event=event)
            world.tell(channel, event)
        assert_agreement(world, model)
        assert_sound(world)


@IN_DATABASE
@given(data=st.data(), opening=stock)
def test_telling_everything_again_changes_nothing(
    world: World, data: st.DataObject, opening: dict[str, dict[str, int]]
) -> None:
    deliveries = data.draw(orders())
    with rolled_back():
        world.open(opening)
        for channel, event in deliveries:
            world.tell(channel, event)
        before = state_of_everything()
        for channel, event in data.draw(st.permutations(deliveries)):
            world.store(channel, {**event, "id": f"again-{event['id']}"})
        world.drain()
        assert state_of_everything() == before


def state_of_everything() -> tuple[list[Any], list[Any]]:
    lines = SalesOrderLine.objects.order_by("pk").values_list(
        "pk", "quantity", "cancelled", "refunded", "shipped", "reserved", "short", "order__status", "order__version"
    )
    return list(lines), list(StockLevel.objects.order_by("pk").values_list("pk", "available", "reserved", "number"))
