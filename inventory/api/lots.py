"""/api/v1/lots/"""

from typing import Any, ClassVar

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ..expiry import expiring
from ..lot_tracking import assign, given_lot
from ..models import Location, Lot, LotLevel, LotPlace, Sku
from ..models.lot import PLACES, SOMETHING
from ..recall import Movement, end_recall, recall, report
from .access import Area
from .errors import Refused, invalid
from .fields import Code, SkuField, Units
from .filters import BySku, Filters
from .resource import Creates, Reads, Strict, StrictModel, Why

OF_SKU = OpenApiParameter(
    "sku", OpenApiTypes.STR, description="The SKU's code; needed where several SKUs have a lot of that code."
)
_NAMES = [place.value for place in PLACES]
_BY_HAND = [(place.value, place.label) for place in PLACES if place != LotPlace.IN_TRANSIT]


class LotUnitsHere(serializers.Serializer):
    """Units of a lot at one location. Its shelf is what is available or reserved there: promises pin no lot."""

    location = serializers.CharField()
    on_hand = serializers.IntegerField()
    shelf = serializers.IntegerField()
    quarantine = serializers.IntegerField()
    damaged = serializers.IntegerField()
    hold = serializers.IntegerField()
    in_transit = serializers.IntegerField()


class LotSerializer(StrictModel):
    """Units of one SKU that were made together."""

    sku = SkuField(queryset=Sku.objects.all())
    code = serializers.CharField(max_length=100)
    expires_on = serializers.DateField(
        required=False,
        allow_null=True,
        help_text=gettext_lazy(
            "From the beginning of this day on, where it lies, it is not sold. One for ever, or none."
        ),
    )

    class Meta:
        model = Lot
        fields = ("sku", "code", "expires_on", "created_at", "recalled_at", "recalled_by", "recall_reason")
        read_only_fields = ("created_at", "recalled_at", "recalled_by", "recall_reason")
        validators: list[object] = []

    def to_representation(self, instance: Lot) -> dict[str, Any]:
        """With where it is, as far as the caller may see."""
        shown: dict[str, Any] = super().to_representation(instance)
        held: list[LotLevel] = instance.here  # type: ignore[attr-defined]
        shown["on_hand"] = sum(one.on_hand for one in held)
        shown["levels"] = [_here(one) for one in held]
        return shown


class ShownLot(LotSerializer):
    """A lot as it is answered."""

    on_hand = serializers.IntegerField(read_only=True)
    levels = LotUnitsHere(many=True, read_only=True)

    class Meta(LotSerializer.Meta):
        fields = (*LotSerializer.Meta.fields, "on_hand", "levels")  # type: ignore[assignment]


class Assigned(Strict):
    """Units of this lot that are of another one."""

    to_lot = serializers.CharField(max_length=100)
    expires_on = serializers.DateField(required=False, help_text=gettext_lazy("The other lot's, where it is new."))
    location = Code(queryset=Location.objects.all())
    place = serializers.ChoiceField(choices=_BY_HAND, default=LotPlace.SHELF.value)
    quantity = Units(least=1)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class RecalledUnits(serializers.Serializer):
    """Units of a lot that came in, and by which document."""

    at = serializers.DateTimeField()
    location = serializers.CharField()
    from_place = serializers.CharField()
    to_place = serializers.CharField()
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    reference = serializers.CharField()
    actor = serializers.CharField()


class Got(serializers.Serializer):
    """Whose order got how many units of a lot; ``order`` is the channel's code and its own id of the order."""

    order = serializers.CharField()
    shipped = serializers.IntegerField()
    returned = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class RecallReport(serializers.Serializer):
    """Everything that a lot has touched: where it is, what came in, and who got it."""

    sku = serializers.CharField()
    lot = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    recalled_at = serializers.DateTimeField(allow_null=True)
    on_hand = serializers.IntegerField()
    shipped = serializers.IntegerField()
    returned = serializers.IntegerField()
    levels = LotUnitsHere(many=True)
    received = RecalledUnits(many=True)
    orders = Got(many=True)


class LotFilters(Filters):
    """By every field; ``expires_within_days`` finds what expires soon or has, and is somewhere still."""

    sku = BySku("sku")
    expires_within_days = filters.NumberFilter(method="soon", min_value=0, max_value=36500)
    is_recalled = filters.BooleanFilter(field_name="recalled_at", lookup_expr="isnull", exclude=True)
    has_stock = filters.BooleanFilter(method="stocked")

    class Meta(Filters.Meta):
        model = Lot
        fields = {"code": ["exact"], "expires_on": ["exact", "gte", "lte"]}

    def soon(self, rows: "QuerySet[Lot]", name: str, value: Any) -> "QuerySet[Lot]":
        """Lots that have units and expire within so many days."""
        return rows.filter(pk__in=expiring(within_days=int(value)).order_by().values("lot"))

    def stocked(self, rows: "QuerySet[Lot]", name: str, value: bool) -> "QuerySet[Lot]":
        """Lots that have units somewhere, or none."""
        held = Q(pk__in=LotLevel.objects.filter(SOMETHING).order_by().values("lot"))
        return rows.filter(held if value else ~held)


