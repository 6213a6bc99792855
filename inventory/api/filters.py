"""Lists are filtered by the fields they show; a filter that does not exist is refused, not ignored."""

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework.request import Request
from rest_framework.views import APIView

from .errors import Refused, invalid

PAGING = frozenset({"limit", "offset"})


class Filters(filters.FilterSet):
    """Base of all filter sets: fields of the model by name, instants by ``__gte`` and ``__lte``."""

    class Meta:
        filter_overrides = {
            models.DateTimeField: {"filter_class": filters.IsoDateTimeFilter},
            models.CharField: {"filter_class": filters.CharFilter},
        }


class ByCode(filters.CharFilter):
    """Rows of the object with this code."""

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(field_name=f"{path}__code", **kwargs)


class BySku(filters.CharFilter):
    """Rows of the SKU that has this code, its own or another."""

    def __init__(self, path: str = "", **kwargs: Any) -> None:
        super().__init__(field_name=f"{path}__codes__code" if path else "codes__code", **kwargs)


class Open(filters.ChoiceFilter):
    """What waits for a person: ``open`` unless told otherwise; ``closed`` or ``all``."""

    def __init__(self, field_name: str = "closed_at", **kwargs: Any) -> None:
        choices = [("open", _("open")), ("closed", _("closed")), ("all", _("all"))]
        super().__init__(field_name=field_name, choices=choices, help_text=_("Default: open."), **kwargs)

    def filter(self, qs: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        """The rows that are wanted."""
        if value == "all":
            return qs
        return qs.filter(**{f"{self.field_name}__isnull": value != "closed"})


class Filtering(filters.DjangoFilterBackend):
    """django-filter's backend for lists, strict about names."""

    def filter_queryset(self, request: Request, queryset: "QuerySet[Any]", view: APIView) -> "QuerySet[Any]":
        """The rows that the query string asks for."""
        if getattr(view, "detail", False):
            return queryset
        filter_class = self.get_filterset_class(view, queryset)
        known = set(filter_class.base_filters) if filter_class else set()
        check_query(request, known | set(getattr(view, "other_parameters", ())))
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def check_query(request: Request, known: set[str], *, paging: Collection[str] = PAGING) -> None:
    """Raise Refused where the query string has a name that is not known, or one twice."""
    given = request.query_params
    unknown = sorted(set(given).difference(known, paging))
    if unknown:
        names = ", ".join(sorted(known.union(paging)))
        there_are = _("there is no such filter; there are: {names}").format(names=names or _("none"))
        fields = {name[:100]: [there_are] for name in unknown[:20]}
        raise Refused(f"{unknown[0][:100]}: {there_are}", fields=fields)
    for name in given:
        if len(given.getlist(name)) > 1:
            raise invalid(name, _("given more than once"))
