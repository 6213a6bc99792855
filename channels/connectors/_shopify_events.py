"""Which of Shopify's deliveries concern us, and what each of them means."""

from typing import Any

import msgspec

from . import _shopify_nodes as nodes
from ._documents import read_document
from ._shopify_ids import named, number
from ._shopify_orders import read_order
from .base import MalformedPayload, OrderChanged, OrderEvent

#: Those carry the whole order.
ORDERS = {
    "orders/create", "orders/updated", "orders/cancelled", "orders/paid", "orders/fulfilled", "orders/partially_fulfilled",
}  # fmt: skip

#: Those say what changed of an order, and not what it is now.
CHANGES = {"orders/edited", "refunds/create"}


class _Reference(msgspec.Struct):
    """Where the order's id stands, in any delivery; everything else is skipped unread."""

    id: Any = None
    admin_graphql_api_id: Any = None
    order_id: Any = None
    order_edit: Any = None
    orders: Any = None
    order: Any = None


def order_ref(body: bytes) -> str:
    """The number of the order that a delivery is about; empty where there is none. Never raises."""
    try:
        found = msgspec.json.decode(body, type=_Reference)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    node = found.orders if isinstance(found.orders, dict) else found.order
    return (
        (
            named("Order", {"id": found.id, "admin_graphql_api_id": found.admin_graphql_api_id})
            if found.order_id is None
            else number("Order", found.order_id)
        )
        or named("Order", found.order_edit, field="order_id")
        or named("Order", node)
    )


def parse(body: bytes, *, topic: str) -> OrderEvent | OrderChanged | None:
    """The event in these bytes; None where it is of no concern to us. Raises MalformedPayload."""
    kind = topic.strip().lower()
    if kind and kind not in ORDERS and kind not in CHANGES:
        return None
    document = read_document(body)
    if kind in CHANGES:
        return _change(document)
    if isinstance(document.get("orders"), dict):
        return _polled(document["orders"])
    if isinstance(document.get("order"), dict):
        return _asked_for(document["order"])
    return read_order(document)


def _change(document: dict[str, Any]) -> OrderChanged:
    edit = document.get("order_edit")
    holder = edit if isinstance(edit, dict) else document
    identity = number("Order", holder.get("order_id"))
    if not identity:
        raise MalformedPayload("bad_id", f"order_id is {holder.get('order_id')!r:.80}")
    return OrderChanged(identity)


def _polled(node: dict[str, Any]) -> OrderEvent | OrderChanged | None:
    identity = number("Order", node.get("id"))
    if identity and not nodes.is_listed_whole(node):
        return OrderChanged(identity)
    return read_order(nodes.as_webhook(node))


def _asked_for(node: dict[str, Any]) -> OrderEvent | None:
    order = nodes.as_webhook(node)
    return read_order(order, has_all_lines=nodes.has_all_lines(node), has_all_parcels=nodes.has_all_parcels(node))
