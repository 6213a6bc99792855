from decimal import ROUND_FLOOR, Decimal

from .base import RuleError, RuleKind


class Percent(RuleKind):
    code = "percent"
    label = "Percentage of the pool"
    order = 40

    def check(self, value: Decimal | None) -> None:
        if value is None or not 0 <= value <= 100:
            raise RuleError("a percentage is a number from 0 to 100")

    def apply(self, number: int, value: Decimal | None) -> tuple[int, str]:
        share = value or Decimal(0)
        shown = int((number * share / 100).to_integral_value(ROUND_FLOOR))
        return shown, f"{share.normalize():f} % of {number}, rounded down"
