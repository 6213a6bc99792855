"""Prepared requests: what travels is what the product takes."""

import json
from datetime import UTC, datetime
from pathlib import Path

from channels.connectors.http import Http
from channels.simulators import signing
from config.bench.deliveries import Shop, read_requests, request_bytes, requests_for, write_requests

SHOP = Shop("bench-01", b"k" * 24)
OTHER = Shop("bench-02", b"o" * 24)


def split(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_a_request_is_whole_and_signed_by_its_shop() -> None:
    first, headers, body = split(request_bytes(SHOP, host="127.0.0.1:8000", message_id="m1", body=b"{}"))
    assert first == "POST /webhooks/bench-01/ HTTP/1.1"
    assert (headers["host"], headers["content-length"], body) == ("127.0.0.1:8000", "2", b"{}")
    assert signing.verify(SHOP.key, headers=headers, body=body) == "m1"


def test_orders_are_dealt_over_the_shops_and_their_ids_never_come_twice() -> None:
    requests = [*requests_for(["A", "B", "C"], shops=[SHOP, OTHER], host="h", run="1")]
    requests += requests_for(["A"], shops=[SHOP, OTHER], host="h", run="2")
    parts = [split(request) for request in requests]
    assert [first.split("/")[2] for first, *_ in parts] == ["bench-01", "bench-02", "bench-01", "bench-01"]
    assert len({headers["webhook-id"] for _, headers, _ in parts}) == 4
    orders = [json.loads(body)["order"] for *_, body in parts]
    assert len({order["id"] for order in orders}) == 4
    assert [order["lines"][0]["external_id"] for order in orders] == ["A", "B", "C", "A"]


def test_the_connector_reads_one_line_of_one_unit() -> None:
    (request,) = requests_for(["A"], shops=[SHOP], host="h", run="1")
    event = Http().parse(split(request)[2], topic="")
    assert event is not None and (event.problem, event.placed_at <= datetime.now(UTC)) == ("", True)
    assert [(line.listing_key, line.quantity, line.problem) for line in event.lines] == [("A", 1, "")]


def test_requests_are_read_back_as_they_were_kept(tmp_path: Path) -> None:
    requests = [b"one", b"", b"two\r\n\x00"]
    assert write_requests(tmp_path / "requests", requests) == 3
    assert read_requests(tmp_path / "requests") == requests
