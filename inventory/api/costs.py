"""/api/v1/stock-values/, /api/v1/cost-moves/ and /api/v1/cost-layers/: what stock cost, to read."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..costing.projection import freshen
from ..costing.values import Worths
from ..models import CostLayer, CostMove, CostScope, Sku
from .access import Area
from .errors import invalid
from .fields import Identity, Money
from .filters import ByCode, BySku, Filters, check_query
from .levels import read_instant
from .resource import Reads, Resource


class Amount(Money):
    """An amount, below 0 too, with as many decimals as it has."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 38, "decimal_places": 6, "min_value": None, "read_only": True, **kwargs})


class UpToDate(Resource):
    """What was committed before the question is in the answer, unless there is very much of it."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller, then value what is new."""
        super().initial(request, *args, **kwargs)
        freshen()


class WorthSerializer(serializers.Serializer):
    """A SKU's units in one company, what they are worth by its method, and by both methods."""

    company = serializers.CharField()
    sku = serializers.CharField()
    name = serializers.CharField()
    costing = serializers.CharField()
    quantity = serializers.IntegerField(help_text=_("On hand and in transit."))
    value = Amount()
    unit_cost = Amount(allow_null=True)
    currency = serializers.CharField(allow_blank=True)
    fifo_value = Amount()
    average_value = Amount()


class Values(mixins.ListModelMixin, UpToDate):
    """What stock is worth, now or at a past instant (``?at=``). A SKU without units has no row."""

    area = Area.COST
    spans_locations = True
    serializer_class = WorthSerializer
    queryset = CostScope.objects.none()
    filter_backends = ()

    @extend_schema(
        parameters=[
            OpenApiParameter("at", OpenApiTypes.DATETIME, description="A past instant."),
            OpenApiParameter("sku", OpenApiTypes.STR, description="The SKU's code."),
            OpenApiParameter("company", OpenApiTypes.STR, description="The company's code."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values in the order of their SKUs."""
        check_query(request, {"at", "sku", "company"})
        given = request.query_params
        for name in ("sku", "company"):
            if "\x00" in given.get(name, ""):
                raise invalid(name, _("Text must not hold the character U+0000."))
        sku = Sku.objects.filter(codes__code=given["sku"]).values_list("pk", flat=True).first() if "sku" in given else 0
        at = read_instant(given["at"]) if "at" in given else None
        worths = Worths(at=at, company=given.get("company"), sku_id=(sku or -1) if "sku" in given else None)
        page = self.paginate_queryset(worths)  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page or (), many=True).data)


class CostMoveSerializer(serializers.ModelSerializer):
    """How an entry changed a SKU's value in a company. ``amount`` is booked to the cent, by the SKU's present method."""

    id = Identity()
    entry = serializers.CharField(source="position.entry_id", allow_null=True, help_text=_("The ledger entry's id."))
    sku = serializers.CharField(source="scope.sku.code")
    company = serializers.CharField(source="scope.company.code")
    amount = Amount(source="booked")
    fifo_amount = Amount(source="fifo_booked")
    average_amount = Amount(source="average_booked")
    fifo_after = Amount()
    average_after = Amount()

    class Meta:
        model = CostMove
        fields = (
            "id", "entry", "sku", "company", "kind", "quantity", "amount", "fifo_amount", "average_amount",
            "quantity_after", "fifo_after", "average_after", "is_unknown", "document", "booked_at",
        )  # fmt: skip
        read_only_fields = fields


class MoveFilters(Filters):
    """By every field that is compared."""

    sku = BySku("scope__sku")
    company = ByCode("scope__company")

    class Meta(Filters.Meta):
        model = CostMove
        fields = {"kind": ["exact"], "is_unknown": ["exact"], "document": ["exact"], "booked_at": ["gte", "lte"]}


class CostMoves(UpToDate, Reads):
    """Every change of value, newest first: receipts, cost of goods sold, adjustments, landed costs."""

    area = Area.COST
    spans_locations = True
    summaries: ClassVar = {"list": "List changes of value", "retrieve": "Read a change of value"}
    queryset = CostMove.objects.select_related("scope__sku", "scope__company", "position").order_by("-id")
    serializer_class = CostMoveSerializer
    filterset_class = MoveFilters
    lookup_value_regex = "[0-9]{1,18}"


class LayerSerializer(serializers.ModelSerializer):
    """Units that came in together, and what is left of them and of their cost."""

    entry = serializers.CharField(source="entry_id", help_text=_("The ledger entry's id."))
    sku = serializers.CharField(source="scope.sku.code")
    company = serializers.CharField(source="scope.company.code")
    value_left = Amount()

    class Meta:
        model = CostLayer
        fields = ("entry", "sku", "company", "received_at", "quantity", "units_left", "value_left")
        read_only_fields = fields


class LayerFilters(Filters):
    """By every field that is compared."""

    sku = BySku("scope__sku")
    company = ByCode("scope__company")

    class Meta(Filters.Meta):
        model = CostLayer
        fields = {"units_left": ["exact", "gte", "lte"], "received_at": ["gte", "lte"]}


class CostLayers(mixins.ListModelMixin, UpToDate):
    """Layers of cost, the first in first: what FIFO takes from, and what ageing goes by."""

    area = Area.COST
    spans_locations = True
    queryset = CostLayer.objects.select_related("scope__sku", "scope__company").order_by("id")
    serializer_class = LayerSerializer
    filterset_class = LayerFilters
