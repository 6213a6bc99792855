"""/api/v1/companies/ and /api/v1/exchange-rates/"""

from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.translation import gettext as _
from rest_framework import serializers

from ..companies import save_company
from ..errors import CostError
from ..models import Company, ExchangeRate
from .access import Area
from .errors import Refused, translates
from .fields import Currency, Identity, NewCode
from .filters import Filters
from .resource import Changes, Creates, Reads, StrictModel


class CompanySerializer(StrictModel):
    """A legal person with books of its own. Locations say whose they are."""

    code = NewCode(max_length=50)
    base_currency = Currency(
        required=False, allow_blank=True, help_text=_("While it is empty, amounts are taken as they are given.")
    )

    class Meta:
        model = Company
        fields = ("code", "name", "base_currency", "time_zone")
        validators: list[object] = []

    def validate_time_zone(self, name: str) -> str:
        """A name of the time zone database."""
        if name not in available_timezones():
            raise serializers.ValidationError(_("This time zone is unknown; one as Europe/Berlin is expected."))
        return name


class CompanyFilters(Filters):
    """By every field."""

    class Meta(Filters.Meta):
        model = Company
        fields = ("code", "name", "base_currency", "time_zone")


class Companies(Creates, Changes, Reads):
    """Whose stock it is. The first company has every location that names none."""

    area = Area.COST
    spans_locations = True
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict",)}
    queryset = Company.objects.order_by("id")
    serializer_class = CompanySerializer
    filterset_class = CompanyFilters
    lookup_field = "code"
    lookup_value_regex = ".+?"

    def make(self, serializer: Any) -> Company:
        """Store a new one."""
        return save_company(Company(**serializer.validated_data))

    def change(self, serializer: Any) -> Company:
        """What its books are kept in stays once something was booked."""
        return save_company(serializer.apply())


class Rate(serializers.DecimalField):
    """What one unit of a currency is worth, as decimal text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=20, decimal_places=10, min_value=Decimal("0.0000000001"), **kwargs)

    def to_representation(self, value: Any) -> str:
        """Without needless zeros."""
        return f"{Decimal(value).normalize():f}"


class RateSerializer(StrictModel):
    """What one unit of a currency is worth in a base currency, from a day on until there is a newer rate."""

    id = Identity()
    currency = Currency()
    base = Currency()
    rate = Rate()

    class Meta:
        model = ExchangeRate
        fields = ("id", "currency", "base", "day", "rate")
        validators: list[object] = []


class RateFilters(Filters):
    """By currency and day."""

    class Meta(Filters.Meta):
        model = ExchangeRate
        fields = {"currency": ["exact"], "base": ["exact"], "day": ["exact", "gte", "lte"]}


class Rates(Creates, Changes, Reads):
    """Exchange rates. A receipt keeps that of its day: a change later on changes nothing that was received."""

    area = Area.COST
    spans_locations = True
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict",)}
    queryset = ExchangeRate.objects.order_by("-day", "currency", "base")
    serializer_class = RateSerializer
    filterset_class = RateFilters
    lookup_value_regex = "[0-9]{1,18}"


@translates(CostError)
def _cost_error(error: CostError) -> Refused:
    fields = {error.field: [str(error)]} if error.field else {}
    return Refused(error, status=409 if error.conflict else 400, fields=fields)
