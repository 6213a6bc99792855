"""/api/v1/periods/: closed months, their valuation and their journal."""

import re
from datetime import date
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ..companies import home_company
from ..costing.journal import ZERO, journal
from ..costing.periods import close
from ..models import Company, Period, Valuation
from .access import Area
from .costs import Amount
from .fields import Code, Identity
from .filters import ByCode, Filters
from .resource import Creates, Reads, StrictModel


class Month(serializers.CharField):
    """A month, as 2026-01."""

    default_error_messages = {"month": _("A month is expected, as 2026-01.")}

    def to_internal_value(self, data: Any) -> Any:
        """Its first day."""
        found = re.fullmatch(r"(2\d{3})-(0[1-9]|1[0-2])", str(super().to_internal_value(data)))
        if found is None:
            self.fail("month")
        return date(int(found[1]), int(found[2]), 1)

    def to_representation(self, value: Any) -> str:
        """Year and month."""
        return f"{value:%Y-%m}"


class Changed(serializers.Serializer):
    """By how much stock's value changed for one cause."""

    kind = serializers.CharField()
    amount = Amount()


class PeriodSerializer(StrictModel):
    """A company's closed month: opening value + changes = closing value, to the cent."""

    id = Identity()
    company = Code(queryset=Company.objects.all(), required=False, help_text=_("Default: the first company."))
    month = Month(source="first_day")
    opening = Amount()
    changes = Changed(source="amounts", many=True, read_only=True)
    closing = Amount()
    hash = serializers.SerializerMethodField()

    class Meta:
        model = Period
        fields = (
            "id", "company", "month", "note", "starts_at", "ends_at", "opening", "changes", "closing", "hash",
            "closed_by", "closed_at",
        )  # fmt: skip
        read_only_fields = ("starts_at", "ends_at", "closed_by", "closed_at")
        validators: list[object] = []

    def get_hash(self, period: Period) -> str:
        """Over its valuation, its changes and the period before it, as hexadecimal digits."""
        return bytes(period.hash).hex()


class ValuationSerializer(serializers.ModelSerializer):
    """What a SKU's units at a location were worth when the month ended."""

    sku = serializers.CharField(source="sku.code")
    location = serializers.CharField(
        source="location.code", default=None, allow_null=True, help_text=_("Null: made known after the month.")
    )
    value = Amount()

    class Meta:
        model = Valuation
        fields = ("position", "sku", "location", "costing", "quantity", "value")
        read_only_fields = fields


class JournalLine(serializers.Serializer):
    """A line of the journal: one of both amounts is 0."""

    kind = serializers.CharField()
    account = serializers.CharField()
    name = serializers.CharField()
    debit = Amount()
    credit = Amount()


class Journal(serializers.Serializer):
    """A period's journal; debit and credit are alike."""

    lines = JournalLine(many=True)
    debit = Amount()
    credit = Amount()


class PeriodFilters(Filters):
    """By company."""

    company = ByCode("company")

    class Meta(Filters.Meta):
        model = Period
        fields = ("company",)


class Periods(Creates, Reads):
    """Closed months. Making one closes it; what becomes known later is booked in the next. Nothing opens one again."""

    area = Area.COST
    spans_locations = True
    summaries: ClassVar = {
        "create": "Close a month", "valuation": "List a period's valuation", "journal": "Read a period's journal",
    }  # fmt: skip
    refusals: ClassVar = {"create": ("period_not_over",)}
    queryset = Period.objects.select_related("company").prefetch_related("amounts").order_by("-first_day", "company")
    serializer_class = PeriodSerializer
    filterset_class = PeriodFilters
    lookup_value_regex = "[0-9]{1,18}"

    def make(self, serializer: Any) -> Period:
        """Close it."""
        given = serializer.validated_data
        company = given.get("company") or home_company()
        return close(company, first_day=given["first_day"], note=given.get("note", ""), actor=self.caller.actor)

    @extend_schema(responses=ValuationSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], filter_backends=())
    def valuation(self, request: Request, pk: str) -> Response:
        """What every SKU was worth at every location when the month ended."""
        rows = Valuation.objects.filter(period=self.get_object()).select_related("sku", "location").order_by("position")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ValuationSerializer(page, many=True).data)

    @extend_schema(responses=Journal, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=())
    def journal(self, request: Request, pk: str) -> Response:
        """Its changes by the accounts that they belong to now: debit and credit are alike."""
        lines = journal({one.kind: one.amount for one in self.get_object().amounts.all()})
        sums = {side: sum((getattr(line, side) for line in lines), ZERO) for side in ("debit", "credit")}
        return Response(Journal({"lines": lines, **sums}).data)
