"""Keys of programs."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework_api_key.models import APIKey
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from ..models import ApiKey, EventKind
from ..people import events
from ..people.links import granted
from .base import MANY_CHOSEN, BackOfficeAdmin, actor, badge

# The library's own keys open nothing here.
if admin.site.is_registered(APIKey):
    admin.site.unregister(APIKey)


@admin.register(ApiKey)
class ApiKeyAdmin(BackOfficeAdmin):
    """Shown once when made; revoked for ever."""

    empty_hint = gettext_lazy("A program needs a key to call the API.")
    list_display = ("name", "prefix", "role", "created", "expiry_date", "state")
    list_filter = (("role", ChoicesDropdownFilter), ("revoked", BooleanRadioFilter), "created")
    search_fields = ("name", "prefix")
    formfield_overrides = MANY_CHOSEN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A revoked key stays as it is."""
        if obj is not None and obj.revoked:
            return self.get_fields(request, obj)
        return ("prefix",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A new key has neither prefix nor end."""
        asked = ("name", "role", "locations", "expiry_date")
        return (*asked, "revoked", "prefix") if obj else asked

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Revoke instead: the ledger names keys."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key and show it, once."""
        was_revoked = change and ApiKey.objects.filter(pk=obj.pk, revoked=True).exists()
        if not change:
            key = ApiKey.objects.assign_key(obj)
            said = _("The key of %(name)s is %(key)s. Copy it now: it is not kept and cannot be shown again.")
            messages.warning(request, said % {"name": obj.name, "key": key})
        super().save_model(request, obj, form, change)
        kind = EventKind.KEY_CHANGED if change else EventKind.KEY_MADE
        if obj.revoked and not was_revoked:
            kind = EventKind.KEY_REVOKED
        given = granted(obj.role, list(form.cleaned_data.get("locations") or ()))
        events.record(kind, actor=actor(request), subject=f"key:{obj.name}", detail=given, request=request)

    @display(description=gettext_lazy("state"))
    def state(self, key: ApiKey) -> SafeString:
        """Whether it still opens anything."""
        if key.revoked:
            return badge(_("revoked"), "bad")
        return badge(_("expired"), "warn") if key.has_expired else badge(_("valid"), "good")
