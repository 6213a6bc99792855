"""The tests' own tools: the signer against a published vector, and the shop against the contract that it speaks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.stack.shop import Shop
from tests.stack.signing import is_signed, signature, signed_headers

VECTOR = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.fixture
def shop() -> Iterator[Shop]:
    opened = Shop(code="corner")
    yield opened
    opened.down()


def call(shop: Shop, method: str, path: str, body: dict | None = None) -> httpx.Response:
    content = json.dumps(body).encode() if body is not None else b""
    headers = signed_headers(shop.secret, body=content)
    return httpx.request(method, shop.base_url + path, content=content, headers=headers, timeout=2)


def put(shop: Shop, number: int, *, version: int, **fields: int) -> dict:
    item = {"external_id": "mug", "quantity": number, "version": version} | fields
    return call(shop, "PUT", "/stock", {"items": [item]}).json()["results"][0]


def test_the_signer_agrees_with_the_published_vector() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    assert signature(secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body) == VECTOR


def test_a_stale_or_foreign_signature_is_seen(shop: Shop) -> None:
    good = signed_headers(shop.secret, body=b"x")
    assert is_signed(shop.secret, headers=good, body=b"x")
    assert not is_signed(shop.secret, headers=good, body=b"y")
    old = signed_headers(shop.secret, body=b"x", timestamp=int(time.time()) - 3600)
    assert not is_signed(shop.secret, headers=old, body=b"x")


def test_the_shop_refuses_and_remembers_an_unsigned_call(shop: Shop) -> None:
    assert httpx.get(shop.base_url + "/stock").status_code == 401
    assert shop.unsigned == ["GET /stock"]


def test_the_shop_takes_a_newer_number_and_not_an_older_one(shop: Shop) -> None:
    assert put(shop, 5, version=2)["status"] == "applied"
    assert put(shop, 9, version=1) == {"external_id": "mug", "status": "stale", "quantity": 5}
    assert put(shop, 4, version=3)["status"] == "applied"
    assert shop.book == {"mug": 4}
    assert shop.pushes("mug") == [5, 9, 4]


def test_the_shop_compares_before_it_sets(shop: Shop) -> None:
    put(shop, 5, version=1)
    assert put(shop, 9, version=2, expected=4)["status"] == "stale"
    assert put(shop, 9, version=2, expected=5)["status"] == "applied"


def test_the_shop_sells_what_its_book_says_and_shows_its_orders(shop: Shop) -> None:
    put(shop, 5, version=1)
    order = shop.sell(("mug", 2))
    with pytest.raises(AssertionError):
        shop.sell(("mug", 4))
    assert call(shop, "GET", "/stock").json() == {"items": [{"external_id": "mug", "quantity": 3}], "next": None}
    assert call(shop, "GET", "/orders?updated_since=2020-01-01T00:00:00Z").json() == {"orders": [order], "next": None}
    assert call(shop, "GET", "/orders?updated_since=2999-01-01T00:00:00Z").json()["orders"] == []


def test_the_shop_pages_its_lists(shop: Shop) -> None:
    for number in range(150):
        shop.order((str(number), 1))
    first = call(shop, "GET", "/orders").json()
    second = call(shop, "GET", f"/orders?cursor={first['next']}").json()
    assert (len(first["orders"]), len(second["orders"]), second["next"]) == (100, 50, None)


def test_the_shop_misbehaves_when_told(shop: Shop) -> None:
    shop.trouble.rejected.add("mug")
    assert put(shop, 5, version=1)["status"] == "rejected"
    shop.trouble.status, shop.trouble.retry_after = 429, 7
    answer = call(shop, "PUT", "/stock", {"items": []})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    shop.trouble.status, shop.trouble.hang_seconds = 0, 3
    with pytest.raises(httpx.ReadTimeout):
        call(shop, "GET", "/stock")


def test_the_shop_comes_back_at_the_same_address(shop: Shop) -> None:
    address = shop.base_url
    shop.down()
    with pytest.raises(httpx.TransportError):
        httpx.get(address)
    shop.up()
    assert shop.base_url == address
    assert call(shop, "GET", "/stock").status_code == 200


def test_the_shop_keeps_shipments_that_it_accepted(shop: Shop) -> None:
    shop.trouble.status = 503
    call(shop, "POST", "/shipments", {"order_id": "1"})
    shop.trouble.status = 0
    call(shop, "POST", "/shipments", {"order_id": "1", "carrier": "DHL"})
    assert shop.shipments("1") == [{"order_id": "1", "carrier": "DHL"}]
