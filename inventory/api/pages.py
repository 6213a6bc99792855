"""Lists come in pages: ``?limit=&offset=``."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

from .errors import invalid


class Pages(LimitOffsetPagination):
    """50 rows a page unless told, 500 at most. Nonsense is refused, not ignored."""

    default_limit = 50
    max_limit = 500
    farthest = 2_000_000_000

    def get_limit(self, request: Request) -> int:
        """The page's length."""
        return min(self._number(request, "limit", self.default_limit, least=1), self.max_limit)

    def get_offset(self, request: Request) -> int:
        """How many rows are left out before the page."""
        return self._number(request, "offset", 0, least=0)

    def _number(self, request: Request, name: str, default: int, *, least: int) -> int:
        text = request.query_params.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= self.farthest):
            message = _("a whole number from {least} to {most} is expected").format(least=least, most=self.farthest)
            raise invalid(name, message)
        return int(text)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page as the OpenAPI document describes it."""
        described = super().get_paginated_response_schema(schema)
        described["required"] = ["count", "next", "previous", "results"]
        return described
