"""A marketplace on loopback that a test can hold at any instant."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.concurrency.threads import Gate


class Shop:
    """What one channel shows.

    ``gate`` stops requests that have arrived and are not yet applied; ``answer_gate`` those that are applied and not yet
    answered.
    """

    def __init__(self) -> None:
        self.book: dict[str, int] = {}
        self.received: list[tuple[str, int]] = []
        self.gate: Gate | None = None
        self.answer_gate: Gate | None = None
        self.under_way = 0
        self.most_under_way = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def sell(self, key: str, units: int) -> None:
        """The shop sells, and lowers its own number."""
        with self._lock:
            self.book[key] -= units

    def put(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take new numbers."""
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        if self.gate is not None:
            self.gate.stop()
        with self._lock:
            for item in items:
                self.book[item["external_id"]] = item["quantity"]
                self.received.append((item["external_id"], item["quantity"]))
        if self.answer_gate is not None:
            self.answer_gate.stop()
        with self._lock:
            self.under_way -= 1
        return [{"external_id": item["external_id"], "status": "applied"} for item in items]

    def close(self) -> None:
        for gate in (self.gate, self.answer_gate):
            if gate is not None:
                gate.open()
        self._server.shutdown()
        self._server.server_close()


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps({"results": shop.put(body["items"])}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    return Handler
