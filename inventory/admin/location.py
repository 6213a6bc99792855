"""Locations."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from ..models import Location
from .base import BackOfficeAdmin


@admin.register(Location)
class LocationAdmin(BackOfficeAdmin):
    """Places that hold stock."""

    empty_hint = _("Add the warehouses, shops and 3PLs that hold your stock.")
    list_display = ("code", "name", "kind", "country", "priority", "is_active")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter), "country")
    search_fields = ("code", "name", "postal_code", "country")
    fieldsets = (
        (None, {"fields": (("code", "name"), ("kind", "priority"), "is_active")}),
        (_("Where it is"), {"fields": (("country", "postal_code"), ("latitude", "longitude"))}),
        (_("When it works"), {"fields": (("time_zone", "cut_off"), "working_days")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Programs know a location by its code."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A location with a history is made inactive instead."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.levels.exists())  # type: ignore[attr-defined]
