"""Fields that several resources have: codes, units, money, objects."""

import json
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..kernel.quantities import LARGEST, QuantityError, parse_quantity
from ..models.ledger import Reason

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEEPEST = 10
_LARGEST_DOCUMENT = 64 * 1024


class NewCode(serializers.CharField):
    """A code that is being given: any printable text, since it has to fit into an address."""

    default_error_messages = {"code": _("A code has no control characters and is not '.' or '..'.")}

    def to_internal_value(self, data: Any) -> str:
        """The code without the spaces around it."""
        value: str = super().to_internal_value(data)
        if _CONTROL.search(value) or value in (".", ".."):
            self.fail("code")
        return value


class Code(serializers.SlugRelatedField):
    """Another object, named by its code."""

    default_error_messages = {
        "does_not_exist": _("There is no {value}."),
        "invalid": _("A code is text."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field=kwargs.pop("slug_field", "code"), **kwargs)

    def to_internal_value(self, data: Any) -> Model:
        """The object of that code."""
        if isinstance(data, bool) or not isinstance(data, str | int) or "\x00" in str(data) or len(str(data)) > 200:
            self.fail("invalid")
        found: Model = super().to_internal_value(str(data).strip())
        return found


class SkuField(Code):
    """A SKU, named by any of its codes; shown by its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="codes__code", **kwargs)

    def to_representation(self, obj: Any) -> str:
        """Its own code."""
        return str(obj.code)


@extend_schema_field(OpenApiTypes.STR)
class Identity(serializers.CharField):
    """An object's id: text, not to be computed with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"source": "pk", "read_only": True, "help_text": _("Text, not a number."), **kwargs})


class Units(serializers.IntegerField):
    """Whole units, as a number or its decimal text."""

    def __init__(self, *, least: int = 0, most: int = LARGEST, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(min_value=least, max_value=most, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        """The units. Floats with a fraction, booleans and other text are refused."""
        try:
            return parse_quantity(data, least=self.least, most=self.most)
        except QuantityError as error:
            raise serializers.ValidationError(str(error)[:300]) from None


class Money(serializers.DecimalField):
    """An amount as decimal text, with at least two decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 4, "min_value": Decimal(0), **kwargs})

    def to_representation(self, value: Any) -> str:
        """The text: trailing zeros beyond the second decimal are left out."""
        exact = Decimal(str(value)).normalize()
        places = max(2, -int(exact.as_tuple().exponent))
        return f"{exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}"


class Currency(serializers.CharField):
    """An ISO 4217 code."""

    default_error_messages = {"currency": _("Three capital letters of ISO 4217 are expected, as USD.")}

    def to_internal_value(self, data: Any) -> str:
        """The code, or nothing where that is allowed."""
        value: str = super().to_internal_value(data)
        if value and not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
            self.fail("currency")
        return value


class ReasonText(serializers.CharField):
    """Why: a known code, or people's own words."""

    def __init__(self, **kwargs: Any) -> None:
        text = _("A known code ({codes}), or any text: it is kept as `other` with the text as its note.")
        known = ", ".join(code for code in Reason.values if code != Reason.OTHER)
        super().__init__(**{"max_length": 200, "help_text": text.format(codes=known), **kwargs})


@extend_schema_field(OpenApiTypes.OBJECT)
class JsonObject(serializers.JSONField):
    """A JSON object within bounds: not too deep, not too large, storable."""

    default_error_messages = {
        "object": _("An object is expected."),
        "deep": _("Nested deeper than {most} levels."),
        "large": _("Larger than {most} bytes."),
        "nul": _("Text must not hold the character U+0000."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object as it was sent."""
        if not isinstance(data, Mapping):
            self.fail("object")
        if _depth(data, _DEEPEST + 1) > _DEEPEST:
            self.fail("deep", most=_DEEPEST)
        text = json.dumps(data)
        if len(text) > _LARGEST_DOCUMENT:
            self.fail("large", most=_LARGEST_DOCUMENT)
        if "\\u0000" in text and _has_nul(data):
            self.fail("nul")
        return dict(data)


def _inner(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth(value: Any, most: int) -> int:
    """How deep a value is nested; not looked at beyond ``most``."""
    if not isinstance(value, Mapping | list) or most == 0:
        return 0
    return 1 + max((_depth(inner, most - 1) for inner in _inner(value)), default=0)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    keys = any("\x00" in key for key in value) if isinstance(value, Mapping) else False
    return keys or any(_has_nul(inner) for inner in _inner(value))
