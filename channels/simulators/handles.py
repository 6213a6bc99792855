"""A world in a thread with an event loop of its own, driven from synchronous code: tests, commands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from channels.simulators.marketplace import Basket
from channels.simulators.orders import Order
from channels.simulators.spec import MarketplaceSpec
from channels.simulators.wants import Shopping
from channels.simulators.world import World

Answer = TypeVar("Answer")


class Marketplaces:
    """A world in a thread of its own: ``start()``, ``channel(code).buy(...)``, ``stop()``; also a context manager."""

    def __init__(
        self,
        specs: Sequence[MarketplaceSpec],
        target_base_url: str | None = None,
        *,
        stock: Mapping[str, int] | None = None,
    ) -> None:
        self.world = World(specs, target_base_url, stock=stock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="marketplaces", daemon=True)

    def __enter__(self) -> Marketplaces:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread; every marketplace listens when this returns."""
        self._thread.start()
        self.wait(self.world.open())

    def stop(self) -> None:
        """Close everything and end the thread."""
        self.wait(self.world.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def call(self, function: Callable[[], Answer]) -> Answer:
        """Run a function in the world's loop."""

        async def run() -> Answer:
            return function()

        return self.wait(run())

    def wait(self, awaitable: Awaitable[Answer]) -> Answer:
        """Await something in the world's loop."""

        async def run() -> Answer:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=60)

    def channel(self, code: str) -> ChannelHandle:
        """One marketplace."""
        return ChannelHandle(self, code=code)

    def books(self) -> dict[str, dict[str, int]]:
        """{channel: {external id: quantity}}."""
        return {code: self.channel(code).book() for code in self.world.marketplaces}

    def shop(self, shopping: Shopping) -> None:
        """Let shoppers come."""
        self.call(lambda: self.world.shop(shopping))

    def aim(self, target_base_url: str | None) -> None:
        """Send webhooks there from now on."""
        self.call(lambda: self.world.aim(target_base_url))

    def restock(self, sku: str, *, quantity: int) -> None:
        """Tell the count of what exists that units came."""
        self.call(lambda: self.world.restock(sku, quantity=quantity))

    def status(self) -> dict[str, Any]:
        """What goes on now."""
        return self.call(self.world.status)

    def report(self) -> dict[str, Any]:
        """What the books and the clock say."""
        return self.call(self.world.report)


class ChannelHandle:
    """One marketplace, from another thread."""

    def __init__(self, owner: Marketplaces, *, code: str) -> None:
        self._owner = owner
        self.marketplace = owner.world.marketplaces[code]
        self._wire = owner.world.wires[code]

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self._wire.listener.base_url

    def buy(self, external_id: str, *, quantity: int = 1, pending: bool = False) -> Order | None:
        """Buy one thing; None when the book does not show enough."""
        return self.buy_basket([(external_id, quantity)], pending=pending)

    def buy_basket(self, basket: Basket, *, pending: bool = False, partial: bool = False) -> Order | None:
        """Buy several things in one order."""
        return self._owner.call(lambda: self.marketplace.buy(basket, pending=pending, partial=partial))

    def pay(self, order_id: str) -> Order:
        """A pending order is paid for."""
        return self._owner.call(lambda: self.marketplace.pay(order_id))

    def cancel(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """Cancel an order or some of its units."""
        return self._owner.call(lambda: self.marketplace.cancel(order_id, quantities=quantities))

    def refund(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """Refund an order or some of its units."""
        return self._owner.call(lambda: self.marketplace.refund(order_id, quantities=quantities))

    def ship(self, order_id: str, *, quantities: dict[str, int] | None = None) -> Order:
        """The marketplace says that units were shipped."""
        return self._owner.call(lambda: self.marketplace.ship(order_id, quantities=quantities))

    def set_book_by_hand(self, external_id: str, *, quantity: int) -> None:
        """Somebody types another number into the marketplace's own screen."""
        self._owner.call(lambda: self.marketplace.set_by_hand(external_id, quantity=quantity))

    def book(self) -> dict[str, int]:
        """{external id: quantity}."""
        return self._owner.call(lambda: {name: line.quantity for name, line in self.marketplace.book})

    def down(self) -> None:
        """Refuse connections, cutting those that are open. Shoppers may still buy."""
        self._owner.call(self._wire.listener.close)

    def up(self) -> None:
        """Listen again, on the same port."""
        self._owner.wait(self._wire.listener.open())

    def hush(self, hushed: bool = True) -> None:
        """Accept every request and answer none."""

        def change() -> None:
            self._wire.is_hushed = hushed

        self._owner.call(change)

    def throttle_for(self, seconds: float) -> None:
        """Answer 429 with Retry-After for so long."""
        self._owner.call(lambda: self._wire.throttle_for(seconds))

    def misbehave(self, **faults: Any) -> None:
        """Change some of its faults from now on."""

        def change() -> None:
            self.marketplace.faults = replace(self.marketplace.faults, **faults)

        self._owner.call(change)
