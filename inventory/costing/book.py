"""The arithmetic of cost, without a database: layers and averages in whole millionths of the currency.

A receipt's value is its units times their cost. From then on values are only divided: what leaves takes its part, rounded to a
millionth, halves up, and the rest stays; the last unit takes all that is left. So nothing is ever lost or made by rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

MICRO = 1_000_000


def to_micro(amount: Decimal) -> int:
    """An amount of at most six decimals in millionths."""
    return int(amount.scaleb(6))


def from_micro(value: int) -> Decimal:
    """Millionths as an amount of six decimals, exactly: not through a context that would round a long one."""
    digits = Decimal(abs(value)).as_tuple().digits
    return Decimal((int(value < 0), digits, -6))


def part(value: int, units: int, whole: int) -> int:
    """The part of a value that so many of the whole's units have: rounded, halves up; all of it for all units."""
    if units >= whole:
        return value
    return (2 * value * units + whole) // (2 * whole)


def share(value: int, weights: Sequence[int]) -> list[int]:
    """A value shared by weights, so that the shares add up: each running sum is rounded, not each share."""
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    shares, running, given = [], 0, 0
    for weight in weights:
        running += weight
        reached = part(value, running, total)
        shares.append(reached - given)
        given = reached
    return shares


@dataclass(slots=True)
class Layer:
    """Units that came in together."""

    entry_id: int
    quantity: int
    left: int
    value: int  # of what is left
    id: int | None = None
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """A value by both methods."""

    fifo: int = 0
    average: int = 0

    def __neg__(self) -> "Cost":
        return Cost(-self.fifo, -self.average)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.fifo + other.fifo, self.average + other.average)


@dataclass(slots=True)
class Scope:
    """A SKU's stock in one company."""

    quantity: int = 0
    fifo: int = 0
    average: int = 0
    known: int | None = None  # the last average of a unit that somebody has known
    layers: list[Layer] = field(default_factory=list)  # those that have units left, the first in first
    id: int | None = None
    touched: bool = False

    def receive(self, units: int, cost: Cost, *, entry_id: int, is_known: bool = True) -> Layer:
        """Units come in."""
        layer = Layer(entry_id, units, units, cost.fifo, touched=True)
        self.layers.append(layer)
        self.quantity += units
        self._add(cost, is_known)
        return layer

    def issue(self, units: int) -> Cost:
        """Units leave: by FIFO from the oldest layers, by average at what a unit is worth. Their cost."""
        average = part(self.average, units, self.quantity)
        fifo, wanted = 0, units
        while wanted and self.layers:
            layer = self.layers[0]
            taken = min(wanted, layer.left)
            cost = part(layer.value, taken, layer.left)
            layer.left, layer.value, layer.touched = layer.left - taken, layer.value - cost, True
            fifo, wanted = fifo + cost, wanted - taken
            if not layer.left:
                self.layers.pop(0)
        self.quantity -= units
        cost_taken = Cost(fifo, average)
        self._add(-cost_taken, False)
        return cost_taken

    def charge(self, layer: Layer, amount: int) -> Cost:
        """Add a charge to what is left of a receipt; what stays in stock of it, by each method.

        A charge below zero takes one back, never more than there is.
        """
        staying = part(abs(amount), layer.left, layer.quantity) if layer.left else 0
        fifo = staying if amount > 0 else -min(staying, layer.value)
        average = staying if amount > 0 else -min(staying, self.average)
        layer.value, layer.touched = layer.value + fifo, True
        stays = Cost(fifo, average)
        self._add(stays, True)
        return stays

    def unit_average(self) -> int | None:
        """What a unit is worth by average, or was when the last one left; None where nobody has known it."""
        return self.known

    def _add(self, cost: Cost, is_known: bool) -> None:
        self.fifo, self.average, self.touched = self.fifo + cost.fifo, self.average + cost.average, True
        if self.quantity > 0 and (is_known or self.known is not None):
            self.known = (2 * self.average + self.quantity) // (2 * self.quantity)
