"""Whose stock it is, and what money of one currency is in another."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from .errors import CostError
from .kernel import clock
from .models import Company, CostPosition, ExchangeRate, Location

MILLIONTH = Decimal("0.000001")

#: The largest amount that a unit may cost.
LARGEST_COST = Decimal(10) ** 12


def home_company() -> Company:
    """The first company: that of every location of which nobody has said whose it is."""
    found = Company.objects.order_by("pk").first()
    return found or Company.objects.get_or_create(code="MAIN", defaults={"name": "Main company"})[0]


def company_of(location: Location) -> Company:
    """Whose stock is at a location."""
    return home_company() if location.company_id is None else Company.objects.get(pk=location.company_id)


def rate_of(currency: str, *, company: Company, day: date | None = None) -> Decimal:
    """What one unit of a currency is in a company's own on a day. Raises CostError where nobody has said."""
    base = company.base_currency
    if not currency or not base or currency == base:
        return Decimal(1)
    day = day or today(company)
    rates = ExchangeRate.objects.filter(currency=currency, base=base, day__lte=day).order_by("-day")
    rate = rates.values_list("rate", flat=True).first()
    if rate is None:
        said = _("there is no rate from %(currency)s to %(base)s on %(day)s or before: add one")
        raise CostError(said % {"currency": currency, "base": base, "day": day})
    return rate


def today(company: Company, *, at: datetime | None = None) -> date:
    """The day that it is for a company."""
    return (at or clock.now()).astimezone(ZoneInfo(company.time_zone)).date()


def in_base(amount: Decimal, rate: Decimal, *, step: Decimal = MILLIONTH) -> Decimal:
    """An amount in the base currency, rounded to a step, halves up."""
    return (amount * rate).quantize(step, ROUND_HALF_UP)


@transaction.atomic
def save_company(company: Company) -> Company:
    """Save a new or changed company. What its books are kept in stays once something was booked. Raises CostError."""
    before = Company.objects.select_for_update().filter(pk=company.pk).first() if company.pk else None
    if before is not None and CostPosition.objects.filter(company=company).exists():
        if before.base_currency and before.base_currency != company.base_currency:
            raise CostError(_("%s has stock in its books: its currency stays") % before, field="base_currency")
        if before.time_zone != company.time_zone and company.periods.exists():
            raise CostError(_("%s has closed periods: its time zone stays") % before, field="time_zone")
    company.save()
    return company
