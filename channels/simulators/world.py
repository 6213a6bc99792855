"""Many marketplaces in one event loop: their shared count of what exists, their shared log, their shoppers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from channels.simulators import measure
from channels.simulators.client import Client
from channels.simulators.kinds import wire_of
from channels.simulators.log import ClockLog, Stock, opening_of
from channels.simulators.marketplace import Marketplace
from channels.simulators.shopper import Shoppers
from channels.simulators.spec import MarketplaceSpec
from channels.simulators.wants import Shopping


class World:
    """The marketplaces themselves. Everything in here runs in one event loop; ``handles.Marketplaces`` is its door."""

    def __init__(
        self,
        specs: Sequence[MarketplaceSpec],
        target_base_url: str | None = None,
        *,
        stock: Mapping[str, int] | None = None,
        log_limit: int | None = None,
    ) -> None:
        offers = (offer for spec in specs for offer in spec.offers)
        self.stock = Stock(stock if stock is not None else opening_of(offers))
        self.log = ClockLog(limit=log_limit)
        self.wires = {spec.code: wire_of(spec, stock=self.stock, log=self.log) for spec in specs}
        if len(self.wires) != len(specs):
            raise ValueError("two marketplaces have the same code")
        self.marketplaces: dict[str, Marketplace] = {code: wire.marketplace for code, wire in self.wires.items()}
        self.shoppers: Shoppers | None = None
        self._target = target_base_url
        self._client: Client | None = None

    async def open(self) -> None:
        """Every marketplace listens."""
        self.aim(self._target)
        for wire in self.wires.values():
            await wire.listener.open()

    async def close(self) -> None:
        """Nobody buys, nothing is sent, nothing listens."""
        if self.shoppers:
            self.shoppers.stop()
        for code, marketplace in self.marketplaces.items():
            marketplace.courier.stop()
            self.wires[code].listener.close()
        if self._client:
            self._client.close()
        await asyncio.sleep(0)

    def aim(self, target_base_url: str | None) -> None:
        """Send webhooks to this base URL from now on; None sends none."""
        if self._client:
            self._client.close()
        self._target = target_base_url
        self._client = Client(target_base_url) if target_base_url else None
        for marketplace in self.marketplaces.values():
            marketplace.courier.client = self._client

    def shop(self, shopping: Shopping) -> None:
        """Let shoppers come; those who were there leave."""
        if self.shoppers:
            self.shoppers.stop()
        self.shoppers = Shoppers(self.marketplaces, shopping=shopping)
        self.shoppers.start()

    def restock(self, sku: str, *, quantity: int) -> None:
        """Tell the count of what exists that units came (or, negative, were lost). No book changes by this."""
        self.stock.give(sku, quantity=quantity)

    def status(self) -> dict[str, Any]:
        """What goes on now."""
        each = self.marketplaces.values()
        webhooks = {name: sum(one.courier.counts[name] for one in each) for name in _webhook_names(self.marketplaces)}
        return {
            "pending_webhooks": sum(one.courier.pending for one in each),
            "webhooks": webhooks,
            "orders": sum(len(one.orders.by_id) for one in each),
            "units": sum(self.stock.sold.values()),
            "shoppers": self.shoppers.report() if self.shoppers else None,
            "calls": measure.calls(self.marketplaces),
            "last_errors": {one.spec.code: one.courier.last_error for one in each if one.courier.last_error},
        }

    def report(self, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """What the books and the clock say about everything so far."""
        differing = measure.differences(self.stock, marketplaces=self.marketplaces)
        status = self.status()
        puts = measure.writes(status["calls"])
        return {
            **measure.lags(self.log, stock=self.stock, marketplaces=self.marketplaces, without=without),
            "oversold_units": sum(self.stock.oversold.values()),
            "oversold": dict(self.stock.oversold),
            "calls_per_sale": round(puts / status["orders"], 3) if status["orders"] else None,
            "books_agree": not differing,
            "differences": differing[:100],
            "differing_lines": len(differing),
            "busiest_second": {code: wire.pace.busiest for code, wire in self.wires.items()},
            **status,
        }


def _webhook_names(marketplaces: Mapping[str, Marketplace]) -> list[str]:
    return sorted({name for one in marketplaces.values() for name in one.courier.counts})
