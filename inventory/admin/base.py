"""What every page of the back office has in common."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db.models import DecimalField, ManyToManyField, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
)

from ..models import Location
from ..people.roles import COST_FIELDS, SEES_COST, Standing, at_places, standing_of
from .paging import NearerEndPaginator


def actor(request: HttpRequest) -> str:
    """Who acts, as ledger and alerts name a person."""
    return f"user:{request.user.get_username()}"


def places_of(request: HttpRequest) -> frozenset[int] | None:
    """The locations that this person is limited to; None where they are not."""
    standing = standing_of(request.user)
    return frozenset() if standing is None else standing.location_ids


def shows_cost(request: HttpRequest) -> bool:
    """Whether this person sees what things cost us."""
    return bool(request.user.has_perm(SEES_COST))


def pretty(value: Any) -> SafeString:
    """JSON for people to read; escaped, since it may come from outside."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="so-code">{}</pre>', text)


def plain(number: Decimal) -> str:
    """Without needless zeros."""
    return f"{number.normalize():f}"


def money(amount: Decimal | None, currency: str) -> str | None:
    """An amount with its currency: two digits after the point, more where it has them."""
    if amount is None:
        return None
    digits = max(2, len(plain(amount).partition(".")[2]))
    return f"{amount:.{digits}f} {currency}".strip()


class PlainNumberInput(UnfoldAdminDecimalFieldWidget):
    """A number to change, as people write it."""

    def format_value(self, value: Any) -> Any:
        """2 and not 2.0000."""
        return plain(value) if isinstance(value, Decimal) else super().format_value(value)


def fingerprint(value: bytes | memoryview) -> SafeString:
    """A hash as hexadecimal digits that break where the line ends."""
    return format_html('<code class="so-copy">{}</code>', bytes(value).hex())


def badge(text: object, level: str = "") -> SafeString:
    """A word in a coloured box: good, warn, bad, or plain."""
    return format_html('<span class="so-badge {}">{}</span>', level, text)


#: Several of a few, in one box: two boxes side by side are wider than a small screen.
MANY_CHOSEN: dict[Any, Any] = {ManyToManyField: {"widget": UnfoldAdminSelectMultipleWidget}}


class BackOfficeAdmin(ModelAdmin):
    """Lists that stay fast on big tables; the named actions need the model's change permission."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    paginator = NearerEndPaginator
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    empty_value_display = "–"
    empty_hint: Any = ""  # what an empty list says instead of rows
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        ArrayField: {"widget": UnfoldAdminTextInputWidget}, DecimalField: {"widget": PlainNumberInput},
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """The rows at this person's locations."""
        return self.limited(super().get_queryset(request), standing_of(request.user))

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """The rows at the locations that a standing covers."""
        return at_places(rows, standing)

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may act on these rows, whatever the forms allow."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    # What things cost us is shown to those alone whose role may see it.

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without cost where the role does not see it."""
        fieldsets = super().get_fieldsets(request, obj)
        if shows_cost(request):
            return fieldsets
        return [(title, {**options, "fields": _costless(options["fields"])}) for title, options in fieldsets]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without cost where the role does not see it: a column could be sorted by."""
        columns = super().get_list_display(request)
        return columns if shows_cost(request) else _costless(columns)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """No address searches by cost where the role does not see it: yes and no would tell the number."""
        if COST_FIELDS & set(lookup.split("__")) and (request is None or not shows_cost(request)):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only this person's locations can be chosen; where none means all, one must be."""
        places = places_of(request)
        if db_field.related_model is Location and places is not None:
            kwargs["queryset"] = Location.objects.filter(pk__in=places)
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _costless(names: Any) -> Any:
    kept = [_costless(name) if isinstance(name, list | tuple) else name for name in names]
    return tuple(name for name in kept if name not in COST_FIELDS and name != ())


class RecordAdmin(BackOfficeAdmin):
    """Facts: nobody adds, edits or deletes them here. People act on them by named actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds facts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody edits them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes them."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Also whoever may act on them may look at them."""
        codenames = (f"{self.opts.app_label}.{verb}_{self.opts.model_name}" for verb in ("view", "change"))
        return any(request.user.has_perm(codename) for codename in codenames)


class BigTable:
    """For tables that only grow: pages without counting all rows, and no "select all" over them."""

    paginator = InfinitePaginator
    list_disable_select_all = True


class ConditionFilter(DropdownFilter):
    """A choice among named conditions on a list's rows."""

    conditions: ClassVar[Mapping[str, tuple[Any, Q]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The conditions' names."""
        return [(name, label) for name, (label, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The rows for which the chosen condition holds."""
        chosen = self.conditions.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen[1])


class OpenFilter(ConditionFilter):
    """Whether anybody has dealt with a row yet."""

    title = _("dealt with")
    parameter_name = "closed"
    conditions: ClassVar = {
        "no": (_("Waiting"), Q(closed_at=None)),
        "yes": (_("Dealt with"), Q(closed_at__isnull=False)),
    }
