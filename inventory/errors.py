"""What can go wrong with stock, as types. Each message says what is wrong and with what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class StockError(Exception):
    """Base of everything that the ledger refuses."""


@dataclass(frozen=True, slots=True)
class Short:
    """One thing of which there is too little. Units; codes, not ids.

    Of a bundle, kits; ``parts`` are the components that are lacking.
    """

    sku: str
    location: str
    wanted: int
    available: int
    parts: tuple["Short", ...] = ()

    def named(self) -> dict[str, Any]:
        """It as programs are told."""
        told = {"sku": self.sku, "location": self.location, "wanted": self.wanted, "available": self.available}
        parts = [{"sku": part.sku, "wanted": part.wanted, "available": part.available} for part in self.parts]
        return {**told, "components": parts} if parts else told

    def __str__(self) -> str:
        lacking = "; ".join(f"of {part.sku} {part.wanted} wanted, {part.available} there" for part in self.parts[:5])
        said = f"{self.sku} at {self.location or 'any location'}: {self.wanted} wanted, {self.available} there"
        return f"{said} ({lacking})" if lacking else said


class InsufficientStock(StockError):
    """Units asked for are not there. ``lines`` names each of them; nothing was moved."""

    def __init__(self, lines: Sequence[Short]) -> None:
        self.lines = list(lines)
        parts = ", ".join(map(str, self.lines[:5]))
        more = f" and {len(self.lines) - 5} more" if len(self.lines) > 5 else ""
        super().__init__(f"not enough stock: {parts}{more}")


class InvalidMovement(StockError):
    """A movement that makes no sense: no units, the same state twice, from outside to outside."""


class KeyConflict(StockError):
    """The key was used before for another movement."""


class CountError(StockError):
    """A count cannot do what is asked. ``rows`` has what is wrong by its path (``lines.0.sku``); nothing was changed.

    A ``conflict`` is with how things stand, not with what was given.
    """

    def __init__(self, message: str, *, rows: Mapping[str, str] | None = None, conflict: bool | None = None) -> None:
        self.rows = dict(rows or {})
        self.conflict = not rows if conflict is None else conflict
        some = "; ".join(list(self.rows.values())[:5])
        super().__init__(f"{message}: {some}" if some else message)


class SecondPersonNeeded(CountError):
    """Whoever counted cannot approve a count that is off by more than its tolerance."""


class LotError(StockError):
    """Units of a SKU that keeps lots cannot move as asked, or a lot is not what was said; the message names the lot.

    ``field`` is where in what was asked it is wrong. A ``conflict`` is with how things stand.
    """

    def __init__(self, message: str, *, field: str = "lot", conflict: bool = False) -> None:
        super().__init__(message)
        self.field, self.conflict = field, conflict


class LotShort(InsufficientStock):
    """A lot has fewer units than are wanted of it, or too few of them may leave. The message says which and why."""

    def __init__(self, message: str, lines: Sequence[Short]) -> None:
        super().__init__(lines)
        self.args = (message,)


class CostError(StockError):
    """Something about cost, companies or periods cannot be done; ``field`` is what was wrong with what was given.

    A ``conflict`` is with how things stand, not with what was given.
    """

    def __init__(self, message: str, *, field: str = "", conflict: bool = False) -> None:
        self.field = field
        self.conflict = conflict
        super().__init__(message)
