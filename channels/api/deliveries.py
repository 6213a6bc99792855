"""/api/v1/deliveries/"""

import base64
from typing import Any, ClassVar

from django.db.models import QuerySet
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

from .. import inbox
from ..models import Delivery

_FIELDS = (
    "id", "channel", "source", "event_id", "topic", "order", "status", "reason", "detail", "conflicting", "stored_at",
    "settled_at",
)  # fmt: skip


class DeliverySerializer(serializers.ModelSerializer):
    """One raw inbound event, as it was stored before it was answered."""

    id = Identity()
    channel = serializers.CharField(source="channel.code", read_only=True)
    order = serializers.CharField(source="order_ref", read_only=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = _FIELDS
        read_only_fields: tuple[str, ...] = _FIELDS


class WholeDeliverySerializer(DeliverySerializer):
    """The same with its evidence: ``body`` is its text, null where it is none; ``body_base64`` is every byte of it."""

    body = serializers.SerializerMethodField()
    body_base64 = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = (*_FIELDS, "headers", "body", "body_base64")
        read_only_fields = fields

    def get_body(self, delivery: Delivery) -> str | None:
        """The body as text."""
        try:
            return bytes(delivery.body).decode()
        except UnicodeDecodeError:
            return None

    def get_body_base64(self, delivery: Delivery) -> str:
        """The body, byte by byte."""
        return base64.b64encode(bytes(delivery.body)).decode()


class DeliveryFilters(Filters):
    """By every field."""

    channel = ByCode("channel")
    order = filters.CharFilter(field_name="order_ref")

    class Meta(Filters.Meta):
        model = Delivery
        fields = {
            "source": ["exact"],
            "event_id": ["exact"],
            "topic": ["exact"],
            "status": ["exact"],
            "reason": ["exact"],
            "conflicting": ["exact"],
            "stored_at": ["gte", "lte"],
            "settled_at": ["gte", "lte"],
        }


class Deliveries(Reads):
    """The inbox, newest first. Deliveries are kept as evidence and never edited."""

    area = Area.ORDERS
    spans_locations = True
    summaries: ClassVar = {"replay": "Work a delivery off again"}
    queryset = Delivery.objects.select_related("channel").order_by("-id")
    filterset_class = DeliveryFilters
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> "QuerySet[Any]":
        """Lists leave the bodies in the database."""
        rows = super().get_queryset()
        return rows.defer("body", "headers") if self.action == "list" else rows

    def get_serializer_class(self) -> Any:
        """Bodies are shown one at a time."""
        return DeliverySerializer if self.action == "list" else WholeDeliverySerializer

    @extend_schema(request=Why, responses=WholeDeliverySerializer)
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Work it off again. What its order holds already changes nothing."""
        return self.act("replayed", lambda delivery: inbox.replay([delivery.pk], actor=self.caller.actor))
