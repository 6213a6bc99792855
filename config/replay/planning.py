"""From rows to what happened: orders, and returns matched with the sales that they cover.

A return covers units of the latest earlier sale lines of its SKU that still have unreturned units, the latest first;
what no sale covers is left over, and is told to the product as it is: a return that nobody can place.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .reading import Row, RowKind


@dataclass(slots=True)
class SaleLine:
    """One line of an order of the log."""

    line_id: str
    sku: str
    quantity: int
    price: Decimal


@dataclass(slots=True)
class Sale:
    """An order, whole, on the channel that it was dealt to."""

    order: str
    channel: int
    placed_at: datetime
    country: str
    lines: list[SaleLine] = field(default_factory=list)


@dataclass(slots=True)
class Refund:
    """Units of an earlier sale come back: one row of the log, as far as it concerns one order."""

    sale: Sale
    units: dict[str, int]  # by line
    at: datetime


@dataclass(slots=True)
class StrayReturn:
    """Units come back that no sale of the log covers."""

    order: str
    channel: int
    line_id: str
    sku: str
    units: int
    price: Decimal
    at: datetime
    country: str


Deed = Sale | Refund | StrayReturn


@dataclass
class Plan:
    """What is to be done, in the order of the file, and what the file says about it."""

    deeds: list[Deed] = field(default_factory=list)
    opening: Counter[str] = field(default_factory=Counter)  # what the file sells of a SKU
    returned: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)
    torn: int = 0  # bad rows whose quotes do not close: the file may say more than was read
    rows: int = 0
    orders: int = 0
    lines: int = 0
    return_rows: int = 0
    return_rows_not_covered: int = 0
    units_parked: int = 0
    first_at: datetime | None = None

    @property
    def units_sold(self) -> int:
        """Units of all sales."""
        return self.opening.total()

    @property
    def units_returned(self) -> int:
        """Units that came back and were covered by a sale."""
        return self.returned.total()


class Planner:
    """Builds a plan row by row. Orders are dealt whole over the channels by seed."""

    def __init__(self, *, channels: int, seed: int, report_bad: Callable[[Row], None] | None = None) -> None:
        self.plan = Plan()
        self._channels, self._seed = channels, seed
        self._report_bad = report_bad
        self._sales: dict[str, Sale] = {}
        self._open: dict[str, list[tuple[Sale, str, list[int]]]] = defaultdict(list)

    def add_all(self, rows: Iterable[Row]) -> Plan:
        """Read to the end."""
        for row in rows:
            self.add(row)
        return self.plan

    def add(self, row: Row) -> None:
        """Take one row."""
        plan = self.plan
        plan.rows += 1
        if row.kind == RowKind.BAD:
            plan.bad.append((row.number, row.reason))
            plan.torn += row.torn
            if self._report_bad:
                self._report_bad(row)
        elif row.kind == RowKind.SKIPPED:
            plan.skipped[row.reason] += 1
        elif row.kind == RowKind.SALE:
            self._sell(row)
        else:
            self._take_back(row)

    def _sell(self, row: Row) -> None:
        plan, at = self.plan, _time(row)
        sale = self._sales.get(row.order)
        if sale is None:
            sale = self._sales[row.order] = Sale(row.order, self._deal(row.order), at, row.country)
            plan.deeds.append(sale)
            plan.orders += 1
            plan.first_at = min(plan.first_at or at, at)
        line = SaleLine(str(row.position), row.sku, row.quantity, row.price)
        sale.lines.append(line)
        self._open[row.sku].append((sale, line.line_id, [row.quantity]))
        plan.opening[row.sku] += row.quantity
        plan.lines += 1

    def _take_back(self, row: Row) -> None:
        plan, left, at = self.plan, row.quantity, _time(row)
        plan.return_rows += 1
        stack, refunds = self._open[row.sku], dict[str, Refund]()
        while left and stack:
            sale, line_id, unreturned = stack[-1]
            units = min(left, unreturned[0])
            unreturned[0] -= units
            left -= units
            refunds.setdefault(sale.order, Refund(sale, {}, at)).units[line_id] = units
            plan.returned[row.sku] += units
            if not unreturned[0]:
                stack.pop()
        plan.deeds.extend(refunds.values())
        if left:
            channel, line_id = self._deal(row.order), str(row.position)
            plan.deeds.append(StrayReturn(row.order, channel, line_id, row.sku, left, row.price, at, row.country))
            plan.units_parked += left
            plan.return_rows_not_covered += 1

    def _deal(self, order: str) -> int:
        """The same order goes to the same channel whatever else is in the file."""
        return random.Random(f"{self._seed}:{order}").randrange(self._channels)


def _time(row: Row) -> datetime:
    assert row.placed_at is not None
    return row.placed_at
