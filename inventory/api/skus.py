"""/api/v1/skus/"""

from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from rest_framework import serializers

from ..catalogue import save_sku
from ..codes import GIVEN, CodeError, Given, give_codes
from ..costing.switching import switch_costing
from ..lot_tracking import start, stop
from ..models import CodeKind, Costing, Product, Sku, SkuCode
from . import bundles
from .access import Area, Caller
from .bundles import BundleFields
from .errors import Refused, translates
from .fields import Code, Currency, Money, NewCode, Units
from .filters import ByCode, BySku, Filters
from .resource import Changes, Creates, Reads, Strict, StrictModel

_COST = ("unit_cost",)


class SkuCodeSerializer(Strict):
    """A code besides the SKU's own. It leads to the SKU wherever a SKU is named."""

    code = NewCode(max_length=100)
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (*GIVEN, CodeKind.OLD)],
        default=CodeKind.BARCODE.value,
        help_text=_("`old` ones come of renaming; they can be kept or left out, not made."),
    )
    units = Units(least=1, most=1_000_000, default=1, help_text=_("What one scan of it stands for."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A change of a SKU may name some of its fields, but a code is named whole."""
        if "code" not in attrs:
            raise serializers.ValidationError({"code": _("This field is required.")})
        return attrs


class SkuCodes(serializers.ListField):
    """The codes of a SKU besides its own."""

    child = SkuCodeSerializer()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, **kwargs)

    def get_attribute(self, instance: Sku) -> list[SkuCode]:
        """Those that were read along with the SKU."""
        return list(instance.codes.all())


class SkuSerializer(BundleFields, StrictModel):
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
    costing = serializers.ChoiceField(
        choices=Costing.choices, required=False, help_text=_("A switch holds from the first month that is not closed.")
    )
    costing_reason = serializers.CharField(
        max_length=200, required=False, write_only=True, help_text=_("Why the method of costing is switched.")
    )
    codes = SkuCodes(required=False, help_text=_("All codes besides its own; what is left out is given up."))
    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=100, required=False)

    class Meta:
        model = Sku
        fields = (
            "code", "product", "name", "barcode", "unit_cost", "price", "currency", "weight_grams", "volume_cm3",
            "costing", "costing_reason", "codes", "tags", *bundles.FIELDS, "tracks_lots", "is_active",
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
        codes, bundle = validated_data.pop("codes", []), bundles.split_off(validated_data)
        validated_data.pop("costing_reason", None)
        sku = Sku.objects.create(**validated_data)
        bundles.make_up(sku, bundle)
        if codes:
            give_codes(sku, [Given(**code) for code in codes])
        return sku


class SkuFilters(Filters):
    """By every field; ``code`` may be any of a SKU's codes, ``tag`` finds SKUs that carry it."""

    code = BySku()
    product = ByCode("product")
    tag = filters.CharFilter(field_name="tags", lookup_expr="contains", method="tagged")

    class Meta(Filters.Meta):
        model = Sku
        fields = (
            "code",
            "product",
            "name",
            "barcode",
            "currency",
            "costing",
            "bundle_mode",
            "ships_together",
            "tracks_lots",
            "is_active",
        )

    def tagged(self, rows: Any, name: str, value: str) -> Any:
        """SKUs with that tag."""
        return rows.filter(tags__contains=[value])


class Skus(Creates, Changes, Reads):
    """SKUs. Their codes may hold any printable characters; encode them in addresses."""

    area = Area.CATALOG
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict", "lots_left")}
    queryset = bundles.read_along(
        Sku.objects.select_related("product")
        .prefetch_related(Prefetch("codes", SkuCode.objects.exclude(kind=CodeKind.OWN).order_by("kind", "code")))
        .order_by("code")
    )
    serializer_class = SkuSerializer
    filterset_class = SkuFilters
    lookup_field = "codes__code"
    lookup_url_kwarg = "code"
    lookup_value_regex = ".+?"

    def change(self, serializer: Any) -> Sku:
        """Change it by its verbs: channels hear of it."""
        codes, bundle = serializer.validated_data.pop("codes", None), bundles.split_off(serializer.validated_data)
        costing = serializer.validated_data.pop("costing", None)
        reason = serializer.validated_data.pop("costing_reason", "") or _("changed by the API")
        keeps = serializer.validated_data.pop("tracks_lots", None)
        sku = save_sku(serializer.apply())
        bundles.make_up(sku, bundle)
        if costing is not None:
            switch_costing(sku, costing, reason=str(reason), actor=self.caller.actor)
        if keeps is not None:
            (start if keeps else stop)(sku, actor=self.caller.actor)
        if codes is not None:
            give_codes(sku, [Given(**code) for code in codes])
        return sku


@translates(CodeError)
def _codes(error: CodeError) -> Refused:
    return Refused(error, fields={f"codes.{place}": [message] for place, message in error.errors.items()})
