"""Shopify's orders, as its GraphQL writes them, put into the words of its webhooks: one reader understands both."""

from collections.abc import Mapping
from typing import Any

from . import _shopify_documents as documents
from ._shopify_answers import has_more, inside, rows

_ADDRESS = {"province_code": "provinceCode", "country_code": "countryCodeV2"}


def is_listed_whole(node: Mapping[str, Any]) -> bool:
    """Whether all lines and parcels of an order are on the page of a poll."""
    return has_all_lines(node) and _has_all_parcels(node, most=documents.POLLED_FULFILLMENTS)


def has_all_parcels(node: Mapping[str, Any]) -> bool:
    """Whether all parcels of an order that was asked for are listed."""
    return _has_all_parcels(node, most=documents.ORDER_FULFILLMENTS)


def has_all_lines(node: Mapping[str, Any]) -> bool:
    """Whether all lines of an order are listed."""
    return not has_more(node.get("lineItems"))


def as_webhook(node: Mapping[str, Any]) -> dict[str, Any]:
    """The order as a webhook would have told it."""
    address = node.get("shippingAddress")
    if isinstance(address, dict):
        address = {**address, **{name: address.get(theirs) for name, theirs in _ADDRESS.items()}}
    return {
        "admin_graphql_api_id": node.get("id"),
        "updated_at": node.get("updatedAt"),
        "created_at": node.get("createdAt"),
        "cancelled_at": node.get("cancelledAt"),
        "currency": node.get("currencyCode"),
        "financial_status": node.get("displayFinancialStatus"),
        "payment_gateway_names": node.get("paymentGatewayNames"),
        "test": node.get("test"),
        "shipping_address": address,
        "line_items": _lines(node.get("lineItems")),
        "fulfillments": [_parcel(row) for row in rows(node.get("fulfillments"))],
    }


def _has_all_parcels(node: Mapping[str, Any], *, most: int) -> bool:
    """A list that is full may have more: it does not say."""
    parcels = rows(node.get("fulfillments"))
    return len(parcels) < most and not any(has_more(row.get("fulfillmentLineItems")) for row in parcels)


def _lines(connection: Any) -> Any:
    nodes = inside(connection, "nodes")
    return [_line(row) if isinstance(row, dict) else row for row in nodes] if isinstance(nodes, list) else nodes


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    tracked = inside(row, "variant", "inventoryItem", "tracked")
    return {
        "admin_graphql_api_id": row.get("id"),
        "quantity": row.get("quantity"),
        "current_quantity": row.get("currentQuantity"),
        "fulfillable_quantity": row.get("unfulfilledQuantity"),
        "requires_shipping": row.get("requiresShipping"),
        "gift_card": row.get("isGiftCard"),
        "variant_id": inside(row, "variant", "id"),
        "variant_inventory_management": None if tracked is False else "shopify",
        "price": inside(row, "originalUnitPriceSet", "shopMoney", "amount"),
    }


def _parcel(row: Mapping[str, Any]) -> dict[str, Any]:
    lines = [
        {"admin_graphql_api_id": inside(line, "lineItem", "id"), "quantity": line.get("quantity")}
        for line in rows(row.get("fulfillmentLineItems"))
    ]
    return {"status": row.get("status"), "line_items": lines}
