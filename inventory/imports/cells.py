"""What a cell of a file may say: text, numbers, codes; and how it is written so that no spreadsheet runs it."""

import csv
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from ..kernel.quantities import LARGEST, QuantityError, parse_quantity

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROL_OF_CODES = re.compile(r"[\x00-\x1f\x7f]")

#: What a spreadsheet takes for a formula; a quotation mark before it makes it text.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+$")

YES, NO = frozenset({"true", "yes", "y", "1", "x"}), frozenset({"false", "no", "n", "0"})


class CellError(ValueError):
    """A cell does not say what it should. ``code`` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def defused(text: str) -> str:
    """Text as it is written: with a quotation mark where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) or _QUOTED_FORMULA.match(text) else text


def plain_text(cell: str) -> str:
    """The text that a cell says. Raises CellError for formulas; a quotation mark before one says that it is text."""
    if _QUOTED_FORMULA.match(cell):
        cell = cell[1:]
    elif _FORMULA.match(cell) and not _NUMBER.match(cell):
        said = _("“{text}” would be a formula in a spreadsheet. If it is text, write ' before it.")
        raise CellError("formula", said.format(text=cell[:60]))
    if _CONTROL.search(cell):
        raise CellError("control_character", _("There is a control character in it."))
    return cell


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a kind: what it is called, what else it may be called, and what its cells say."""

    name: str
    label: Any
    always: bool = False  # every row has it: it says what the row is about
    required: bool = False  # what is new needs it
    blank: Any = ""  # what an empty cell says; KEEP: it says nothing
    aliases: tuple[str, ...] = ()
    is_cost: bool = False

    def parse(self, cell: str) -> Any:
        """The value as it is kept and compared. Raises CellError."""
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """The value as an export writes it; ``parse`` reads it back."""
        return "" if value is None else str(value)

    def same(self, held: Any, value: Any) -> bool:
        """Whether a value is what is held already."""
        return bool(held == value)


#: Of an empty cell: what is there stays, and what is new gets the default.
KEEP: Any = object()


@dataclass(frozen=True, slots=True)
class Text(Field):
    """Text of so many characters."""

    most: int = 300

    def parse(self, cell: str) -> str:
        text = plain_text(cell)
        if len(text) > self.most:
            raise CellError(
                "too_long", _("{count} characters; {most} are the most.").format(count=len(text), most=self.most)
            )
        return text

    def write(self, value: Any) -> str:
        return defused(str(value or ""))

    def same(self, held: Any, value: Any) -> bool:
        return isinstance(held, str) and held.strip() == value


@dataclass(frozen=True, slots=True)
class Code(Text):
    """A code: text on one line that fits into an address."""

    most: int = 100

    def parse(self, cell: str) -> str:
        text = Text.parse(self, cell)
        if _CONTROL_OF_CODES.search(text) or text in (".", ".."):
            raise CellError("bad_code", _("A code is printable text on one line."))
        return text


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """One of some words."""

    choices: Collection[str] = ()

    def parse(self, cell: str) -> str:
        text = cell.casefold().replace(" ", "_")
        if text not in self.choices:
            said = _("“{text}” is none of: {choices}.").format(text=cell[:60], choices=", ".join(self.choices))
            raise CellError("bad_choice", said)
        return text


@dataclass(frozen=True, slots=True)
class Units(Field):
    """Whole units."""

    least: int = 0
    most: int = LARGEST

    def parse(self, cell: str) -> int:
        text = re.sub(r"\.0+$", "", cell)
        try:
            return parse_quantity(text, least=self.least, most=self.most)
        except QuantityError as error:
            raise CellError("bad_number", str(error)[:200]) from None


@dataclass(frozen=True, slots=True)
class Amount(Field):
    """Money: decimal, not negative, four places at most. Kept as text, as 12.5 for 12.50."""

    blank: Any = None

    def parse(self, cell: str) -> str:
        try:
            amount = Decimal(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
        except InvalidOperation:
            raise CellError("bad_amount", _("“{text}” is no amount, as 12.50.").format(text=cell[:60])) from None
        if not amount.is_finite() or amount < 0 or amount >= 10**10:
            raise CellError("bad_amount", _("{text} is no amount from 0 to 9999999999.").format(text=cell[:60]))
        if amount != round(amount, 4):
            raise CellError("bad_amount", _("{text} has more than four places.").format(text=cell[:60]))
        return f"{amount.normalize():f}"


def plain(amount: Decimal | None) -> str | None:
    """A decimal as it is kept: without needless zeros."""
    return None if amount is None else f"{amount.normalize():f}"


@dataclass(frozen=True, slots=True)
class Degrees(Field):
    """A latitude or longitude."""

    blank: Any = None
    most: int = 90

    def parse(self, cell: str) -> float:
        try:
            found = float(cell.replace(",", "."))
        except ValueError:
            raise CellError("bad_number", _("“{text}” is no number of degrees.").format(text=cell[:60])) from None
        if not -self.most <= found <= self.most:
            raise CellError(
                "bad_number", _("{text} is not from -{most} to {most}.").format(text=cell[:60], most=self.most)
            )
        return found


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """Yes or no."""

    blank: Any = field(default=KEEP)

    def parse(self, cell: str) -> bool:
        text = cell.casefold()
        if text in YES:
            return True
        if text in NO:
            return False
        raise CellError("bad_flag", _("“{text}” is neither yes nor no.").format(text=cell[:60]))

    def write(self, value: Any) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True, slots=True)
class Words(Field):
    """Several words, divided by commas; each once."""

    most: int = 50

    def parse(self, cell: str) -> list[str]:
        text = plain_text(cell)
        rows = list(csv.reader([text], skipinitialspace=True))
        words = [word.strip() for word in (rows[0] if rows else [])]
        if any(len(word) > self.most for word in words):
            raise CellError("too_long", _("A word of it has more than {most} characters.").format(most=self.most))
        return [word for word in dict.fromkeys(words) if word]

    def write(self, value: Any) -> str:
        return defused(_comma_joined(value or []))


def _comma_joined(words: Sequence[str]) -> str:
    return ", ".join(
        f'"{word.replace(chr(34), chr(34) * 2)}"' if "," in word or '"' in word else word for word in words
    )


@dataclass(frozen=True, slots=True)
class Days(Field):
    """Days of the week by number, 1 for Monday."""

    blank: Any = field(default=KEEP)

    def parse(self, cell: str) -> list[int]:
        found = [part.strip() for part in re.split(r"[ ,;]+", cell) if part.strip()]
        if not all(part in "1234567" and len(part) == 1 for part in found):
            raise CellError("bad_days", _("“{text}” are no days, as 1 2 3 4 5.").format(text=cell[:60]))
        return sorted({int(part) for part in found})

    def write(self, value: Any) -> str:
        return " ".join(map(str, value))


@dataclass(frozen=True, slots=True)
class Hour(Field):
    """A time of day."""

    blank: Any = None

    def parse(self, cell: str) -> str:
        try:
            return time.fromisoformat(cell if len(cell) != 4 else f"0{cell}").isoformat()
        except ValueError:
            raise CellError("bad_time", _("“{text}” is no time of day, as 16:00.").format(text=cell[:60])) from None


@dataclass(frozen=True, slots=True)
class Capitals(Text):
    """A code of so many capital letters, as a currency or a country."""

    most: int = 3

    def parse(self, cell: str) -> str:
        if not (len(cell) == self.most and cell.isascii() and cell.isalpha() and cell.isupper()):
            raise CellError(
                "bad_code", _("“{text}” is not {most} capital letters.").format(text=cell[:60], most=self.most)
            )
        return cell


@dataclass(frozen=True, slots=True)
class Zone(Text):
    """A time zone's name."""

    blank: Any = field(default=KEEP)

    def parse(self, cell: str) -> str:
        if cell not in available_timezones():
            raise CellError("bad_zone", _("“{text}” is no time zone, as Europe/Berlin.").format(text=cell[:60]))
        return cell


@dataclass(frozen=True, slots=True)
class Document(Field):
    """A JSON object."""

    blank: Any = field(default_factory=dict)

    def parse(self, cell: str) -> dict[str, Any]:
        try:
            found = json.loads(plain_text(cell))
        except ValueError as error:
            if isinstance(error, CellError):
                raise
            raise CellError("bad_json", _("This is no JSON: {reason}").format(reason=error)) from None
        if not isinstance(found, dict):
            raise CellError("bad_json", _("A JSON object is expected."))
        return found

    def write(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
