from decimal import Decimal

from .base import RuleError, RuleKind


class Buffer(RuleKind):
    code = "buffer"
    label = "Buffer: units withheld"
    order = 50

    def check(self, value: Decimal | None) -> None:
        if value is None or value < 0 or value != value.to_integral_value():
            raise RuleError("a buffer is a whole number of units, 0 or more")

    def apply(self, number: int, value: Decimal | None) -> tuple[int, str]:
        withheld = int(value or 0)
        return max(0, number - withheld), f"{number} less {withheld} withheld, never below 0"
