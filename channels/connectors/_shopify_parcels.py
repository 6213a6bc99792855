"""Telling Shopify of a shipment, each unit once.

``fulfillmentCreate`` takes no idempotency key. So Shopify is asked first: units that left under our tracking number, and that no
other shipment of ours accounts for, are told already; of the others, those that still wait in its fulfillment orders are told,
with one request for each of its locations.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _shopify_documents as documents
from ._shopify_answers import data, has_more, inside, next_cursor, rows
from ._shopify_ids import gid, number
from .base import ChannelRefused, ChannelUnclear, Response, ShipmentNews

#: A query, its variables; answered with the response.
Step = tuple[str, dict[str, Any]]

#: Pages of fulfillment orders that are looked through.
_MOST_PAGES = 20

_CAN_LEAVE = {"OPEN", "IN_PROGRESS"}
_WAITING = {"ON_HOLD": "on_hold", "SCHEDULED": "scheduled"}


@dataclass(slots=True)
class _Waiting:
    """What still is to leave, by Shopify's location; and what is kept from leaving."""

    rows: list[tuple[str, str, str, str, int]] = field(default_factory=list)  # location, order, its line, line, units
    kept: Counter[str] = field(default_factory=Counter)  # units, by status

    def take(self, wanted: Counter[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """The units wanted, by location and fulfillment order; takes them off ``wanted``."""
        parcels: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for place, order, order_line, line, remaining in self.rows:
            units = min(remaining, wanted[line])
            if units > 0:
                wanted[line] -= units
                parcels.setdefault(place, {}).setdefault(order, []).append({"id": order_line, "quantity": units})
        return parcels


def tell(news: ShipmentNews, *, notify: bool) -> Generator[Step, Response, None]:
    """Ask what is told already, and tell the rest. Raises ChannelBusy, ChannelRefused or ChannelUnclear."""
    order = gid("Order", news.order_external_id)
    wanted = _lines(news.lines)
    if not order or "" in wanted:
        raise ChannelRefused("the order or a line of it has no id that Shopify knows", code="bad_id")
    answer = yield documents.FULFILLMENTS, {"id": order}
    known = _order(answer, news)
    wanted -= _told(known, news, wanted)
    if not wanted or (news.is_repeat and _left_alike(known, news, wanted)):
        return
    waiting = yield from _still_waiting(order, news)
    missing = Counter(wanted)
    parcels = waiting.take(missing)
    if +missing:
        if _left_alike(known, news, wanted):
            return
        raise _nothing_left(+missing, waiting)
    for orders in parcels.values():
        answer = yield documents.FULFILL, {"fulfillment": _fulfillment(orders, news, notify=notify)}
        _taken(answer)


def _order(answer: Response, news: ShipmentNews) -> dict[str, Any]:
    found = data(answer).get("order")
    if not isinstance(found, dict):
        raise ChannelRefused(f"Shopify has no order {news.order_external_id}", code="unknown_order")
    return found


def _lives(parcel: dict[str, Any]) -> bool:
    return str(parcel.get("status") or "").upper() not in ("CANCELLED", "ERROR", "FAILURE")


def _units(parcel: dict[str, Any]) -> Counter[str]:
    units: Counter[str] = Counter()
    for row in rows(parcel.get("fulfillmentLineItems")):
        quantity = row.get("quantity")
        if isinstance(quantity, int) and not isinstance(quantity, bool):
            units[number("LineItem", inside(row, "lineItem", "id"))] += quantity
    return units


def _told(order: dict[str, Any], news: ShipmentNews, wanted: Counter[str]) -> Counter[str]:
    """Units that left under our tracking number, without those of our other shipments under it; of a parcel with more lines
    than are listed, all that we want to tell."""
    tracking, told = news.tracking_number.strip(), Counter[str]()
    for parcel in rows(order.get("fulfillments")):
        if tracking and tracking in _numbers(parcel) and _lives(parcel):
            told += wanted if has_more(parcel.get("fulfillmentLineItems")) else _units(parcel)
    for other, lines in news.others:
        if other.strip() == tracking:
            told -= _lines(lines)
    return told


def _left_alike(order: dict[str, Any], news: ShipmentNews, wanted: Counter[str]) -> bool:
    """Whether one parcel more without a number left with these very units than our other shipments account for: without a
    number, that is how our own news looks when it is told again."""
    if news.tracking_number.strip():
        return False
    parcels = [parcel for parcel in rows(order.get("fulfillments")) if _lives(parcel) and not _numbers(parcel)]
    left = sum(_units(parcel) == wanted for parcel in parcels)
    return left > sum(not other.strip() and _lines(lines) == wanted for other, lines in news.others)


def _numbers(parcel: dict[str, Any]) -> set[str]:
    return {text for row in rows(parcel.get("trackingInfo")) if (text := str(row.get("number") or "").strip())}


def _lines(lines: Sequence[tuple[str, int]]) -> Counter[str]:
    units: Counter[str] = Counter()
    for line, count in lines:
        units[number("LineItem", line)] += count
    return units


def _still_waiting(order: str, news: ShipmentNews) -> Generator[Step, Response, _Waiting]:
    waiting, after = _Waiting(), None
    for _ in range(_MOST_PAGES):
        answer = yield documents.FULFILLMENT_ORDERS, {"id": order, "after": after}
        listed = _order(answer, news).get("fulfillmentOrders")
        for row in rows(listed):
            yield from _note(waiting, row)
        after = next_cursor(listed)
        if after is None:
            break
    return waiting


def _note(waiting: _Waiting, row: dict[str, Any]) -> Generator[Step, Response, None]:
    """Note what a fulfillment order still has, on all pages of its lines."""
    status = str(row.get("status") or "").upper()
    place, order = str(inside(row, "assignedLocation", "location", "id") or ""), str(row.get("id"))
    listed = row.get("lineItems")
    for _ in range(_MOST_PAGES):
        for line in rows(listed):
            remaining, identity = line.get("remainingQuantity"), number("LineItem", inside(line, "lineItem", "id"))
            if not isinstance(remaining, int) or isinstance(remaining, bool) or remaining <= 0 or not identity:
                continue
            if status in _CAN_LEAVE:
                waiting.rows.append((place, order, str(line.get("id")), identity, remaining))
            elif status in _WAITING:
                waiting.kept[f"{status}/{identity}"] += remaining
        after = next_cursor(listed)
        if after is None:
            break
        answer = yield documents.FULFILLMENT_ORDER_LINES, {"id": order, "after": after}
        listed = inside(data(answer).get("fulfillmentOrder"), "lineItems")


def _nothing_left(missing: Counter[str], waiting: _Waiting) -> ChannelRefused:
    """Why some units cannot be told."""
    for status, code in _WAITING.items():
        if any(waiting.kept[f"{status}/{line}"] for line in missing):
            words = code.replace("_", " ")
            return ChannelRefused(f"the order is {words} in Shopify: release it there, and tell it again", code=code)
    units = ", ".join(f"{count} of line {line}" for line, count in sorted(missing.items()))
    return ChannelRefused(f"nothing remains to be fulfilled in Shopify of {units}"[:400], code="nothing_remaining")


def _fulfillment(orders: dict[str, list[dict[str, Any]]], news: ShipmentNews, *, notify: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "lineItemsByFulfillmentOrder": [
            {"fulfillmentOrderId": order, "fulfillmentOrderLineItems": lines} for order, lines in orders.items()
        ],
        "notifyCustomer": notify,
    }
    tracking = {"company": news.carrier.strip(), "number": news.tracking_number.strip()}
    given = {name: text for name, text in tracking.items() if text}
    return document | ({"trackingInfo": given} if given else {})


def _taken(answer: Response) -> None:
    payload = data(answer).get("fulfillmentCreate")
    if not isinstance(payload, dict):
        raise ChannelUnclear("the answer does not say whether the fulfillment was created")
    errors = rows(payload.get("userErrors"))
    if errors:
        message = "; ".join(str(error.get("message") or "") for error in errors)[:400]
        raise ChannelRefused(message or "the fulfillment was refused", code="fulfillment_refused")
    if not isinstance(payload.get("fulfillment"), dict):
        raise ChannelUnclear("the answer holds no fulfillment")
