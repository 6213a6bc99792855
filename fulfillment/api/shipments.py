"""/api/v1/shipments/"""

from typing import Any, ClassVar

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
from inventory.api.resource import Changes, Creates, Reads, Strict, StrictModel, Why
from inventory.models import Location

from .. import shipping
from ..models import Shipment, ShipmentStatus
from .lines import OrderId, find_lines, only_place
from .order_forms import SOME


class ShippedLine(Strict):
    """Units of one line of the order, named by the line's external id."""

    line = serializers.CharField(max_length=200)
    quantity = Units(least=1, required=False, help_text=_("Default: all that is outstanding."))


class PackedLine(ShippedLine):
    """What was packed of one line."""

    lot = serializers.CharField(
        max_length=100, required=False, help_text=_("Of a SKU that keeps lots. Default: what expires first.")
    )


class ShownLine(serializers.Serializer):
    """Units of one line."""

    line = serializers.CharField()
    sku = serializers.CharField()
    quantity = serializers.IntegerField()


class ShipmentSerializer(StrictModel):
    """Units of one order that leave one location. A draft until it is dispatched or rejected."""

    id = Identity()
    order = OrderId(help_text=_("The sales order's id."))
    channel = serializers.CharField(source="order.channel.code", read_only=True)
    order_external_id = serializers.CharField(source="order.external_id", read_only=True)
    location = Code(
        queryset=Location.objects.all(), required=False, help_text=_("Default: the one that holds the order's stock.")
    )
    lines = ShippedLine(many=True, required=False, **SOME, write_only=True)
    channel_told = serializers.CharField(source="news", read_only=True)

    class Meta:
        model = Shipment
        fields = (
            "id", "order", "channel", "order_external_id", "location", "carrier", "service", "tracking_number",
            "status", "lines", "created_at", "dispatched_at", "channel_told",
        )  # fmt: skip
        read_only_fields = ("status", "created_at", "dispatched_at")
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Only the parcel's papers change, and only before it left."""
        held: Shipment | None = self.instance
        if held is not None:
            fixed = [name for name in ("order", "location", "lines") if name in attrs]
            if fixed:
                raise serializers.ValidationError(dict.fromkeys(fixed, _("This cannot be changed.")))
            if held.status != ShipmentStatus.DRAFT:
                gone = held.status == ShipmentStatus.DISPATCHED
                message = _("This shipment has left already.") if gone else _("This shipment was rejected.")
                raise Refused(message, status=409)
        return attrs

    def to_representation(self, instance: Shipment) -> dict[str, Any]:
        """The shipment with its lines."""
        shown: dict[str, Any] = super().to_representation(instance)
        rows = sorted(instance.lines.all(), key=lambda row: row.line.position)
        shown["lines"] = [
            {"line": row.line.external_id, "sku": row.line.sku.code if row.line.sku else None, "quantity": row.quantity}
            for row in rows
        ]
        return shown


class ShownShipment(ShipmentSerializer):
    """A shipment as it is answered."""

    lines = ShownLine(many=True, read_only=True)  # type: ignore[assignment]


class Dispatched(Strict):
    """What was really packed; nothing means all of the draft."""

    lines = PackedLine(many=True, required=False, **SOME)


class ShipmentFilters(Filters):
    """By every field; `order` is the order's id."""

    channel = ByCode("order__channel")
    location = ByCode("location")
    order = filters.NumberFilter(field_name="order_id")
    order_external_id = filters.CharFilter(field_name="order__external_id")

    class Meta(Filters.Meta):
        model = Shipment
        fields = {
            "carrier": ["exact"],
            "service": ["exact"],
            "tracking_number": ["exact"],
            "status": ["exact"],
            "created_at": ["gte", "lte"],
            "dispatched_at": ["gte", "lte"],
        }


@extend_schema_view(
    list=extend_schema(responses=ShownShipment(many=True)),
    retrieve=extend_schema(responses=ShownShipment),
    create=extend_schema(responses={201: ShownShipment}),
    partial_update=extend_schema(responses=ShownShipment),
)
class Shipments(Creates, Changes, Reads):
    """Parcels, newest first."""

    area = Area.SHIPPING
    location_path = "location"
    queryset = (
        Shipment.objects.select_related("order__channel", "location")
        .prefetch_related("lines__line__sku")
        .order_by("-id")
    )
    serializer_class = ShipmentSerializer
    filterset_class = ShipmentFilters
    summaries: ClassVar = {"create": "Draft a shipment", "send_off": "Dispatch a shipment", "reject": "Reject a draft"}
    refusals: ClassVar = {
        "create": ("insufficient_stock", "wrong_state", "other_location"), "partial_update": ("wrong_state",),
        "send_off": ("insufficient_stock", "wrong_state", "other_location"), "reject": ("wrong_state",),
    }  # fmt: skip
    lookup_value_regex = "[0-9]{1,18}"

    def make(self, serializer: Any) -> Shipment:
        """Draft a parcel by its verb."""
        given = dict(serializer.validated_data)
        order, rows = given["order"], given.pop("lines", None)
        place = given.setdefault("location", only_place(order))
        if place is None:
            message = _("The order's stock is at several locations or none; name the one that ships.")
            raise Refused(f"location: {message}", fields={"location": [message]})
        self.check_location(place.pk)
        lines = None if rows is None else _pairs(order, rows)
        return shipping.create_shipment(**given, lines=lines, actor=self.caller.actor)

    def change(self, serializer: Any) -> Shipment:
        """Change the papers of a draft by its verb."""
        return shipping.change_papers(serializer.instance, **serializer.validated_data)

    @extend_schema(request=Dispatched, responses=ShownShipment)
    @action(detail=True, methods=["post"], url_path="dispatch")
    def send_off(self, request: Request, pk: str) -> Response:
        """It leaves: reserved units go to the customer, and the channel is told."""
        shipment: Shipment = self.get_object()
        rows = self.body(Dispatched).validated_data.get("lines")

        def deed() -> tuple[int, Any]:
            lines = None if rows is None else _pairs(shipment.order, rows)
            lots = {
                line.pk: row["lot"] for (line, _n), row in zip(lines or (), rows or (), strict=True) if "lot" in row
            }
            places = self.caller.location_ids
            shipping.dispatch(shipment, lines=lines, lots=lots, places=places, actor=self.caller.actor)
            return 200, self.shown(shipment)

        return self.carry_out(deed)

    @extend_schema(request=Why, responses=ShownShipment)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """This draft will not leave: its units are free for other shipments."""
        shipment: Shipment = self.get_object()
        reason = self.body(Why).validated_data["reason"]

        def deed() -> tuple[int, Any]:
            shipping.reject(shipment, reason=reason, actor=self.caller.actor)
            return 200, self.shown(shipment)

        return self.carry_out(deed)


def _pairs(order: Any, rows: list[dict[str, Any]]) -> list[tuple[Any, int]]:
    lines = find_lines(order, rows)
    return [(line, row.get("quantity", line.outstanding)) for line, row in zip(lines, rows, strict=True)]
