"""Idempotency keys: what was answered under each, and which are under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

CONCURRENT = "IDEMPOTENCY_CONCURRENT_REQUEST"
MISMATCH = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
FAILED_BEFORE = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
MESSAGES = {
    CONCURRENT: "This request is currently in progress, please try again.",
    MISMATCH: "The same idempotency key cannot be used with different operation parameters.",
    FAILED_BEFORE: "A previous request with this idempotency key failed. Retry with a new idempotency key.",
}

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was asked under a key and what came of it; the payload is None where it failed."""

    asked: str
    payload: Payload | None
    at: float


class KeyRefused(Exception):
    """The key does not let this through; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code])
        self.code = code


class Keys:
    """The keys of one app in one shop: the latest ``kept`` of them, for ``kept_seconds``."""

    def __init__(self, *, kept_seconds: float, kept: int) -> None:
        self._kept_seconds, self._kept = kept_seconds, kept
        self._attempts: dict[str, Attempt] = {}  # oldest first
        self._running: set[str] = set()

    def hold(self, keys: Collection[str]) -> frozenset[str]:
        """A request with these keys is under way; those of them that no other request holds."""
        held = frozenset(keys) - self._running
        self._running |= held
        return held

    def release(self, held: frozenset[str]) -> None:
        """The request is over."""
        self._running -= held

    def once(self, key: str, *, asked: str, held: frozenset[str], perform: Callable[[], Payload]) -> Payload:
        """The first answer under this key, or the answer to a fresh attempt. Raises KeyRefused."""
        if key not in held:
            raise KeyRefused(CONCURRENT)
        self._forget()
        known = self._attempts.get(key)
        if known is not None:
            if known.asked != asked:
                raise KeyRefused(MISMATCH)
            if known.payload is None:
                raise KeyRefused(FAILED_BEFORE)
            return known.payload
        payload = perform()
        self._attempts[key] = Attempt(asked, None if payload["user_errors"] else payload, time.monotonic())
        return payload

    def _forget(self) -> None:
        oldest = time.monotonic() - self._kept_seconds
        while self._attempts:
            key, attempt = next(iter(self._attempts.items()))
            if attempt.at > oldest and len(self._attempts) <= self._kept:
                return
            del self._attempts[key]
