"""/api/v1/drifts/"""

from typing import ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Identity
from inventory.api.filters import ByCode, Filters
from inventory.api.resource import Reads, Why

from .. import sync
from ..models import Drift


class DriftSerializer(serializers.ModelSerializer):
    """A number read back that was not ours after settling. It was owed again when it was found."""

    id = Identity()
    channel = serializers.CharField(source="target.channel.code", read_only=True)
    sku = serializers.CharField(source="target.listing.sku.code", read_only=True)
    listing = serializers.CharField(source="target.listing_id", read_only=True)
    reason = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()

    class Meta:
        model = Drift
        fields = ("id", "channel", "sku", "listing", "expected", "found", "excess", "reason", "found_at", "actions")
        read_only_fields = fields

    def get_reason(self, drift: Drift) -> str:
        """Whether the channel offered more or less than our number."""
        return "shows_more" if drift.found > drift.expected else "shows_less"

    def get_actions(self, drift: Drift) -> list[str]:
        """Where a POST does something about it."""
        return [f"/api/v1/drifts/{drift.pk}/push/"]


class DriftFilters(Filters):
    """By every field."""

    channel = ByCode("target__channel")
    sku = ByCode("target__listing__sku")
    listing = filters.NumberFilter(field_name="target__listing_id")

    class Meta(Filters.Meta):
        model = Drift
        fields = {
            "expected": ["exact", "gte", "lte"],
            "found": ["exact", "gte", "lte"],
            "excess": ["exact", "gte", "lte"],
            "found_at": ["gte", "lte"],
        }


class Drifts(Reads):
    """Drift, newest first."""

    area = Area.CHANNELS
    spans_locations = True
    summaries: ClassVar = {"push": "Send our number again"}
    queryset = Drift.objects.select_related("target__channel", "target__listing__sku").order_by("-id")
    serializer_class = DriftSerializer
    filterset_class = DriftFilters
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=Why, responses=DriftSerializer)
    @action(detail=True, methods=["post"])
    def push(self, request: Request, pk: str) -> Response:
        """Send our number again, whatever we believe is shown."""
        return self.act("pushed again", lambda drift: sync.push_now([drift.target_id]))
