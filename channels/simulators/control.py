"""The control endpoint of a world that runs as a process of its own: JSON over HTTP on loopback.

``POST /control/VERB`` with an object of arguments answers the verb's result, or ``{"error": {code, message}}``. Bodies
must be ``application/json``, so that no web page that happens to be open can buy anything.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import Order, OrderRefused
from channels.simulators.server import Listener, Request, Response, answer, refusal
from channels.simulators.shopify.verbs import ShopifyVerbs
from channels.simulators.wants import Shopping
from channels.simulators.world import World

Arguments = dict[str, Any]


class Control:
    """Verbs by name. Each takes keyword arguments from JSON and gives back JSON."""

    def __init__(self, world: World, *, port: int = 0) -> None:
        self._world = world
        self.listener = Listener(self._handle, port=port)
        self.verbs: dict[str, Callable[..., Any]] = {**_verbs_of(ShopifyVerbs(world)), **_verbs_of(self)}

    async def _handle(self, request: Request) -> Response:
        verb = self.verbs.get(request.path.removeprefix("/control/").strip("/"))
        if verb is None or not request.path.startswith("/control/"):
            return refusal(404, code="unknown_verb", message=f"one of {', '.join(sorted(self.verbs))}")
        if request.method != "POST" or "application/json" not in request.headers.get("content-type", ""):
            return refusal(405, code="post_json", message="verbs are posted as application/json")
        try:
            result = verb(**json.loads(request.body or b"{}"))
            return answer(await result if asyncio.iscoroutine(result) else result)
        except OrderRefused as refused:
            return refusal(409, code=refused.code, message="the marketplace refuses")
        except (KeyError, TypeError, ValueError) as error:
            return refusal(400, code="invalid_arguments", message=repr(error))

    def _at(self, channel: str) -> Marketplace:
        return self._world.marketplaces[channel]

    # Buyers

    def buy(
        self, channel: str, lines: list[list[Any]], *, pending: bool = False, partial: bool = False, country: str = ""
    ) -> Arguments:
        """``lines`` are [external id, quantity]; the order is null when the book did not show enough."""
        basket = [(str(external_id), int(quantity)) for external_id, quantity in lines]
        order = self._at(channel).buy(basket, pending=pending, partial=partial, country=country)
        return {"order": _shown(order) if order else None}

    def pay(self, channel: str, order_id: str) -> Arguments:
        """A pending order is paid for."""
        return {"order": _shown(self._at(channel).pay(order_id))}

    def cancel(self, channel: str, order_id: str, *, quantities: dict[str, int] | None = None) -> Arguments:
        """Cancel an order or some of its units."""
        return {"order": _shown(self._at(channel).cancel(order_id, quantities=quantities))}

    def refund(self, channel: str, order_id: str, *, quantities: dict[str, int] | None = None) -> Arguments:
        """Refund an order or some of its units."""
        return {"order": _shown(self._at(channel).refund(order_id, quantities=quantities))}

    def ship(self, channel: str, order_id: str, *, quantities: dict[str, int] | None = None) -> Arguments:
        """The marketplace says that units were shipped."""
        return {"order": _shown(self._at(channel).ship(order_id, quantities=quantities))}

    def shop(self, **shopping: Any) -> Arguments:
        """Let shoppers come; the arguments are those of ``wants.Shopping``."""
        self._world.shop(Shopping.read(shopping))
        return self.status()

    def leave(self) -> Arguments:
        """Shoppers leave."""
        if self._world.shoppers:
            self._world.shoppers.stop()
        return self.status()

    # Hands and stock

    def hand(self, channel: str, external_id: str, quantity: int) -> Arguments:
        """Somebody types a number into the marketplace's own screen."""
        self._at(channel).set_by_hand(external_id, quantity=quantity)
        return {}

    def restock(self, sku: str, quantity: int) -> Arguments:
        """Units came (or were lost): what exists changes, no book does."""
        self._world.restock(sku, quantity=quantity)
        return {"left": self._world.stock.left[sku]}

    # Looking

    def channels(self) -> Arguments:
        """{code: base URL}."""
        return {code: wire.listener.base_url for code, wire in self._world.wires.items()}

    def books(self, *, channel: str | None = None, external_ids: list[str] | None = None) -> Arguments:
        """{channel: {external id: quantity}}."""
        wanted = None if external_ids is None else set(external_ids)
        return {
            code: {name: line.quantity for name, line in one.book if wanted is None or name in wanted}
            for code, one in self._world.marketplaces.items()
            if channel in (None, code)
        }

    def orders(self, channel: str) -> Arguments:
        """Every order of one marketplace."""
        return {"orders": [_shown(order) for order in self._at(channel).orders.by_id.values()]}

    def shipments(self, channel: str) -> Arguments:
        """Every shipment that was reported to one marketplace."""
        return {"shipments": self._at(channel).shipments}

    def log(self) -> Arguments:
        """Every purchase and every change of a book, by the monotonic clock, and what that clock says now."""
        return {"now": time.monotonic(), **self._world.log.documents()}

    def status(self) -> Arguments:
        """What goes on now."""
        return self._world.status()

    def report(self, *, without: list[str] | None = None) -> Arguments:
        """What the books and the clock say; ``without`` names channels that lag does not wait for."""
        return self._world.report(without=frozenset(without or ()))

    # Trouble

    def aim(self, target: str | None) -> Arguments:
        """Send webhooks to this base URL from now on."""
        self._world.aim(target)
        return {}

    def down(self, channel: str) -> Arguments:
        """Refuse connections."""
        self._world.wires[channel].listener.close()
        return {}

    async def up(self, channel: str) -> Arguments:
        """Listen again."""
        await self._world.wires[channel].listener.open()
        return {}

    def hush(self, channel: str, *, hushed: bool = True) -> Arguments:
        """Accept every request and answer none."""
        self._world.wires[channel].is_hushed = hushed
        return {}

    def throttle(self, channel: str, seconds: float) -> Arguments:
        """Answer 429 for so long."""
        self._world.wires[channel].throttle_for(seconds)
        return {}

    def latency(self, channel: str, milliseconds: float) -> Arguments:
        """Change the median time that a request takes."""
        self._world.wires[channel].latency_ms = milliseconds
        return {}

    def faults(self, channel: str, **faults: Any) -> Arguments:
        """Change some of its faults from now on."""
        marketplace = self._at(channel)
        marketplace.faults = marketplace.faults.changed(faults)
        return {}


def _verbs_of(owner: object) -> dict[str, Callable[..., Any]]:
    own = [name for name, deed in vars(type(owner)).items() if callable(deed) and not name.startswith("_")]
    return {name: getattr(owner, name) for name in own}


def _shown(order: Order) -> Arguments:
    return {**order.document(), "purchased_at": order.purchased_at}
