"""Shopify's signatures: the app's secret, the one before it, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from channels.connectors.base import Account, InboundRequest, SignatureError
from channels.connectors.shopify import Shopify
from tests.golden.connector.cases import NOW

BODY = '{"id": 5001, "note": "Žofie"}'.encode()


def shop(**credentials: str) -> Account:
    return Account("shop", "https://shop.example", {}, {"access_token": "t", **credentials})


def signed(secret: str, *, header: str = "x-shopify-hmac-sha256", body: bytes = BODY) -> InboundRequest:
    return InboundRequest(body, {header: base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()})


@pytest.mark.parametrize("header", ["x-shopify-hmac-sha256", "shopify-hmac-sha256"])
@pytest.mark.parametrize("secret", ["new", "old"])
def test_while_the_secret_is_rotated_both_are_believed(secret: str, header: str) -> None:
    rotating = shop(client_secret="new", previous_client_secret="old")
    Shopify().verify(signed(secret, header=header), rotating, now=NOW)


def test_once_it_is_rotated_the_old_one_is_not() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        Shopify().verify(signed("old"), shop(client_secret="new"), now=NOW)
    with pytest.raises(SignatureError, match="does not match"):
        Shopify().verify(signed("old"), shop(client_secret="new", previous_client_secret=""), now=NOW)


def test_a_delivery_without_a_signature_and_a_channel_without_a_secret_are_refused() -> None:
    with pytest.raises(SignatureError, match="x-shopify-hmac-sha256 is missing"):
        Shopify().verify(InboundRequest(BODY, {}), shop(client_secret="new"), now=NOW)
    with pytest.raises(SignatureError, match="no client_secret"):
        Shopify().verify(signed(""), shop(), now=NOW)


def test_a_signature_is_compared_as_it_stands() -> None:
    given = signed("new").headers["x-shopify-hmac-sha256"]
    for spoiled in (given.lower(), given[:-1], given + "=", "é" + given, " " + given, given + given):
        with pytest.raises(SignatureError):
            Shopify().verify(
                InboundRequest(BODY, {"x-shopify-hmac-sha256": spoiled}), shop(client_secret="new"), now=NOW
            )


def test_the_bytes_are_signed_and_not_what_they_mean() -> None:
    request = signed("new")
    for twin in (BODY + b"\n", BODY.replace(b" ", b""), BODY.replace("Ž".encode(), b"\\u017d")):
        with pytest.raises(SignatureError):
            Shopify().verify(InboundRequest(twin, request.headers), shop(client_secret="new"), now=NOW)


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(shop(client_secret="hush"))
