"""A marketplace's orders: cumulative quantities, a version that grows with each change, pages in order of change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels.simulators.spec import Offer

CITIES: dict[str, tuple[str, str, str]] = {
    "US": ("Chicago", "IL", "60605"),
    "GB": ("Leeds", "ENG", "LS1 4AP"),
    "DE": ("Hamburg", "HH", "20095"),
    "FR": ("Lyon", "ARA", "69001"),
    "NL": ("Utrecht", "UT", "3511 AA"),
    "CA": ("Toronto", "ON", "M5V 2T6"),
    "AU": ("Melbourne", "VIC", "3000"),
    "ES": ("Valencia", "VC", "46001"),
    "IT": ("Torino", "PIE", "10121"),
    "SE": ("Malmö", "M", "211 20"),
    "JP": ("Osaka", "27", "530-0001"),
    "BR": ("Curitiba", "PR", "80010-000"),
}
NAMES = (
    "Ada Park",
    "Bo Lindqvist",
    "Chiara Rossi",
    "Dmitri Weiss",
    "Esi Mensah",
    "Farah Khan",
    "Grace O'Neill",
    "Hana Sato",
)


class OrderRefused(Exception):
    """The marketplace does not do this to the order; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class OrderLine:
    """One line; quantities are cumulative."""

    line_id: str
    offer: Offer
    quantity: int
    cancelled: int = 0
    refunded: int = 0
    shipped: int = 0

    @property
    def taken(self) -> int:
        """Units that this line takes from the stock: refunded and cancelled ones come back unless they were shipped."""
        return max(self.shipped, self.quantity - self.cancelled - self.refunded, 0)

    @property
    def open(self) -> int:
        """Units still to be shipped."""
        return max(0, self.quantity - self.cancelled - self.refunded - self.shipped)

    @property
    def names(self) -> tuple[str, str]:
        """The line's own id, and the id of what it sells."""
        return self.line_id, self.offer.external_id

    def document(self) -> dict[str, Any]:
        """The line on the wire."""
        return {
            "id": self.line_id,
            "external_id": self.offer.external_id,
            "quantity": self.quantity,
            "cancelled": self.cancelled,
            "refunded": self.refunded,
            "shipped": self.shipped,
            "unit_price": self.offer.price,
        }


LineChoice = tuple[OrderLine, int]


@dataclass
class Order:
    """One order. ``told_at`` is the first instant at which it left the marketplace, by webhook or on a page."""

    order_id: str
    placed_at: datetime
    currency: str
    country: str
    lines: list[OrderLine]
    purchased_at: float  # monotonic
    number: int = 0
    status: str = "open"
    version: int = 1
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    told_at: float | None = None

    def document(self) -> dict[str, Any]:
        """The order on the wire."""
        city, region, postal_code = CITIES.get(self.country, ("Springfield", "", "00000"))
        return {
            "id": self.order_id,
            "version": self.version,
            "status": self.status,
            "placed_at": iso(self.placed_at),
            "currency": self.currency,
            "ship_to": {
                "name": NAMES[sum(map(ord, self.order_id)) % len(NAMES)],
                "country": self.country,
                "region": region,
                "postal_code": postal_code,
                "city": city,
            },
            "lines": [line.document() for line in self.lines],
        }

    def chosen(self, quantities: dict[str, int] | None, *, possible: Callable[[OrderLine], int]) -> list[LineChoice]:
        """The lines named by id or external id with their quantities; all that is possible when none are named."""
        if quantities is None:
            return [(line, possible(line)) for line in self.lines if possible(line)]
        if unknown := set(quantities) - {name for line in self.lines for name in line.names}:
            raise OrderRefused(f"unknown_line: {', '.join(sorted(unknown))}")
        found = [
            (line, next((quantities[name] for name in line.names if name in quantities), 0)) for line in self.lines
        ]
        if any(not 0 <= quantity <= possible(line) for line, quantity in found):
            raise OrderRefused("quantity_not_possible")
        return [(line, quantity) for line, quantity in found if quantity]

    def changed(self) -> None:
        """Count one more change."""
        self.version += 1
        self.updated_at = datetime.now(UTC)


class OrderBook:
    """Orders by id and by the sequence of their last change. Forgets the oldest beyond ``kept``."""

    def __init__(self, *, prefix: str, kept: int) -> None:
        self.by_id: dict[str, Order] = {}
        self._changes: dict[str, int] = {}  # insertion order = order of last change
        self._sequence = 0
        self._placed = 0
        self._prefix = prefix
        self._kept = kept

    def next_id(self) -> tuple[int, str]:
        """The next order's number and id."""
        self._placed += 1
        return self._placed, f"{self._prefix}{self._placed:07d}"

    def touch(self, order: Order) -> None:
        """Move the order to the end of the sequence of changes."""
        self._sequence += 1
        self.by_id[order.order_id] = order
        self._changes.pop(order.order_id, None)
        self._changes[order.order_id] = self._sequence
        if len(self._changes) > self._kept:
            oldest = next(iter(self._changes))
            del self._changes[oldest], self.by_id[oldest]

    def latest_first(self) -> Iterator[tuple[int, Order]]:
        """Orders with the number of their last change, the last changed first."""
        for order_id, sequence in reversed(self._changes.items()):
            yield sequence, self.by_id[order_id]

    def page(self, *, since: datetime | None, after: int, size: int) -> tuple[list[Order], int | None]:
        """Orders changed since then whose last change comes after the cursor, and the cursor of the next page."""
        found: list[Order] = []
        for order_id, sequence in self._changes.items():
            order = self.by_id[order_id]
            if sequence <= after or (since is not None and order.updated_at < since):
                continue
            if len(found) == size:
                return found, self._changes[found[-1].order_id]
            found.append(order)
        return found, None


def order_lines(order_id: str, *, wanted: Iterable[tuple[Offer, int]]) -> list[OrderLine]:
    """Lines with ids that are unique within the marketplace."""
    return [OrderLine(f"{order_id}-{number}", offer, quantity) for number, (offer, quantity) in enumerate(wanted, 1)]


def iso(instant: datetime) -> str:
    """UTC with milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def units(lines: Sequence[OrderLine]) -> dict[str, int]:
    """Units taken by SKU from the merchant's own stock."""
    taken: dict[str, int] = {}
    for line in lines:
        if not line.offer.own_stock:
            taken[line.offer.sku] = taken.get(line.offer.sku, 0) + line.taken
    return taken
