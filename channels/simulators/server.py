"""A small HTTP/1.1 server on asyncio: keep-alive, pipelining, bodies by length or in chunks, and three ways to answer.

Thirty marketplaces share a machine with the product, so a request must cost little: one protocol object a connection,
no stream readers, one task a request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 20 * 1024 * 1024


@dataclass
class Request:
    """One request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    notes: dict[str, Any] = field(default_factory=dict)  # of whoever answers it

    @property
    def path(self) -> str:
        """The path without its query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's last value by name."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    """An answer; ``reset`` cuts the connection and ``silent`` never answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    silent: bool = False
    cut_after: int | None = None  # bytes of the body that are sent before the connection is cut


RESET = Response(reset=True)
SILENCE = Response(silent=True)
Handler = Callable[[Request], Awaitable[Response]]


def answer(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(document, separators=(",", ":")).encode(), headers or {})


def refusal(status: int, *, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """A JSON error."""
    return answer({"error": {"code": code, "message": message}}, status=status, headers=headers)


def halved(response: Response) -> Response:
    """The same answer, cut off in the middle of its body."""
    return replace(response, cut_after=len(response.body) // 2)


class _Malformed(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection(asyncio.Protocol):
    """One client's connection. Requests are answered one after the other, in order."""

    def __init__(self, handler: Handler, *, open_connections: set[Connection]) -> None:
        self._handler = handler
        self._open = open_connections
        self._buffer = bytearray()
        self._pending: Request | None = None
        self._continued = False
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        # The task goes on: a write whose client has gone may land all the same.
        self.transport = None
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._buffer += data
        if self._task is None:
            self._advance()

    def _advance(self) -> None:
        try:
            request = self._next_request()
        except _Malformed as malformed:
            self._send(refusal(malformed.status, code="malformed_request", message="not understood"), close=True)
            return
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._serve(request))

    def _next_request(self) -> Request | None:
        if self._pending is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEADER_LIMIT:
                    raise _Malformed(431)
                return None
            self._pending, self._continued = _read_head(bytes(self._buffer[:end])), False
            del self._buffer[: end + 4]
        request = self._pending
        body = self._read_body(request.headers)
        if body is None:
            self._invite(request)
            return None
        self._pending, request.body = None, body
        return request

    def _read_body(self, headers: dict[str, str]) -> bytes | None:
        if "chunked" in headers.get("transfer-encoding", ""):
            return self._read_chunks()
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            raise _Malformed(400) from None
        if length > BODY_LIMIT:
            raise _Malformed(413)
        if length < 0:
            raise _Malformed(400)
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read_chunks(self) -> bytes | None:
        if len(self._buffer) > 2 * BODY_LIMIT:
            raise _Malformed(413)
        parts, position = [], 0
        while True:
            end = self._buffer.find(b"\r\n", position)
            if end < 0:
                return None
            try:
                size = int(bytes(self._buffer[position:end]).split(b";")[0], 16)
            except ValueError:
                raise _Malformed(400) from None
            position = end + 2
            if len(self._buffer) < position + size + 2:
                return None
            parts.append(bytes(self._buffer[position : position + size]))
            position += size + 2
            if size == 0:  # trailers are not sent by any client we meet
                del self._buffer[:position]
                return b"".join(parts)

    def _invite(self, request: Request) -> None:
        if not self._continued and request.headers.get("expect", "").lower() == "100-continue" and self.transport:
            self._continued = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _serve(self, request: Request) -> None:
        try:
            response = await self._handler(request)
        except Exception as error:  # a marketplace that fails answers 500, it does not die
            response = refusal(500, code="internal_error", message=repr(error))
        self._task = None
        if response.reset and self.transport:
            self.transport.abort()
        elif response.silent:
            self._task = asyncio.current_task()  # nothing more is read from this connection
        else:
            self._send(response, close=request.headers.get("connection", "").lower() == "close")
            self._advance()

    def _send(self, response: Response, *, close: bool) -> None:
        if self.transport is None:
            return
        phrase = HTTPStatus(response.status).phrase
        head = [f"HTTP/1.1 {response.status} {phrase}", f"content-length: {len(response.body)}"]
        head += ["content-type: application/json", f"connection: {'close' if close else 'keep-alive'}"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + response.body[: response.cut_after])
        if close or response.cut_after is not None:
            self.transport.close()


def _read_head(head: bytes) -> Request:
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _Malformed(400)
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise _Malformed(400)
        headers[name.strip().lower()] = value.strip()
    return Request(parts[0], parts[1], headers)


class Listener:
    """A port with a handler behind it. It keeps its port when closed and opened again."""

    def __init__(self, handler: Handler, *, port: int = 0) -> None:
        self._handler = handler
        self.port = port
        self._server: asyncio.Server | None = None
        self._open: set[Connection] = set()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Listen; on the same port as before, if there was one."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._handler, open_connections=self._open), "127.0.0.1", self.port, backlog=512
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open):
            if connection.transport:
                connection.transport.abort()
