"""A key and a hash: the same deed twice is answered twice and done once; another deed under the same key is an error."""

import hashlib


class KeyReused(Exception):
    """The key was used before with other contents."""


def fingerprint(*parts: bytes | str) -> bytes:
    """SHA-256 over the parts, each preceded by its length so that no two lists of parts give the same bytes."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.digest()
