"""What one test needs of a merchant's world: SKUs, places, channels, shops; all under names that no other test uses."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

import httpx

from tests.stack.client import Api, Json, eventually
from tests.stack.product import Product
from tests.stack.shop import Shop, now_text
from tests.stack.signing import signed_headers

STATES = ("on_hand", "available", "reserved", "quarantine", "damaged", "hold")


class World:
    """A test's own corner of the product, made through the API; closed at the test's end."""

    def __init__(self, product: Product, *, api: Api) -> None:
        self.product, self.api = product, api
        self.tag = secrets.token_hex(3)
        self.shops: dict[str, Shop] = {}
        self._numbers = itertools.count(1)
        self._sender = httpx.Client(base_url=product.base_url, timeout=60.0)
        self._place = ""

    def close(self) -> None:
        """Shut the shops and tell the product to leave their channels alone."""
        for code in self.shops:
            self.api.request("POST", path=f"channels/{code}/disconnect/", body={"reason": "the test is over"})
        for shop in self.shops.values():
            shop.down()
        self._sender.close()

    def name(self, kind: str) -> str:
        """A code that no other test and no earlier call has used."""
        return f"{kind}-{self.tag}-{next(self._numbers)}"

    # Catalogue, places and stock

    @property
    def place(self) -> str:
        """The test's usual warehouse, made when first asked for."""
        if not self._place:
            self._place = self.location()
        return self._place

    def location(self, **fields: Any) -> str:
        """Make a warehouse and return its code."""
        code = self.name("W")
        self.api.post("locations/", body={"code": code, "name": f"Warehouse {code}", "kind": "warehouse"} | fields)
        return code

    def sku(self, on_hand: int = 0, *, at: str | None = None, **fields: Any) -> str:
        """Make a SKU, with stock if told, and return its code."""
        code = self.name("SKU")
        self.api.post("skus/", body={"code": code, "name": f"Thing {code}"} | fields)
        if on_hand:
            self.adjust(code, quantity=on_hand, at=at)
        return code

    def adjust(self, sku: str, *, at: str | None = None, status: int = 201, **fields: Any) -> Json:
        """Adjust stock by ``quantity`` or ``set_to``."""
        body = {"sku": sku, "location": at or self.place, "reason": "found"} | fields
        return self.api.post("stock-adjustments/", body=body, status=status)

    def level(self, sku: str, *, at: str | None = None) -> dict[str, int]:
        """The SKU's numbers at one location, state by state."""
        row = self.api.row("stock-levels/", sku=sku, location=at or self.place)
        return {state: row[state] for state in STATES}

    def numbers(self, sku: str, *, at: str | None = None) -> tuple[int, int, int]:
        """On hand, available and reserved, in this order."""
        level = self.level(sku, at=at)
        return level["on_hand"], level["available"], level["reserved"]

    # Channels and listings

    def shop(self, *skus: str, settle: bool = True, listing: Json | None = None, **fields: Any) -> Shop:
        """Open a shop, connect it as a channel and list some SKUs there, each under its code in lower case."""
        code = self.name("ch").lower()
        shop = Shop(code=code)
        self.shops[code] = shop
        body = {
            "code": code,
            "name": f"Shop {code}",
            "connector": "http",
            "base_url": shop.base_url,
            "credentials": {"secret": shop.secret},
            "locations": [self.place],
            "currency": "EUR",
        }
        self.api.post("channels/", body=body | fields)
        for sku in skus:
            self.offer(shop, sku=sku, **(listing or {}))
        if settle:
            self.settle(*skus, shops=[shop])
        return shop

    def offer(self, shop: Shop | str, *, sku: str, external_id: str = "", **fields: Any) -> Json:
        """List a SKU on a channel."""
        code = shop.code if isinstance(shop, Shop) else shop
        ids = {"external_id": external_id or external(sku)}
        return self.api.post("listings/", body={"channel": code, "sku": sku, "external": ids} | fields)

    def listing(self, shop: Shop | str, *, sku: str) -> Json:
        """The listing as the API shows it now."""
        return self.api.row("listings/", channel=shop.code if isinstance(shop, Shop) else shop, sku=sku)

    def manual(self, **fields: Any) -> str:
        """Make a channel of our own (wholesale, phone) and return its code."""
        code = self.name("own").lower()
        body = {
            "code": code,
            "name": f"Own {code}",
            "connector": "manual",
            "locations": [self.place],
            "currency": "EUR",
        }
        self.api.post("channels/", body=body | fields)
        return code

    def settle(self, *skus: str, shops: Sequence[Shop] | None = None, seconds: float = 15.0) -> None:
        """Wait until every shop's book shows what the listings of these SKUs publish."""
        asked = list(self.shops.values() if shops is None else shops)
        for sku in skus:
            eventually(lambda sku=sku: self._agree(asked, sku), seconds=seconds)

    def shows(self, shop: Shop, *, sku: str, number: int, seconds: float = 10.0) -> None:
        """Wait until a shop's own book has this number for a SKU."""

        def check() -> bool:
            shown = shop.book.get(external(sku))
            assert shown == number, f"{shop.code} shows {shown} of {sku}, not {number}"
            return True

        eventually(check, seconds=seconds)

    def _agree(self, shops: Sequence[Shop], sku: str) -> bool:
        published = {row["channel"]: row["published"] for row in self.api.rows("listings/", sku=sku)}
        shown = {shop.code: shop.book.get(external(sku)) for shop in shops}
        wrong = {code: number for code, number in shown.items() if number is None or number != published[code]}
        assert not wrong, f"of {sku} {wrong} is shown, and published {published}"
        return True

    # Webhooks and orders

    def deliver(
        self, shop: Shop, *, order: Json, kind: str = "order.created", message_id: str | None = None, **extra: Any
    ) -> httpx.Response:
        """Send one signed event about an order."""
        event = {"type": kind, "id": f"evt_{secrets.token_hex(8)}", "occurred_at": now_text(), "order": order} | extra
        return self.deliver_raw(shop, body=json.dumps(event).encode(), message_id=message_id)

    def deliver_raw(
        self, shop: Shop, *, body: bytes, message_id: str | None = None, timestamp: int | None = None
    ) -> httpx.Response:
        """Sign and send these bytes."""
        headers = signed_headers(shop.secret, body=body, message_id=message_id, timestamp=timestamp)
        return self.post_webhook(shop.code, body=body, headers=headers)

    def post_webhook(self, channel: str, *, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Send these bytes with these headers."""
        headers = {"content-type": "application/json"} | headers
        return self._sender.post(f"/webhooks/{channel}/", content=body, headers=headers)

    def tell(self, shop: Shop, *, order: Json, kind: str = "order.created", **extra: Any) -> None:
        """Send one event and insist that it was stored."""
        answer = self.deliver(shop, order=order, kind=kind, **extra)
        assert answer.status_code == 200, f"{kind}: {answer.status_code} {answer.text[:500]}"

    def buy(self, shop: Shop, *lines: tuple[str, int]) -> Json:
        """A shopper buys SKUs in a shop, the shop tells us; the order as the shop states it is returned."""
        order = shop.sell(*((external(sku), quantity) for sku, quantity in lines))
        self.tell(shop, order=order)
        return order

    def order(self, shop: Shop | str, *, external_id: str) -> Json | None:
        """The recorded order, in full, or None."""
        code = shop.code if isinstance(shop, Shop) else shop
        rows = self.api.rows("sales-orders/", channel=code, external_id=external_id)
        assert len(rows) <= 1, f"{len(rows)} orders {external_id} on {code}"
        return self.api.get(f"sales-orders/{reference(rows[0])}/") if rows else None

    def recorded(self, shop: Shop | str, *, external_id: str, seconds: float = 10.0) -> Json:
        """Wait until an order is recorded and return it."""
        return eventually(lambda: self.order(shop, external_id=external_id), seconds=seconds)

    def bought(self, shop: Shop, *lines: tuple[str, int]) -> Json:
        """Buy, and wait until the order is recorded; it is returned as the API shows it."""
        return self.recorded(shop, external_id=self.buy(shop, *lines)["id"])

    def waiting(self, kind: str, *, about: str) -> list[Json]:
        """What waits for a person (parked, shortfalls, drifts, alerts) and names a code somewhere in its row."""
        return [row for row in self.api.rows(f"{kind}/") if about in json.dumps(row)]

    def bought_without_a_book(self, shop: Shop, *lines: tuple[str, int]) -> Json:
        """The shop states a sale whatever its book says; wait until it is recorded."""
        order = shop.order(*((external(sku), quantity) for sku, quantity in lines))
        self.tell(shop, order=order)
        return self.recorded(shop, external_id=order["id"])

    def sleep_past_alarms(self, seconds: float = 1.5) -> None:
        """Give the product time to do what it should not do."""
        time.sleep(seconds)


def external(sku: str) -> str:
    """The id under which the tests' shops sell a SKU."""
    return sku.lower()


def reference(row: Json) -> str:
    """How the API's paths name an object: by its code, or by the id that it shows."""
    return str(row.get("code") or row["id"])


def by_line(order: Json) -> dict[str, Json]:
    """An order's lines by the channel's own line ids."""
    return {str(line["external_id"]): line for line in order["lines"]}
