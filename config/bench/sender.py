"""Sends prepared requests over kept-alive connections, as cheaply as Python can: ``python -m config.bench.sender``.

It prints ``ready`` once it is connected, begins at a line on its input, and prints one line of JSON at the end: when the
first byte left and the last answer came, by the machine's monotonic clock, the answers by status, and its own CPU time.
"""

import argparse
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config.bench.deliveries import read_requests

SILENCE_SECONDS = 30.0


class SendError(Exception):
    """The other side went silent, or away."""


def answer_length(data: bytes | bytearray) -> int | None:
    """The length of a whole answer in the buffer, or None while more is to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    for line in bytes(data[:end]).lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            whole = end + 4 + int(value)
            return whole if len(data) >= whole else None
    raise SendError("an answer without a length")


class Sender:
    """One request under way on each connection."""

    def __init__(self, requests: Sequence[bytes], *, host: str, port: int, connections: int) -> None:
        self._requests: Iterator[bytes] = iter(requests)
        self._selector = selectors.DefaultSelector()
        self._under_way = 0
        self.statuses: Counter[str] = Counter()
        self._sockets = []
        for _ in range(connections):
            one = socket.create_connection((host, port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, bytearray())
            self._sockets.append(one)

    def run(self) -> dict[str, Any]:
        """Send everything; when it began and ended."""
        cpu, begun = time.process_time(), time.monotonic()
        for one in self._sockets:
            self._send_next(one)
        while self._under_way:
            ready = self._selector.select(SILENCE_SECONDS)
            if not ready:
                raise SendError(f"no answer in {SILENCE_SECONDS:.0f} s")
            for key, _ in ready:
                self._receive(key.fileobj, key.data)  # type: ignore[arg-type]
        ended = time.monotonic()
        return {
            "begun": begun,
            "ended": ended,
            "statuses": dict(self.statuses),
            "cpu_seconds": round(time.process_time() - cpu, 3),
        }

    def _send_next(self, one: socket.socket) -> None:
        request = next(self._requests, None)
        if request is not None:
            one.sendall(request)
            self._under_way += 1

    def _receive(self, one: socket.socket, buffer: bytearray) -> None:
        data = one.recv(65536)
        if not data:
            raise SendError("a connection was closed")
        buffer += data
        length = answer_length(buffer)
        if length is not None:
            self.statuses[buffer[9:12].decode()] += 1
            del buffer[:length]
            self._under_way -= 1
            self._send_next(one)


def main() -> None:
    """Read the requests, connect, wait for the word, send."""
    parser = argparse.ArgumentParser(prog="python -m config.bench.sender")
    parser.add_argument("requests", type=Path)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    requests = read_requests(given.requests)
    sender = Sender(requests, host=given.host, port=given.port, connections=given.connections)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(sender.run()) + "\n")


if __name__ == "__main__":
    main()
