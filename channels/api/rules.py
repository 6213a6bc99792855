"""/api/v1/allocation-rules/"""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Code, Identity, SkuField
from inventory.api.filters import ByCode, BySku, Filters
from inventory.api.resource import Changes, Creates, Reads, StrictModel
from inventory.models import Sku

from .. import rules
from ..allocation import registry
from ..allocation.engine import Rule
from ..allocation.rules.base import RuleError
from ..models import AllocationRule, Channel, Listing
from ..numbers import numbers_now


class Kind(serializers.ChoiceField):
    """A kind of rule: one of those that are there."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=registry.choices(), **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The kind's code."""
        if not isinstance(data, str) or data not in registry.all():
            kinds = ", ".join(registry.all())
            raise serializers.ValidationError(_("There is no such kind; there are: {kinds}.").format(kinds=kinds))
        return data


class Value(serializers.DecimalField):
    """A number as decimal text, without idle zeros."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=14, decimal_places=4, **kwargs)

    def to_representation(self, value: Any) -> str:
        """The text."""
        return f"{Decimal(str(value)).normalize():f}"


class RuleSerializer(StrictModel):
    """One decision of one kind. It applies where all its given fields match; the most specific of a kind wins."""

    id = Identity()
    kind = Kind()
    channel = Code(queryset=Channel.objects.all(), required=False, allow_null=True)
    sku = SkuField(queryset=Sku.objects.all(), required=False, allow_null=True)
    value = Value(required=False, allow_null=True)

    class Meta:
        model = AllocationRule
        fields = (
            "id", "kind", "channel", "sku", "category", "tag", "value", "enabled", "starts_at", "ends_at", "note",
        )  # fmt: skip
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A value that the kind can work with, and a window that is one."""
        merged = {name: attrs.get(name, getattr(self.instance, name, None)) for name in self.Meta.fields}
        kind = registry.get(str(merged["kind"]))
        if not kind.takes_value and merged["value"] is not None:
            raise serializers.ValidationError({"value": _("{kind} takes no value.").format(kind=kind.code)})
        try:
            kind.check(merged["value"])
        except RuleError as error:
            raise serializers.ValidationError({"value": str(error)}) from None
        if merged["starts_at"] and merged["ends_at"] and merged["starts_at"] >= merged["ends_at"]:
            raise serializers.ValidationError({"ends_at": _("A rule ends after it starts.")})
        return attrs


class RuleFilters(Filters):
    """By every field that is compared."""

    channel = ByCode("channel")
    sku = BySku("sku")

    class Meta(Filters.Meta):
        model = AllocationRule
        fields = {
            "kind": ["exact"],
            "category": ["exact"],
            "tag": ["exact"],
            "enabled": ["exact"],
            "starts_at": ["gte", "lte"],
            "ends_at": ["gte", "lte"],
        }


class ChangeSerializer(serializers.Serializer):
    """One listing's number without and with the rule."""

    channel = serializers.CharField()
    sku = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer):
    """What a rule would change."""

    changes = ChangeSerializer(many=True)


class Rules(Creates, Changes, Reads):
    """What a merchant decides about the numbers that channels see."""

    area = Area.RULES
    spans_locations = True
    summaries: ClassVar = {"preview": "Show what a rule would change"}
    queryset = AllocationRule.objects.select_related("channel", "sku").order_by("kind", "-id")
    serializer_class = RuleSerializer
    filterset_class = RuleFilters
    lookup_value_regex = "[0-9]{1,18}"

    def make(self, serializer: Any) -> AllocationRule:
        """Store a new rule by its verb."""
        return rules.save_rule(AllocationRule(**serializer.validated_data))

    def change(self, serializer: Any) -> AllocationRule:
        """Change it by its verb."""
        return rules.save_rule(serializer.apply())

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a rule; the numbers without it are owed."""
        with transaction.atomic():
            rules.delete_rule(self.get_object())
        return Response(status=204)

    @extend_schema(request=RuleSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What this rule would change now, if it were enabled; nothing is stored."""
        given = AllocationRule(**self.body().validated_data)
        listings = _touched(given)
        before, after = numbers_now(listings), numbers_now(listings, trial=[_trial(given)])
        changes = [
            {"channel": one.channel.code, "sku": one.sku.code, "before": before[one.pk], "after": after[one.pk]}
            for one in listings
            if one.pk in before and before[one.pk] != after[one.pk]
        ]
        return Response({"changes": changes})


def _trial(rule: AllocationRule) -> Rule:
    """The rule as the engine sees it, newer than all others."""
    fields = ("kind", "value", "channel_id", "sku_id", "category", "tag", "starts_at", "ends_at", "note")
    return Rule(2**62, **{name: getattr(rule, name) for name in fields})


def _touched(rule: AllocationRule) -> list[Listing]:
    fits = Q(is_active=True, channel__is_active=True)
    if rule.channel_id is not None:
        fits &= Q(channel=rule.channel_id)
    if rule.sku_id is not None:
        fits &= Q(sku=rule.sku_id)
    if rule.category:
        fits &= Q(sku__product__category=rule.category)
    if rule.tag:
        fits &= Q(sku__tags__contains=[rule.tag])
    rows = Listing.objects.filter(fits).select_related("channel", "sku__product")
    return list(rows.order_by("channel__code", "sku__code"))
