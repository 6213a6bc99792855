"""Closing a company's month: what stock was worth is written down for ever, by SKU and location, under a chain of hashes.

Nothing is ever booked into a closed month: facts are recorded now, and what becomes known late is booked after its end.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext as _

from ..companies import home_company
from ..errors import CostError
from ..kernel import clock
from ..models import Company, Period, PeriodAmount
from .journal import Statement, statement
from .projection import behind, catch_up, lock_horizon
from .switching import month_after
from .values import METHOD

_ROWS = f"""
WITH worth AS (
    SELECT sku.id AS sku_id, {METHOD} AS costing, last.quantity_after AS quantity, last.fifo_after, last.average_after
    FROM inventory_costscope scope
    JOIN inventory_company company ON company.id = scope.company_id
    JOIN inventory_sku sku ON sku.id = scope.sku_id
    JOIN LATERAL (
        SELECT move.quantity_after, move.fifo_after, move.average_after FROM inventory_costmove move
        WHERE move.scope_id = scope.id AND move.booked_at < %(until)s
        ORDER BY move.booked_at DESC, move.id DESC LIMIT 1
    ) last ON TRUE
    WHERE scope.company_id = %(company)s
), placed AS (
    SELECT level.sku_id, level.location_id, entry.units
    FROM inventory_stocklevel level
    JOIN inventory_location location ON location.id = level.location_id
    JOIN inventory_costcursor cursor ON cursor.level_id = level.id
    JOIN LATERAL (
        SELECT available_after + reserved_after + quarantine_after + damaged_after + hold_after + in_transit_after AS units
        FROM inventory_ledgerentry entry
        WHERE entry.level_id = level.id AND entry.number <= cursor.number AND entry.recorded_at < %(until)s
        ORDER BY entry.number DESC LIMIT 1
    ) entry ON entry.units <> 0
    WHERE coalesce(location.company_id, %(home)s) = %(company)s
), every AS (
    SELECT sku_id, location_id, units FROM placed
    UNION ALL
    SELECT worth.sku_id, NULL, worth.quantity - coalesce(sum(placed.units), 0)::bigint
    FROM worth LEFT JOIN placed ON placed.sku_id = worth.sku_id
    GROUP BY worth.sku_id, worth.quantity HAVING worth.quantity <> coalesce(sum(placed.units), 0)
), shared AS (
    SELECT every.sku_id, every.location_id, worth.costing, every.units, worth.quantity,
        round(CASE worth.costing WHEN 'fifo' THEN worth.fifo_after ELSE worth.average_after END, 2) AS value,
        sum(every.units) OVER (PARTITION BY every.sku_id ORDER BY every.location_id NULLS LAST) AS running
    FROM every JOIN worth ON worth.sku_id = every.sku_id
)
SELECT sku_id, location_id, costing, units,
    CASE WHEN quantity = 0 THEN 0.00
        ELSE round(value * running / quantity, 2) - round(value * (running - units) / quantity, 2) END
FROM shared ORDER BY sku_id, location_id NULLS LAST
"""

_INSERT = """
INSERT INTO inventory_valuation (period_id, position, sku_id, location_id, costing, quantity, value, hash)
SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::numeric[], %s::bytea[])
"""

#: So many rows are written at once.
CHUNK = 5000


def bounds(company: Company, first_day: date) -> tuple[datetime, datetime]:
    """When a month begins and ends for a company."""
    zone = ZoneInfo(company.time_zone)
    days = (first_day, month_after(first_day))
    start, end = (datetime(day.year, day.month, 1, tzinfo=zone).astimezone(clock.now().tzinfo) for day in days)
    return start, end


def next_month(company: Company) -> date | None:
    """The month that can be closed next: after the last closed one, else any that is over (None)."""
    last = Period.objects.filter(company=company).order_by("-first_day").first()
    return None if last is None else month_after(last.first_day)


@transaction.atomic
def close(company: Company, *, first_day: date, actor: str, note: str = "") -> Period:
    """Close a month. Raises CostError where it is not over, not the next one, or where not everything is valued yet."""
    first_day = first_day.replace(day=1)
    _refuse_behind()
    lock_horizon()
    starts_at, ends_at = bounds(company, first_day)
    if ends_at > clock.now():
        raise CostError(_("%s is not over yet") % f"{first_day:%Y-%m}", field="month", conflict=True)
    due = next_month(company)
    if due is not None and first_day != due:
        said = _("months are closed in their order: the next one of %(company)s is %(month)s")
        raise CostError(said % {"company": company, "month": f"{due:%Y-%m}"}, field="month", conflict=True)
    said_of = statement(company, starts_at=starts_at, ends_at=ends_at)
    before = Period.objects.filter(company=company).order_by("-first_day").first()
    period = Period(
        pk=_next_id(), company=company, first_day=first_day, starts_at=starts_at, ends_at=ends_at,
        opening=said_of.opening, closing=said_of.closing, closed_by=actor[:150], closed_at=clock.now(), note=note[:200],
    )  # fmt: skip
    total, period.hash = _write_down(period, bytes(before.hash) if before else b"")
    if not said_of.adds_up or total != said_of.closing or (before and before.closing != said_of.opening):
        raise CostError(_("the books of %s do not add up: have them checked by verify_ledger") % period, conflict=True)
    period.hash = seal(period, said_of)
    period.save(force_insert=True)
    PeriodAmount.objects.bulk_create(
        PeriodAmount(period=period, kind=kind, amount=amount) for kind, amount in said_of.amounts.items()
    )
    return period


def seal(period: Period, said: Statement) -> bytes:
    """The hash over a period's valuation (as ``period.hash`` has it so far) and what it says besides."""
    amounts = "|".join(f"{kind}:{amount:.2f}" for kind, amount in sorted(said.amounts.items()) if amount)
    text = f"{period.company_id}|{period.first_day}|{said.opening:.2f}|{said.closing:.2f}|{amounts}"
    return hashlib.sha256(bytes(period.hash) + text.encode()).digest()


def chain(before: bytes, row: tuple[Any, ...]) -> bytes:
    """The hash of a row of valuation: (position, SKU, location, method, units, value). The checker computes the same in SQL."""
    return hashlib.sha256(before + "|".join("" if one is None else str(one) for one in row).encode()).digest()


def _refuse_behind() -> None:
    if not catch_up(wait=True):
        said = _("%d entries are not valued yet: close it when they are, in a moment")
        raise CostError(said % behind(), conflict=True)


def _write_down(period: Period, before: bytes) -> tuple[Decimal, bytes]:
    """Write the valuation; its sum, and the last row's hash."""
    total, rows = Decimal("0.00"), []
    for row in _valuation(period):
        before = chain(before, row)
        total += row[-1]
        rows.append((*row, before))
        if len(rows) == CHUNK:
            _insert(period, rows)
            rows = []
    _insert(period, rows)
    return total, before


def _valuation(period: Period) -> Iterator[tuple[Any, ...]]:
    given: dict[str, Any] = {
        "company": period.company_id,
        "at": period.starts_at,
        "until": period.ends_at,
        "home": home_company().pk,
    }
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ROWS, given)
        yield from ((position, *row) for position, row in enumerate(cursor, 1))


def _insert(period: Period, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [period.pk, *map(list, zip(*rows, strict=True))])


def _next_id() -> int:
    """Known before the rows are written, which name it; the period itself says their hash."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_period', 'id'))")
        return int(cursor.fetchone()[0])
