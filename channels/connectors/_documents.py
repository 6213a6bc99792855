"""What JSON documents of any channel have in common: bytes in, an object or a named reason out; prices that may make no sense."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from .base import MalformedPayload

#: What our column holds, with room for its rounding.
_LARGEST_PRICE = 9_999_999_999


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises MalformedPayload."""
    try:
        document = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedPayload("not_utf8", f"the body is not UTF-8: {error}") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedPayload("not_json", f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedPayload("not_an_event", "the body is not a JSON object")
    return document


def read_price(value: Any, where: str, notes: list[str]) -> Decimal | None:
    """A price as stated, None where none is; one that makes no sense is left out and noted as ``where``."""
    if value is None:
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if price.is_finite() and abs(price) < _LARGEST_PRICE:
        return price
    notes.append(f"{where} is {value!r:.40}")
    return None
