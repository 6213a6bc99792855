"""What a rule kind computes: the number after it, and a note that says why. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an explanation: the number that came in, the number that went out, and why."""

    rule: str
    scope: str
    input: int
    output: int
    note: str
    rule_id: int | None = None  # the saved rule behind it, where there is one


class RuleError(ValueError):
    """A rule's value that its kind cannot work with; the message says what is expected."""


class RuleKind:
    """Base of all rule kinds. ``order`` is the place in the composition: see the product's order of composition."""

    code: ClassVar[str]
    label: ClassVar[str]
    order: ClassVar[int]
    takes_value: ClassVar[bool] = True

    def check(self, value: Decimal | None) -> None:
        """Raise RuleError where the value makes no sense for this kind."""
        raise NotImplementedError

    def apply(self, number: int, value: Decimal | None) -> tuple[int, str]:
        """The number after the rule, and a note."""
        raise NotImplementedError
