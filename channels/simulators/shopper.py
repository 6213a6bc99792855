"""Shoppers: they come when their seed says so, and buy of what they want that which the book shows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import Order, OrderRefused
from channels.simulators.wants import Shopping, Want, wants


class Shoppers:
    """One crowd over all marketplaces. ``counts`` says what they found."""

    def __init__(self, marketplaces: Mapping[str, Marketplace], *, shopping: Shopping) -> None:
        self.counts: Counter[str] = Counter()
        self.started_at = 0.0
        self.ended_at: float | None = None
        self._marketplaces = marketplaces
        self._shopping = shopping
        self._offered = {code: _ids_by_sku(each) for code, each in marketplaces.items()}
        self._task: asyncio.Task[None] | None = None
        self._afterwards: set[asyncio.TimerHandle] = set()

    @property
    def running(self) -> bool:
        """Whether shoppers still come, or one of them still has something to do."""
        return self.ended_at is None or bool(self._afterwards)

    def start(self) -> None:
        """Open the doors."""
        self.started_at = time.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._come())

    def stop(self) -> None:
        """Close the doors; what shoppers meant to do afterwards is not done."""
        if self._task:
            self._task.cancel()
        for handle in self._afterwards:
            handle.cancel()
        self._afterwards.clear()
        self.ended_at = self.ended_at or time.monotonic()

    def report(self) -> dict[str, Any]:
        """Visits, orders, units, and the achieved rate of orders."""
        elapsed = max((self.ended_at or time.monotonic()) - self.started_at, 1e-9)
        orders, visits = self.counts["orders"], self.counts["visits"]
        rates = {"orders_per_second": round(orders / elapsed, 3), "visits_per_second": round(visits / elapsed, 3)}
        return {"running": self.running, "seconds": round(elapsed, 3), **rates, **self.counts}

    async def _come(self) -> None:
        skus = sorted({sku for offered in self._offered.values() for sku in offered})
        try:
            for want in wants(self._shopping, channels=sorted(self._marketplaces), skus=skus):
                pause = self.started_at + want.at - time.monotonic()
                # Behind time, the loop must still breathe: the books are served by it.
                await asyncio.sleep(max(0.0, pause))
                self._visit(want)
            if self._shopping.seconds is not None:
                await asyncio.sleep(max(0.0, self.started_at + self._shopping.seconds - time.monotonic()))
        finally:
            self.ended_at = time.monotonic()

    def _visit(self, want: Want) -> None:
        marketplace, offered = self._marketplaces[want.channel], self._offered[want.channel]
        basket = [(offered[sku], quantity) for sku, quantity in want.basket if sku in offered]
        order = marketplace.buy(basket, pending=want.deed == "pay_later", partial=True)
        self.counts["visits"] += 1
        if order is None:
            self.counts["found_nothing"] += 1
            return
        self.counts["orders"] += 1
        self.counts["lines"] += len(order.lines)
        self.counts["units"] += sum(line.quantity for line in order.lines)
        if want.deed != "keep":
            self._later(want, marketplace=marketplace, order=order)

    def _later(self, want: Want, *, marketplace: Marketplace, order: Order) -> None:
        def act() -> None:
            self._afterwards.discard(handle)
            with suppress(OrderRefused):  # somebody else was quicker
                {"pay_later": marketplace.pay, "cancel": marketplace.cancel, "refund": marketplace.refund}[want.deed](
                    order.order_id
                )
                self.counts[want.deed] += 1

        handle = asyncio.get_running_loop().call_later(want.after_seconds, act)
        self._afterwards.add(handle)


def _ids_by_sku(marketplace: Marketplace) -> dict[str, str]:
    return {line.offer.sku: external_id for external_id, line in marketplace.book if not line.offer.own_stock}
