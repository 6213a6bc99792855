"""/api/v1/shortfalls/"""

from django_filters import rest_framework as filters
from rest_framework import serializers

from inventory.api.access import Area
from inventory.api.fields import Identity
from inventory.api.filters import ByCode, BySku, Filters, Open
from inventory.api.resource import Reads

from ..models import Shortfall


class ShortfallSerializer(serializers.ModelSerializer):
    """Units sold with no stock behind them. ``short`` is what still has none."""

    id = Identity()
    channel = serializers.CharField(source="line.order.channel.code", read_only=True)
    order = serializers.CharField(source="line.order_id", read_only=True)
    order_external_id = serializers.CharField(source="line.order.external_id", read_only=True)
    line = serializers.CharField(source="line.external_id", read_only=True)
    sku = serializers.SerializerMethodField()
    reason = serializers.CharField(source="kind", read_only=True)
    short = serializers.IntegerField(source="line.short", read_only=True)
    status = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()

    class Meta:
        model = Shortfall
        fields = (
            "id", "channel", "order", "order_external_id", "line", "sku", "kind", "cause", "reason", "quantity",
            "short",
            "status", "found_at", "closed_at", "actions",
        )  # fmt: skip
        read_only_fields = fields

    def get_sku(self, shortfall: Shortfall) -> str | None:
        """The SKU's code."""
        return shortfall.line.sku.code if shortfall.line.sku else None

    def get_status(self, shortfall: Shortfall) -> str:
        """Open while units are short."""
        return "closed" if shortfall.closed_at else "open"

    def get_actions(self, shortfall: Shortfall) -> list[str]:
        """Where a POST does something about it: stock that arrives fills it, a cancelled order needs none."""
        if shortfall.closed_at:
            return []
        return ["/api/v1/stock-adjustments/", f"/api/v1/sales-orders/{shortfall.line.order_id}/cancel/"]


class ShortfallFilters(Filters):
    """By every field."""

    channel = ByCode("line__order__channel")
    sku = BySku("line__sku")
    order = filters.NumberFilter(field_name="line__order_id")
    order_external_id = filters.CharFilter(field_name="line__order__external_id")
    status = Open()

    class Meta(Filters.Meta):
        model = Shortfall
        fields = {"kind": ["exact"], "cause": ["exact"], "found_at": ["gte", "lte"], "closed_at": ["gte", "lte"]}


class Shortfalls(Reads):
    """What is short, newest first; open ones unless `?status=` says otherwise."""

    area = Area.ORDERS
    spans_locations = True
    queryset = Shortfall.objects.select_related("line__order__channel", "line__sku").order_by("-id")
    serializer_class = ShortfallSerializer
    filterset_class = ShortfallFilters
    lookup_value_regex = "[0-9]{1,18}"
