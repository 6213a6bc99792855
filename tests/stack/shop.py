"""A real channel on loopback that speaks the ``http`` connector's contract and keeps a book of its own.

It sells what its book says, lowers its own number when it does, checks every signature, and can be told to misbehave.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stack.signing import is_signed, new_secret

Json = dict[str, Any]
Answer = tuple[int, Json, dict[str, str]]
PAGE_SIZE = 100


def now_text() -> str:
    """This instant, as the contract writes times."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Call:
    """One signed request that the shop received, and the status it was answered with (0: no answer yet)."""

    method: str
    path: str
    body: Json
    at: float
    status: int = 0


@dataclass
class Trouble:
    """What the shop does wrong until it is told to stop; the default is nothing."""

    status: int = 0
    retry_after: int = 0
    hang_seconds: float = 0.0
    rejected: set[str] = field(default_factory=set)


class Shop:
    """A marketplace: a stock book, an order list, and the HTTP server that shows both."""

    def __init__(self, *, code: str) -> None:
        self.code = code
        self.secret = new_secret()
        self.lock = threading.RLock()
        self.book: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.orders: dict[str, Json] = {}
        self.calls: list[Call] = []
        self.unsigned: list[str] = []
        self.trouble = Trouble()
        self._numbers = itertools.count(1)
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.up()

    @property
    def base_url(self) -> str:
        """Where the shop lives; the address stays the same through ``down`` and ``up``."""
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Open the doors."""
        if self._server is None:
            handler = type("ShopHandler", (_Handler,), {"shop": self})
            self._server = _Server(("127.0.0.1", self._port), handler)
            self._port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections until ``up``."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def sell(self, *lines: tuple[str, int], ship_to: Json | None = None) -> Json:
        """A shopper buys: the book falls and the order is kept; refused with AssertionError where the book is short."""
        with self.lock:
            for external_id, quantity in lines:
                assert self.book.get(external_id, 0) >= quantity, f"{self.code} has too few {external_id}: {self.book}"
                self.book[external_id] -= quantity
            return self.order(*lines, ship_to=ship_to)

    def order(self, *lines: tuple[str, int], ship_to: Json | None = None, **fields: Any) -> Json:
        """Write an order down without looking at the book: what a marketplace states, true or not."""
        with self.lock:
            order_id = f"{self.code}-{next(self._numbers)}"
            order = {
                "id": order_id,
                "version": 1,
                "placed_at": now_text(),
                "updated_at": now_text(),
                "currency": "EUR",
                "ship_to": ship_to or {"name": "A Buyer", "country": "DE", "postal_code": "10115", "city": "Berlin"},
                "lines": [
                    {"id": str(number), "external_id": external_id, "quantity": quantity, "unit_price": "9.90"}
                    for number, (external_id, quantity) in enumerate(lines, start=1)
                ],
            }
            self.orders[order_id] = order | fields
            return self.orders[order_id]

    def amend(self, order: Json, **fields: Any) -> Json:
        """The next version of an order, with some fields changed; it replaces the one in the order list."""
        with self.lock:
            changed = json.loads(json.dumps(self.orders[order["id"]])) | fields
            changed["version"] += "version" not in fields
            changed["updated_at"] = now_text()
            self.orders[order["id"]] = changed
            return dict(changed)

    def pushes(self, external_id: str) -> list[int]:
        """Every number that was put for one listing, oldest first."""
        with self.lock:
            items = [item for call in self.calls if call.method == "PUT" for item in call.body.get("items", [])]
            return [item["quantity"] for item in items if item["external_id"] == external_id]

    def shipments(self, order_id: str) -> list[Json]:
        """Every shipment of one order that was told and accepted."""
        with self.lock:
            accepted = [call.body for call in self.calls if call.method == "POST" and call.status == 200]
            return [body for body in accepted if body.get("order_id") == order_id]

    def answer(self, method: str, path: str, *, body: Json) -> Answer:
        """Answer one good, signed request."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        with self.lock:
            match (method, urlsplit(path).path):
                case ("PUT", "/stock"):
                    return 200, {"results": [self._put(item) for item in body["items"]]}, {}
                case ("GET", "/stock"):
                    items = [{"external_id": name, "quantity": number} for name, number in sorted(self.book.items())]
                    return 200, _page("items", items, query), {}
                case ("GET", "/orders"):
                    return 200, _page("orders", self._orders_since(query.get("updated_since", "")), query), {}
                case ("POST", "/shipments"):
                    return 200, {"status": "accepted"}, {}
        return 404, {"code": "not_found"}, {}

    def _put(self, item: Json) -> Json:
        external_id, version = item["external_id"], int(item["version"])
        if external_id in self.trouble.rejected:
            return {"external_id": external_id, "status": "rejected", "code": "not_sellable", "message": "not for sale"}
        current = self.book.get(external_id, 0)
        out_of_date = version < self.versions.get(external_id, version)
        if out_of_date or ("expected" in item and item["expected"] not in (None, current)):
            return {"external_id": external_id, "status": "stale", "quantity": current}
        self.versions[external_id] = version
        self.book[external_id] = int(item["quantity"])
        return {"external_id": external_id, "status": "applied", "quantity": self.book[external_id]}

    def _orders_since(self, since: str) -> list[Json]:
        earliest = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
        return [order for order in self.orders.values() if datetime.fromisoformat(order["updated_at"]) >= earliest]


def _page(name: str, rows: list[Json], query: dict[str, str]) -> Json:
    start = int(query.get("cursor") or 0)
    end = start + PAGE_SIZE
    return {name: rows[start:end], "next": str(end) if end < len(rows) else None}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shop: Shop

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept, not printed."""

    def _serve(self) -> None:
        shop, raw = self.shop, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if shop._server is not self.server:
            self.close_connection = True
            return
        if not is_signed(shop.secret, headers=headers, body=raw):
            shop.unsigned.append(f"{self.command} {self.path}")
            self._send(401, {"code": "bad_signature"}, {})
            return
        body = json.loads(raw) if raw else {}
        call, trouble = Call(method=self.command, path=self.path, body=body, at=time.monotonic()), shop.trouble
        with shop.lock:
            shop.calls.append(call)
        time.sleep(trouble.hang_seconds)
        if trouble.status:
            extra = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
            status, answer = trouble.status, {"code": "trouble"}
        else:
            status, answer, extra = shop.answer(self.command, self.path, body=body)
        call.status = status
        self._send(status, answer, extra)

    def _send(self, status: int, body: Json, extra: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
