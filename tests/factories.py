"""Things to test with. Whatever has a verb is made by its verb, so that debts, targets and entries come into being too."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory

from channels.connectors.base import LineEvent, OrderEvent, OrderState
from channels.models import AllocationRule, Channel, Listing
from channels.registration import create_channel, create_listing
from channels.rules import save_rule
from fulfillment.models import SalesOrder
from fulfillment.orders import Heard, RequestLine, record_orders, request_order
from inventory.adjustments import adjust
from inventory.bundles import Component, set_components
from inventory.models import Location, Product, Sku, StockLevel
from purchasing import rules as reorder_rules
from purchasing.models import ReorderRule

SECRET = "whsec_" + base64.b64encode(b"only the tests know this secret.").decode()


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    code = factory.Sequence("P{:05}".format)
    name = factory.LazyAttribute(lambda product: f"Product {product.code}")


class SkuFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Sku

    code = factory.Sequence("SKU-{:05}".format)
    name = factory.LazyAttribute(lambda sku: sku.code.title())
    product = factory.SubFactory(ProductFactory)


class LocationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Location

    code = factory.Sequence("W{:03}".format)
    name = factory.LazyAttribute(lambda place: f"Warehouse {place.code}")
    priority = factory.Sequence(int)


class ChannelFactory(factory.django.DjangoModelFactory):
    """A channel of connector ``http``; nobody listens at its address unless one is given."""

    class Meta:
        model = Channel

    code = factory.Sequence("shop-{}".format)
    name = factory.LazyAttribute(lambda channel: channel.code.title())
    connector = "http"
    base_url = "http://127.0.0.1:9"
    orders_from = datetime(2020, 1, 1, tzinfo=UTC)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> Channel:
        credentials = {"secret": SECRET} if fields["connector"] == "http" else {}
        return create_channel(actor="test", **{"credentials": credentials, **fields})


class ManualChannelFactory(ChannelFactory):
    """A channel whose orders are requests, refused when short."""

    connector = "manual"
    base_url = ""


class ListingFactory(factory.django.DjangoModelFactory):
    """A SKU on a channel, under the SKU's own code."""

    class Meta:
        model = Listing

    channel = factory.SubFactory(ChannelFactory)
    sku = factory.SubFactory(SkuFactory)
    external = factory.LazyAttribute(lambda listing: {"external_id": listing.sku.code})

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> Listing:
        return create_listing(**fields)


class AllocationRuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AllocationRule

    kind = "buffer"
    value = Decimal(10)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> AllocationRule:
        return save_rule(AllocationRule(**fields))


class ReorderRuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ReorderRule

    sku = factory.SubFactory(SkuFactory)
    reorder_point = 5

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> ReorderRule:
        return reorder_rules.save_rule(ReorderRule(**fields))


class LineEventFactory(factory.Factory):
    """A line as a channel states it."""

    class Meta:
        model = LineEvent

    external_id = factory.Sequence(lambda number: f"l{number}")
    listing_key = "MUG"
    quantity = 1


class OrderEventFactory(factory.Factory):
    """An order as a channel states it, placed now."""

    class Meta:
        model = OrderEvent

    external_id = factory.Sequence("order-{}".format)
    version = 1
    state = OrderState.OPEN
    placed_at = factory.LazyFunction(lambda: datetime.now(UTC))
    occurred_at = factory.SelfAttribute("placed_at")
    currency = "EUR"
    lines = factory.LazyFunction(lambda: [LineEventFactory()])


def add_stock(sku: Sku, place: Location, units: int) -> None:
    """Opening stock."""
    adjust(sku=sku, location=place, quantity=units, reason="opening", actor="test")


def stocked(units: int, *, code: str = "MUG", place: Location | None = None, **fields: Any) -> Sku:
    """A SKU of which so many are available, at one place."""
    sku: Sku = SkuFactory(code=code, **fields)
    add_stock(sku, place or LocationFactory(), units)
    return sku


def hear(channel: Channel, *events: OrderEvent) -> list[SalesOrder]:
    """Record what a channel states, past its inbox; the orders in the order heard."""
    record_orders([Heard(channel, event) for event in events])
    return [SalesOrder.objects.get(channel=channel, external_id=event.external_id) for event in events]


def sell(channel: Channel, *lines: tuple[Sku, int], order: str | None = None, **fields: Any) -> SalesOrder:
    """A sale on a marketplace: a fact. Lines are numbered from 1."""
    named = {} if order is None else {"external_id": order}
    stated = [LineEventFactory(external_id=str(n), listing_key=sku.code, quantity=units)
              for n, (sku, units) in enumerate(lines, 1)]  # fmt: skip
    return hear(channel, OrderEventFactory(lines=stated, **named, **fields))[0]


def request(channel: Channel, *lines: tuple[Sku, int], order: str, **fields: Any) -> SalesOrder:
    """An order of our own: refused as a whole when short."""
    wanted: Sequence[RequestLine] = [RequestLine(str(n), sku, units) for n, (sku, units) in enumerate(lines, 1)]
    return request_order(channel=channel, external_id=order, lines=wanted, actor="test", **fields)


def numbers(sku: Sku) -> tuple[int, int, int]:
    """On hand, available and reserved over all places."""
    levels = list(StockLevel.objects.filter(sku=sku))
    return (
        sum(level.on_hand for level in levels),
        sum(level.available for level in levels),
        sum(level.reserved for level in levels),
    )


def bundle(parts: dict[Sku, int], *, code: str = "KIT", mode: str = "virtual", ships_together: bool = True) -> Sku:
    """A bundle made of so many units of each."""
    kit: Sku = SkuFactory(code=code, bundle_mode=mode, ships_together=ships_together)
    set_components(kit, [Component(sku, units) for sku, units in parts.items()])
    return kit