@extend_schema_view(
    list=extend_schema(responses=ShownLot(many=True)),
    retrieve=extend_schema(responses=ShownLot, parameters=[OF_SKU]),
    create=extend_schema(responses={201: ShownLot}),
)
class Lots(Creates, Reads):
    """Lots of SKUs that keep them, those that expire first at the top. A lot is named by its SKU and its code."""

    area = Area.STOCK
    queryset = Lot.objects.select_related("sku").order_by("expires_on", "id")
    serializer_class = LotSerializer
    filterset_class = LotFilters
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    summaries: ClassVar = {
        "create": "Name a lot", "recall_report": "Read everything that a lot has touched", "recall": "Recall a lot",
        "end_recall": "End the recall of a lot", "assign": "Say that units are of another lot",
    }  # fmt: skip
    refusals: ClassVar = {
        "create": ("lot_date",), "recall": ("recalled", "other_location"), "end_recall": ("not_recalled", "other_location"),
        "assign": ("insufficient_stock", "other_location", "lot_date"),
    }  # fmt: skip

    def get_queryset(self) -> Any:
        """With the units that are at the caller's locations."""
        held = LotLevel.objects.filter(SOMETHING).select_related("level__location")
        places = None if getattr(self, "swagger_fake_view", False) else self.caller.location_ids
        if places is not None:
            held = held.filter(level__location__in=places)
        ordered = held.order_by("level__location__priority", "level__location__code")
        return super().get_queryset().prefetch_related(Prefetch("lot_levels", ordered, to_attr="here"))

    def get_object(self) -> Lot:
        """The lot of that code; of the SKU that is named, where there are several."""
        rows = self.get_queryset().filter(code=self.kwargs["code"])
        sku = self.request.query_params.get("sku")
        if sku is not None and "\x00" not in sku:
            rows = rows.filter(sku__codes__code=sku)
        found: list[Lot] = list(rows[:2])
        if len(found) > 1:
            raise invalid("sku", _("Several SKUs have a lot of that code: name the SKU in the address, as ?sku=CODE."))
        if not found:
            raise Refused(_("There is no such thing here."), status=404)
        return found[0]

    def make(self, serializer: Any) -> Lot:
        """Name a lot before its units come; one that is there already is a conflict."""
        given = serializer.validated_data
        sku, code = given["sku"], given["code"].strip()
        if Lot.objects.filter(sku=sku, code=code).exists():
            raise Refused(_("There is one already."), status=409, fields={"code": [_("There is one already.")]})
        made = given_lot(sku, code, expires_on=given.get("expires_on"), coming=True)
        assert made is not None
        return made

    @extend_schema(responses=RecallReport, parameters=[OF_SKU])
    @action(detail=True, methods=["get"], url_path="recall")
    def recall_report(self, request: Request, code: str) -> Response:
        """Where it is now, what came in, and whose orders got how many units when; at the caller's locations."""
        lot = self.get_object()
        told = report(lot, places=self.caller.location_ids)
        at = serializers.DateTimeField().to_representation
        return Response({
            "sku": lot.sku.code, "lot": lot.code, "expires_on": lot.expires_on,
            "recalled_at": at(lot.recalled_at) if lot.recalled_at else None, "on_hand": told.units_here,
            "shipped": told.units_shipped, "returned": told.units_returned, "levels": [_here(one) for one in told.levels],
            "received": [_came(one) for one in told.received],
            "orders": [
                {
                    "order": buyer.document.removeprefix("order:"), "shipped": buyer.shipped, "returned": buyer.returned,
                    "first_at": at(buyer.first_at), "last_at": at(buyer.last_at),
                }
                for buyer in told.buyers if buyer.first_at and buyer.last_at
            ],
        })  # fmt: skip

    @extend_schema(request=Why, responses=ShownLot, parameters=[OF_SKU])
    @recall_report.mapping.post
    def recall(self, request: Request, code: str) -> Response:
        """None of it is sold from now on: its shelf units go to quarantine at all locations, orders that count on them wait."""
        self._check_everywhere()
        reason = self.body(Why).validated_data["reason"]
        return self.act("recalled", lambda lot: recall(lot, reason=reason, actor=self.caller.actor))

    @extend_schema(request=Why, responses=ShownLot, parameters=[OF_SKU])
    @action(detail=True, methods=["post"], url_path="end-recall")
    def end_recall(self, request: Request, code: str) -> Response:
        """What comes of it may be sold again; what lies in quarantine stays there until it is moved."""
        self._check_everywhere()
        return self.act("recall ended", lambda lot: end_recall(lot, actor=self.caller.actor))

    @extend_schema(request=Assigned, responses=ShownLot, parameters=[OF_SKU])
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, code: str) -> Response:
        """Units that nobody knew the lot of, or that were taken for another one, are of that lot; no number on sale changes."""
        lot = self.get_object()
        given = self.body(Assigned).validated_data
        self.check_location(given["location"].pk)

        def deed() -> tuple[int, Any]:
            target = given_lot(lot.sku, given["to_lot"], expires_on=given.get("expires_on"), coming=True)
            assert target is not None
            where = {name: given[name] for name in ("location", "place", "quantity")}
            assign(lot=lot, target=target, **where, note=given["reason"], actor=self.caller.actor)
            return 200, self.shown(lot)

        return self.carry_out(deed)

    def _check_everywhere(self) -> None:
        if self.caller.location_ids is not None:
            self.permission_denied(self.request, message=_("This key does not cover all locations, as a recall does."))


def _here(held: LotLevel) -> dict[str, Any]:
    units = {name: getattr(held, name) for name in _NAMES}
    return {"location": held.level.location.code, "on_hand": held.on_hand, **units}


def _came(one: Movement) -> dict[str, Any]:
    return {
        "at": serializers.DateTimeField().to_representation(one.at), "location": one.location, "from_place": one.from_place,
        "to_place": one.to_place, "quantity": one.units, "reason": one.reason, "reference": one.reference,
        "actor": one.actor,
    }  # fmt: skip
