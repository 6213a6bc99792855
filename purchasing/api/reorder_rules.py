"""/api/v1/reorder-rules/"""

from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Code, Identity, SkuField, Units
from inventory.api.filters import ByCode, BySku, Filters
from inventory.api.resource import Changes, Creates, Reads, Strict, StrictModel
from inventory.models import Location, Sku

from ..models import ReorderRule
from ..rules import save_rule

EVERYWHERE = "all"
POLICIES = ("reorder_point",)


class PlaceOrAll(Code):
    """A location's code; `all` for all locations together."""

    def to_internal_value(self, data: Any) -> Any:
        """The location, or EVERYWHERE."""
        return EVERYWHERE if data is None or data == EVERYWHERE else super().to_internal_value(data)

    def get_attribute(self, instance: ReorderRule) -> Any:
        """The location, or EVERYWHERE."""
        return instance.location or EVERYWHERE

    def to_representation(self, obj: Any) -> str:
        """The code, or `all`."""
        return obj if obj == EVERYWHERE else str(obj.code)


class Parameters(Strict):
    """Of the policy `reorder_point`: at or below `reorder_point` units, buy `quantity`."""

    reorder_point = Units()
    quantity = Units(least=1, required=False, allow_null=True)


class ReorderRuleSerializer(StrictModel):
    """At or below the reorder point, buy."""

    id = Identity()
    sku = SkuField(queryset=Sku.objects.all())
    location = PlaceOrAll(queryset=Location.objects.all(), required=False, help_text=_("Default: all."))
    policy = serializers.ChoiceField(choices=POLICIES, default=POLICIES[0])
    parameters = Parameters()

    class Meta:
        model = ReorderRule
        fields = ("id", "sku", "location", "policy", "parameters", "is_active")
        validators: list[object] = []

    def to_representation(self, instance: ReorderRule) -> dict[str, Any]:
        """The rule with its policy's parameters."""
        place = instance.location.code if instance.location else EVERYWHERE
        parameters = {"reorder_point": instance.reorder_point, "quantity": instance.quantity}
        return {
            "id": str(instance.pk), "sku": instance.sku.code, "location": place, "policy": POLICIES[0],
            "parameters": parameters, "is_active": instance.is_active,
        }  # fmt: skip

    def columns(self) -> dict[str, Any]:
        """What was given, as the model has it."""
        given = dict(self.validated_data)
        given.pop("policy", None)
        given.update(given.pop("parameters", {}))
        if given.get("location") == EVERYWHERE:
            given["location"] = None
        return given


class RuleFilters(Filters):
    """By every field."""

    sku = BySku("sku")
    location = ByCode("location")

    class Meta(Filters.Meta):
        model = ReorderRule
        fields = ("is_active",)


class Rules(Creates, Changes, Reads):
    """When to buy. One rule for each SKU and location."""

    area = Area.REORDERING
    refusals: ClassVar = {"create": ("conflict", "other_location"), "partial_update": ("conflict", "other_location")}
    location_path = "location"
    queryset = ReorderRule.objects.select_related("sku", "location").order_by("sku__code", "id")
    serializer_class = ReorderRuleSerializer
    filterset_class = RuleFilters
    lookup_value_regex = "[0-9]{1,18}"

    def make(self, serializer: Any) -> ReorderRule:
        """Store a rule."""
        given = serializer.columns()
        self._check(given.get("location"))
        return save_rule(ReorderRule(**given))

    def change(self, serializer: Any) -> ReorderRule:
        """Store changes."""
        rule: ReorderRule = serializer.instance
        for name, value in serializer.columns().items():
            setattr(rule, name, value)
        self._check(rule.location)
        return save_rule(rule)

    def _check(self, place: Location | None) -> None:
        self.check_location(place.pk if place else 0)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a rule and the alerts that it raised."""
        with transaction.atomic():
            self.get_object().delete()
        return Response(status=204)
