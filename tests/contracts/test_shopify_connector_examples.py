"""The Shopify connector reads Shopify's own example deliveries, each byte of them signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from channels.connectors.base import Account, InboundRequest, MalformedPayload, OrderChanged, OrderEvent, SignatureError
from channels.connectors.shopify import Shopify
from tests.contracts.folder import folder
from tests.golden.connector.cases import NOW

ORDER_ID = "820982911946154508"  # by its gid: the numbers in the examples were rounded
ROUNDED_ID = "820982911946154500"
WHOLE = ("create", "updated", "cancelled", "paid", "fulfilled", "partially_fulfilled")
NOTHING_OF_OURS = ("delete", "link_requested", "risk_assessment_changed", "shopify_protect_eligibility_changed")
LINES = ["487817672276298554", "789012345678901234", "890123456789012345", "976318377106520349", "315789986012684393"]
PRICES = ["89.99", "19.99", "24.99", "159.99", "119.99"]


def examples() -> list[Path]:
    return sorted((folder("shopify") / "webhooks-2026-07" / "metadatas").rglob("*.json"))


def body_of(name: str) -> bytes:
    file = folder("shopify") / "webhooks-2026-07" / "metadatas" / f"{name}.json"
    return json.dumps(json.loads(file.read_text(encoding="utf-8"))["response"]).encode()


def parsed(body: bytes, topic: str) -> OrderEvent | OrderChanged | MalformedPayload | None:
    try:
        return Shopify().parse(body, topic=topic)
    except MalformedPayload as error:
        assert error.reason
        return error


def test_every_example_of_an_order_or_a_refund_is_understood() -> None:
    files = [file for file in examples() if file.parent.name in ("orders", "refunds")]
    found = {f"{file.parent.name}/{file.stem}": parsed(body_of(f"{file.parent.name}/{file.stem}"),
                                                       f"{file.parent.name}/{file.stem}") for file in files}  # fmt: skip
    assert {name for name, event in found.items() if isinstance(event, OrderEvent)} == {
        f"orders/{one}" for one in WHOLE
    }
    assert {name for name, event in found.items() if event is None} == {f"orders/{one}" for one in NOTHING_OF_OURS}
    assert {name: event for name, event in found.items() if isinstance(event, OrderChanged)} == {
        "orders/edited": OrderChanged(ROUNDED_ID),
        "refunds/create": OrderChanged(ROUNDED_ID),
    }
    assert len(found) == 12


@pytest.mark.parametrize("name", WHOLE)
def test_the_examples_of_whole_orders_mean_what_they_say(name: str) -> None:
    event = parsed(body_of(f"orders/{name}"), f"orders/{name}")
    assert isinstance(event, OrderEvent)
    placed = datetime(2022, 1, 1, tzinfo=UTC)
    assert (event.external_id, event.state, event.currency) == (ORDER_ID, "cancelled", "USD")
    assert (event.placed_at, event.occurred_at) == (placed, placed)
    assert event.version == int(placed.timestamp()) * 1_000_000
    assert event.restates_lines
    assert event.ship_to == {
        "name": "Steve Shipper", "company": "Shipping Company", "address1": "123 Shipping Street", "city": "Shippington",
        "region": "KY", "postal_code": "40003", "country": "US", "phone": "555-555-SHIP",
    }  # fmt: skip
    assert [(line.external_id, line.listing_key, line.quantity, line.cancelled, line.refunded, line.shipped)
            for line in event.lines] == [(line, "", 1, 0, 0, 0) for line in LINES]  # fmt: skip
    assert [line.unit_price for line in event.lines] == [Decimal(price) for price in PRICES]
    assert {line.problem.partition(":")[0] for line in event.lines} == {"bad_listing"}, "they name no variants"
    assert event.problem.startswith("a test order")


def test_no_example_whatever_its_topic_raises_anything_else() -> None:
    seen: Counter[str] = Counter()
    topics = ["", *(f"orders/{one}" for one in WHOLE), "orders/edited", "refunds/create"]
    for file in examples():
        own = f"{file.parent.name}/{file.stem}"
        body = body_of(own)
        assert isinstance(Shopify().order_ref(body), str)
        for topic in [*topics, own]:
            seen[type(parsed(body, topic)).__name__] += 1
    assert len(examples()) == 56
    assert sum(seen.values()) == 56 * 10
    assert seen["OrderEvent"] >= 7 * 7


def test_orders_and_refunds_go_the_same_lane_but_for_the_rounded_numbers() -> None:
    assert Shopify().order_ref(body_of("orders/create")) == ORDER_ID
    assert Shopify().order_ref(body_of("orders/edited")) == ROUNDED_ID
    assert Shopify().order_ref(body_of("refunds/create")) == ROUNDED_ID


# Signatures -----------------------------------------------------------------------------------------------------------

SECRET = "hush-hush"
SHOP = Account("shop", "https://shop.example", {}, {"access_token": "t", "client_secret": SECRET})


def signed(body: bytes, secret: str = SECRET, header: str = "x-shopify-hmac-sha256") -> InboundRequest:
    """Signed by another implementation of HMAC than the connector's."""
    code = HMAC(secret.encode(), SHA256())
    code.update(body)
    return InboundRequest(body, {header: base64.b64encode(code.finalize()).decode()})


def holds(request: InboundRequest, shop: Account = SHOP) -> bool:
    try:
        Shopify().verify(request, shop, now=NOW)
    except SignatureError:
        return False
    return True


def test_every_example_is_believed_as_signed_and_with_no_byte_changed() -> None:
    for file in examples():
        request = signed(file.read_bytes())
        assert holds(request)
        assert not holds(replace(request, body=request.body + b" "))
        assert not holds(replace(request, body=json.dumps(json.loads(request.body), indent=1).encode() + b"\n\n"))


def test_each_flipped_bit_of_a_body_or_its_signature_is_refused() -> None:
    body = body_of("orders/edited")
    request = signed(body)
    for position in range(len(body)):
        for bit in range(8):
            twin = bytearray(body)
            twin[position] ^= 1 << bit
            assert not holds(replace(request, body=bytes(twin)))
    signature = request.headers["x-shopify-hmac-sha256"]
    for position in range(len(signature)):
        for bit in range(7):
            twin_text = signature[:position] + chr(ord(signature[position]) ^ (1 << bit)) + signature[position + 1 :]
            assert not holds(InboundRequest(body, {"x-shopify-hmac-sha256": twin_text}))


def test_official_vectors_of_other_schemes_do_not_pass_for_ours() -> None:
    vectors: dict[str, Any] = json.loads((folder("webhook-vectors") / "vectors.json").read_text(encoding="utf-8"))
    square = vectors["square"]
    shop = Account("x", "https://shop.example", {}, {"client_secret": square["signature_key"]})
    (theirs,) = square["header"].values()
    assert not holds(InboundRequest(square["body"].encode(), {"x-shopify-hmac-sha256": theirs}), shop), (
        "they sign the URL too"
    )
    whole = (square["notification_url"] + square["body"]).encode()
    assert holds(InboundRequest(whole, {"x-shopify-hmac-sha256": theirs}), shop), "the same HMAC, over these bytes"
    assert hmac.new(b"asdf1234", whole, hashlib.sha256).digest() == base64.b64decode(theirs)
