"""How many units of a line left, are still to leave, and never will.

Shopify states what was ordered, what is left of that after removals and refunds, what is still to be sent, and its parcels. It
does not state which of the units taken back had left already: that follows from the others, and in doubt a unit is still to
be sent, so that nothing is released that is still owed.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from inventory.kernel.quantities import QuantityError, parse_quantity

from ._shopify_answers import rows
from ._shopify_ids import named, number

#: Parcels that never left.
_FAILED = {"cancelled", "error", "failure"}


class Units(NamedTuple):
    """A line's cumulative units, in the order in which an event states them."""

    quantity: int
    cancelled: int
    refunded: int
    shipped: int


@dataclass(slots=True)
class Parcels:
    """Units by line that left, and that are on their way to leaving (somebody else packs them)."""

    shipped: Counter[str] = field(default_factory=Counter)
    underway: Counter[str] = field(default_factory=Counter)
    is_complete: bool = True

    @classmethod
    def of(cls, fulfillments: Any, notes: list[str], *, is_complete: bool) -> "Parcels":
        """Those of an order's document, which may list only some of them."""
        found = cls(is_complete=is_complete)
        for row in rows(fulfillments):
            status = str(row.get("status") or "").lower()
            if status in _FAILED:
                continue
            units = found.shipped if status == "success" else found.underway
            for line in rows(row.get("line_items")):
                _count(units, named("LineItem", line), line.get("quantity"), "a fulfillment", notes)
        return found


@dataclass(slots=True)
class Refunds:
    """Units by line that were taken back: before they left, after they left, and nobody knows."""

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, refunds: Any, notes: list[str]) -> "Refunds":
        """Those of an order's document."""
        found = cls()
        kinds = {"cancel": found.before, "return": found.after}
        for refund in rows(refunds):
            for row in rows(refund.get("refund_line_items")):
                units = kinds.get(str(row.get("restock_type") or "").lower(), found.unclear)
                line = named("LineItem", row.get("line_item")) or number("LineItem", row.get("line_item_id"))
                _count(units, line, row.get("quantity"), "a refund", notes)
        return found

    def total(self, line: str) -> int:
        """All that was taken back of a line."""
        return self.before[line] + self.after[line] + self.unclear[line]


def units_left(
    quantity: int, *, current: int | None, to_send: int | None, parcels: Parcels, refunds: Refunds, line: str
) -> Units:
    """The units of one line. ``current`` is what is left of it, ``to_send`` what is still to be sent, where that is stated."""
    taken = min(quantity, refunds.total(line)) if current is None else quantity - current
    shipped, sent = parcels.shipped[line], parcels.shipped[line] + parcels.underway[line]
    if not parcels.is_complete and to_send is not None:
        shipped = sent = max(shipped, quantity - to_send - taken)
        gone = max(0, quantity - to_send - shipped)
    else:
        gone = _never_sent(quantity, taken, to_send=to_send, sent=sent, refunds=refunds, line=line)
    # units taken back after they left are told once nothing else is to be sent: they must not pass for units that never left
    refunded = min(taken - gone, shipped) if quantity <= gone + shipped else 0
    return Units(quantity, gone, max(0, refunded), shipped)


def _never_sent(quantity: int, taken: int, *, to_send: int | None, sent: int, refunds: Refunds, line: str) -> int:
    """Units taken back that had not left: at least those that cannot have, at most all that were not sent."""
    least = max(0, taken - sent, min(refunds.before[line], taken))
    most = max(least, min(taken - refunds.after[line], quantity - sent))
    stated = least if to_send is None else quantity - sent - to_send
    return min(max(stated, least), most)


def _count(units: Counter[str], line: str, quantity: Any, where: str, notes: list[str]) -> None:
    try:
        counted = parse_quantity(quantity)
    except QuantityError as error:
        notes.append(f"{where}: {error}"[:100])
        return
    if line:
        units[line] += counted
