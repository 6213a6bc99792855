"""Seeded misfortune. Chances are between 0 and 1; what befalls one depends on the seed and the event's name only."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar


class WriteFault(StrEnum):
    """What may happen to a write."""

    ERROR_BEFORE = "error_before"  # 5xx, nothing applied
    ERROR_AFTER = "error_after"  # applied, then 5xx
    RESET_BEFORE = "reset_before"  # connection reset, nothing applied
    RESET_AFTER = "reset_after"  # applied, then the connection is reset
    TIMEOUT_AFTER = "timeout_after"  # applied, never answered
    SILENT = "silent"  # accepted, never answered, never applied
    LATE = "late"  # never answered, applied after ``late_seconds``
    HALF_AFTER = "half_after"  # applied, then half an answer and the connection is cut
    TOO_FAST = "too_fast"  # refused as coming too fast, nothing applied


class ReadFault(StrEnum):
    """What may happen to anything else that is asked."""

    READ_ERROR = "read_error"  # 5xx
    READ_HALF = "read_half"  # half an answer and the connection is cut


Fault = TypeVar("Fault", WriteFault, ReadFault)


@dataclass(frozen=True)
class Faults:
    """How often what goes wrong; all zero is a well-behaved marketplace."""

    drop_webhook: float = 0.0
    duplicate_webhook: float = 0.0
    delay_webhook: float = 0.0
    delay_seconds: float = 2.0  # largest; the delay is uniform, so delayed webhooks overtake each other
    error_before: float = 0.0
    error_after: float = 0.0
    reset_before: float = 0.0
    reset_after: float = 0.0
    timeout_after: float = 0.0
    silent: float = 0.0
    late: float = 0.0
    late_seconds: float = 5.0
    half_after: float = 0.0
    too_fast: float = 0.0
    read_error: float = 0.0
    read_half: float = 0.0
    reject_ids: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Faults:
        """Faults from JSON."""
        values = dict(document)
        if "reject_ids" in values:
            values["reject_ids"] = frozenset(values["reject_ids"])
        return cls(**values)

    def changed(self, document: Mapping[str, Any]) -> Faults:
        """These faults with the given ones replaced."""
        values = dict(document)
        if "reject_ids" in values:
            values["reject_ids"] = frozenset(values["reject_ids"])
        return replace(self, **values)


@dataclass(frozen=True)
class WebhookFate:
    """What befalls one webhook."""

    dropped: bool = False
    copies: int = 1
    delay_seconds: float = 0.0


class Dice:
    """Draws fates. Each draw is named, so that it does not depend on the order in which things happen to arrive."""

    def __init__(self, seed: int, *, name: str) -> None:
        self._seed = f"{seed}:{name}"

    def _draw(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}:{name}")

    def webhook(self, message_id: str, *, faults: Faults) -> WebhookFate:
        """The fate of the webhook of this id."""
        draw = self._draw(message_id)
        dropped, doubled, delayed = (draw.random() for _ in range(3))
        return WebhookFate(
            dropped=dropped < faults.drop_webhook,
            copies=2 if doubled < faults.duplicate_webhook else 1,
            delay_seconds=draw.uniform(0.0, faults.delay_seconds) if delayed < faults.delay_webhook else 0.0,
        )

    def write(self, number: int, *, faults: Faults) -> WriteFault | None:
        """The fate of the ``number``-th write."""
        return self._one_of(WriteFault, name=f"write:{number}", faults=faults)

    def read(self, number: int, *, faults: Faults) -> ReadFault | None:
        """The fate of the ``number``-th read."""
        return self._one_of(ReadFault, name=f"read:{number}", faults=faults)

    def _one_of(self, kind: type[Fault], *, name: str, faults: Faults) -> Fault | None:
        chances = {fault: float(getattr(faults, fault.value)) for fault in kind}
        if not any(chances.values()):
            return None
        rest = self._draw(name).random()
        for fault, chance in chances.items():
            if rest < chance:
                return fault
            rest -= chance
        return None
