"""/api/v1/skus/"""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from rest_framework import serializers

from ..catalogue import save_sku
from ..models import Product, Sku
from .access import Area, Caller
from .fields import Code, Currency, Money, NewCode
from .filters import ByCode, Filters
from .resource import Changes, Creates, Reads, StrictModel

_COST = ("unit_cost",)


class SkuSerializer(StrictModel):
    """The smallest thing counted and sold."""

    code = NewCode(max_length=100, help_text=_("Case-sensitive."))
    product = Code(
        queryset=Product.objects.all(),
        required=False,
        help_text=_("Default: a product of the SKU's own code and name."),
    )
    unit_cost = Money(required=False, allow_null=True)
    price = Money(required=False, allow_null=True)
    currency = Currency(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=100, required=False)

    class Meta:
        model = Sku
        fields = (
            "code", "product", "name", "barcode", "unit_cost", "price", "currency", "weight_grams", "tags", "is_active",
        )  # fmt: skip
        validators: list[object] = []

    def get_fields(self) -> dict[str, Any]:
        """The fields that the caller's role sees."""
        fields: dict[str, Any] = super().get_fields()
        caller: Caller | None = getattr(self.context.get("request"), "user", None)
        if caller is not None and not getattr(caller, "sees_cost", True):
            for name in _COST:
                fields.pop(name)
        return fields

    def validate_tags(self, tags: list[str]) -> list[str]:
        """Each tag once."""
        return list(dict.fromkeys(tags))

    def create(self, validated_data: dict[str, Any]) -> Sku:
        """Store the SKU; its product is made from it unless one is named."""
        if "product" not in validated_data:
            names = {"name": validated_data["name"]}
            validated_data["product"], _made = Product.objects.get_or_create(
                code=validated_data["code"], defaults=names
            )
        return Sku.objects.create(**validated_data)


class SkuFilters(Filters):
    """By every field; ``tag`` finds SKUs that carry it."""

    product = ByCode("product")
    tag = filters.CharFilter(field_name="tags", lookup_expr="contains", method="tagged")

    class Meta(Filters.Meta):
        model = Sku
        fields = ("code", "product", "name", "barcode", "currency", "is_active")

    def tagged(self, rows: Any, name: str, value: str) -> Any:
        """SKUs with that tag."""
        return rows.filter(tags__contains=[value])


class Skus(Creates, Changes, Reads):
    """SKUs. Their codes may hold any printable characters; encode them in addresses."""

    area = Area.CATALOG
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict",)}
    queryset = Sku.objects.select_related("product").order_by("code")
    serializer_class = SkuSerializer
    filterset_class = SkuFilters
    lookup_field = "code"
    lookup_value_regex = ".+?"

    def change(self, serializer: Any) -> Sku:
        """Change it by its verb: channels hear of it."""
        return save_sku(serializer.apply())
