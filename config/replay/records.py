"""Lines of a CSV file to records, such that one broken line does not take those after it along.

A quote that is never closed would make one field of the rest of the file. It is taken for broken when a line inside of it
is a whole row, when what it makes is none, or when it stays open for too long. Then the line that it began in is the record,
and the next line begins anew.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

#: A quoted field may go over so many lines and characters.
MOST_LINES = 100
MOST_CHARACTERS = 100_000

UNCLOSED = "a quote is opened and not closed; the row cannot be read"
NOT_UTF8 = "it is not UTF-8"
NUL = "it holds the character U+0000"


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of a record; what is wrong with it as a whole, if anything is."""

    fields: list[str]
    flaw: str = ""
    torn: bool = False


def records(stream: IO[str], *, is_row: Callable[[list[str]], bool]) -> Iterator[Record]:
    """The records of a stream that was opened with ``surrogateescape``; the header is the first. Empty lines are none."""
    lines, is_header = _Lines(stream), True
    while (line := lines.take()) is not None:
        taken = _Taken(line, lines, is_row)
        try:
            fields = next(csv.reader(taken), [])
        except csv.Error as error:  # a field that is far too long
            lines.give_back(taken.lines[1:])
            yield Record([], str(error), torn=len(taken.lines) > 1)
            continue
        if taken.torn or (len(taken.lines) > 1 and not is_header and not is_row(fields)):
            lines.give_back(taken.lines[1:])
            yield Record(fields, UNCLOSED, torn=True)
        elif fields:
            yield Record(fields, _flaw(taken.lines))
        is_header = False


def _flaw(lines: list[str]) -> str:
    for line in lines:
        if "\0" in line:
            return NUL
        if not line.isascii() and any("\udc80" <= one <= "\udcff" for one in line):
            return NOT_UTF8
    return ""


class _Lines:
    """Lines of which some can be given back."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()

    def take(self) -> str | None:
        """The next line; None at the end."""
        return self._returned.popleft() if self._returned else next(self._stream, None)

    def give_back(self, lines: list[str]) -> None:
        """These come next, again."""
        self._returned.extendleft(reversed(lines))


class _Taken:
    """The lines that one record asks for. It asks for another only while a quote is open."""

    def __init__(self, line: str, source: _Lines, is_row: Callable[[list[str]], bool]) -> None:
        self.lines = [line]
        self.torn = False
        self._source, self._is_row = source, is_row
        self._begun = False
        self._characters = len(line)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._begun:
            self._begun = True
            return self.lines[0]
        line = self._source.take()
        if line is not None:
            self.lines.append(line)
            self._characters += len(line)
        if line is None or len(self.lines) > MOST_LINES or self._characters > MOST_CHARACTERS or self._is_whole(line):
            self.torn = True
            raise StopIteration
        return line

    def _is_whole(self, line: str) -> bool:
        try:
            return self._is_row(next(csv.reader([line]), []))
        except csv.Error:
            return False
