"""The part of Shopify's search syntax that is served: terms ``field:value`` with comparators, all of which must hold.

A term beyond that is refused aloud: passing it over in silence would answer another question.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError

_TERM = re.compile(r"""\s*(?:AND\s+)?(\w+):\s*(>=|<=|>|<|=)?\s*('[^']*'|"[^"]*"|[^\s'"()]+)""")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}

Reader = Callable[[Any], Any]
Term = tuple[str, str, str]  # field, comparator, value


def terms_of(query: str | None) -> list[Term]:
    """The terms of a search."""
    text, position, found = (query or "").strip(), 0, []
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise GraphQLError(f"The simulated shop does not understand this part of a search: {text[position:]!r}")
        name, comparator, value = match.groups()
        found.append((name, comparator or "=", value.strip("'\"")))
        position = match.end()
    return found


def matcher(query: str | None, *, fields: Mapping[str, Reader]) -> Callable[[Any], bool] | None:
    """Whether a row is meant; None where every row is."""
    tests = [_test(term, fields=fields) for term in terms_of(query)]
    return (lambda row: all(test(row) for test in tests)) if tests else None


def floor_of(query: str | None, *, field: str) -> datetime | None:
    """The instant before which no row can be meant, where the search names one."""
    floors = [moment(value) for name, comparator, value in terms_of(query) if name == field and comparator[0] in ">="]
    return max(floors) if floors else None


def moment(text: str) -> datetime:
    """An instant of ISO 8601; a bare date is its beginning in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise GraphQLError(f"The simulated shop does not understand this instant: {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _test(term: Term, *, fields: Mapping[str, Reader]) -> Callable[[Any], bool]:
    name, comparator, text = term
    if name not in fields:
        raise GraphQLError(f"The simulated shop does not search by {name!r}; it does by {', '.join(sorted(fields))}.")
    read, compare = fields[name], _COMPARE[comparator]

    def test(row: Any) -> bool:
        held = read(row)
        if isinstance(held, datetime):
            return compare(held.replace(microsecond=0), moment(text))
        if isinstance(held, int):
            return text.isdecimal() and compare(held, int(text))
        return compare(str(held).lower(), text.lower())

    return test
