"""Standard Webhooks signatures, written from the specification and not from the product's own code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def new_secret() -> str:
    """Make a signing secret of the usual form: ``whsec_`` and 24 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def signature(secret: str, *, message_id: str, timestamp: int | str, body: bytes) -> str:
    """Sign one message: ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def signed_headers(
    secret: str, *, body: bytes, message_id: str | None = None, timestamp: int | None = None
) -> dict[str, str]:
    """Make the three headers of a signed message; the time is now unless told."""
    message_id = message_id or "msg_" + secrets.token_hex(12)
    timestamp = int(time.time()) if timestamp is None else timestamp
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id=message_id, timestamp=timestamp, body=body),
    }


def is_signed(secret: str, *, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a received message carries a good, fresh signature; several may stand in one header."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = signature(secret, message_id=message_id, timestamp=timestamp, body=body)
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split())
