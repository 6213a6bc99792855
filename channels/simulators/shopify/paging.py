"""Connections: a page of rows with cursors, from the front or from the back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

LARGEST_PAGE = 250

Row = tuple[str, Any]  # cursor, view


class Page:
    """One page of a connection."""

    def __init__(self, rows: Sequence[Row], *, has_previous: bool, has_next: bool) -> None:
        self._rows, self._has_previous, self._has_next = rows, has_previous, has_next

    @property
    def edges(self) -> list[dict[str, Any]]:
        """Rows with their cursors."""
        return [{"cursor": cursor, "node": view} for cursor, view in self._rows]

    @property
    def nodes(self) -> list[Any]:
        """Rows without."""
        return [view for _, view in self._rows]

    @property
    def page_info(self) -> dict[str, Any]:
        """Where to go on."""
        return {
            "start_cursor": self._rows[0][0] if self._rows else None,
            "end_cursor": self._rows[-1][0] if self._rows else None,
            "has_previous_page": self._has_previous,
            "has_next_page": self._has_next,
        }


def size_of(first: int | None, last: int | None) -> int:
    """How many rows are wanted. Raises GraphQLError where that is not said, or too many are."""
    if first is None and last is None:
        raise GraphQLError("you must provide one of first or last")
    size = first if first is not None else last
    assert size is not None
    if not 0 <= size <= LARGEST_PAGE:
        raise GraphQLError(f"first and last are between 0 and {LARGEST_PAGE}")
    return size


def page_of(
    rows: Sequence[Any],
    view: Callable[[Any], Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    wanted: Callable[[Any], bool] | None = None,
) -> Page:
    """A page of rows that are only ever added to at their end."""
    size = size_of(first, last)
    numbers = [number for number, row in enumerate(rows) if wanted is None or wanted(row)]
    if reverse:
        numbers.reverse()
    begin, end = 0, len(numbers)
    if after is not None:
        begin = _place(numbers, read_cursor(after)) + 1
    if before is not None:
        end = max(begin, _place(numbers, read_cursor(before)))
    low, high = (begin, min(end, begin + size)) if first is not None else (max(begin, end - size), end)
    chosen = [(cursor_of(number), view(rows[number])) for number in numbers[low:high]]
    return Page(chosen, has_previous=low > 0, has_next=high < len(numbers))


def _place(numbers: Sequence[int], number: int) -> int:
    try:
        return numbers.index(number)
    except ValueError:
        raise GraphQLError("Invalid cursor for current pagination sort.") from None


def cursor_of(number: int) -> str:
    """An opaque text."""
    return base64.urlsafe_b64encode(f"c:{number}".encode()).decode()


def read_cursor(text: str) -> int:
    """The number again. Raises GraphQLError."""
    try:
        decoded = base64.urlsafe_b64decode(text.encode()).decode()
        mark, _, number = decoded.partition(":")
        if mark == "c":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise GraphQLError("Invalid cursor for current pagination sort.")
