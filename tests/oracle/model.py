"""Orders and stock as the documents describe them, in a few lines of plain Python and without a database.

Input: canonical events, the dicts of the ``http`` connector's webhook body, and the opening stock by place and SKU.
Output: what every SKU's on hand, available and reserved must be, what is short on each line, and each order's status.
What the documents leave open is not guessed: the SKUs concerned are listed in ``unspecified``, and a comparison has to
leave them out.

The rules, each with the words it comes from:

* A sale is a fact: it is recorded even when stock is short; what stock cannot cover is short.
* An order is decided by its version: newer applies, equal with other contents applies the cumulative quantities, older
  is only logged; a replay changes nothing.
* Quantities are cumulative, so a version replaces what the one before it said. A cancel that comes first leaves nothing
  to reserve.
* Reserved at intake: the first feeding place that covers the line, else split in their order; lines in the order's
  sequence.
* Refunded or cancelled units not yet shipped release their reservation; refunded after shipment moves no stock.
* Shipped units go from reserved out of the house. Lines that the channel fulfils never reserve.
* On hand = available + reserved here: nothing in this model is quarantined, damaged or held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
Key = tuple[str, str]


@dataclass
class Line:
    """One order line: what the channel states of it and what stands behind it."""

    number: str
    sku: str | None
    fulfilled_by: str = "us"
    quantity: int = 0
    cancelled: int = 0
    refunded: int = 0
    shipped: int = 0
    reserved: Counter[str] = field(default_factory=Counter)
    gone: int = 0

    @property
    def wanted(self) -> int:
        """Units that should still be reserved."""
        if self.sku is None or self.fulfilled_by != "us":
            return 0
        return max(0, self.quantity - self.cancelled - self.refunded - self.shipped)

    @property
    def short(self) -> int:
        """Units with no stock behind them."""
        return max(0, self.wanted - self.reserved.total())


@dataclass
class Order:
    """One order as its newest version states it."""

    channel: str
    external_id: str
    version: int = -1
    pending: bool = False
    cancelled: bool = False
    lines: dict[str, Line] = field(default_factory=dict)
    told: tuple[str, Any] = ("", None)

    @property
    def status(self) -> str:
        """Pending, open, shipped or cancelled."""
        if self.cancelled or all(line.quantity <= line.cancelled for line in self.lines.values()):
            return "cancelled"
        if self.pending:
            return "pending"
        left = [line.quantity - line.cancelled - line.refunded - line.shipped for line in self.lines.values()]
        return "open" if any(units > 0 for units in left) else "shipped"


class Model:
    """A merchant's stock and orders. Deliver events to it, then read the numbers."""

    def __init__(
        self,
        opening: Mapping[str, Mapping[str, int]],
        *,
        feeding: Sequence[str] | None = None,
        listings: Mapping[Key, str] | None = None,
        fulfilled_by_channel: Iterable[Key] = (),
    ) -> None:
        """Take ``opening[place][sku]``; ``feeding`` is the places in order of priority (default: as given).

        ``listings`` maps (channel, external id) to a SKU; without it an external id is the SKU's code.
        """
        self.available = {place: Counter(stock) for place, stock in opening.items()}
        self.feeding = list(opening) if feeding is None else list(feeding)
        self.listings = None if listings is None else dict(listings)
        self.fulfilled_by_channel = set(fulfilled_by_channel)
        self.orders: dict[Key, Order] = {}
        self.on_hand: Counter[str] = Counter()
        for stock in opening.values():
            self.on_hand.update(stock)
        self.unspecified: set[str] = set()
        self._not_short: set[int] = set()

    # Input

    def deliver(self, channel: str, *, event: Event) -> None:
        """Take one delivery: a webhook's body or the same order from the poll."""
        stated = event["order"]
        order = self.orders.setdefault((channel, str(stated["id"])), Order(channel, str(stated["id"])))
        version, told = int(stated["version"]), (str(event["type"]), dict(stated))
        if version < order.version or (version == order.version and told == order.told):
            return
        order.version, order.told = version, told
        order.pending = stated.get("status") == "pending"
        order.cancelled = order.cancelled or event["type"] == "order.cancelled" or stated.get("status") == "cancelled"
        waiting = {id(line) for line in order.lines.values() if line.short}
        unfitted = self._state(order, stated["lines"])
        while unfitted:
            # what a version wants of a line is no shortage before its turn has come
            self._not_short = {id(line) for line in unfitted} - waiting
            self._fit(unfitted.pop(0))
        self._not_short = set()

    def deliver_all(self, deliveries: Iterable[tuple[str, Event]]) -> None:
        """Take many deliveries, in this order."""
        for channel, event in deliveries:
            self.deliver(channel, event=event)

    def adjust(self, sku: str, *, place: str, quantity: int) -> None:
        """Add units at a place, or take available ones away."""
        if quantity < 0 and self.available[place][sku] < -quantity:
            raise ValueError(f"only {self.available[place][sku]} of {sku} are available at {place}")
        self.available[place][sku] += quantity
        self.on_hand[sku] += quantity
        if quantity > 0:
            self._units_came_free(sku)

    # Output

    def numbers(self, sku: str) -> tuple[int, int, int]:
        """On hand, available and reserved over all places."""
        available = sum(stock[sku] for stock in self.available.values())
        reserved = sum(line.reserved.total() for line in self._lines() if line.sku == sku)
        return self.on_hand[sku], available, reserved

    def short(self, channel: str, *, order: str) -> dict[str, int]:
        """Short units by line of one order."""
        return {number: line.short for number, line in self.orders[channel, order].lines.items()}

    def shortfall(self, sku: str) -> int:
        """Short units of a SKU over all orders."""
        return sum(line.short for line in self._lines() if line.sku == sku)

    def status(self, channel: str, *, order: str) -> str:
        """An order's status."""
        return self.orders[channel, order].status

    # How it works

    def _state(self, order: Order, stated: Sequence[Mapping[str, Any]]) -> list[Line]:
        """Write down what a version says of its lines; a line that it no longer names is wanted no more."""
        named = {str(line["id"]) for line in stated}
        for number, line in order.lines.items():
            if number not in named:
                line.quantity = line.cancelled + line.refunded + line.shipped
        for row in stated:
            number = str(row["id"])
            line = order.lines.setdefault(number, self._line(order.channel, row))
            line.quantity, line.shipped = int(row["quantity"]), int(row.get("shipped") or 0)
            line.cancelled, line.refunded = int(row.get("cancelled") or 0), int(row.get("refunded") or 0)
        if order.cancelled:
            for line in order.lines.values():
                line.cancelled = max(line.cancelled, line.quantity - line.refunded - line.shipped)
        return list(order.lines.values())

    def _line(self, channel: str, row: Mapping[str, Any]) -> Line:
        external_id = str(row["external_id"])
        sku = external_id if self.listings is None else self.listings.get((channel, external_id))
        by_channel = (channel, external_id) in self.fulfilled_by_channel
        return Line(number=str(row["id"]), sku=sku, fulfilled_by="channel" if by_channel else "us")

    def _fit(self, line: Line) -> None:
        """Make stock follow a line: ship, then release, then reserve."""
        if line.sku is None or line.fulfilled_by != "us":
            return
        self._ship(line)
        self._release(line, units=line.reserved.total() - line.wanted)
        self._reserve(line)

    def _ship(self, line: Line) -> None:
        assert line.sku is not None
        units = line.shipped - line.gone
        if units > line.reserved.total():
            self._reserve(line, extra=units - line.reserved.total())
        if units > line.reserved.total():
            # A channel that ships what nobody has: no document says where those units came from.
            self.unspecified.add(line.sku)
        leaving = self._take_from(line, units=min(units, line.reserved.total()))
        self.on_hand[line.sku] -= leaving.total()
        line.gone = line.shipped

    def _release(self, line: Line, *, units: int) -> None:
        if units > 0 and line.sku is not None:
            for place, number in self._take_from(line, units=units).items():
                self.available[place][line.sku] += number
            self._units_came_free(line.sku)

    def _take_from(self, line: Line, *, units: int) -> Counter[str]:
        """Take units off a line's reservation, last place first."""
        taken: Counter[str] = Counter()
        for place in reversed(self.feeding):
            taken[place] = min(units - taken.total(), line.reserved[place])
            line.reserved[place] -= taken[place]
        return taken

    def _reserve(self, line: Line, *, extra: int = 0) -> None:
        assert line.sku is not None
        wanted = extra or line.wanted - line.reserved.total()
        whole = [place for place in self.feeding if self.available[place][line.sku] >= wanted]
        for place in whole[:1] or self.feeding:
            units = max(0, min(wanted, self.available[place][line.sku]))
            self.available[place][line.sku] -= units
            line.reserved[place] += units
            wanted -= units

    def _units_came_free(self, sku: str) -> None:
        """Whether waiting short lines take units that come free is a policy that the documents leave open."""
        if any(line.short for line in self._lines() if line.sku == sku and id(line) not in self._not_short):
            self.unspecified.add(sku)

    def _lines(self) -> Iterable[Line]:
        return (line for order in self.orders.values() for line in order.lines.values())
