"""A file as rows of text: CSV in any usual encoding and with any usual delimiter, or the first sheet of an XLSX."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain
from typing import IO, Any

from django.utils.translation import gettext as _

from . import encodings
from .errors import BadFile

DELIMITERS = (",", ";", "\t", "|")

MOST_COLUMNS = 500

#: What an XLSX may unpack to: one that is made to fill the memory is refused before it is opened.
MOST_UNPACKED = 1 << 30

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is written, and what its columns are called."""

    format: str
    encoding: str = ""
    delimiter: str = ""
    headings: tuple[str, ...] = ()
    rows: int = 0  # about so many


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its number as spreadsheets count, its cells, and those that hold a formula."""

    number: int
    cells: list[str]
    formulas: tuple[int, ...] = field(default=())


def look(file: IO[bytes], *, encoding: str = "", delimiter: str = "") -> Shape:
    """How a file is written. All of a CSV is looked at, so that no row turns out unreadable later. Raises BadFile."""
    file.seek(0)
    head = file.read(8)
    if not head:
        raise BadFile(_("The file is empty."))
    if head.startswith(_OLD_EXCEL):
        raise BadFile(_("This is a workbook of the old kind (.xls). Save it as .xlsx or as CSV."))
    if head.startswith(_ZIP):
        return _look_at_workbook(file)
    encoding = _checked(file, encoding)
    delimiter = delimiter or _sniff(file, encoding)
    shape = Shape("csv", encoding, delimiter)
    try:
        first = next(read(file, shape))
    except StopIteration:
        raise BadFile(_("The file has no rows.")) from None
    return Shape("csv", encoding, delimiter, _headings(first.cells), _count_lines(file, encoding))


def read(file: IO[bytes], shape: Shape) -> Iterator[Line]:
    """The rows with anything in them, headings first. Raises BadFile."""
    file.seek(0)
    lines = _workbook_lines(file) if shape.format == "xlsx" else _csv_lines(file, shape)
    for line in lines:
        if any(line.cells) or line.formulas:
            yield line


def _checked(file: IO[bytes], encoding: str) -> str:
    if not encoding:
        return encodings.detect(file)
    if encoding not in encodings.KNOWN:
        raise BadFile(
            _("There is no encoding {name}; there are: {names}").format(name=encoding, names=", ".join(encodings.KNOWN))
        )
    encodings.check(file, encoding)
    return encoding


def _headings(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > MOST_COLUMNS:
        raise BadFile(_("Row 1 has {count} columns; {most} are the most.").format(count=len(cells), most=MOST_COLUMNS))
    return tuple(cells)


def _count_lines(file: IO[bytes], encoding: str) -> int:
    file.seek(0)
    count = 0
    while chunk := file.read(encodings.CHUNK):
        count += chunk.count(b"\n")
    return max(count - 1, 1)


# CSV


def _csv_lines(file: IO[bytes], shape: Shape) -> Iterator[Line]:
    text = io.TextIOWrapper(file, encoding=shape.encoding, newline="")
    try:
        reader = csv.reader(_without_hint(text), delimiter=shape.delimiter, strict=True)
        yield from _numbered(reader)
    finally:
        with suppress(ValueError):
            text.detach()


def _numbered(reader: Any) -> Iterator[Line]:
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = _("Row {row}: {error}. A quotation mark may be missing or too many.")
            raise BadFile(said.format(row=number, error=error)) from None
        yield Line(number, [cell.strip() for cell in cells])


def _without_hint(text: IO[str]) -> Iterable[str]:
    """Excel's own first line ``sep=;`` is no row."""
    first = text.readline()
    return text if first.lower().startswith("sep=") else chain([first], text)


def _sniff(file: IO[bytes], encoding: str) -> str:
    """The delimiter that cuts the first rows into the most columns, as many in the one as in the other."""
    file.seek(0)
    sample = file.read(64 * 1024).decode(encoding, errors="ignore").splitlines()[:25]
    if sample and sample[0].lower().startswith("sep=") and len(sample[0]) > 4:
        return sample[0][4]
    rows = [line for line in sample if line.strip()]
    best, most = ",", 1.0
    for delimiter in DELIMITERS:
        widths = [len(cells) for cells in csv.reader(rows, delimiter=delimiter)]
        if not widths or widths[0] < 2:
            continue
        alike = sum(width == widths[0] for width in widths) / len(widths)
        if widths[0] * alike > most:
            best, most = delimiter, widths[0] * alike
    return best


# XLSX


def _look_at_workbook(file: IO[bytes]) -> Shape:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(each.file_size for each in packed.infolist())
    except zipfile.BadZipFile:
        raise BadFile(_("The workbook is damaged: it does not open.")) from None
    if size > MOST_UNPACKED:
        raise BadFile(
            _("The workbook unpacks to {size} bytes; {most} are the most.").format(size=size, most=MOST_UNPACKED)
        )
    lines = read(file, Shape("xlsx"))
    first = next(lines, None)
    if first is None:
        raise BadFile(_("The first sheet of the workbook has no rows."))
    if first.formulas:
        raise BadFile(_("Row {row} has a formula for a heading; put its text there.").format(row=first.number))
    return Shape("xlsx", headings=_headings(first.cells), rows=_sheet_length(file))


def _sheet_length(file: IO[bytes]) -> int:
    book = _open(file)
    try:
        return max((book.worksheets[0].max_row or 1) - 1, 1)
    finally:
        book.close()


def _open(file: IO[bytes]) -> Any:
    from openpyxl import load_workbook  # takes a while: nobody waits for it who has no workbook

    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except Exception as error:
        raise BadFile(_("The workbook does not open: {error}").format(error=error)) from None
    if not book.worksheets:
        raise BadFile(_("The workbook has no sheet."))
    return book


def _workbook_lines(file: IO[bytes]) -> Iterator[Line]:
    book = _open(file)
    number = 0
    try:
        sheet = book.worksheets[0]
        widest = min(sheet.max_column or MOST_COLUMNS, MOST_COLUMNS)
        for number, cells in enumerate(sheet.iter_rows(max_col=widest), 1):
            formulas = tuple(place for place, cell in enumerate(cells) if cell.data_type == "f")
            yield Line(number, [_text(cell.value) for cell in cells], formulas)
    except BadFile:
        raise
    except Exception as error:
        raise BadFile(
            _("The workbook cannot be read after row {row}: {error}").format(row=number, error=error)
        ) from None
    finally:
        book.close()


def _text(value: Any) -> str:
    """A cell's value as it would stand in a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()
