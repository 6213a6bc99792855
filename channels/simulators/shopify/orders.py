"""A shop's orders: lines, the work of fulfilling them, fulfillments, refunds, edits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from channels.simulators.orders import Order, OrderLine
from channels.simulators.shopify.stock import Level
from channels.simulators.shopify.terms import Place


@dataclass
class ShopLine(OrderLine):
    """One line. ``returned`` are the refunded units that had been shipped; ``cancelled`` were removed by edit or cancel."""

    returned: int = 0

    @property
    def taken(self) -> int:
        """Units that this line takes from the stock."""
        return self.quantity - self.cancelled - (self.refunded - self.returned)

    @property
    def open(self) -> int:
        """Units still to be fulfilled."""
        return self.taken - self.shipped

    @property
    def current(self) -> int:
        """Ordered units without those refunded and removed."""
        return self.quantity - self.cancelled - self.refunded

    @property
    def price(self) -> Decimal:
        """Of one unit."""
        return Decimal(self.offer.price)


@dataclass
class WorkLine:
    """Units of one line that one location is to fulfil."""

    work_line_id: str
    line: ShopLine
    level: Level
    total: int
    remaining: int


@dataclass
class Work:
    """A fulfillment order: what one location is to fulfil of an order."""

    work_id: str
    place: Place
    created_at: datetime
    updated_at: datetime
    lines: list[WorkLine] = field(default_factory=list)
    fulfilled: int = 0

    @property
    def status(self) -> str:
        """Open until something is fulfilled, closed when nothing is left."""
        left = sum(line.remaining for line in self.lines)
        if not left:
            return "CLOSED" if self.fulfilled else "CANCELLED"
        return "IN_PROGRESS" if self.fulfilled else "OPEN"


@dataclass
class FulfilledUnits:
    """Units of one line in a fulfillment."""

    part_id: str
    line: ShopLine
    quantity: int
    work: Work


@dataclass
class Fulfillment:
    """Units that left one location together."""

    fulfillment_id: str
    name: str
    place: Place
    created_at: datetime
    company: str | None
    numbers: tuple[str, ...]
    urls: tuple[str, ...]
    parts: list[FulfilledUnits]


@dataclass
class RefundedUnits:
    """Units of one line in a refund. ``restock`` is cancel, return or no_restock."""

    part_id: str
    line: ShopLine
    quantity: int
    restock: str
    place: Place | None


@dataclass
class Refund:
    """Money that went back, and what became of the units."""

    refund_id: str
    created_at: datetime
    note: str
    parts: list[RefundedUnits]

    @property
    def amount(self) -> Decimal:
        """Of all its units."""
        return sum((part.line.price * part.quantity for part in self.parts), Decimal(0))


@dataclass
class ShopOrder(Order):
    """An order of a shop."""

    is_paid: bool = True
    is_edited: bool = False
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    works: list[Work] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"#{1000 + self.number}"

    @property
    def shop_lines(self) -> list[ShopLine]:
        """The lines as what they are."""
        return [line for line in self.lines if isinstance(line, ShopLine)]

    @property
    def total(self) -> Decimal:
        """What was ordered."""
        return sum((line.price * line.quantity for line in self.shop_lines), Decimal(0))

    @property
    def current_total(self) -> Decimal:
        """What is still part of the order."""
        return sum((line.price * line.current for line in self.shop_lines), Decimal(0))

    @property
    def refunded_total(self) -> Decimal:
        """What went back."""
        return sum((refund.amount for refund in self.refunds), Decimal(0))

    @property
    def financial_status(self) -> str:
        """As in webhooks, in lower case."""
        if not self.is_paid:
            return "voided" if self.cancelled_at else "pending"
        if not self.refunds:
            return "paid"
        return "partially_refunded" if self.current_total else "refunded"

    @property
    def fulfillment_status(self) -> str | None:
        """As in webhooks: null, partial or fulfilled."""
        if not any(line.shipped for line in self.lines):
            return None
        return "partial" if any(line.open for line in self.lines) else "fulfilled"

    def works_of(self, line: ShopLine) -> Iterator[tuple[Work, WorkLine]]:
        """Where units of a line are still to be fulfilled."""
        for work in self.works:
            for work_line in work.lines:
                if work_line.line is line and work_line.remaining:
                    yield work, work_line
