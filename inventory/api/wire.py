"""Bytes in and out: JSON by orjson, within bounds."""

import json
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _
from drf_orjson_renderer.renderers import ORJSONRenderer
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class JsonParser(BaseParser):
    """JSON in UTF-8, no larger than the web process will hold in memory."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed body. Raises ParseError."""
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return orjson.loads(body)
        except ValueError as error:
            raise ParseError(_("This is not JSON: {reason}").format(reason=error)) from None


class JsonRenderer(ORJSONRenderer):
    """JSON; the slow way where a channel's own document holds a number that orjson cannot write."""

    def render(self, data: Any, media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """The answer's bytes."""
        try:
            return super().render(data, media_type, renderer_context)
        except (TypeError, orjson.JSONEncodeError):
            return json.dumps(data, cls=DjangoJSONEncoder).encode()
