"""A Shopify shop: what its buyers and its merchant do there, and how it tells of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from channels.simulators.courier import Courier, Message
from channels.simulators.log import ClockLog, Stock
from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import Order, OrderRefused
from channels.simulators.shopify import payloads
from channels.simulators.shopify.fulfilling import place_work, withdraw
from channels.simulators.shopify.idempotency import Keys
from channels.simulators.shopify.identity import Numbers, instant
from channels.simulators.shopify.orders import ShopLine, ShopOrder
from channels.simulators.shopify.stock import Item, Level, Shelves
from channels.simulators.shopify.subscriptions import Secrets, Subscription, Subscriptions
from channels.simulators.shopify.tokens import Tokens
from channels.simulators.spec import MarketplaceSpec, Offer

Payload = Callable[[], Mapping[str, Any]]


class Shop(Marketplace):
    """The shop's state, and news of it. What is done to orders is in ``deeds.ShopifyShop``."""

    def __init__(self, spec: MarketplaceSpec, *, stock: Stock, log: ClockLog) -> None:
        self.terms = spec.shopify
        self.numbers = Numbers()
        self.domain = spec.shopify.domain or f"{spec.code}.myshopify.com"
        self.opened_text = instant(datetime.now(UTC))
        self.shelves = Shelves(spec.offers, terms=spec.shopify)
        super().__init__(spec, stock=stock, log=log)
        self.secrets = Secrets(spec.secret)
        self.tokens = Tokens(spec.shopify, client_secrets=self.secrets)
        self.keys = Keys(kept_seconds=spec.shopify.keys_kept_seconds, kept=spec.shopify.keys_kept)
        self.subscriptions = Subscriptions(spec.shopify, path=spec.path, numbers=self.numbers)
        self._orders_of: dict[str, str] = {}  # order ids by the ids of works and fulfillments
        for item in self.shelves.all:
            self.book.lines[item.item_id].quantity = item.sellable

    def order(self, order_id: str) -> ShopOrder:
        """An order by its number. Raises OrderRefused."""
        order = self._order(order_id)
        assert isinstance(order, ShopOrder)
        return order

    def order_with(self, part_id: str) -> ShopOrder | None:
        """The order that a fulfillment order or a fulfillment belongs to."""
        order = self.orders.by_id.get(self._orders_of.get(part_id, ""))
        return order if isinstance(order, ShopOrder) else None

    def remember(self, part_id: str, *, order: ShopOrder) -> None:
        """A fulfillment order or a fulfillment came into being."""
        self._orders_of[part_id] = order.order_id
        if len(self._orders_of) > 5 * self.spec.orders_kept:
            known = self.orders.by_id
            self._orders_of = {part: owner for part, owner in self._orders_of.items() if owner in known}

    def note_level(self, level: Level, *, source: str, at: float | None = None, arrived: float | None = None) -> None:
        """A level changed: the book follows, and whoever wants to know is told."""
        line = self.book.lines[level.item.item_id]
        line.quantity = level.item.sellable
        self._note(line, at=time.monotonic() if at is None else at, source=source, arrived=arrived)
        self.tell_level(level)

    def note_same(self, level: Level, *, at: float, arrived: float) -> None:
        """A number was written that stood there already."""
        self._note(self.book.lines[level.item.item_id], at=at, source="write", arrived=arrived)

    def tell_level(self, level: Level) -> None:
        """``inventory_levels/update``, to those who subscribed to it."""
        body = partial(payloads.level, level)
        fate = f"level:{level.item.item_id}:{level.place.location_id}:{level.updated_at.isoformat()}"
        self._send("inventory_levels/update", order_id="", payload=body, event_id=str(uuid.uuid4()), fate=fate)

    # Buying

    def _hire(self) -> Courier:
        terms = self.terms
        return Courier(
            dice=self.dice,
            tell=self.tell,
            pauses=terms.pauses,
            never_retried=frozenset(),
            timeout_seconds=terms.webhook_timeout_seconds,
        )

    def _new_order(self, wanted: Sequence[tuple[Offer, int]], *, country: str, pending: bool) -> Order:
        number, _ = self.orders.next_id()
        return ShopOrder(
            order_id=self.numbers.next(),
            placed_at=datetime.now(UTC),
            currency=self.spec.currency,
            country=country,
            lines=[ShopLine(self.numbers.next(), offer, quantity) for offer, quantity in wanted],
            purchased_at=time.monotonic(),
            number=number,
            status="pending" if pending else "open",
            is_paid=not pending,
        )

    def _lower(self, order: Order) -> None:
        assert isinstance(order, ShopOrder)
        for line in order.shop_lines:
            self.commit(order, line=line, quantity=line.quantity)

    def commit(self, order: ShopOrder, *, line: ShopLine, quantity: int) -> None:
        """Take units for a line from where they are, as work for those locations."""
        for level, units in list(self.shelves.sources(line.offer.external_id, quantity=quantity)):
            level.move(available=-units, committed=units)
            work = place_work(order, line=line, level=level, quantity=units, numbers=self.numbers)
            self.remember(work.work_id, order=order)
            self.book.lines[level.item.item_id].quantity = level.item.sellable
            self.tell_level(level)

    def release(self, order: ShopOrder, *, line: ShopLine, quantity: int, restock: bool) -> None:
        """Units of a line are no longer to be fulfilled; they are for sale again, or gone."""
        for level, units in withdraw(order, line=line, quantity=quantity):
            level.move(available=units if restock else 0, committed=-units)
            self.note_level(level, source="restock")

    def find(self, item_id: str) -> Item:
        """An item by its number. Raises OrderRefused."""
        if item_id not in self.shelves.items:
            raise OrderRefused("unknown_item")
        return self.shelves.items[item_id]

    # News

    def _announce(self, event_type: str, *, order: Order) -> None:
        assert isinstance(order, ShopOrder)
        self.say(order, "orders/create", *(["orders/paid"] if order.is_paid else []))

    def say(self, order: ShopOrder, *topics: str, **others: Payload) -> None:
        """Tell what happened to an order. ``others`` are payloads of topics that do not carry the whole order."""
        event_id, whole = str(uuid.uuid4()), _once(partial(payloads.order, order, shop=self))
        for topic in topics:
            payload = others.get(topic.replace("/", "_"), whole)
            fate = f"{order.number}:{order.version}:{topic}"
            self._send(topic, order_id=order.order_id, payload=payload, event_id=event_id, fate=fate)

    def _send(self, topic: str, *, order_id: str, payload: Payload, event_id: str, fate: str) -> None:
        triggered_at = instant(datetime.now(UTC))
        for number, subscription in enumerate(self.subscriptions.of(topic)):
            webhook_id = str(uuid.uuid4())
            body = json.dumps(subscription.shaped(payload()), separators=(",", ":"), ensure_ascii=False).encode()
            named = {"topic": topic, "webhook-id": webhook_id, "event-id": event_id, "triggered-at": triggered_at}
            message = Message(
                webhook_id,
                order_id,
                body,
                subscription.address,
                partial(self._headers, named, body=body),
                partial(self._over, subscription=subscription, begun=time.monotonic()),
            )
            self.courier.send(message, fate=f"{fate}:{number}" if number else fate, faults=self.faults)

    def _headers(self, named: Mapping[str, str], *, body: bytes) -> dict[str, str]:
        every = {
            **named,
            "shop-domain": self.domain,
            "api-version": self.terms.webhook_version,
            "hmac-sha256": self.secrets.signature(body),
        }
        return {f"x-shopify-{name}": value for name, value in every.items()}

    def _over(self, delivered: bool, *, subscription: Subscription, begun: float) -> None:
        self.subscriptions.over(delivered, subscription=subscription, begun=begun)


def _once(payload: Payload) -> Payload:
    """The same document each time, made when it is first wanted."""
    made: list[Mapping[str, Any]] = []

    def document() -> Mapping[str, Any]:
        if not made:
            made.append(payload())
        return made[0]

    return document
