"""A real shop on loopback that speaks the ``http`` connector's contract: a book, orders, and misbehaviour on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def items(self) -> list[Json]:
        return self.json["items"]

    @property
    def numbers(self) -> dict[str, int]:
        return {row["external_id"]: row["quantity"] for row in self.items}


@dataclass
class Answer:
    """What to answer. ``applies`` lets the book take the write first, whatever is answered."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    applies: bool = False
    resets: bool = False
    after_seconds: float = 0.0
    drips: bool = False  # one byte at a time, for ever


Play = Answer | Callable[[Seen], Answer]


class Shop:
    """The shop. ``will`` queues answers for the next requests; without any it behaves."""

    def __init__(self) -> None:
        self.book: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.orders: list[Json] = []
        self.page_size = 1000
        self.requests: list[Seen] = []
        self.while_busy: Callable[[Seen], None] | None = None  # called in the midst of a request
        self.rejects: dict[str, str] = {}  # external id: code
        self.always: Play | None = None
        self._plays: deque[Play] = deque()
        self._closing = threading.Event()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                shop._handle(self)

            do_GET = do_PUT = do_POST = _serve

            def log_message(self, *_: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will(self, *plays: Play) -> None:
        """Answer the next requests like this, one after the other."""
        self._plays.extend(plays)

    @property
    def writes(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.method == "PUT"]

    def reads(self, path: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.method == "GET" and seen.path == path]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2)

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        split = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, split.path, dict(parse_qsl(split.query)), headers, body, time.monotonic())
        self.requests.append(seen)
        if self.while_busy:
            self.while_busy(seen)
        play = self._plays.popleft() if self._plays else self.always
        answer = play(seen) if callable(play) else play
        if answer is None:
            answer = self._route(seen)
        elif answer.applies:
            self._route(seen)
        if answer.after_seconds:
            self._closing.wait(answer.after_seconds)
        self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.close_connection = True
        if answer.resets:
            handler.connection.close()
            return
        data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        try:
            handler.send_response(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(10**6 if answer.drips else len(data)))
            handler.end_headers()
            while answer.drips and not self._closing.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()
            handler.wfile.write(data)
        except OSError:
            return

    def _route(self, seen: Seen) -> Answer:
        if (seen.method, seen.path) == ("PUT", "/stock"):
            return Answer(body={"results": [self._write(row) for row in seen.items]})
        if (seen.method, seen.path) == ("GET", "/stock"):
            return self._page(seen, [{"external_id": k, "quantity": v} for k, v in self.book.items()], "items")
        if (seen.method, seen.path) == ("GET", "/orders"):
            return self._page(seen, self.orders, "orders")
        if (seen.method, seen.path) == ("POST", "/shipments"):
            return Answer(body={"status": "recorded"})
        return Answer(404, {"error": "no such resource"})

    def _page(self, seen: Seen, rows: list[Json], name: str) -> Answer:
        start = int(seen.query.get("cursor") or 0)
        end = start + self.page_size
        return Answer(body={name: rows[start:end], "next": str(end) if end < len(rows) else None})

    def _write(self, row: Json) -> Json:
        key = row["external_id"]
        if key in self.rejects:
            return {"external_id": key, "status": "rejected", "code": self.rejects[key], "message": "no such offer"}
        stale = row["version"] < self.versions.get(key, -1)
        stale = stale or row.get("expected", self.book.get(key)) != self.book.get(key)
        if stale:
            return {"external_id": key, "status": "stale", "quantity": self.book.get(key)}
        self.book[key], self.versions[key] = row["quantity"], row["version"]
        return {"external_id": key, "status": "applied", "quantity": row["quantity"]}
