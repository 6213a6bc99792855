"""The log's channels as simulated marketplaces: they sell what the log says, tell it by webhook, and hold books."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from channels.simulators import measure
from channels.simulators.client import Client
from channels.simulators.courier import Courier, Message
from channels.simulators.faults import Dice, Faults
from channels.simulators.http_marketplace import HttpMarketplace
from channels.simulators.http_wire import HttpWire
from channels.simulators.log import ClockLog, Stock
from channels.simulators.orders import Order, OrderLine, iso, units
from channels.simulators.spec import MarketplaceSpec, Offer

from .countries import country_code
from .planning import Deed, Refund, Sale, StrayReturn

WINDOW = 32  # webhooks under way at a time

Answer = TypeVar("Answer")


@dataclass
class LoggedLine(OrderLine):
    """A line with the price that the log has for it."""

    unit_price: str = ""

    def document(self) -> dict[str, Any]:
        """The line on the wire."""
        return {**super().document(), "unit_price": self.unit_price}


@dataclass
class LoggedOrder(Order):
    """An order as the log has it: it knows the buyer's country and nothing else of the address."""

    happened_at: datetime | None = None

    def document(self) -> dict[str, Any]:
        """The order on the wire."""
        return {
            "id": self.order_id,
            "version": self.version,
            "status": self.status,
            "placed_at": iso(self.placed_at),
            "currency": self.currency,
            "ship_to": {"country": self.country} if self.country else {},
            "lines": [line.document() for line in self.lines],
        }


class Post(Courier):
    """Webhooks with the log's own times, in file order for each order; ``window`` bounds what is under way."""

    def __init__(self, *, window: asyncio.Semaphore, **rest: Any) -> None:
        super().__init__(**rest)
        self._window = window
        self._last: dict[str, asyncio.Task[None]] = {}

    def send(self, message: Message, *, fate: str, faults: Faults) -> None:
        """Send it after everything that was sent of its order before; nothing befalls it."""
        earlier = self._last.get(message.order_id)
        task = asyncio.get_running_loop().create_task(self._follow(earlier, message))
        self._last[message.order_id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, earlier: asyncio.Task[None] | None, message: Message) -> None:
        try:
            if earlier is not None:
                await asyncio.wait([earlier])
            await self._deliver(message, delay_seconds=0.0)
        finally:
            self._window.release()
            if self._last.get(message.order_id) is asyncio.current_task():
                del self._last[message.order_id]


class LoggedMarketplace(HttpMarketplace):
    """A marketplace whose buyers are the log's."""

    def __init__(self, spec: MarketplaceSpec, *, stock: Stock, log: ClockLog, window: asyncio.Semaphore) -> None:
        super().__init__(spec, stock=stock, log=log)
        self.courier = Post(window=window, dice=Dice(spec.seed, name=""), tell=self.tell, timeout_seconds=60.0)
        self.not_shown = 0  # units sold that the book did not show: a fault of ours or of the product's

    def sell(self, sale: Sale) -> None:
        """A buyer's order, as the log has it."""
        lines: list[OrderLine] = []
        for each in sale.lines:
            offer = self.book.lines[each.sku].offer
            if not self.book.sell(each.sku, quantity=each.quantity):
                self.not_shown += each.quantity
            lines.append(LoggedLine(each.line_id, offer, each.quantity, unit_price=str(each.price)))
        order = self._order_of(sale.order, at=sale.placed_at, country=sale.country, lines=lines)
        for sku, quantity in units(order.lines).items():
            self._stock.take(sku, quantity=quantity)
        self._tell_of(order, "order.created", at=sale.placed_at)

    def take_back(self, refund: Refund) -> None:
        """Units of an order come back; nothing of the log is shipped, so they are for sale again."""
        order = self._order(refund.sale.order)
        for line in order.lines:
            back = refund.units.get(line.line_id, 0)
            line.refunded += back
            if back:
                self._stock.give(line.offer.sku, quantity=back)
        order.changed()
        self._tell_of(order, "order.refunded", at=refund.at)

    def report_stray(self, stray: StrayReturn) -> None:
        """Units come back that nobody here remembers selling: said as it is, a refund of a line that never sold any."""
        line = LoggedLine(
            stray.line_id, Offer(stray.sku, stray.sku), 0, refunded=stray.units, unit_price=str(stray.price)
        )
        order = self.orders.by_id.get(stray.order)
        if order is None:
            order = self._order_of(stray.order, at=stray.at, country=stray.country, lines=[line])
        else:
            order.lines.append(line)
            order.changed()
        self._tell_of(order, "order.refunded", at=stray.at)

    def _order_of(self, order_id: str, *, at: datetime, country: str, lines: list[OrderLine]) -> Order:
        return LoggedOrder(order_id, at, self.spec.currency, country_code(country), lines, time.monotonic())

    def _tell_of(self, order: Order, event_type: str, *, at: datetime) -> None:
        assert isinstance(order, LoggedOrder)
        order.happened_at = at
        self.orders.touch(order)
        self._announce(event_type, order=order)

    def _occurred_at(self, order: Order) -> datetime:
        assert isinstance(order, LoggedOrder)
        return order.happened_at or order.placed_at


