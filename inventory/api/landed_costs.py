"""/api/v1/landed-costs/"""

from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ..costing.landed import LARGEST, MOST_RECEIPTS, borne, cancel_landed, create_landed
from ..models import LandedCost, LandedMethod, LedgerEntry
from .access import Area
from .costs import Amount
from .errors import invalid
from .fields import Currency, Money, NewCode
from .filters import ByCode, Filters
from .resource import Reads, Strict, Why


class Share(serializers.Serializer):
    """What a receipt bears: what stayed on the units that were left of it, and what was cost of goods sold at once."""

    receipt = serializers.CharField(source="entry.pk")
    sku = serializers.CharField(source="entry.level.sku.code")
    location = serializers.CharField(source="entry.level.location.code")
    quantity = serializers.IntegerField(source="entry.quantity")
    amount = Amount()
    in_stock = Amount()
    to_cogs = Amount()
    unit_cost = Amount(help_text=_("What a unit of the receipt cost, with all charges that stand."))


class LandedCostSerializer(Strict):
    """A charge that is shared among receipts."""

    code = NewCode(max_length=50, required=False, help_text=_("Default: one is made."))
    method = serializers.ChoiceField(choices=LandedMethod.choices)
    amount = Money(max_digits=18, decimal_places=2, min_value=Decimal("0.01"), max_value=LARGEST)
    currency = Currency(required=False, allow_blank=True, help_text=_("Default: the company's own."))
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    receipts = serializers.ListField(
        child=serializers.RegexField("^[0-9]{1,18}$"), min_length=1, max_length=MOST_RECEIPTS,
        help_text=_("Ids of ledger entries that brought units in, as `stock-adjustments/` answers them."),
    )  # fmt: skip


class ShownLandedCost(serializers.Serializer):
    """A charge, and what each receipt bears of it."""

    code = serializers.CharField()
    company = serializers.CharField(source="company.code")
    method = serializers.CharField()
    amount = Amount()
    currency = serializers.CharField(allow_blank=True)
    base_amount = Amount(help_text=_("In the company's own currency, at the rate of the day."))
    note = serializers.CharField(allow_blank=True)
    status = serializers.SerializerMethodField()
    shares = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)
    cancelled_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_status(self, landed: LandedCost) -> str:
        """`booked`, or `cancelled`."""
        return "booked" if landed.cancelled_at is None else "cancelled"

    @extend_schema_field(Share(many=True))
    def get_shares(self, landed: LandedCost) -> Any:
        """By receipt."""
        return Share(borne(landed), many=True).data


class LandedCostFilters(Filters):
    """By every field that is compared."""

    company = ByCode("company")

    class Meta(Filters.Meta):
        model = LandedCost
        fields = {"code": ["exact"], "method": ["exact"], "created_at": ["gte", "lte"]}


class LandedCosts(Reads):
    """Freight, duty and the like. Nothing is edited: cancelling books the same shares the other way."""

    area = Area.COST
    spans_locations = True
    refusals: ClassVar = {"create": ("conflict",), "cancel": ("landed_cost_ended",)}
    queryset = LandedCost.objects.select_related("company").order_by("-id")
    serializer_class = ShownLandedCost
    filterset_class = LandedCostFilters
    lookup_field = "code"

    @extend_schema(request=LandedCostSerializer, responses={201: ShownLandedCost})
    def create(self, request: Request) -> Response:
        """Share a cost among receipts, and book it."""
        given = self.body(LandedCostSerializer).validated_data
        return self.carry_out(lambda: (201, self.shown(self._make(dict(given)))))

    def _make(self, given: dict[str, Any]) -> LandedCost:
        ids = [int(text) for text in given.pop("receipts")]
        entries = LedgerEntry.objects.select_related("level__sku").in_bulk(ids)
        for place, number in enumerate(ids):
            if number not in entries:
                raise invalid(f"receipts.{place}", _("There is no receipt {id}.").format(id=number))
        return create_landed(receipts=[entries[number] for number in ids], actor=self.caller.actor, **given)

    @extend_schema(request=Why, responses=ShownLandedCost)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, code: str) -> Response:
        """Book the same shares the other way: what is left of each receipt gives back its part."""
        landed = self.get_object()
        reason = self.body(Why).validated_data["reason"]
        return self.carry_out(lambda: (200, self.shown(cancel_landed(landed, reason=reason, actor=self.caller.actor))))
