"""/api/v1/bundles/, and what skus/ say of bundles."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Prefetch, QuerySet
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from rest_framework import serializers

from ..availability import Kits
from ..bundles import BundleError, Component, set_components, set_make_up
from ..models import BundleComponent, BundleMode, BundlePart, BundlePlace, Location, Sku
from ..recipes import kits_now
from .access import Area
from .errors import Refused, translates
from .fields import Code, Units
from .filters import BySku, Filters
from .lines import with_skus
from .resource import Reads, Strict

#: The fields of a SKU that say what a bundle is.
FIELDS = ("components", "bundle_mode", "bundle_places", "ships_together")


class ComponentSerializer(Strict):
    """Units of one SKU in one bundle."""

    sku = serializers.CharField(max_length=200)
    quantity = Units(least=1, most=1_000_000, required=False, help_text=_("Default: 1."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A change of a SKU may name some of its fields, but a component is named whole."""
        if "sku" not in attrs:
            raise serializers.ValidationError({"sku": _("This field is required.")})
        return {"quantity": 1, **attrs}

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """As it was read along with the SKU."""
        return instance


class PlaceSerializer(Strict):
    """A location where a bundle is made up otherwise than elsewhere."""

    location = Code(queryset=Location.objects.all())
    mode = serializers.ChoiceField(choices=BundleMode.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Named whole, as a component."""
        missing = {name: _("This field is required.") for name in ("location", "mode") if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """As it was read along with the SKU."""
        return instance


class Rows(serializers.ListField):
    """What was read along with the SKU."""

    def get_attribute(self, instance: Sku) -> list[Any]:
        """All of them."""
        return list(getattr(instance, f"{self.source}_read"))


class BundleFields(serializers.Serializer):
    """What a SKU is made of, if it is a bundle, and how."""

    components = Rows(
        child=ComponentSerializer(),
        required=False,
        max_length=200,
        help_text=_("What one of it is made of; empty: a SKU by itself. Replaces those that it has."),
    )
    bundle_mode = serializers.ChoiceField(
        choices=BundleMode.choices,
        required=False,
        help_text=_(
            "`virtual`: components are taken when it is sold; `pre_packed`: it has stock of its own. Default: virtual."
        ),
    )
    bundle_places = Rows(
        child=PlaceSerializer(),
        required=False,
        max_length=1000,
        help_text=_("Locations where it is made up otherwise. Replaces those that it has."),
    )
    ships_together = serializers.BooleanField(
        required=False, help_text=_("All components of one bundle come from one location. Default: true.")
    )


def split_off(given: dict[str, Any]) -> dict[str, Any]:
    """What is said of the bundle, taken out of what is said of the SKU."""
    return {name: given.pop(name) for name in FIELDS if name in given}


def make_up(sku: Sku, said: Mapping[str, Any]) -> None:
    """Make the SKU the bundle that is said, by its verbs. Raises Refused, BundleError."""
    if {"bundle_mode", "bundle_places", "ships_together"} & said.keys():
        places = said.get("bundle_places")
        modes = None if places is None else {row["location"]: row["mode"] for row in places}
        if places is not None and modes is not None and len(modes) < len(places):
            raise Refused(_("A location is named twice."), fields={"bundle_places": [_("A location is named twice.")]})
        set_make_up(sku, mode=said.get("bundle_mode"), ships_together=said.get("ships_together"), places=modes)
    if "components" in said:
        rows = with_skus(said["components"], path="components")
        set_components(sku, [Component(one, row["quantity"]) for one, row in rows])


def read_along(rows: "QuerySet[Sku]") -> "QuerySet[Sku]":
    """The SKUs with what these fields show, by the same query."""
    components = BundleComponent.objects.filter(bundle=OuterRef("pk")).order_by("pk")
    places = BundlePlace.objects.filter(bundle=OuterRef("pk")).order_by("location__code")
    return rows.annotate(
        components_read=ArraySubquery(components.values(row=JSONObject(sku="component__code", quantity="quantity"))),
        bundle_places_read=ArraySubquery(places.values(row=JSONObject(location="location__code", mode="mode"))),
    )


class BundlePartSerializer(serializers.Serializer):
    """What one bundle comes to of one SKU, bundles in it resolved."""

    sku = serializers.CharField()
    units = serializers.IntegerField()


class BundleAtSerializer(serializers.Serializer):
    """A bundle at one location: packed there, and what the components there make."""

    location = serializers.CharField()
    mode = serializers.ChoiceField(choices=BundleMode.choices)
    packed = serializers.IntegerField()
    made = serializers.IntegerField()


class BundleSerializer(serializers.Serializer):
    """A bundle: what it comes to, how many there are now, and which part limits that."""

    sku = serializers.CharField(source="code")
    name = serializers.CharField()
    bundle_mode = serializers.ChoiceField(choices=BundleMode.choices)
    ships_together = serializers.BooleanField()
    parts = serializers.SerializerMethodField()
    available = serializers.SerializerMethodField()
    packed = serializers.SerializerMethodField()
    made = serializers.SerializerMethodField()
    limited_by = serializers.SerializerMethodField()
    locations = serializers.SerializerMethodField()

    def get_parts(self, sku: Sku) -> list[dict[str, Any]]:
        """By code."""
        return [{"sku": part.component.code, "units": part.units} for part in sku.parts.all()]

    def get_available(self, sku: Sku) -> int:
        """Kits for sale over all locations: packed ones, and those that can be put together."""
        return self._kits(sku).available

    def get_packed(self, sku: Sku) -> int:
        """Kits that lie there."""
        return self._kits(sku).packed

    def get_made(self, sku: Sku) -> int:
        """Kits that components make; where it need not ship together, components of all locations."""
        return self._kits(sku).made

    def get_limited_by(self, sku: Sku) -> str | None:
        """The part of which more would make more."""
        limit = self._kits(sku).limit_id
        return next((part.component.code for part in sku.parts.all() if part.component_id == limit), None)

    def get_locations(self, sku: Sku) -> list[dict[str, Any]]:
        """Where there are any."""
        return bundle_places(sku, self._kits(sku), self.context["places"])

    def _kits(self, sku: Sku) -> Kits:
        found: Kits = self.context["kits"][sku.pk]
        return found


def bundle_places(sku: Sku, kits: Kits, codes: Mapping[int, str]) -> list[dict[str, Any]]:
    """The locations (ids, by their codes) at which there are kits."""
    return [
        {
            "location": code,
            "mode": BundleMode.VIRTUAL if place in kits.made_at else BundleMode.PRE_PACKED,
            "packed": kits.packed_at.get(place, 0),
            "made": kits.made_at.get(place, 0),
        }
        for place, code in codes.items()
        if kits.packed_at.get(place) or kits.made_at.get(place)
    ]


class BundleFilters(Filters):
    """By every field of the SKU; ``component`` finds the bundles that a SKU is a part of, however deep."""

    sku = BySku()
    component = filters.CharFilter(method="made_of")

    class Meta(Filters.Meta):
        model = Sku
        fields = ("name", "bundle_mode", "ships_together")

    def made_of(self, rows: "QuerySet[Sku]", name: str, value: str) -> "QuerySet[Sku]":
        """Bundles with that part, by any of its codes."""
        return rows.filter(pk__in=BundlePart.objects.filter(component__codes__code=value).values("bundle"))


class Bundles(Reads):
    """Bundles with what is available of them now. They are made and changed as SKUs."""

    area = Area.CATALOG
    queryset = (
        Sku.objects.filter(pk__in=BundleComponent.objects.values("bundle"))
        .prefetch_related(Prefetch("parts", BundlePart.objects.select_related("component").order_by("component__code")))
        .order_by("code")
    )
    serializer_class = BundleSerializer
    filterset_class = BundleFilters
    lookup_field = "codes__code"
    lookup_url_kwarg = "code"
    lookup_value_regex = ".+?"
    summaries: ClassVar = {"list": "List bundles", "retrieve": "Read a bundle"}

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """With how many there are, asked for once for all of them."""
        if getattr(self, "swagger_fake_view", False):
            return super().get_serializer(*args, **kwargs)
        rows = args[0] if kwargs.get("many") else args[:1]
        places = Location.objects.filter(is_active=True).order_by("priority", "code")
        if self.caller.location_ids is not None:
            places = places.filter(pk__in=self.caller.location_ids)
        codes = dict(places.values_list("pk", "code"))
        kits = kits_now([row.pk for row in rows], location_ids=list(codes))
        kwargs["context"] = {**self.get_serializer_context(), "kits": kits, "places": codes}
        return self.get_serializer_class()(*args, **kwargs)


@translates(BundleError)
def _bundle_error(error: BundleError) -> Refused:
    return Refused(error, fields={f"components.{place}.sku": [message] for place, message in error.rows.items()})
