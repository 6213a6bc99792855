"""/api/v1/locations/"""

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.translation import gettext as _
from rest_framework import serializers

from ..catalogue import save_location
from ..models import Company, Location, LocationKind
from .access import Area
from .fields import Code, NewCode
from .filters import ByCode, Filters
from .resource import Changes, Creates, Reads, StrictModel


class LocationSerializer(StrictModel):
    """A place that holds stock."""

    code = NewCode(max_length=50)
    kind = serializers.ChoiceField(choices=LocationKind.choices)
    working_days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), max_length=7, required=False
    )

    company = Code(
        queryset=Company.objects.all(), required=False, allow_null=True, help_text=_("Null: the first company.")
    )

    class Meta:
        model = Location
        fields = (
            "code", "name", "kind", "country", "postal_code", "latitude", "longitude", "time_zone", "cut_off",
            "working_days", "priority", "company", "is_active",
        )  # fmt: skip
        validators: list[object] = []

    def validate_country(self, country: str) -> str:
        """Two letters of ISO 3166, or nothing."""
        if country and not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
            raise serializers.ValidationError(_("Two capital letters of ISO 3166 are expected, as US."))
        return country

    def validate_time_zone(self, name: str) -> str:
        """A name of the time zone database."""
        if name not in available_timezones():
            raise serializers.ValidationError(_("This time zone is unknown; one as Europe/Berlin is expected."))
        return name

    def validate_working_days(self, days: list[int]) -> list[int]:
        """Each day once, in order."""
        return sorted(set(days))


class LocationFilters(Filters):
    """By every field that is compared."""

    company = ByCode("company")

    class Meta(Filters.Meta):
        model = Location
        fields = ("code", "name", "kind", "country", "postal_code", "time_zone", "priority", "is_active")


class Locations(Creates, Changes, Reads):
    """Warehouses, stores, 3PLs, and the marketplaces' own warehouses."""

    area = Area.CATALOG
    refusals: ClassVar = {"create": ("conflict",), "partial_update": ("conflict",)}
    queryset = Location.objects.select_related("company").order_by("priority", "code")
    serializer_class = LocationSerializer
    filterset_class = LocationFilters
    location_path = "pk"
    lookup_field = "code"
    lookup_value_regex = ".+?"

    def make(self, serializer: Any) -> Location:
        """Store a new place; a key that is limited to some cannot make others."""
        self.check_location(0)
        location: Location = serializer.save()
        return location

    def change(self, serializer: Any) -> Location:
        """Change it by its verb: channels hear of it."""
        return save_location(serializer.apply())
