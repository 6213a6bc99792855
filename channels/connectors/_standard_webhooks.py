"""Standard Webhooks (specification: standardwebhooks.com): HMAC-SHA256 over ``id.timestamp.body``, for connectors that use it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from .base import ConnectorError, SignatureError

#: The recommended window for timestamps, both ways.
TOLERANCE = timedelta(minutes=5)


def signing_key(secret: object) -> bytes:
    """The key behind a secret of the form ``whsec_`` and base64. Raises ConnectorError."""
    text = str(secret or "")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ConnectorError("credentials.secret is not a Standard Webhooks secret (whsec_ and base64)") from None
    if not key:
        raise ConnectorError("credentials.secret is empty")
    return key


def sign(key: bytes, body: bytes, *, identity: str, now: datetime) -> dict[str, str]:
    """The three headers of a message that is sent now."""
    stamp = str(int(now.timestamp()))
    return {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(key, identity, stamp, body).decode()}",
    }


def verify(key: bytes, body: bytes, *, headers: Mapping[str, str], now: datetime) -> None:
    """Raise SignatureError unless one of the signatures holds and the message is fresh."""
    identity = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not (identity and stamp and signatures):
        raise SignatureError("webhook-id, webhook-timestamp or webhook-signature is missing")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise SignatureError("webhook-timestamp is not a number of seconds")
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise SignatureError("webhook-timestamp is out of its window")
    wanted = _signature(key, identity, stamp, body)
    for candidate in signatures.split(" "):
        version, _, given = candidate.partition(",")
        if version == "v1" and hmac.compare_digest(given.encode(), wanted):
            return
    raise SignatureError("no signature matches")


def _signature(key: bytes, identity: str, stamp: str, body: bytes) -> bytes:
    content = f"{identity}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
