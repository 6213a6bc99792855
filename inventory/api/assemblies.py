"""/api/v1/assemblies/"""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from ..assemblies import AssemblyError, assemble, disassemble, reverse
from ..models import Assembly, AssemblyKind, Location, Sku
from .access import Area
from .errors import Refused, translates
from .fields import Code, SkuField, Units
from .filters import ByCode, BySku, Filters
from .resource import Creates, Reads, StrictModel, Why


class AssemblySerializer(StrictModel):
    """Kits put together of their components at one location, or taken apart."""

    sku = SkuField(queryset=Sku.objects.all(), source="bundle")
    location = Code(queryset=Location.objects.all())
    kind = serializers.ChoiceField(choices=AssemblyKind.choices, default=AssemblyKind.ASSEMBLE.value)
    quantity = Units(least=1, help_text=_("Kits."))
    lot = serializers.CharField(
        max_length=100, required=False, allow_blank=True, write_only=True, help_text=_("Of kits that keep lots.")
    )
    expires_on = serializers.DateField(
        required=False, allow_null=True, write_only=True, help_text=_("Of a lot of kits that is put together.")
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)

    class Meta:
        model = Assembly
        fields = ("code", "kind", "sku", "location", "quantity", "lot", "expires_on", "note", "actor", "made_at")
        read_only_fields = ("code", "actor", "made_at")
        validators: list[object] = []

    def to_representation(self, instance: Assembly) -> dict[str, Any]:
        """With what went in, and what it undid or was undone by."""
        shown: dict[str, Any] = super().to_representation(instance)
        undone = getattr(instance, "reversed_by", None)
        return shown | {
            "parts": [{"sku": part.component.code, "units": part.units} for part in instance.parts.all()],
            "reverses": instance.reverses.code if instance.reverses else None,
            "reversed_by": undone.code if undone else None,
            "reference": instance.reference,
        }


class AssembledPart(serializers.Serializer):
    """Units of one SKU in each of the kits."""

    sku = serializers.CharField()
    units = serializers.IntegerField()


class ShownAssembly(AssemblySerializer):
    """An assembly as it is answered."""

    parts = AssembledPart(many=True, read_only=True)
    reverses = serializers.CharField(read_only=True, allow_null=True)
    reversed_by = serializers.CharField(read_only=True, allow_null=True)
    reference = serializers.CharField(read_only=True, help_text=_("Of its ledger entries."))

    class Meta(AssemblySerializer.Meta):
        fields = (*AssemblySerializer.Meta.fields, "parts", "reverses", "reversed_by", "reference")  # type: ignore[assignment]


class AssemblyFilters(Filters):
    """By every field."""

    sku = BySku("bundle")
    location = ByCode("location")

    class Meta(Filters.Meta):
        model = Assembly
        fields = {"code": ["exact"], "kind": ["exact"], "actor": ["exact"], "made_at": ["gte", "lte"]}


@extend_schema_view(
    list=extend_schema(responses=ShownAssembly(many=True)),
    retrieve=extend_schema(responses=ShownAssembly),
    create=extend_schema(responses={201: ShownAssembly}),
)
class Assemblies(Creates, Reads):
    """Kits that were put together and taken apart, newest first."""

    area = Area.STOCK
    location_path = "location"
    queryset = (
        Assembly.objects.select_related("bundle", "location", "reverses", "reversed_by")
        .prefetch_related("parts__component")
        .order_by("-id")
    )
    serializer_class = AssemblySerializer
    filterset_class = AssemblyFilters
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    summaries: ClassVar = {"create": "Put kits together or take them apart", "reverse": "Undo an assembly"}
    refusals: ClassVar = {
        "create": ("insufficient_stock", "other_location"),
        "reverse": ("assembly_undone", "insufficient_stock", "other_location"),
    }

    def make(self, serializer: Any) -> Assembly:
        """All of it or nothing; every component that is short is named."""
        given = dict(serializer.validated_data)
        self.check_location(given["location"].pk)
        kind, expires_on = given.pop("kind"), given.pop("expires_on", None)
        if kind == AssemblyKind.ASSEMBLE:
            return assemble(**given, expires_on=expires_on, actor=self.caller.actor)
        return disassemble(**given, actor=self.caller.actor)

    @extend_schema(request=Why, responses={201: ShownAssembly})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, code: str) -> Response:
        """Take the kits apart again, or put them together again: another assembly, of the same parts."""
        held: Assembly = self.get_object()
        self.check_location(held.location_id)
        reason = self.body(Why).validated_data["reason"]
        return self.carry_out(lambda: (201, self.shown(reverse(held, note=reason, actor=self.caller.actor))))


@translates(AssemblyError)
def _assembly_error(error: AssemblyError) -> Refused:
    fields = {error.field: [str(error)]} if error.field else {}
    return Refused(error, status=409 if error.conflict else 400, fields=fields)
