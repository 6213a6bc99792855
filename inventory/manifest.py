"""The lines that a step of a transfer names, and what is wrong with them: every line is told, none is half applied."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .errors import StockError
from .kernel.quantities import LARGEST
from .models import Lot, Sku, TransferLine


class TransferError(StockError):
    """A transfer cannot be made or go on. ``fields`` names each place in what was asked, by its path."""

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = {path: list(messages) for path, messages in (fields or {}).items()}


class WrongStep(TransferError):
    """It makes sense, but not where the transfer stands now."""


class NotYours(TransferError):
    """Who is limited to other locations may not do this step."""


@dataclass(frozen=True, slots=True)
class Units:
    """So many units of one SKU; of one lot, where it is named."""

    sku: Sku
    quantity: int
    lot: Lot | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of one SKU: good units, and damaged ones beside them."""

    sku: Sku
    quantity: int = 0
    damaged: int = 0
    lot: Lot | None = None

    @property
    def units(self) -> int:
        """All that came."""
        return self.quantity + self.damaged


Named = TypeVar("Named", Units, Arrived)


class Complaints:
    """What is wrong, by the path in what was asked; raised all at once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    def add(self, path: str, message: str) -> None:
        """Note one."""
        self.fields.setdefault(path, []).append(message)

    def raise_any(self, kind: type[TransferError] = TransferError) -> None:
        """Raise them, the first five in words."""
        said = [message for messages in self.fields.values() for message in messages]
        if said:
            more = f"; and {len(said) - 5} more" if len(said) > 5 else ""
            raise kind("; ".join(said[:5]) + more, fields=self.fields)


def check_lines(lines: Sequence[Named]) -> None:
    """Each SKU once, with units that can be moved. Raises TransferError naming every line that is wrong."""
    wrong = Complaints()
    if not lines:
        wrong.add("lines", "name at least one SKU with its units")
    seen: set[int] = set()
    for index, line in enumerate(lines):
        if line.sku.pk in seen:
            wrong.add(f"lines.{index}.sku", f"{line.sku}: named twice; put its units into one line")
        seen.add(line.sku.pk)
        for name in ("quantity", "damaged") if isinstance(line, Arrived) else ("quantity",):
            units = getattr(line, name)
            if not (0 if isinstance(line, Arrived) else 1) <= units <= LARGEST:
                wrong.add(f"lines.{index}.{name}", f"{line.sku}: {units} units cannot be moved; 1 to {LARGEST} can")
        if isinstance(line, Arrived) and line.quantity == line.damaged == 0:
            wrong.add(f"lines.{index}.quantity", f"{line.sku}: 0 units are nothing to receive; leave the line out")
    wrong.raise_any()


def match(
    rows: Sequence[TransferLine],
    lines: Sequence[Named],
    *,
    units: Callable[[Named], int],
    most: Callable[[TransferLine], int],
    too_many: Callable[[TransferLine, int], str],
) -> list[tuple[TransferLine, Named]]:
    """The transfer's own line of each line that is named. Raises TransferError for strangers, WrongStep for too many units."""
    check_lines(lines)
    known = {row.sku_id: row for row in rows}
    strange, beyond = Complaints(), Complaints()
    found = []
    for index, line in enumerate(lines):
        row = known.get(line.sku.pk)
        if row is None:
            strange.add(f"lines.{index}.sku", f"{line.sku}: not part of this transfer")
        elif units(line) > most(row):
            beyond.add(f"lines.{index}.quantity", too_many(row, units(line)))
        else:
            found.append((row, line))
    strange.raise_any()
    beyond.raise_any(WrongStep)
    return found
