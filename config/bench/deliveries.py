"""Signed webhooks as the bytes that travel, made before any clock starts."""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from channels.simulators import signing

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Shop:
    """Who sends: a channel's code, and the key that it signs with."""

    code: str
    key: bytes


def order_body(*, order_id: str, sku: str, event_id: str, at: datetime) -> bytes:
    """A new order of one unit of one SKU, on the wire of the ``http`` connector."""
    instant = at.astimezone(UTC).isoformat(timespec="milliseconds")
    ship_to = {"name": "Ada Park", "country": "US", "region": "IL", "postal_code": "60605", "city": "Chicago"}
    line = {"id": f"{order_id}-1", "external_id": sku, "quantity": 1, "unit_price": "19.90"}
    order = {"id": order_id, "version": 1, "placed_at": instant, "currency": "USD", "ship_to": ship_to, "lines": [line]}
    event = {"type": "order.created", "id": event_id, "occurred_at": instant, "order": order}
    return json.dumps(event, separators=(",", ":")).encode()


def request_bytes(shop: Shop, *, host: str, message_id: str, body: bytes) -> bytes:
    """One whole HTTP request, signed now."""
    headers = {"host": host, "content-type": "application/json", "content-length": str(len(body))}
    headers |= signing.sign(shop.key, message_id=message_id, body=body)
    head = [f"POST /webhooks/{shop.code}/ HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def requests_for(skus: Sequence[str], *, shops: Sequence[Shop], host: str, run: str) -> Iterator[bytes]:
    """One order for each SKU, the shops in turn; ids are new in every run."""
    now = datetime.now(UTC)
    for number, sku in enumerate(skus):
        name = f"bench-{run}-{number:06d}"
        body = order_body(order_id=name, sku=sku, event_id=name, at=now)
        yield request_bytes(shops[number % len(shops)], host=host, message_id=name, body=body)


def write_requests(path: Path, requests: Iterable[bytes]) -> int:
    """Keep requests in a file for the process that sends them; how many."""
    count = 0
    with path.open("wb") as file:
        for request in requests:
            file.write(_LENGTH.pack(len(request)) + request)
            count += 1
    return count


def read_requests(path: Path) -> list[bytes]:
    """What ``write_requests`` kept."""
    content, found, position = path.read_bytes(), [], 0
    while position < len(content):
        (length,) = _LENGTH.unpack_from(content, position)
        position += _LENGTH.size
        found.append(content[position : position + length])
        position += length
    return found
