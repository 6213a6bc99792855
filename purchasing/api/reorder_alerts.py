"""/api/v1/reorder-alerts/"""

from typing import ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Identity
from inventory.api.filters import ByCode, Filters, Open
from inventory.api.resource import Reads, Why

from .. import replenishment
from ..models import ReorderAlert
from .reorder_rules import EVERYWHERE


class ReorderAlertSerializer(serializers.ModelSerializer):
    """A rule's point was crossed. Units."""

    id = Identity()
    rule = serializers.CharField(source="rule_id", read_only=True)
    sku = serializers.CharField(source="rule.sku.code", read_only=True)
    location = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()

    class Meta:
        model = ReorderAlert
        fields = (
            "id", "rule", "sku", "location", "position", "reorder_point", "suggested_quantity", "status", "raised_at",
            "closed_at", "closed_by", "actions",
        )  # fmt: skip
        read_only_fields = fields

    def get_location(self, alert: ReorderAlert) -> str:
        """A location's code, or all."""
        return alert.rule.location.code if alert.rule.location else EVERYWHERE

    def get_status(self, alert: ReorderAlert) -> str:
        """Open until it is dealt with."""
        return "closed" if alert.closed_at else "open"

    def get_actions(self, alert: ReorderAlert) -> list[str]:
        """Where a POST does something about it."""
        return [] if alert.closed_at else [f"/api/v1/reorder-alerts/{alert.pk}/close/"]


class AlertFilters(Filters):
    """By every field."""

    sku = ByCode("rule__sku")
    location = ByCode("rule__location")
    rule = filters.NumberFilter(field_name="rule_id")
    status = Open()

    class Meta(Filters.Meta):
        model = ReorderAlert
        fields = {"raised_at": ["gte", "lte"], "closed_at": ["gte", "lte"]}


class Alerts(Reads):
    """What is to be bought; open alerts unless `?status=` says otherwise."""

    area = Area.REORDERING
    summaries: ClassVar = {"close": "Close a reorder alert"}
    location_path = "rule__location"
    queryset = ReorderAlert.objects.select_related("rule__sku", "rule__location").order_by("-id")
    serializer_class = ReorderAlertSerializer
    filterset_class = AlertFilters
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=Why, responses=ReorderAlertSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """It is dealt with; the next crossing raises a new one."""
        return self.act("closed", lambda alert: replenishment.close_alert(alert, actor=self.caller.actor))
