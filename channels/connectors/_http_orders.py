"""Orders of the ``http`` connector: documents in, events out."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from inventory.kernel.quantities import QuantityError, parse_quantity

from ._documents import read_price
from .base import LineEvent, MalformedPayload, OrderEvent, OrderState

#: The largest version that fits our column; an honest channel never comes near it.
_LARGEST_VERSION = 2**62

_CURRENCY = re.compile(r"^[A-Za-z]{3}$")


def read_order(kind: str, event: dict[str, Any], order: dict[str, Any]) -> OrderEvent:
    """The event of an order's document. Raises MalformedPayload where even its id, version, time or lines make no sense."""
    identity = _identity(order.get("id"), "order.id")
    version = _version(order.get("version"))
    placed_at = _instant(order.get("placed_at"), "order.placed_at")
    occurred_at = _instant(event["occurred_at"], "occurred_at") if event.get("occurred_at") else placed_at
    notes: list[str] = []  # units sold are a fact, whatever else makes no sense
    currency = order.get("currency") or ""
    if not isinstance(currency, str) or not (currency == "" or _CURRENCY.match(currency)):
        notes.append(f"currency is {currency!r:.40}; ISO 4217 has three letters")
        currency = ""
    ship_to = order.get("ship_to") or {}
    if not isinstance(ship_to, dict) or "\\u0000" in msgspec.json.encode(ship_to).decode():
        notes.append("ship_to is no address that can be kept")
        ship_to = {}
    # the protocol shows it beside the type; shops put it into the order
    stated = order.get("status") or event.get("status")
    state = OrderState.OPEN
    if kind == "order.cancelled" or stated in ("cancelled", "expired"):
        state = OrderState.CANCELLED
    elif stated == "pending":
        state = OrderState.PENDING
    lines = order.get("lines")
    if state == OrderState.CANCELLED and lines in (None, []):
        lines = []
    elif not isinstance(lines, list) or not lines:
        raise MalformedPayload("no_lines", "order.lines is missing or empty")
    read = _lines(lines, notes)
    return OrderEvent(
        external_id=identity,
        version=version,
        state=state,
        placed_at=placed_at,
        occurred_at=occurred_at,
        currency=currency.upper(),
        lines=read,
        ship_to=ship_to,
        restates_lines=kind in ("order.created", "order.updated"),
        problem="; ".join(notes)[:200],
    )


def _lines(rows: list[Any], notes: list[str]) -> list[LineEvent]:
    lines: dict[str, LineEvent] = {}
    for position, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise MalformedPayload("bad_line", f"line {position} is not an object")
        line = _line(row, position, notes)
        if line.external_id in lines and lines[line.external_id] != line:
            raise MalformedPayload("duplicate_line", f"line id {line.external_id!r} stands twice with other contents")
        lines[line.external_id] = line
    return list(lines.values())


def _line(row: dict[str, Any], position: int, notes: list[str]) -> LineEvent:
    where = f"line {position}"
    identity = _identity(row.get("id"), f"{where}: id")
    listing = row.get("external_id")
    key = str(listing) if isinstance(listing, str | int) and not isinstance(listing, bool) else ""
    key = "" if "\x00" in key else key
    try:
        cancelled, refunded, shipped = (
            parse_quantity(row.get(name) or 0) for name in ("cancelled", "refunded", "shipped")
        )
        # units taken back of a line that never sold any are kept as evidence, whatever they mean
        quantity = parse_quantity(row.get("quantity"), least=0 if cancelled or refunded else 1)
    except QuantityError as error:
        return LineEvent(identity, key[:200], 0, problem=f"bad_quantity: {where}: {error}")
    if max(cancelled, refunded) <= quantity < cancelled + refunded:  # money given back for units that were cancelled
        refunded = quantity - cancelled
    problem = ""
    if not key or len(key) > 200:
        problem = f"bad_listing: {where}: external_id is {listing!r}"[:200]
    elif cancelled + refunded > quantity or shipped > quantity:
        problem = f"bad_quantity: {where}: more cancelled, refunded or shipped than ordered"
    price = read_price(row.get("unit_price"), f"{where}: unit_price", notes)
    return LineEvent(identity, key[:200], quantity, cancelled, refunded, shipped, price, problem)


def _identity(value: Any, where: str) -> str:
    known = isinstance(value, str | int) and not isinstance(value, bool)
    if known and 0 < len(str(value)) <= 200 and "\x00" not in str(value):
        return str(value)
    raise MalformedPayload("bad_id", f"{where} is {value!r:.80}; text of 1 to 200 characters is expected")


def _version(value: Any) -> int:
    try:
        return parse_quantity(value, most=_LARGEST_VERSION)
    except QuantityError as error:
        raise MalformedPayload("bad_version", f"order.version: {error}") from None


def _instant(value: Any, where: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise MalformedPayload("bad_time", f"{where} is {value!r:.80}; ISO 8601 is expected") from None
    if not 1970 <= instant.year < 9999:  # beyond, one time zone's instant is another's overflow
        raise MalformedPayload("bad_time", f"{where} is {value!r:.80}; a year from 1970 to 9998 is expected")
    return instant
