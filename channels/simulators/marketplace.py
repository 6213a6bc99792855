"""One marketplace of any kind: its book, its orders, its buyers' deeds. Everything here runs in the world's event loop."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from channels.simulators.book import Book, BookLine
from channels.simulators.courier import Courier
from channels.simulators.faults import Dice
from channels.simulators.log import Change, ClockLog, Purchase, Stock
from channels.simulators.orders import Order, OrderBook, OrderLine, OrderRefused, order_lines, units
from channels.simulators.spec import MarketplaceSpec, Offer

Basket = Sequence[tuple[str, int]]


class Marketplace:
    """A stock book with buyers in front of it. ``stock`` and ``log`` are shared by all marketplaces of a world."""

    def __init__(self, spec: MarketplaceSpec, *, stock: Stock, log: ClockLog) -> None:
        self.spec = spec
        self.faults = spec.faults
        self.dice = Dice(spec.seed, name=spec.code)
        self.book = Book(spec.offers, max_quantity=spec.max_quantity)
        self.orders = OrderBook(prefix=spec.order_prefix or _fresh_prefix(spec.code), kept=spec.orders_kept)
        self.courier = self._hire()
        self.requests: Counter[str] = Counter()
        self.shipments: list[dict[str, Any]] = []
        self._stock, self._log = stock, log
        self._countries = random.Random(f"{spec.seed}:{spec.code}:countries")

    # What buyers do

    def buy(self, basket: Basket, *, pending: bool = False, partial: bool = False, country: str = "") -> Order | None:
        """Buy what the book shows. None when it does not show enough; ``partial`` buys the lines that it does show."""
        wanted = self._sellable(basket, partial=partial)
        if not wanted:
            return None
        order = self._new_order(wanted, country=country or self._countries.choice(self.spec.countries), pending=pending)
        for sku, quantity in units(order.lines).items():
            self._stock.take(sku, quantity=quantity)
            self._log.purchases.append(Purchase(order.purchased_at, self.spec.code, order.order_id, sku, quantity))
        self._lower(order)
        for line in order.lines:
            self._note(self.book.lines[line.offer.external_id], at=order.purchased_at, source="sale")
        self.orders.touch(order)
        self._announce("order.created", order=order)
        return order

    def _new_order(self, wanted: Sequence[tuple[Offer, int]], *, country: str, pending: bool) -> Order:
        number, order_id = self.orders.next_id()
        return Order(
            order_id=order_id,
            placed_at=datetime.now(UTC),
            currency=self.spec.currency,
            country=country,
            lines=order_lines(order_id, wanted=wanted),
            purchased_at=time.monotonic(),
            number=number,
            status="pending" if pending else "open",
        )

    def _lower(self, order: Order) -> None:
        """The book no longer shows what an order sold."""
        for line in order.lines:
            self.book.sell(line.offer.external_id, quantity=line.quantity, lowers=self.spec.lowers_on_sale)

    def _sellable(self, basket: Basket, *, partial: bool) -> list[tuple[Offer, int]]:
        asked: Counter[str] = Counter()
        wanted: list[tuple[Offer, int]] = []
        for external_id, quantity in basket:
            if quantity >= 1 and asked[external_id] + quantity <= self.book.quantity(external_id):
                asked[external_id] += quantity
                wanted.append((self.book.lines[external_id].offer, quantity))
            elif not partial:
                return []
        return wanted

    def pay(self, order_id: str) -> Order:
        """A pending order is paid for."""
        order = self._order(order_id)
        if order.status != "pending":
            raise OrderRefused("not_pending")
        order.status = "open"
        return self._change(order, event_type="order.updated", before=units(order.lines))

    def cancel(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """Cancel what has not been shipped, or the given quantities by line id or external id."""
        order = self._order(order_id)
        before = units(order.lines)
        for line, quantity in order.chosen(quantities, possible=lambda line: line.open):
            line.cancelled += quantity
            self._raise_own(line, quantity=quantity)
        whole = all(line.cancelled == line.quantity for line in order.lines)
        order.status = "cancelled" if whole else order.status
        return self._change(order, event_type="order.cancelled" if whole else "order.updated", before=before)

    def refund(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """Refund units, shipped or not."""
        order = self._order(order_id)
        before = units(order.lines)
        chosen = order.chosen(quantities, possible=lambda line: line.quantity - line.cancelled - line.refunded)
        for line, quantity in chosen:
            self._raise_own(line, quantity=min(quantity, line.open))
            line.refunded += quantity
        return self._change(order, event_type="order.refunded", before=before)

    def ship(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """The marketplace says that units were shipped."""
        order = self._order(order_id)
        before = units(order.lines)
        for line, quantity in order.chosen(quantities, possible=lambda line: line.open):
            line.shipped += quantity
        if not any(line.open for line in order.lines):
            order.status = "shipped"
        return self._change(order, event_type="order.updated", before=before)

    def set_by_hand(self, external_id: str, *, quantity: int) -> None:
        """Somebody types another number into the marketplace's own screen."""
        line = self.book.lines[external_id]
        line.quantity = quantity
        self._note(line, at=time.monotonic(), source="hand")

    # Within

    def _order(self, order_id: str) -> Order:
        if order_id not in self.orders.by_id:
            raise OrderRefused("unknown_order")
        return self.orders.by_id[order_id]

    def _change(self, order: Order, *, event_type: str, before: dict[str, int]) -> Order:
        after = units(order.lines)
        for sku, quantity in before.items():
            if quantity != after[sku]:
                self._stock.give(sku, quantity=quantity - after[sku])
        order.changed()
        self.orders.touch(order)
        if event_type:
            self._announce(event_type, order=order)
        return order

    def _raise_own(self, line: OrderLine, *, quantity: int) -> None:
        if self.spec.restocks_itself and quantity:
            entry = self.book.lines[line.offer.external_id]
            entry.quantity += quantity
            self._note(entry, at=time.monotonic(), source="restock")

    def _hire(self) -> Courier:
        """Who carries its webhooks."""
        return Courier(dice=self.dice, tell=self.tell)

    def _announce(self, event_type: str, *, order: Order) -> None:
        """Say what happened, as this kind of marketplace says it."""
        raise NotImplementedError

    def tell(self, order_id: str) -> None:
        """The order leaves the marketplace, by webhook or on a page."""
        self._log.tell(self.spec.code, order_id=order_id)

    def _note(self, line: BookLine, *, at: float, source: str, arrived: float | None = None) -> None:
        offer = line.offer
        code = self.spec.code
        began = at if arrived is None else arrived
        self._log.changes.append(
            Change(at, began, code, offer.external_id, offer.sku, line.quantity, line.version, source)
        )


def _fresh_prefix(code: str) -> str:
    """The product may remember orders of an earlier run of this marketplace: theirs must not be mistaken for ours."""
    return f"{code}-{int(time.time()):x}-"
