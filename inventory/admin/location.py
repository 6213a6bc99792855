"""Locations."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelect2Widget

from ..catalogue import save_location
from ..errors import CostError
from ..models import Location
from .base import BackOfficeAdmin, places_of
from .exchange import Exchange


class LocationForm(forms.ModelForm):
    """Time zones are chosen, not typed."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name) for name in sorted(available_timezones())],
        initial="UTC",
        widget=UnfoldAdminSelect2Widget,
    )

    class Meta:
        model = Location
        fields = (
            "code", "name", "kind", "country", "postal_code", "latitude", "longitude", "time_zone", "cut_off",
            "working_days", "priority", "company", "is_active",
        )  # fmt: skip


@admin.register(Location)
class LocationAdmin(Exchange, BackOfficeAdmin):
    """Places that hold stock."""

    exchanges = "locations"
    actions_list = ("bring_in_file", "write_all")

    form = LocationForm
    empty_hint = _("Add the warehouses, shops and 3PLs that hold your stock.")
    list_display = ("code", "name", "kind", "country", "priority", "is_active")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter), "country")
    search_fields = ("code", "name", "postal_code", "country")
    fieldsets = (
        (None, {"fields": (("code", "name"), ("kind", "priority"), ("company", "is_active"))}),
        (_("Where it is"), {"fields": (("country", "postal_code"), ("latitude", "longitude"))}),
        (_("When it works"), {"fields": (("time_zone", "cut_off"), "working_days")}),
    )

    def save_model(self, request: HttpRequest, obj: Location, form: Any, change: bool) -> None:
        """A place that opens or closes changes what channels show: they hear of it."""
        save_location(obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """What is refused is said on the page."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except CostError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Programs know a location by its code."""
        return ("code",) if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who is limited to some locations makes no others."""
        return super().has_add_permission(request) and places_of(request) is None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A location with a history is made inactive instead."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.levels.exists())  # type: ignore[attr-defined]
