"""/api/v1/stock-levels/"""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import F, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from .. import bins
from ..availability import ON_HAND, levels_at
from ..kernel import clock
from ..models import Location, Sku, StockLevel
from .access import Area, caller_of
from .bundle_levels import bundle_levels
from .errors import invalid
from .fields import Code, SkuField
from .filters import ByCode, BySku, Filters, check_query
from .resource import Resource, Strict

_STATES = ("available", "reserved", "quarantine", "damaged", "hold", "in_transit")


class LevelSerializer(serializers.Serializer):
    """Units of one SKU at one location, by state. On hand is the sum of all but those in transit, which are yet to come."""

    sku = serializers.CharField(source="sku_code")
    location = serializers.CharField(source="location_code")
    on_hand = serializers.IntegerField(source="units")
    available = serializers.IntegerField()
    reserved = serializers.IntegerField()
    quarantine = serializers.IntegerField()
    damaged = serializers.IntegerField()
    hold = serializers.IntegerField()
    in_transit = serializers.IntegerField()
    bins = serializers.ListField(
        source="bin_names", child=serializers.CharField(), help_text=_lazy("Where it lies, the first to look in first.")
    )

    def to_representation(self, level: Any) -> dict[str, Any]:
        """The row; it comes as a plain dict already, which makes long lists fast."""
        return {name: level.get(field.source or name, ()) for name, field in self.fields.items()}


class Bins(Strict):
    """Where a SKU lies at a location."""

    sku = SkuField(queryset=Sku.objects.all())
    location = Code(queryset=Location.objects.all())
    bins = serializers.ListField(child=serializers.CharField(max_length=50), max_length=20)


class LevelFilters(Filters):
    """By SKU and location, and by the units of each state (``available__lte=5``)."""

    sku = BySku("sku")
    location = ByCode("location")
    bin = filters.CharFilter(field_name="bins__bin", help_text=_lazy("One of its bins."))
    on_hand = filters.NumberFilter(field_name="units")
    on_hand__gte = filters.NumberFilter(field_name="units", lookup_expr="gte")
    on_hand__lte = filters.NumberFilter(field_name="units", lookup_expr="lte")

    class Meta(Filters.Meta):
        model = StockLevel
        fields = {state: ["exact", "gte", "lte"] for state in _STATES}


class Levels(mixins.ListModelMixin, Resource):
    """Stock now, or at a past instant (``?at=``). A SKU that never had stock somewhere has no row there.

    Of a bundle, asked for by ``?sku=``, ``available`` counts what its components there make, beside what lies there packed.
    """

    area = Area.STOCK
    location_path = "location"
    serializer_class = LevelSerializer
    filterset_class = LevelFilters
    queryset = StockLevel.objects.order_by("sku__code", "location__priority", "location__code")
    other_parameters = ("at",)
    summaries: ClassVar = {"put_bins": "Say in which bins a SKU lies"}
    refusals: ClassVar = {"put_bins": ("other_location",)}

    def get_queryset(self) -> Any:
        """Plain rows, without a model instance each."""
        rows = super().get_queryset().annotate(units=ON_HAND, bin_names=bins.names_of(OuterRef("pk")))
        codes = {"sku_code": "sku__code", "location_code": "location__code"}
        named = {name: F(path) for name, path in codes.items()}
        return rows.values("units", "bin_names", *_STATES, **named)

    @extend_schema(parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, description="A past instant.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Levels in the order of their SKUs."""
        if "at" in request.query_params:
            return self._past(request)
        of_bundle = bundle_levels(request, self.caller)
        if of_bundle is not None:
            return self.get_paginated_response(list(self.paginate_queryset(of_bundle) or ()))
        return super().list(request, *args, **kwargs)

    @extend_schema(request=Bins, responses=Bins, filters=False)
    @action(detail=False, methods=["post"], url_path="bins")
    def put_bins(self, request: Request) -> Response:
        """The bins of a SKU at a location from now on, in their order: the first is where to look first. They move no unit."""
        given = self.body(Bins).validated_data
        self.check_location(given["location"].pk)

        def deed() -> tuple[int, Any]:
            names = bins.put(**given)
            return 200, {"sku": given["sku"].code, "location": given["location"].code, "bins": names}

        return self.carry_out(deed)

    def _past(self, request: Request) -> Response:
        check_query(request, {"at", "sku", "location"})
        rows = levels_at(
            read_instant(request.query_params["at"]), sku_codes=_own_code(request), location_codes=_places(request)
        )
        page = self.paginate_queryset(rows)
        found = [
            {"sku": level.sku, "location": level.location, "on_hand": level.on_hand}
            | {state: getattr(level, state) for state in _STATES}
            | {"bins": []}  # where it lay is not kept
            for level in page or ()
        ]
        return self.get_paginated_response(found)


def _places(request: Request) -> list[str] | None:
    """The codes of the locations that are asked for and that the caller may see; None is all."""
    asked = _one(request, "location")
    caller = caller_of(request)
    if caller.location_ids is None:
        return asked
    covered = Location.objects.filter(pk__in=caller.location_ids)
    return list((covered if asked is None else covered.filter(code__in=asked)).values_list("code", flat=True))


def _own_code(request: Request) -> list[str] | None:
    """The own code of the SKU that is asked for by any of its codes; None is all."""
    asked = _one(request, "sku")
    return asked and list(Sku.objects.filter(codes__code__in=asked).values_list("code", flat=True))


def _one(request: Request, name: str) -> list[str] | None:
    if name not in request.query_params:
        return None
    value = request.query_params[name]
    if "\x00" in value:
        raise invalid(name, _("Text must not hold the character U+0000."))
    return [value]


def read_instant(text: str) -> datetime:
    """A past instant. Refused where it is none."""
    at: datetime = _parsed(text)
    if at > clock.now():
        raise invalid("at", _("this instant is yet to come"))
    return at


def _parsed(text: str) -> Any:
    try:
        return serializers.DateTimeField().to_internal_value(text)
    except serializers.ValidationError as error:
        raise invalid("at", " ".join(map(str, error.detail))) from None
