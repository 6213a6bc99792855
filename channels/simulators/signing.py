"""Standard Webhooks signatures, written from the specification and from nothing of the product's.

Signed is ``id.timestamp.body`` with HMAC-SHA256 under the bytes that the base64 text after ``whsec_`` stands for; the
header carries one or more space-separated ``v1,<base64>``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300


class SignatureRefused(Exception):
    """The request is not signed by the holder of the secret, or not now; ``code`` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def key_of(secret: str) -> bytes:
    """The key's bytes behind a ``whsec_`` secret."""
    text = secret.removeprefix(PREFIX)
    return base64.b64decode(text + "=" * (-len(text) % 4))


def secret_of(key: bytes) -> str:
    """The ``whsec_`` secret that stands for these bytes."""
    return PREFIX + base64.b64encode(key).decode()


def signature(key: bytes, *, message_id: str, timestamp: str, body: bytes) -> str:
    """One ``v1,...`` signature."""
    signed = b"%s.%s.%s" % (message_id.encode(), timestamp.encode(), body)
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def sign(key: bytes, *, message_id: str, body: bytes, now: float | None = None) -> dict[str, str]:
    """The three headers of a signed request."""
    timestamp = str(int(time.time() if now is None else now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(key, message_id=message_id, timestamp=timestamp, body=body),
    }


def verify(key: bytes, *, headers: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """The message's id when its signature holds; raises SignatureRefused otherwise. Header names are lower case."""
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        given = headers["webhook-signature"]
    except KeyError:
        raise SignatureRefused("signature_missing") from None
    try:
        age = (time.time() if now is None else now) - int(timestamp)
    except ValueError:
        raise SignatureRefused("timestamp_invalid") from None
    if abs(age) > TOLERANCE_SECONDS:
        raise SignatureRefused("timestamp_out_of_window")
    wanted = signature(key, message_id=message_id, timestamp=timestamp, body=body)
    for candidate in given.split(" "):
        if hmac.compare_digest(candidate.encode(), wanted.encode()):
            return message_id
    raise SignatureRefused("signature_invalid")


def valid_secret(secret: str) -> bool:
    """Whether the text can be a secret at all."""
    try:
        return bool(key_of(secret))
    except (binascii.Error, ValueError):
        return False
