"""What became of stock's value in a span of time, and the journal that says it in accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from ..models import AccountMap, Company, JournalKind, MoveKind
from .values import METHOD

ZERO = Decimal("0.00")

#: Which line of the journal a move belongs to.
LINES: Mapping[str, JournalKind] = {
    MoveKind.RECEIPT: JournalKind.RECEIPTS,
    MoveKind.LANDED: JournalKind.LANDED,
    MoveKind.SALE: JournalKind.COGS,
    MoveKind.RETURN: JournalKind.COGS,
    MoveKind.LATE: JournalKind.COGS,
    MoveKind.ADJUSTMENT: JournalKind.ADJUSTMENTS,
    MoveKind.TRANSFER: JournalKind.TRANSFERS,
    MoveKind.ASSEMBLY: JournalKind.ASSEMBLY,
}

#: Accounts where nobody has chosen others.
USUAL: Mapping[str, tuple[str, str]] = {
    JournalKind.INVENTORY: ("1200", "Inventory"),
    JournalKind.RECEIPTS: ("2100", "Goods received, not invoiced"),
    JournalKind.LANDED: ("2110", "Landed costs, not invoiced"),
    JournalKind.COGS: ("5000", "Cost of goods sold"),
    JournalKind.ADJUSTMENTS: ("5100", "Inventory adjustments"),
    JournalKind.TRANSFERS: ("1900", "Between companies"),
    JournalKind.ASSEMBLY: ("5190", "Rounding of assemblies"),
    JournalKind.REVALUATION: ("5180", "Switches of costing"),
}

_MOVED = f"""
SELECT kind, sum(booked) FROM (
    SELECT move.kind, CASE {METHOD}
        WHEN 'fifo' THEN round(move.fifo_after, 2) - round(move.fifo_after - move.fifo_cost, 2)
        ELSE round(move.average_after, 2) - round(move.average_after - move.average_cost, 2) END AS booked
    FROM inventory_costmove move
    JOIN inventory_costscope scope ON scope.id = move.scope_id
    JOIN inventory_company company ON company.id = scope.company_id
    JOIN inventory_sku sku ON sku.id = scope.sku_id
    WHERE company.id = %(company)s AND move.booked_at >= %(at)s AND move.booked_at < %(until)s
) moved GROUP BY kind
"""

_STOOD = f"""
SELECT coalesce(sum(round(CASE method WHEN 'fifo' THEN fifo_after ELSE average_after END, 2)), 0)
FROM (
    SELECT {METHOD} AS method, last.fifo_after, last.average_after
    FROM inventory_costscope scope
    JOIN inventory_company company ON company.id = scope.company_id
    JOIN inventory_sku sku ON sku.id = scope.sku_id
    JOIN LATERAL (
        SELECT move.fifo_after, move.average_after FROM inventory_costmove move
        WHERE move.scope_id = scope.id AND move.booked_at < %(until)s
        ORDER BY move.booked_at DESC, move.id DESC LIMIT 1
    ) last ON TRUE
    WHERE company.id = %(company)s
) held
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """Opening value + each cause = closing value, to the cent."""

    opening: Decimal
    amounts: Mapping[str, Decimal]
    closing: Decimal

    @property
    def adds_up(self) -> bool:
        """Whether it does."""
        return self.opening + sum(self.amounts.values(), ZERO) == self.closing


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal: one of the two amounts is 0."""

    kind: str
    account: str
    name: str
    debit: Decimal
    credit: Decimal

    @property
    def label(self) -> str:
        """What it is about, in words."""
        return str(JournalKind(self.kind).label)


def statement(company: Company, *, starts_at: datetime, ends_at: datetime) -> Statement:
    """What became of a company's stock from one instant to another. Each SKU by its method of that time."""
    given: dict[str, Any] = {"company": company.pk, "at": starts_at, "until": ends_at}
    with connection.cursor() as cursor:
        cursor.execute(_STOOD, {**given, "until": starts_at, "at": starts_at - timedelta(microseconds=1)})
        opening = cursor.fetchone()[0]
        cursor.execute(_STOOD, {**given, "until": starts_at})
        reopened = cursor.fetchone()[0]
        cursor.execute(_STOOD, given)
        closing = cursor.fetchone()[0]
        cursor.execute(_MOVED, given)
        moved = dict(cursor.fetchall())
    amounts: dict[str, Decimal] = dict.fromkeys((kind for kind in JournalKind if kind != JournalKind.INVENTORY), ZERO)
    for kind, booked in moved.items():
        amounts[LINES[kind]] += booked
    amounts[JournalKind.REVALUATION] += reopened - opening
    return Statement(opening + ZERO, amounts, closing + ZERO)


def journal(amounts: Mapping[str, Decimal]) -> list[Line]:
    """Two lines for each cause: stock, and what it was against. Debit and credit are alike."""
    accounts = chart()
    lines = []
    for kind, amount in amounts.items():
        if not amount:
            continue
        for side, given in ((JournalKind.INVENTORY, amount), (JournalKind(kind), -amount)):
            account, name = accounts[side]
            lines.append(Line(kind, account, name, max(given, ZERO), max(-given, ZERO)))
    return lines


def chart() -> dict[str, tuple[str, str]]:
    """The account of each cause: the chosen one, or the usual one."""
    rows = AccountMap.objects.values_list("kind", "account", "name")
    return {**USUAL, **{kind: (account, name) for kind, account, name in rows}}
