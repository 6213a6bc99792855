"""/api/v1/returns/"""

from typing import Any, ClassVar

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.errors import Refused
from inventory.api.fields import Code, Identity, Units
from inventory.api.filters import ByCode, Filters
from inventory.api.resource import Creates, Reads, Strict, StrictModel
from inventory.models import Location

from .. import returns
from ..models import Return, ReturnLine, SalesOrder, ShipmentStatus
from .lines import OrderId, find_lines
from .order_forms import SOME
from .orders import seen_by


class AnnouncedLine(Strict):
    """Units of one shipped line, named by the line's external id."""

    line = serializers.CharField(max_length=200)
    quantity = Units(least=1, required=False, help_text=_("Default: all that was shipped and not yet returned."))
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class Dispositions(Strict):
    """Where the units of a line go."""

    restock = Units(required=False)
    quarantine = Units(required=False)
    missing = Units(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """At least one unit."""
        if not any(attrs.values()):
            raise serializers.ValidationError(_("Say of at least one unit where it goes."))
        return attrs


class ReceivedLine(Strict):
    """What came of one line, and where."""

    line = serializers.CharField(max_length=200)
    dispositions = Dispositions()
    lot = serializers.CharField(
        max_length=100,
        required=False,
        help_text=_(
            "Of a SKU that keeps lots. Default: nobody knows; what is to be restocked lies in quarantine then."
        ),
    )
    location = Code(queryset=Location.objects.all(), required=False, help_text=_("Default: where it was shipped from."))


class Received(Strict):
    """What came; nothing means all lines, restocked."""

    lines = ReceivedLine(many=True, required=False, **SOME)
    location = Code(queryset=Location.objects.all(), required=False, help_text=_("Default: where it was shipped from."))


class ReturnSerializer(StrictModel):
    """Goods announced back for one order; what became of them is in the lines."""

    id = Identity()
    order = OrderId(help_text=_("The sales order's id."))
    channel = serializers.CharField(source="order.channel.code", read_only=True)
    order_external_id = serializers.CharField(source="order.external_id", read_only=True)
    lines = AnnouncedLine(many=True, required=False, **SOME)

    class Meta:
        model = Return
        fields = ("id", "order", "channel", "order_external_id", "status", "lines", "created_at")
        read_only_fields = ("status", "created_at")
        validators: list[object] = []

    def to_representation(self, instance: Return) -> dict[str, Any]:
        """The return with what was announced and what came."""
        rows = sorted(instance.lines.all(), key=lambda row: row.line.position)
        lines = [
            {
                "line": row.line.external_id,
                "sku": row.line.sku.code if row.line.sku else None,
                "quantity": row.quantity,
                "reason": row.reason,
                "dispositions": {"restock": row.restocked, "quarantine": row.quarantined, "missing": row.missing},
            }
            for row in rows
        ]
        return {
            "id": str(instance.pk), "order": str(instance.order_id), "channel": instance.order.channel.code,
            "order_external_id": instance.order.external_id, "status": instance.status, "lines": lines,
            "created_at": serializers.DateTimeField().to_representation(instance.created_at),
        }  # fmt: skip


class ReturnedLine(serializers.Serializer):
    """What was announced of one line, and what became of it."""

    line = serializers.CharField()
    sku = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    dispositions = Dispositions(read_only=True)


class ShownReturn(ReturnSerializer):
    """A return as it is answered."""

    lines = ReturnedLine(many=True, read_only=True)  # type: ignore[assignment]


class ReturnFilters(Filters):
    """By every field; `order` is the order's id."""

    channel = ByCode("order__channel")
    order = filters.NumberFilter(field_name="order_id")
    order_external_id = filters.CharFilter(field_name="order__external_id")

    class Meta(Filters.Meta):
        model = Return
        fields = {
            "status": ["exact"],
            "created_at": ["gte", "lte"],
        }


@extend_schema_view(
    list=extend_schema(responses=ShownReturn(many=True)),
    retrieve=extend_schema(responses=ShownReturn),
    create=extend_schema(responses={201: ShownReturn}),
)
class Returns(Creates, Reads):
    """Returns, newest first."""

    area = Area.SHIPPING
    queryset = Return.objects.select_related("order__channel").prefetch_related("lines__line__sku").order_by("-id")
    serializer_class = ReturnSerializer
    filterset_class = ReturnFilters
    summaries: ClassVar = {"create": "Announce a return", "receive": "Receive a return"}
    refusals: ClassVar = {"create": ("wrong_state",), "receive": ("wrong_state", "other_location")}
    lookup_value_regex = "[0-9]{1,18}"

    def limited(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """Returns of orders that concern the caller."""
        if self.caller.location_ids is None:
            return rows
        return rows.filter(order__in=seen_by(self.caller, SalesOrder.objects.all()))

    def make(self, serializer: Any) -> Return:
        """Announce a return by its verb."""
        order, rows = serializer.validated_data["order"], serializer.validated_data.get("lines")
        left = _left_to_return(order)
        if rows is None:
            rows = [{"line": line.external_id, "reason": ""} for line in order.lines.all() if left[line.pk]]
        lines = find_lines(order, rows)
        announced = [
            (line, row.get("quantity", left[line.pk]), row["reason"]) for line, row in zip(lines, rows, strict=True)
        ]
        return returns.create_return(order=order, lines=announced, actor=self.caller.actor)

    @extend_schema(request=Received, responses=ShownReturn)
    @action(detail=True, methods=["post"])
    def receive(self, request: Request, pk: str) -> Response:
        """Units came back; each goes where its disposition says."""
        parcel: Return = self.get_object()
        given = self.body(Received).validated_data
        return self.carry_out(lambda: self._receive(parcel, given))

    def _receive(self, parcel: Return, given: dict[str, Any]) -> tuple[int, Any]:
        rows, place = given.get("lines"), given.get("location")
        if rows is None:
            place = self._place(parcel, place)
            returns.receive(parcel, location=place, actor=self.caller.actor)
            return 200, self.shown(parcel)
        lines = find_lines(parcel.order, rows)
        received = [
            (line, row["dispositions"], self._place(parcel, row.get("location") or place))
            for line, row in zip(lines, rows, strict=True)
        ]
        lots = {line.pk: row["lot"] for line, row in zip(lines, rows, strict=True) if "lot" in row}
        returns.receive(parcel, lines=received, lots=lots, actor=self.caller.actor)
        return 200, self.shown(parcel)

    def _place(self, parcel: Return, named: Location | None) -> Location:
        """Where the units are received: as named, else where the order was shipped from."""
        place = named or _origin(parcel)
        if place is None:
            message = _("It was not shipped from one location; name the one that receives it.")
            raise Refused(f"location: {message}", fields={"location": [message]})
        self.check_location(place.pk)
        return place


def _left_to_return(order: SalesOrder) -> dict[int, int]:
    """Units of each line, by its id, that were shipped and not announced back yet."""
    announced = ReturnLine.objects.filter(parcel__order=order).values_list("line").annotate(units=Sum("quantity"))
    known = dict(announced)
    return {line.pk: line.shipped - known.get(line.pk, 0) for line in order.lines.all()}


def _origin(parcel: Return) -> Location | None:
    shipped = parcel.order.shipments.filter(status=ShipmentStatus.DISPATCHED).select_related("location")
    places = {shipment.location for shipment in shipped}
    return places.pop() if len(places) == 1 else None
