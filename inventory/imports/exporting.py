"""Everything there is of a kind as a file, in the columns that an import of it takes: brought in again it changes nothing."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from .batches import Asker
from .kind import Kind

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

#: So many rows leave together.
ROWS_AT_ONCE = 500


def table(kind: Kind, asker: Asker) -> Iterator[list[Any]]:
    """Headings, then every row that the asker may see. No cell is a formula; whole numbers are numbers."""
    fields = kind.fields_for(sees_cost=asker.sees_cost)
    yield [field.name for field in fields]
    for values in kind.export(asker.places):
        yield [_cell(values.get(field.name), field.write(values.get(field.name))) for field in fields]


def as_csv(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Rows as UTF-8 with a mark, by which spreadsheets know it."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write("\ufeff")
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % ROWS_AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def as_xlsx(rows: Iterable[Sequence[Any]]) -> IO[bytes]:
    """Rows as a workbook, written to the disk as they come."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            if isinstance(value, str):
                cell.data_type = "s"  # text that looks like a formula stays text
            cells.append(cell)
        sheet.append(cells)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    book.save(file)
    file.seek(0)
    return file


def pieces(kind: Kind, asker: Asker, *, form: str) -> Iterator[bytes]:
    """The file, piece by piece."""
    rows = table(kind, asker)
    if form == "csv":
        yield from as_csv(rows)
        return
    with as_xlsx(rows) as file:
        while piece := file.read(1 << 16):
            yield piece


def _cell(value: Any, written: str) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else written


def _taken(text: io.StringIO) -> bytes:
    said = text.getvalue()
    text.seek(0)
    text.truncate()
    return said.encode()
