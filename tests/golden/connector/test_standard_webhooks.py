"""Signatures of both directions: published vectors, and an implementation written apart from ours, from the specification."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.connectors.base import Account, ConnectorError, InboundRequest, PushItem, ShipmentNews, SignatureError
from channels.connectors.http import Http
from tests.golden.connector import cases

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "webhook-vectors" / "vectors.json"
NOW = cases.NOW
SHOP = cases.account({})


def by_the_specification(secret: str, *, identity: str, stamp: str, body: bytes) -> str:
    """``v1,`` and base64 of HMAC-SHA256, keyed by the decoded secret, over ``id.timestamp.body``."""
    digest = hmac.new(base64.b64decode(secret[len("whsec_") :]), digestmod=hashlib.sha256)
    for part in (identity.encode(), b".", stamp.encode(), b".", body):
        digest.update(part)
    return "v1," + base64.b64encode(digest.digest()).decode("ascii")


def inbound(body: bytes, *, identity: str = "msg_1", at: datetime = NOW, secret: str = cases.SECRET) -> InboundRequest:
    stamp = str(int(at.timestamp()))
    signature = by_the_specification(secret, identity=identity, stamp=stamp, body=body)
    headers = {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": signature}
    return InboundRequest(body, headers)


def test_the_published_vector() -> None:
    if not VECTORS.exists():
        pytest.skip("the folder of published signature vectors (../shared/contracts/webhook-vectors) is absent")
    vector = json.loads(VECTORS.read_text(encoding="utf-8"))["standard-webhooks"]
    body, headers = vector["body"].encode(), vector["headers"]
    shop = Account("x", "https://shop.example", {}, {"secret": vector["secret"]})
    then = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    Http().verify(InboundRequest(body, headers), shop, now=then)
    assert headers["webhook-signature"] == by_the_specification(
        vector["secret"], identity=headers["webhook-id"], stamp=headers["webhook-timestamp"], body=body
    )
    with pytest.raises(SignatureError):
        Http().verify(InboundRequest(body + b" ", headers), shop, now=then)


@pytest.mark.parametrize("body", [b"", b"{}", "Žofie".encode(), bytes(range(256)), b"x" * 100_000], ids=len)
def test_what_others_sign_we_accept(body: bytes) -> None:
    Http().verify(inbound(body), SHOP, now=NOW)


def test_what_we_sign_others_accept() -> None:
    item = PushItem(1, {}, "MUG", "", 5, None, 1, cases.KEY)
    news = ShipmentNews("1", "DHL", "T", [("1", 1)], cases.KEY)
    requests = [
        Http().push_request([item], SHOP, now=NOW),
        Http().stock_request(SHOP, cursor="c", now=NOW),
        Http().orders_request(SHOP, updated_since=NOW, cursor=None, now=NOW),
        next(Http().ship(news, SHOP, now=NOW)),
    ]
    for request in requests:
        identity, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert stamp == str(int(NOW.timestamp()))
        assert request.headers["webhook-signature"] == by_the_specification(
            cases.SECRET, identity=identity, stamp=stamp, body=request.body
        )
    assert len({request.headers["webhook-id"] for request in requests}) == 4
    again = next(Http().ship(news, SHOP, now=NOW + timedelta(hours=1)))
    assert again.headers["webhook-id"] == requests[-1].headers["webhook-id"], "a retry tells the same news"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_within_the_window(seconds: int) -> None:
    Http().verify(inbound(b"{}", at=NOW + timedelta(seconds=seconds)), SHOP, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, -(10**6), 10**8])
def test_out_of_the_window(seconds: int) -> None:
    with pytest.raises(SignatureError, match="window"):
        Http().verify(inbound(b"{}", at=NOW + timedelta(seconds=seconds)), SHOP, now=NOW)


def test_another_secret_identity_time_or_body_does_not_hold() -> None:
    good = inbound(b"{}")
    other_secret = inbound(b"{}", secret="whsec_" + base64.b64encode(b"another secret").decode())
    later = str(int(NOW.timestamp()) + 1)
    for spoiled in (
        other_secret,
        InboundRequest(b"{} ", good.headers),
        InboundRequest(b"{}", {**good.headers, "webhook-id": "msg_2"}),
        InboundRequest(b"{}", {**good.headers, "webhook-timestamp": later}),
        InboundRequest(b"{}", {**good.headers, "webhook-signature": good.headers["webhook-signature"][3:]}),
    ):
        with pytest.raises(SignatureError, match="no signature matches"):
            Http().verify(spoiled, SHOP, now=NOW)


def test_a_secret_that_is_none_is_refused_and_not_repeated() -> None:
    for secret in ("", "whsec_", "whsec_!!!not base64", "plain text", None):
        with pytest.raises(ConnectorError) as caught:
            Http().check(Account("x", "https://shop.example", {}, {"secret": secret}))
        assert not secret or secret == "whsec_" or secret not in str(caught.value)