class Market:
    """All channels of a log, in a thread with an event loop of its own."""

    def __init__(self, specs: Sequence[MarketplaceSpec], *, opening: Mapping[str, int]) -> None:
        self.stock, self.done = Stock(opening), 0
        self._window = asyncio.Semaphore(WINDOW)
        log = ClockLog(limit=1)
        self.marketplaces = [LoggedMarketplace(spec, stock=self.stock, log=log, window=self._window) for spec in specs]
        self._wires = [HttpWire(marketplace) for marketplace in self.marketplaces]
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="market", daemon=True)

    def open(self) -> dict[str, str]:
        """Every marketplace listens; their addresses by code."""
        self._thread.start()
        self._wait(self._open())
        return {wire.marketplace.spec.code: wire.listener.base_url for wire in self._wires}

    def close(self) -> None:
        """Nothing is sent and nothing listens."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def begin(self, deeds: Sequence[Deed], *, target: str) -> Callable[[], bool]:
        """Start performing the deeds in their order; the answer tells whether all of it has been told and taken."""
        future = asyncio.run_coroutine_threadsafe(self._perform(deeds, target), self._loop)

        def is_done() -> bool:
            return future.done() and (future.result() or True)

        return is_done

    def slow_down(self, latency_ms: float) -> None:
        """Take so long to answer from now on."""
        for wire in self._wires:
            wire.latency_ms = latency_ms

    def counts(self) -> Counter[str]:
        """What became of the webhooks."""
        return sum((one.courier.counts for one in self.marketplaces), Counter())

    def calls(self) -> dict[str, int]:
        """Requests that the product made, by kind and answer."""
        return measure.calls(self._by_code())

    def books(self) -> dict[str, dict[str, int]]:
        """{channel: {external id: quantity}}."""
        return {one.spec.code: {name: line.quantity for name, line in one.book} for one in self.marketplaces}

    def differences(self) -> list[dict[str, Any]]:
        """Lines of books that do not show what is left by the marketplaces' own count."""
        return measure.differences(self.stock, marketplaces=self._by_code())

    def not_shown(self) -> int:
        """Units sold that a book did not show."""
        return sum(one.not_shown for one in self.marketplaces)

    def _by_code(self) -> dict[str, LoggedMarketplace]:
        return {one.spec.code: one for one in self.marketplaces}

    async def _open(self) -> None:
        for wire in self._wires:
            await wire.listener.open()

    async def _close(self) -> None:
        for wire in self._wires:
            wire.marketplace.courier.stop()
            wire.listener.close()
        if self._client:
            self._client.close()

    async def _perform(self, deeds: Sequence[Deed], target: str) -> None:
        self._client = Client(target, connections=WINDOW)
        for one in self.marketplaces:
            one.courier.client = self._client
        for deed in deeds:
            await self._window.acquire()
            self._do(deed)
            self.done += 1
        for _ in range(WINDOW):
            await self._window.acquire()

    def _do(self, deed: Deed) -> None:
        if isinstance(deed, Sale):
            self.marketplaces[deed.channel].sell(deed)
        elif isinstance(deed, Refund):
            self.marketplaces[deed.sale.channel].take_back(deed)
        else:
            self.marketplaces[deed.channel].report_stray(deed)

    def _wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)
