"""The simulator's own clock log and its own count of what exists.

Everything is stamped with one monotonic clock. The log is bounded where asked for, the counts are not.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.simulators.spec import Offer


@dataclass(frozen=True, slots=True)
class Purchase:
    """Units of one SKU bought in one order."""

    at: float
    channel: str
    order_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a book's number. ``arrived`` is when the request that caused it was read."""

    at: float
    arrived: float
    channel: str
    external_id: str
    sku: str
    quantity: int
    version: int | None
    source: str  # write, sale, hand, restock


class Stock:
    """What exists of each SKU, counted from the books alone: opening, restocks, and units taken by orders.

    ``oversold`` counts each unit that was sold when it was not there; a later cancellation does not take that back.
    ``unsteady`` SKUs were moved by anything other than purchases.
    """

    def __init__(self, opening: Mapping[str, int]) -> None:
        self.opening = dict(opening)
        self.left = Counter(self.opening)
        self.sold: Counter[str] = Counter()
        self.oversold: Counter[str] = Counter()
        self.unsteady: set[str] = set()

    def take(self, sku: str, *, quantity: int) -> None:
        """Units were sold."""
        self.left[sku] -= quantity
        self.sold[sku] += quantity
        if (missing := min(quantity, -self.left[sku])) > 0:
            self.oversold[sku] += missing

    def give(self, sku: str, *, quantity: int) -> None:
        """Units came back or were added; negative for units that were lost."""
        self.left[sku] += quantity
        self.unsteady.add(sku)


@dataclass
class ClockLog:
    """Purchases, changes of books, and when each order was first told to anybody."""

    limit: int | None = None
    purchases: deque[Purchase] = field(init=False)
    changes: deque[Change] = field(init=False)
    told: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.purchases = deque(maxlen=self.limit)
        self.changes = deque(maxlen=self.limit)

    @property
    def is_complete(self) -> bool:
        """Whether nothing was forgotten so far."""
        return self.limit is None or max(len(self.purchases), len(self.changes)) < self.limit

    def tell(self, channel: str, *, order_id: str) -> None:
        """The order left the marketplace; only the first time counts."""
        self.told.setdefault((channel, order_id), time.monotonic())
        if self.limit is not None and len(self.told) > self.limit:
            del self.told[next(iter(self.told))]

    def documents(self) -> dict[str, list[dict[str, Any]]]:
        """The log as JSON."""
        return {
            "purchases": [
                {
                    "at": each.at,
                    "channel": each.channel,
                    "order_id": each.order_id,
                    "sku": each.sku,
                    "quantity": each.quantity,
                    "told_at": self.told.get((each.channel, each.order_id)),
                }
                for each in self.purchases
            ],
            "changes": [
                {name: getattr(each, name) for name in Change.__dataclass_fields__ if name != "arrived"}
                for each in self.changes
            ],
        }


def opening_of(offers: Iterable[Offer]) -> dict[str, int]:
    """What must exist for the offers to be honest: the largest number that any book opens with, by SKU."""
    opening: dict[str, int] = {}
    for offer in offers:
        if not offer.own_stock:
            opening[offer.sku] = max(opening.get(offer.sku, 0), offer.quantity)
    return opening
