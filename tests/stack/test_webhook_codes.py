"""What the webhook door answers: 200 only for what is stored, and a named refusal for everything else."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.stack.client import eventually
from tests.stack.shop import Shop, now_text
from tests.stack.signing import new_secret, signature, signed_headers
from tests.stack.world import World, external

MEBIBYTE = 1024 * 1024
HOUR = 3600


@pytest.fixture
def shop(world: World) -> Shop:
    return world.shop(settle=False)


def event(shop: Shop, world: World) -> bytes:
    """A good event about an order of one unknown listing."""
    order = shop.order((world.name("unlisted"), 1))
    body = {"type": "order.created", "id": world.name("evt"), "occurred_at": now_text(), "order": order}
    return json.dumps(body).encode()


def test_a_good_delivery_is_answered_200(world: World, shop: Shop) -> None:
    assert world.deliver_raw(shop, body=event(shop, world)).status_code == 200


def test_a_duplicate_is_answered_200(world: World, shop: Shop) -> None:
    body = event(shop, world)
    assert [world.deliver_raw(shop, body=body, message_id="m1").status_code for _ in range(2)] == [200, 200]


def test_a_signature_by_another_secret_is_answered_401(world: World, shop: Shop) -> None:
    body = event(shop, world)
    assert world.post_webhook(shop.code, body=body, headers=signed_headers(new_secret(), body=body)).status_code == 401


def test_a_signature_over_other_bytes_is_answered_401(world: World, shop: Shop) -> None:
    body = event(shop, world)
    headers = signed_headers(shop.secret, body=body)
    assert world.post_webhook(shop.code, body=body + b" ", headers=headers).status_code == 401


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_answered_401(world: World, shop: Shop, missing: str) -> None:
    body = event(shop, world)
    headers = signed_headers(shop.secret, body=body)
    del headers[missing]
    assert world.post_webhook(shop.code, body=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-signature", "v1,not base64!"),
        ("webhook-signature", "v1"),
        ("webhook-signature", ""),
        ("webhook-signature", "v2,AAAA"),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "9" * 40),
        ("webhook-timestamp", "nan"),
        ("webhook-id", ""),
    ],
)
def test_a_malformed_header_is_answered_401(world: World, shop: Shop, header: str, value: str) -> None:
    body = event(shop, world)
    headers = signed_headers(shop.secret, body=body) | {header: value}
    assert world.post_webhook(shop.code, body=body, headers=headers).status_code == 401


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_a_timestamp_out_of_its_window_is_answered_401(world: World, shop: Shop, seconds: int) -> None:
    answer = world.deliver_raw(shop, body=event(shop, world), timestamp=int(time.time()) + seconds)
    assert answer.status_code == 401


def test_one_good_signature_among_several_is_enough(world: World, shop: Shop) -> None:
    """A sender that rotates its secret signs with both."""
    body = event(shop, world)
    headers = signed_headers(shop.secret, body=body, message_id="m2")
    other = signature(new_secret(), message_id="m2", timestamp=headers["webhook-timestamp"], body=body)
    headers["webhook-signature"] = f"{other} {headers['webhook-signature']}"
    assert world.post_webhook(shop.code, body=body, headers=headers).status_code == 200


def test_an_unsigned_delivery_stores_nothing(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.order((external(sku), 1))
    body = json.dumps({"type": "order.created", "id": "e", "occurred_at": now_text(), "order": order}).encode()
    assert world.post_webhook(shop.code, body=body, headers={}).status_code == 401
    world.sleep_past_alarms()
    assert world.order(shop, external_id=order["id"]) is None
    assert world.numbers(sku) == (10, 10, 0)


def test_an_unknown_channel_is_answered_404(world: World, shop: Shop) -> None:
    body = event(shop, world)
    headers = signed_headers(shop.secret, body=body)
    assert world.post_webhook(f"no-{shop.code}", body=body, headers=headers).status_code == 404


def test_a_delivery_of_just_under_16_mebibytes_is_stored(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.order((external(sku), 1), note="x" * (15 * MEBIBYTE))
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"], seconds=20)


def test_a_delivery_larger_than_16_mebibytes_is_answered_413(world: World, shop: Shop) -> None:
    body = b'{"padding": "' + b"x" * (16 * MEBIBYTE) + b'"}'
    assert world.deliver_raw(shop, body=body).status_code == 413


def test_a_delivery_that_is_too_large_raises_an_alert(world: World, shop: Shop) -> None:
    world.deliver_raw(shop, body=b'{"padding": "' + b"x" * (16 * MEBIBYTE) + b'"}')
    assert eventually(lambda: world.waiting("alerts", about=shop.code))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"type": "order.created", "order": ',
        b"[]",
        b"null",
        b'"order"',
        b"17",
        b"{}",
        b"\xff\xfe\x00{",
        b'{"type": "order.created", "id": "\xc3\x28", "order": {"id": "x"}}',
        b"[" * 100_000,
        b'{"type":' * 50_000,
        b'{"type": "order.created", "id": "e", "order": {"id": NaN}}',
        b"\x1f\x8b\x08\x00compressed",
        b"<order/>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_cannot_be_parsed_is_stored_parked_and_answered_200(world: World, shop: Shop, body: bytes) -> None:
    assert world.deliver_raw(shop, body=body).status_code == 200
    (parked, *_rest) = eventually(lambda: world.waiting("parked", about=shop.code))
    assert parked["reason"], parked


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_than_post_is_refused(world: World, shop: Shop, method: str) -> None:
    answer = httpx.request(method, f"{world.product.base_url}/webhooks/{shop.code}/", timeout=10)
    assert answer.status_code in (401, 405)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_the_content_type_does_not_matter(world: World, content_type: str) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    order = shop.order((external(sku), 1))
    body = json.dumps({"type": "order.created", "id": "e", "occurred_at": now_text(), "order": order}).encode()
    headers = signed_headers(shop.secret, body=body) | {"content-type": content_type}
    assert world.post_webhook(shop.code, body=body, headers=headers).status_code == 200
    world.recorded(shop, external_id=order["id"])
