"""What buyers and the merchant do to a shop's orders and stock, beside buying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from channels.simulators.orders import Order, OrderRefused, units
from channels.simulators.shopify import payloads
from channels.simulators.shopify.fulfilling import Tracking, fulfil
from channels.simulators.shopify.marketplace import Payload, Shop
from channels.simulators.shopify.orders import Fulfillment, Refund, RefundedUnits, ShopLine, ShopOrder, Work, WorkLine


class ShopifyShop(Shop):
    """A Shopify shop with everything that can happen there."""

    def pay(self, order_id: str) -> Order:
        """A pending order is paid for."""
        order = self.order(order_id)
        if order.is_paid or order.cancelled_at:
            raise OrderRefused("not_pending")
        order.is_paid, order.status = True, "open"
        return self._changed(order, "orders/paid", before=units(order.lines))

    def cancel(
        self,
        order_id: str,
        *,
        quantities: dict[str, int] | None = None,
        restock: bool | None = None,
        reason: str = "customer",
    ) -> Order:
        """Cancel a whole order that nothing was fulfilled of; some of its units are taken off by an edit."""
        if quantities is not None:
            return self.edit(order_id, {name: -quantity for name, quantity in quantities.items()}, restock=restock)
        order = self.order(order_id)
        if order.cancelled_at or any(line.shipped for line in order.lines):
            raise OrderRefused("not_cancellable")
        before, news = units(order.lines), {}
        topics = ["orders/cancelled"]
        open_lines = [(line, line.open) for line in order.shop_lines if line.open]
        if order.is_paid and open_lines:
            refund = self._refunded(order, chosen=open_lines, restock=restock, note="")
            news["refunds_create"] = self._refund_payload(order, refund)
            topics.append("refunds/create")
        else:
            for line, quantity in open_lines:
                self.release(order, line=line, quantity=quantity, restock=self._restocks(restock))
                line.cancelled += quantity
        order.cancelled_at = order.closed_at = datetime.now(UTC)
        order.cancel_reason, order.status = reason, "cancelled"
        return self._changed(order, *topics, before=before, **news)

    def edit(
        self,
        order_id: str,
        deltas: Mapping[str, int],
        *,
        added: Sequence[tuple[str, int]] = (),
        restock: bool | None = None,
    ) -> Order:
        """More or fewer units of lines, by line id or item, and new lines."""
        order = self.order(order_id)
        before = units(order.lines)
        fewer = order.chosen(
            {name: -delta for name, delta in deltas.items() if delta < 0}, possible=lambda line: line.open
        )
        more = order.chosen({name: delta for name, delta in deltas.items() if delta > 0}, possible=self._shown)
        if any(item not in self.book.lines or quantity > self.book.quantity(item) for item, quantity in added):
            raise OrderRefused("quantity_not_possible")
        for line, quantity in fewer:
            assert isinstance(line, ShopLine)
            self.release(order, line=line, quantity=quantity, restock=self._restocks(restock))
            line.cancelled += quantity
        additions = [*more]
        for item, quantity in added:
            fresh = ShopLine(self.numbers.next(), self.find(item).offer, 0)
            order.lines.append(fresh)
            before.setdefault(fresh.offer.sku, 0)
            additions.append((fresh, quantity))
        for line, quantity in additions:
            assert isinstance(line, ShopLine)
            line.quantity += quantity
            self.commit(order, line=line, quantity=quantity)
        order.is_edited = True
        news = partial(payloads.edit, order, additions=additions, removals=fewer, edit_id=self.numbers.next())
        return self._changed(order, "orders/edited", before=before, orders_edited=news)

    def refund(self, order_id: str, *, quantities: dict[str, int] | None = None, restock: bool | None = None) -> Order:
        """Refund units: those that were not fulfilled yet first."""
        order = self.order(order_id)
        before = units(order.lines)
        chosen = [
            (line, quantity)
            for line, quantity in order.chosen(quantities, possible=lambda line: getattr(line, "current", 0))
            if isinstance(line, ShopLine)
        ]
        if not chosen or not order.is_paid:
            raise OrderRefused("nothing_to_refund")
        refund = self._refunded(order, chosen=chosen, restock=restock, note="")
        news = self._refund_payload(order, refund)
        return self._changed(order, "refunds/create", before=before, refunds_create=news)

    def ship(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """The merchant marks units as fulfilled in the shop's own screens."""
        order = self.order(order_id)
        chosen: list[tuple[Work, WorkLine, int]] = []
        for line, quantity in order.chosen(quantities, possible=lambda line: line.open):
            assert isinstance(line, ShopLine)
            for work, work_line in order.works_of(line):
                taken = min(quantity, work_line.remaining)
                quantity -= taken
                chosen += [(work, work_line, taken)] if taken else []
        for place in list(dict.fromkeys(work.place for work, _, _ in chosen)):
            self.fulfil(order, chosen=[each for each in chosen if each[0].place is place], tracking=Tracking())
        return order

    def fulfil(
        self, order: ShopOrder, *, chosen: Sequence[tuple[Work, WorkLine, int]], tracking: Tracking, quiet: bool = False
    ) -> Fulfillment:
        """Units left one location; ``quiet`` says nothing of it."""
        before = units(order.lines)
        made = fulfil(order, chosen=chosen, tracking=tracking, numbers=self.numbers)
        self.remember(made.fulfillment_id, order=order)
        for _, work_line, _ in chosen:
            self.tell_level(work_line.level)
        topic = "orders/partially_fulfilled" if any(line.open for line in order.lines) else "orders/fulfilled"
        if quiet:
            self._change(order, event_type="", before=before)
        else:
            news = partial(payloads.fulfillment, made, order=order)
            self._changed(order, "fulfillments/create", topic, before=before, fulfillments_create=news)
        return made

    def set_by_hand(self, external_id: str, *, quantity: int, location_id: str = "") -> None:
        """Somebody types another number into the shop's own screen; at the first location where none is named."""
        place = location_id or next(iter(self.shelves.places))
        level = self.shelves.level(external_id, location_id=place)
        level.move(available=quantity - level.available)
        self.note_level(level, source="hand")

    # Within

    def _shown(self, line: Any) -> int:
        return self.book.quantity(line.offer.external_id)

    def _restocks(self, restock: bool | None) -> bool:
        return self.spec.restocks_itself if restock is None else restock

    def _changed(self, order: ShopOrder, *topics: str, before: dict[str, int], **news: Payload) -> Order:
        self._change(order, event_type="", before=before)
        self.say(order, *topics, "orders/updated", **news)
        return order

    def _refund_payload(self, order: ShopOrder, refund: Refund) -> Payload:
        return partial(payloads.refund, refund, order=order, shop=self)

    def _refunded(
        self, order: ShopOrder, *, chosen: Sequence[tuple[ShopLine, int]], restock: bool | None, note: str
    ) -> Refund:
        restocks = self._restocks(restock)
        parts: list[RefundedUnits] = []
        for line, quantity in chosen:
            parts += self._units_back(order, line=line, quantity=quantity, restocks=restocks)
        refund = Refund(self.numbers.next(), datetime.now(UTC), note, parts)
        order.refunds.append(refund)
        return refund

    def _units_back(self, order: ShopOrder, *, line: ShopLine, quantity: int, restocks: bool) -> list[RefundedUnits]:
        unsent = min(quantity, line.open)
        part = RefundedUnits("", line, 0, "no_restock", None)
        parts = []
        if unsent:
            place = next((work.place for work, _ in order.works_of(line)), None)
            self.release(order, line=line, quantity=unsent, restock=restocks)
            restock = "cancel" if restocks else "no_restock"
            parts.append(replace(part, quantity=unsent, restock=restock, place=place if restocks else None))
            line.refunded += unsent
        if sent := quantity - unsent:
            level = next(iter(self.find(line.offer.external_id).levels.values()))
            if restocks:
                level.move(available=sent)
                self.note_level(level, source="restock")
            restock = "return" if restocks else "no_restock"
            parts.append(replace(part, quantity=sent, restock=restock, place=level.place if restocks else None))
            line.refunded += sent
            line.returned += sent
        return [replace(each, part_id=self.numbers.next()) for each in parts]
