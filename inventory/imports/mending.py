"""The rows of a file that were not applied, as they stood in it, with why: to be mended and brought in again."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from ..models import ImportBatch, RowState
from . import files, reading
from .cells import defused

#: The column that says why. An import leaves it out, as any that is not mapped.
COLUMN = "import error"


def not_applied(batch: ImportBatch) -> Iterator[list[str]]:
    """Headings and a column for the reason, then every such row. Raises BadFile where the file is kept no longer."""
    rows = batch.rows.filter(state__in=(RowState.ERROR, RowState.CONFLICT)).order_by("number")
    wrong = dict(rows.values_list("number", "problems"))
    headings = [heading for heading in batch.headings if heading != COLUMN]
    kept = [place for place, heading in enumerate(batch.headings) if heading != COLUMN]
    yield [*headings, COLUMN]
    shape = reading.Shape(batch.format, batch.encoding, batch.delimiter)
    with files.opened(batch) as file:
        lines = reading.read(file, shape)
        next(lines, None)
        for line in lines:
            if line.number in wrong:
                cells = [line.cells[place] if place < len(line.cells) else "" for place in kept]
                yield [*map(_as_text, cells), told(wrong[line.number])]


def told(problems: list[dict[str, str]]) -> str:
    """What is wrong with a row, in one sentence after the other."""
    return " ".join(f"{problem['field']}: {problem['message']}".removeprefix(": ") for problem in problems) or _(
        "refused"
    )


def _as_text(cell: str) -> str:
    """A cell as it stood there, but never a formula; one that is a plain number stays one."""
    return cell if cell.lstrip("+-").replace(".", "", 1).isdigit() else defused(cell)
