"""A rule kind as somebody might drop it in."""

from decimal import Decimal

from channels.allocation.rules.base import RuleKind


class Halve(RuleKind):
    code = "halve"
    label = "Half of it"
    order = 45
    takes_value = False

    def check(self, value: Decimal | None) -> None:
        return None

    def apply(self, number: int, value: Decimal | None) -> tuple[int, str]:
        return number // 2, f"half of {number}"
