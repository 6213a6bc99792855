"""Rows that belong to another, on its page, to read."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline


class ReadInline(TabularInline):
    """A table of facts, a page at a time: some orders have thousands of lines. ``joins`` are read along."""

    joins: tuple[str, ...] = ()
    extra = 0
    can_delete = False
    per_page = 100
    ordering: Any = ("pk",)
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """One query for all of them."""
        return super().get_queryset(request).select_related(*self.joins)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Facts are not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nor changed."""
        return False
