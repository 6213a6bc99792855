"""What stock was worth at any instant, from the values that every move keeps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from ..kernel import clock

#: The method of a SKU (as ``sku``) on the day of an instant (``%(at)s``) for a company (as ``company``).
METHOD = """coalesce(
    (SELECT change.costing FROM inventory_costingchange change WHERE change.sku_id = sku.id
        AND (change.from_day IS NULL OR change.from_day <= (%(at)s AT TIME ZONE company.time_zone)::date)
        ORDER BY change.id DESC LIMIT 1),
    (SELECT change.before FROM inventory_costingchange change WHERE change.sku_id = sku.id ORDER BY change.id LIMIT 1),
    sku.costing)"""

_WORTH = f"""
FROM (
    SELECT scope.sku_id, company.id AS company_id, company.code AS company, company.base_currency AS currency,
        sku.code AS sku, sku.name, {METHOD} AS costing, last.quantity_after AS quantity, last.fifo_after,
        last.average_after
    FROM inventory_costscope scope
    JOIN inventory_company company ON company.id = scope.company_id
    JOIN inventory_sku sku ON sku.id = scope.sku_id
    JOIN LATERAL (
        SELECT move.quantity_after, move.fifo_after, move.average_after FROM inventory_costmove move
        WHERE move.scope_id = scope.id AND move.booked_at <= %(at)s
        ORDER BY move.booked_at DESC, move.id DESC LIMIT 1
    ) last ON last.quantity_after <> 0 OR last.fifo_after <> 0 OR last.average_after <> 0
    WHERE (%(company)s::text IS NULL OR company.code = %(company)s)
        AND (%(sku)s::bigint IS NULL OR sku.id = %(sku)s)
) held
CROSS JOIN LATERAL (SELECT CASE held.costing WHEN 'fifo' THEN fifo_after ELSE average_after END AS exact) by_method
"""

_ROWS = f"""
SELECT company, currency, sku, name, costing, quantity, round(exact, 2), round(fifo_after, 2), round(average_after, 2)
{_WORTH}
ORDER BY sku, company_id LIMIT %(limit)s OFFSET %(offset)s
"""

_TOTALS = f"""
SELECT company, currency, count(*), sum(quantity)::bigint, sum(round(exact, 2))
{_WORTH}
GROUP BY company_id, company, currency ORDER BY company_id
"""


@dataclass(frozen=True, slots=True)
class Worth:
    """A SKU's units in one company, and what they are worth: by its method, and by both."""

    company: str
    currency: str
    sku: str
    name: str
    costing: str
    quantity: int
    value: Decimal
    fifo_value: Decimal
    average_value: Decimal

    @property
    def unit_cost(self) -> Decimal | None:
        """What a unit is worth; None where there is none."""
        return (self.value / self.quantity).quantize(Decimal("0.000001")) if self.quantity else None


@dataclass(frozen=True, slots=True)
class Total:
    """All that a company holds."""

    company: str
    currency: str
    skus: int
    quantity: int
    value: Decimal


class Worths:
    """What is worth something at an instant: counted, summed and read page by page, all in the database."""

    def __init__(self, *, at: datetime | None = None, company: str | None = None, sku_id: int | None = None) -> None:
        self.at = at or clock.now()
        self._given: dict[str, Any] = {"at": self.at, "company": company, "sku": sku_id}
        self._totals: list[Total] | None = None

    def totals(self) -> list[Total]:
        """By company."""
        if self._totals is None:
            self._totals = [Total(*row) for row in self._ask(_TOTALS)]
        return self._totals

    def count(self) -> int:
        """How many rows there are."""
        return sum(total.skus for total in self.totals())

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[Worth]:
        first = part.start or 0
        limit = None if part.stop is None else max(0, part.stop - first)
        return [Worth(*row) for row in self._ask(_ROWS, limit=limit, offset=first)]

    def _ask(self, statement: str, **more: Any) -> Iterable[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self._given, **more})
            return list(cursor.fetchall())
