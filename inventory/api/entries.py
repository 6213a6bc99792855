"""/api/v1/ledger-entries/"""

from rest_framework import serializers

from ..models import LedgerEntry
from .access import Area
from .fields import Identity
from .filters import ByCode, BySku, Filters
from .resource import Reads


class EntrySerializer(serializers.ModelSerializer):
    """Units that moved, for ever. ``balance`` is what was on hand after it; ``number`` has no gaps within its level."""

    id = Identity()
    sku = serializers.CharField(source="level.sku.code", read_only=True)
    location = serializers.CharField(source="level.location.code", read_only=True)
    balance = serializers.IntegerField(read_only=True)

    class Meta:
        model = LedgerEntry
        fields = (
            "id", "sku", "location", "from_state", "to_state", "quantity", "balance", "number", "reason", "note",
            "reference", "actor", "occurred_at", "recorded_at",
        )  # fmt: skip
        read_only_fields = fields


class EntryFilters(Filters):
    """By every field."""

    sku = BySku("level__sku")
    location = ByCode("level__location")

    class Meta(Filters.Meta):
        model = LedgerEntry
        fields = {
            "from_state": ["exact"],
            "to_state": ["exact"],
            "quantity": ["exact", "gte", "lte"],
            "number": ["exact", "gte", "lte"],
            "reason": ["exact"],
            "reference": ["exact"],
            "actor": ["exact"],
            "occurred_at": ["gte", "lte"],
            "recorded_at": ["gte", "lte"],
        }


class Entries(Reads):
    """The ledger, newest first. Nothing in it is ever changed."""

    area = Area.STOCK
    location_path = "level__location"
    queryset = LedgerEntry.objects.select_related("level__sku", "level__location").order_by("-id")
    serializer_class = EntrySerializer
    filterset_class = EntryFilters
    lookup_value_regex = "[0-9]{1,18}"
