"""A simulated Shopify shop with an app in front of it: documents of our own, and an inbox that checks signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from channels.simulators import Marketplaces, MarketplaceSpec, Offer
from channels.simulators.handles import ChannelHandle
from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.orders import ShopOrder
from channels.simulators.shopify.terms import Place, ShopifyTerms

SECRET = "shpss_first"
TOKEN = "shpat_test"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and slow to make for each client
EAST, WEST = "gid://shopify/Location/101", "gid://shopify/Location/102"
A, B, C = (f"gid://shopify/InventoryItem/{number}" for number in (7001, 7002, 7003))
TERMS = ShopifyTerms(places=(Place("101", "East"), Place("102", "West")), stocked_at=("101",), access_token=TOKEN)

SET = """mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id reason changes { name delta quantityAfterChange item { id } location { id } } }
    userErrors { code field message }
  }
}"""
LEVEL = """query Level($item: ID!, $location: ID!) {
  inventoryItem(id: $item) { inventoryLevel(locationId: $location, includeInactive: true) {
    isActive quantities(names: ["available", "committed", "on_hand"]) { name quantity } } }
}"""
ACTIVATE = """mutation Activate($item: ID!, $location: ID!, $available: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location, available: $available) @idempotent(key: $key) {
    inventoryLevel { isActive quantities(names: ["available"]) { quantity } } userErrors { field message }
  }
}"""


class Inbox:
    """Takes webhooks; ``answers`` are statuses to be given first."""

    def __init__(self) -> None:
        inbox = self
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                inbox.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(inbox.answers.pop(0) if inbox.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def topics(self) -> list[str]:
        return [headers["x-shopify-topic"] for headers, _ in self.received]

    def last(self, topic: str) -> dict[str, Any]:
        bodies = [body for headers, body in self.received if headers["x-shopify-topic"] == topic]
        document: dict[str, Any] = json.loads(bodies[-1])
        return document

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Desk:
    """The shop's app: it asks, and is told."""

    def __init__(self, world: Marketplaces, inbox: Inbox) -> None:
        self.world, self.inbox = world, inbox
        self.handle: ChannelHandle = world.channel("shop")
        shop = world.world.marketplaces["shop"]
        assert isinstance(shop, ShopifyShop)
        self.shop = shop
        self.client = httpx.Client(base_url=self.handle.base_url, timeout=30, verify=CONTEXT)
        self.token = TOKEN
        self._keys = 0

    def post(self, document: str, /, *, version: str = "2026-10", **variables: Any) -> httpx.Response:
        return self.client.post(
            f"/admin/api/{version}/graphql.json",
            json={"query": document, "variables": variables},
            headers={"X-Shopify-Access-Token": self.token},
        )

    def ask(self, document: str, /, **variables: Any) -> dict[str, Any]:
        response = self.post(document, **variables)
        assert response.status_code == 200, response.text
        answered: dict[str, Any] = response.json()
        return answered

    def data(self, document: str, /, **variables: Any) -> dict[str, Any]:
        answered = self.ask(document, **variables)
        assert "errors" not in answered, answered["errors"]
        data: dict[str, Any] = answered["data"]
        return data

    def fresh_key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def set(self, *rows: dict[str, Any], key: str = "", **changes: Any) -> dict[str, Any]:
        document = {"name": "available", "reason": "correction", "quantities": list(rows), **changes}
        answered: dict[str, Any] = self.data(SET, input=document, key=key or self.fresh_key())["inventorySetQuantities"]
        return answered

    def codes(self, *rows: dict[str, Any], key: str = "", **changes: Any) -> list[tuple[str, str]]:
        errors = self.set(*rows, key=key, **changes)["userErrors"]
        return [(each["code"], ".".join(each["field"] or ())) for each in errors]

    def level(self, item: str = A, *, location: str = EAST) -> dict[str, int]:
        found = self.data(LEVEL, item=item, location=location)["inventoryItem"]["inventoryLevel"]
        return {each["name"]: each["quantity"] for each in found["quantities"]}

    def buy(self, item: str = A, *, quantity: int = 1, pending: bool = False) -> ShopOrder:
        order = self.handle.buy(item.rpartition("/")[2], quantity=quantity, pending=pending)
        assert isinstance(order, ShopOrder)
        return order

    def do(self, deed: Callable[[ShopifyShop], Any]) -> Any:
        return self.world.call(lambda: deed(self.shop))


def row(item: str, quantity: int, expected: int | None = None, *, location: str = EAST) -> dict[str, Any]:
    return {
        "inventoryItemId": item,
        "locationId": location,
        "quantity": quantity,
        "changeFromQuantity": expected,
    }


def signature(body: bytes, *, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def spec(**changes: Any) -> MarketplaceSpec:
    offers = tuple(
        Offer(item.rpartition("/")[2], sku, 10, "19.90") for item, sku in ((A, "SKU-A"), (B, "SKU-B"), (C, "SKU-C"))
    )
    values = {
        "code": "shop",
        "kind": "shopify",
        "secret": SECRET,
        "offers": offers,
        "shopify": TERMS,
        "countries": ("US",),
    }
    return MarketplaceSpec(**{**values, **changes})
