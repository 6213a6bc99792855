"""Shopify's orders, as its webhooks write them: documents in, events out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from inventory.kernel.quantities import QuantityError, parse_quantity

from ._documents import read_price
from ._shopify_answers import inside
from ._shopify_ids import gid, named
from ._shopify_units import Parcels, Refunds, units_left
from .base import LineEvent, MalformedPayload, OrderEvent, OrderState

_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Nobody has paid yet, and whether somebody will is open. Paid in part, or authorized, is a sale.
_UNPAID = {"pending", "expired", "voided"}

#: Paid at the door: unpaid until it has been shipped.
_AT_THE_DOOR = re.compile(r"cash[\s_-]+on[\s_-]+delivery|\(cod\)|^cod$", re.IGNORECASE)

_TEST = "a test order: Shopify took its units off what it shows; cancel it there to give them back"

_LONG = "the order has more lines than Shopify lists at a time; the others come by webhook"

#: Our words for an address, and Shopify's.
_ADDRESS = {
    "name": ("name",), "company": ("company",), "address1": ("address1",), "address2": ("address2",),
    "city": ("city",), "region": ("province_code", "province"), "postal_code": ("zip",),
    "country": ("country_code", "country"), "phone": ("phone",), "latitude": ("latitude",), "longitude": ("longitude",),
}  # fmt: skip


def read_order(
    order: Mapping[str, Any], *, has_all_lines: bool = True, has_all_parcels: bool = True
) -> OrderEvent | None:
    """The event of an order's document; None where nothing of ours is in the order.

    Raises MalformedPayload where even its id, times or lines make no sense.
    """
    identity = named("Order", order)
    if not identity:
        raise MalformedPayload("bad_id", f"id is {order.get('id')!r:.80}; the number or gid of an order is expected")
    updated_at = _instant(order.get("updated_at"), "updated_at")
    placed_at = _instant(order.get("created_at"), "created_at")
    state, given = _state(order), order.get("line_items")
    if not isinstance(given, list) or not (given or state == OrderState.CANCELLED):
        raise MalformedPayload("no_lines", "line_items is missing or empty")
    notes = [note for applies, note in ((not has_all_lines, _LONG), (order.get("test") is True, _TEST)) if applies]
    parcels = Parcels.of(order.get("fulfillments"), notes, is_complete=has_all_parcels)
    lines = _lines(given, parcels, Refunds.of(order.get("refunds"), notes), notes)
    if given and not lines:
        return None
    return OrderEvent(
        external_id=identity,
        version=(updated_at - _EPOCH) // timedelta(microseconds=1),
        state=state,
        placed_at=placed_at,
        occurred_at=updated_at,
        currency=_currency(order.get("currency"), notes),
        lines=lines,
        ship_to=_ship_to(order.get("shipping_address")),
        restates_lines=has_all_lines,
        problem="; ".join(notes)[:200],
    )


def _state(order: Mapping[str, Any]) -> OrderState:
    if order.get("cancelled_at"):
        return OrderState.CANCELLED
    if str(order.get("financial_status") or "").lower() not in _UNPAID:
        return OrderState.OPEN
    gateways = order.get("payment_gateway_names")
    named_so = [name for name in gateways if isinstance(name, str)] if isinstance(gateways, list) else []
    return OrderState.OPEN if any(_AT_THE_DOOR.search(name.strip()) for name in named_so) else OrderState.PENDING


def _lines(given: Sequence[Any], parcels: Parcels, refunds: Refunds, notes: list[str]) -> list[LineEvent]:
    lines: dict[str, LineEvent] = {}
    for position, row in enumerate(given, 1):
        if not isinstance(row, dict):
            raise MalformedPayload("bad_line", f"line {position} is not an object")
        identity = named("LineItem", row)
        if not identity:
            raise MalformedPayload("bad_id", f"line {position}: id is {row.get('id')!r:.80}")
        if _is_no_merchandise(row):
            continue
        line = _line(row, identity, position, parcels, refunds, notes)
        if identity in lines and lines[identity] != line:
            raise MalformedPayload("duplicate_line", f"line id {identity} stands twice with other contents")
        lines[identity] = line
    return list(lines.values())


def _is_no_merchandise(row: Mapping[str, Any]) -> bool:
    """Tips, fees and services, gift cards, and what neither is sent nor counted by Shopify: nothing of ours leaves for them."""
    if row.get("gift_card") is True:
        return True
    if row.get("requires_shipping") is not False:
        return False
    is_counted = row.get("variant_inventory_management", "unknown") is not None
    return row.get("variant_id") is None or not is_counted


def _line(
    row: Mapping[str, Any], identity: str, position: int, parcels: Parcels, refunds: Refunds, notes: list[str]
) -> LineEvent:
    where, key = f"line {position}", gid("ProductVariant", row.get("variant_id"))
    try:
        quantity = parse_quantity(row.get("quantity"))
        current, to_send = (
            None if row.get(name) is None else parse_quantity(row[name])
            for name in ("current_quantity", "fulfillable_quantity")
        )
    except QuantityError as error:
        return LineEvent(identity, key, 0, problem=f"bad_quantity: {where}: {error}"[:200])
    units = units_left(
        max(quantity, current or 0), current=current, to_send=to_send, parcels=parcels, refunds=refunds, line=identity
    )
    line = LineEvent(identity, key, *units, unit_price=_price(row, where, notes))
    if line.shipped > line.quantity:
        return replace(line, problem=f"bad_quantity: {where}: more shipped than ordered")
    if not key:
        known = row.get("variant_id")
        why = "a custom item, or of a product that was deleted" if known is None else f"variant_id is {known!r:.40}"
        return replace(line, problem=f"bad_listing: {where} names no variant: {why}")
    return line


def _price(row: Mapping[str, Any], where: str, notes: list[str]) -> Decimal | None:
    """What a unit cost before discounts, in the shop's own currency."""
    value = inside(row, "price_set", "shop_money", "amount")
    return read_price(row.get("price") if value is None else value, f"{where}: price", notes)


def _currency(value: Any, notes: list[str]) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value.upper()
    notes.append(f"currency is {value!r:.40}; ISO 4217 has three letters")
    return ""


def _ship_to(address: Any) -> dict[str, Any]:
    found = {}
    for ours, theirs in _ADDRESS.items():
        for name in theirs:
            value = inside(address, name)
            if isinstance(value, str):
                value = value.replace("\x00", "").strip()
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                found[ours] = value
                break
    return found


def _instant(value: Any, where: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise MalformedPayload("bad_time", f"{where} is {value!r:.80}; ISO 8601 is expected") from None
    if not 1970 <= instant.year < 9999:
        raise MalformedPayload("bad_time", f"{where} is {value!r:.80}; a year from 1970 to 9998 is expected")
    return instant
