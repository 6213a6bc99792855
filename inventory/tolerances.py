"""How far a count may be off before a second person has to look at it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from .models import CountLine, CountTolerance, StockClass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is let pass: at most so many units, and at most such a share of what was expected. None is no limit."""

    units: int | None
    percent: Decimal | None

    def covers(self, variance: int, *, expected: int) -> bool:
        """Whether a variance is within both limits."""
        off = abs(variance)
        if self.units is not None and off > self.units:
            return False
        return self.percent is None or off * 100 <= self.percent * expected


#: Where nobody has said otherwise: of A no unit may be off, of the others a few.
DEFAULTS: Mapping[str, Tolerance] = {
    StockClass.A: Tolerance(0, None),
    StockClass.B: Tolerance(2, Decimal(10)),
    StockClass.C: Tolerance(5, Decimal(20)),
}


def tolerances() -> dict[str, Tolerance]:
    """What is let pass, by class."""
    rows = CountTolerance.objects.values_list("stock_class", "units", "percent")
    return {**DEFAULTS, **{stock_class: Tolerance(units, percent) for stock_class, units, percent in rows}}


def beyond(lines: Iterable[CountLine]) -> list[CountLine]:
    """The lines whose variance is over the tolerance of their class."""
    known = tolerances()
    return [
        line for line in lines
        if line.variance and not known[line.stock_class].covers(line.variance, expected=line.expected or 0)
    ]  # fmt: skip
