"""/api/v1/alerts/"""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Identity
from inventory.api.filters import Filters, Open
from inventory.api.resource import Reads, Why

from .. import alerts
from ..models import Alert


class AlertSerializer(serializers.ModelSerializer):
    """One matter that waits for a person. The same matter again counts up."""

    id = Identity()
    reason = serializers.CharField(source="kind", read_only=True)
    status = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = (
            "id", "kind", "reason", "subject", "message", "count", "status", "raised_at", "repeated_at", "closed_at",
            "closed_by", "actions",
        )  # fmt: skip
        read_only_fields = fields

    def get_status(self, alert: Alert) -> str:
        """Open until it is dealt with."""
        return "closed" if alert.closed_at else "open"

    def get_actions(self, alert: Alert) -> list[str]:
        """Where a POST does something about it."""
        return [] if alert.closed_at else [f"/api/v1/alerts/{alert.pk}/close/"]


class AlertFilters(Filters):
    """By every field."""

    status = Open()

    class Meta(Filters.Meta):
        model = Alert
        fields = {
            "kind": ["exact"],
            "subject": ["exact"],
            "raised_at": ["gte", "lte"],
            "repeated_at": ["gte", "lte"],
            "closed_at": ["gte", "lte"],
        }


class Alerts(Reads):
    """Alerts, the latest first; open ones unless `?status=` says otherwise."""

    area = Area.ORDERS
    spans_locations = True
    summaries: ClassVar = {"close": "Close an alert"}
    queryset = Alert.objects.order_by("-repeated_at", "-id")
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=Why, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """It is dealt with; the same matter again is a new alert."""
        return self.act("closed", lambda alert: alerts.close(alert, actor=self.caller.actor))
