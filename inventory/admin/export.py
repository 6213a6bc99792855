"""Lists as CSV files: what the list shows now, all of its pages."""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from ..kernel.clock import now
from ..people.roles import COST_FIELDS
from .base import shows_cost

#: Characters that make a spreadsheet take a cell for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def cell(value: Any) -> Any:
    """A value as a spreadsheet takes it: text of others is never a formula."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class CsvExport:
    """Adds "Export CSV" above a list. ``csv_columns``: header, and an attribute's path or a function of the row."""

    actions_list: tuple[str, ...] = ("export_csv",)
    csv_columns: ClassVar[tuple[tuple[str, str | Callable[[Any], Any]], ...]] = ()

    @action(description=_("Export CSV"), icon="download", url_path="export", permissions=["view"])
    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        """The list under its present search and filters, as a file."""
        changelist = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        rows: QuerySet[Model] = changelist.get_queryset(request)
        name = f"{self.opts.model_name}-{now():%Y%m%d-%H%M}.csv"  # type: ignore[attr-defined]
        hidden = frozenset() if shows_cost(request) else COST_FIELDS
        columns = [column for column in self.csv_columns if column[0] not in hidden]
        response = StreamingHttpResponse(_lines(rows, columns), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _lines(rows: QuerySet[Model], columns: Sequence[tuple[str, str | Callable[[Any], Any]]]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield str(writer.writerow([header for header, _value in columns]))
    for row in rows.iterator(chunk_size=2000):
        yield str(writer.writerow([cell(_read(row, value)) for _header, value in columns]))


def _read(row: Any, value: str | Callable[[Any], Any]) -> Any:
    if callable(value):
        return value(row)
    for part in value.split("."):
        row = getattr(row, part, None)
    return row
