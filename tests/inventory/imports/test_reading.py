"""Files as they come: encodings, delimiters, workbooks, and what is no table at all."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from inventory.imports import encodings, reading
from inventory.imports.cells import CellError, Text, Words, defused, plain_text
from inventory.imports.errors import BadFile

TABLE = "sku,name\nA,Müsli\nB,Tee\n"


def lines(data: bytes, **how: str) -> list[list[str]]:
    file = io.BytesIO(data)
    shape = reading.look(file, **how)
    return [line.cells for line in reading.read(file, shape)]


def refusal(data: bytes, **how: str) -> str:
    with pytest.raises(BadFile) as raised:
        lines(data, **how)
    return str(raised.value)


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"), ("cp1252", "cp1252"),
    ],
)  # fmt: skip
def test_encodings_are_told_by_the_bytes(encoding: str, told: str) -> None:
    data = TABLE.encode(encoding)
    assert encodings.detect(io.BytesIO(data)) == told
    assert lines(data) == [["sku", "name"], ["A", "Müsli"], ["B", "Tee"]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"sku,name\nA,x\nB,\x81\n", "Row 3, byte 16 of the file (0x81): it is neither UTF-8 nor Windows-1252"),
        ("sku,name\nA,Müsli\n".encode() + b"B,M\xfcsli\n", "Row 3, byte 22 of the file (0xfc): it is no UTF-8, though other"),
        ("sku,name\nA,Привет\n".encode("cp1251"), "Row 2, byte 12 of the file (0xcf): it looks like another alphabet"),
        (b"sku,name\nA,\x00\n", "This is no text: byte 12 is 0"),
        (b"\x7fELF\x02\x01\x01", "control character"),
        (b"\xff\xfes\x00\xd8\xd8", "it is no utf-16"),
        (b"\xef\xbb\xbfsku\n\xff\n", "Row 2, byte 8 of the file (0xff): it is no utf-8-sig"),
        (b"", "The file is empty."),
        (b"\r\n\r\n", "The file has no rows."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old kind (.xls)"),
        (b"PK\x03\x04 and no more", "damaged"),
        (b'sku,name\n"A,x\n', "Row 2: unexpected end of data. A quotation mark may be missing"),
    ],
)  # fmt: skip
def test_what_is_no_table_says_which_byte_or_row(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_an_encoding_may_be_said_and_is_held_to() -> None:
    data = TABLE.encode("cp1252")
    assert lines(data, encoding="cp1252")[1] == ["A", "Müsli"]
    assert "it is no utf-8" in refusal(data, encoding="utf-8")
    assert "There is no encoding klingon" in refusal(data, encoding="klingon")


def test_broken_bytes_are_found_over_the_border_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 7)
    data = ("sku,name\n" + "Ä,ö\n" * 20).encode() + b"\xff\n"
    assert "Row 22, byte 130 of the file (0xff)" in refusal(data)
    assert lines(("sku,name\n" + "Ä,ö\n" * 20).encode())[20] == ["Ä", "ö"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_by_the_rows(delimiter: str) -> None:
    text = "\n".join([delimiter.join(("sku", "name, long", "units")), delimiter.join(("A", '"x;y,z"', "1"))])
    if delimiter == ",":
        text = text.replace("name, long", "name")
    assert [len(cells) for cells in lines(text.encode())] == [3, 3]


def test_excels_own_first_line_is_no_row() -> None:
    assert lines(b"sep=;\r\nsku;name\r\nA;x,y\r\n") == [["sku", "name"], ["A", "x,y"]]


def test_empty_rows_are_passed_over_and_counted() -> None:
    file = io.BytesIO(b"\nsku,name\n\n,\nA,x\n")
    shape = reading.look(file)
    assert [(line.number, line.cells) for line in reading.read(file, shape)] == [(2, ["sku", "name"]), (5, ["A", "x"])]


def workbook(*rows: Any) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_gives_values_and_names_formulas() -> None:
    file = io.BytesIO(workbook(["sku", "units", "price"], ["A", 3.0, 1.5], [None, None, None], ["B", "=1+1", True]))
    shape = reading.look(file)
    assert (shape.format, shape.headings) == ("xlsx", ("sku", "units", "price"))
    found = [(line.number, line.cells, line.formulas) for line in reading.read(file, shape)][1:]
    assert found == [(2, ["A", "3", "1.5"], ()), (4, ["B", "=1+1", "true"], (1,))]


def test_a_workbook_made_to_fill_the_memory_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_UNPACKED", 1000)
    assert "unpacks to" in refusal(workbook(["sku"], ["x" * 2000]))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("anything", "x")
    assert "does not open" in refusal(file.getvalue())


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40).map(str.strip))
def test_text_that_is_written_out_reads_back(text: str) -> None:
    assert plain_text(defused(text)) == text
    assert defused(text)[:1] not in ("=", "+", "-", "@")


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8), unique=True)
)
def test_words_that_are_written_out_read_back(words: list[str]) -> None:
    field = Words("tags", "tags")
    assert field.parse(field.write(words)) == words or not words


@pytest.mark.parametrize("cell", ["=cmd", "@SUM(A1)", "+cmd", "-cmd", "=1+1"])
def test_formulas_are_refused_unless_they_are_said_to_be_text(cell: str) -> None:
    with pytest.raises(CellError, match="would be a formula"):
        Text("name", "name").parse(cell)
    assert Text("name", "name").parse(f"'{cell}") == cell
