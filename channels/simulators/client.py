"""A light HTTP/1.1 client for one host: a pool of kept-alive connections on asyncio streams."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Stale(Exception):
    """A kept-alive connection was closed by the other side before it answered."""


class Client:
    """Posts to one base URL, over at most ``connections`` connections at a time."""

    def __init__(self, base_url: str, *, connections: int = 64) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("simulated marketplaces post to http:// addresses only")
        self._host, self._port = parts.hostname, parts.port or 80
        self._prefix = parts.path.rstrip("/")
        self._places = asyncio.Semaphore(connections)
        self._idle: list[Streams] = []

    async def post(self, path: str, *, headers: dict[str, str], body: bytes, timeout_seconds: float = 15.0) -> int:
        """The status of the answer; OSError or TimeoutError where there is none."""
        head = [f"POST {self._prefix}{path} HTTP/1.1", f"host: {self._host}:{self._port}"]
        head += ["content-type: application/json", f"content-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        async with self._places, asyncio.timeout(timeout_seconds):
            while self._idle:
                try:
                    return await self._exchange(self._idle.pop(), message=message, reused=True)
                except _Stale:
                    continue
            streams = await asyncio.open_connection(self._host, self._port)
            return await self._exchange(streams, message=message, reused=False)

    async def _exchange(self, streams: Streams, *, message: bytes, reused: bool) -> int:
        reader, writer = streams
        keep = False
        try:
            writer.write(message)
            status, keep = await _read_answer(reader)
            return status
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if reused:
                raise _Stale from error
            raise ConnectionError(str(error)) from error
        finally:
            if keep:
                self._idle.append(streams)
            else:
                writer.transport.abort()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[1].transport.abort()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, code, *_ = head[0].split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    status = int(code)
    if status == 100:
        return await _read_answer(reader)
    keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    elif "content-length" in headers:
        await reader.readexactly(int(headers["content-length"]))
    elif status not in (204, 304):
        await reader.read()
        keep = False
    return status, keep
