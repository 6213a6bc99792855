from decimal import Decimal

from .base import RuleKind


class StopSell(RuleKind):
    code = "stop_sell"
    label = "Stop selling"
    order = 90
    takes_value = False

    def check(self, value: Decimal | None) -> None:
        return None

    def apply(self, number: int, value: Decimal | None) -> tuple[int, str]:
        return 0, "selling is stopped"
