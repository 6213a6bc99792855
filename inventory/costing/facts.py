"""What received units cost, as whoever received them said: kept in the posting's own transaction, for ever."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from ..companies import LARGEST_COST, MILLIONTH, company_of, in_base, rate_of
from ..errors import CostError
from ..models import CostFact, LedgerEntry, Location


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What one unit cost, in a currency; empty: the company's own."""

    amount: Decimal
    currency: str = ""


def check_fact(cost: UnitCost, *, units: int) -> None:
    """Raise CostError where a cost makes no sense: only what comes in has one."""
    if units < 0:
        raise CostError(_("units that leave have the cost at which they came"), field="unit_cost")
    if not cost.amount.is_finite() or not 0 <= cost.amount <= LARGEST_COST:
        raise CostError(_("a unit costs 0 to %s") % LARGEST_COST, field="unit_cost")
    if cost.amount != cost.amount.quantize(MILLIONTH):
        raise CostError(_("a unit's cost has at most six decimals"), field="unit_cost")


def keep_fact(cost: UnitCost, *, location: Location, level_id: int, number: int) -> CostFact:
    """Keep it beside the entry, with the rate of the day. Raises CostError where there is no rate."""
    company = company_of(location)
    rate = rate_of(cost.currency, company=company)
    return CostFact.objects.create(
        level_id=level_id, number=number, unit_cost=cost.amount, currency=cost.currency or company.base_currency,
        rate=rate, base_unit_cost=in_base(cost.amount, rate),
    )  # fmt: skip


def is_fact(entry: LedgerEntry, cost: UnitCost | None) -> bool:
    """Whether an entry was recorded with this cost, or without one where none is asked for."""
    kept = CostFact.objects.filter(level=entry.level_id, number=entry.number).first()
    if kept is None or cost is None:
        return kept is None and cost is None
    return kept.unit_cost == cost.amount and cost.currency in ("", kept.currency)
