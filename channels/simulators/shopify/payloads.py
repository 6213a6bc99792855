"""Webhook bodies, shaped as Shopify's own examples of 2026-07: every field that is there is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from channels.simulators.orders import OrderLine
from channels.simulators.shopify.address import address_of, email_of
from channels.simulators.shopify.identity import gid, level_gid, local_instant
from channels.simulators.shopify.money import amount, bag
from channels.simulators.shopify.orders import Fulfillment, Refund, ShopLine, ShopOrder
from channels.simulators.shopify.stock import Item, Level

if TYPE_CHECKING:
    from channels.simulators.shopify.marketplace import Shop

Document = dict[str, Any]
NOTHING = Decimal(0)

_EMPTY: Document = {
    **dict.fromkeys(
        (
            *("app_id", "browser_ip", "cart_token", "checkout_token", "client_details", "confirmation_number"),
            *("current_total_additional_fees_set", "current_total_duties_set", "device_id", "landing_site"),
            *("landing_site_ref", "merchant_of_record_app_id", "note", "original_total_additional_fees_set"),
            *("original_total_duties_set", "phone", "po_number", "reference", "referring_site", "source_identifier"),
            *("source_url", "user_id", "payment_terms", "location_id"),
        )
    ),
    "buyer_accepts_marketing": False,
    "confirmed": True,
    "customer_locale": "en",
    "discount_codes": [],
    "duties_included": False,
    "estimated_taxes": False,
    "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
    "note_attributes": [],
    "payment_gateway_names": ["bogus"],
    "source_name": "web",
    "tags": "",
    "tax_exempt": False,
    "tax_lines": [],
    "taxes_included": False,
    "test": False,
    "total_tip_received": "0.00",
    "total_weight": 0,
    "discount_applications": [],
    "shipping_lines": [],
    "returns": [],
    "line_item_groups": [],
}
#: Amounts that are always nothing here, once as a text and once as a set.
_FREE = ("current_total_discounts", "current_total_tax", "total_discounts", "total_tax")
_FREE_SETS = (
    *("current_shipping_price_set", "total_cash_rounding_payment_adjustment_set"),
    *("total_cash_rounding_refund_adjustment_set", "total_shipping_price_set"),
)


def order(of: ShopOrder, *, shop: Shop) -> Document:
    """The whole order, as ``orders/*`` carry it."""
    currency, address, email = of.currency, address_of(of), email_of(of)
    free = bag(NOTHING, currency=currency)
    return {
        "id": int(of.order_id),
        "admin_graphql_api_id": gid("Order", of.order_id),
        **_EMPTY,
        **_instants(of),
        **_amounts(of),
        **{f"{name}_set": free for name in _FREE},
        **dict.fromkeys(_FREE, "0.00"),
        **dict.fromkeys(_FREE_SETS, free),
        "cancel_reason": of.cancel_reason,
        "contact_email": email,
        "email": email,
        "currency": currency,
        "presentment_currency": currency,
        "financial_status": of.financial_status,
        "fulfillment_status": of.fulfillment_status,
        "name": of.name,
        "number": of.number,
        "order_number": 1000 + of.number,
        "order_status_url": f"https://{shop.domain}/orders/{of.order_id}",
        "token": of.order_id,
        "billing_address": address,
        "shipping_address": address,
        "customer": _customer(of, address=address, email=email),
        "line_items": [_line(each, of=of, item=shop.find(each.offer.external_id)) for each in of.shop_lines],
        "fulfillments": [fulfillment(each, order=of) for each in of.fulfillments],
        "refunds": [refund(each, order=of, shop=shop) for each in of.refunds],
    }


def _instants(of: ShopOrder) -> Document:
    placed = local_instant(of.placed_at)
    return {
        "created_at": placed,
        "processed_at": placed,
        "updated_at": local_instant(of.updated_at),
        "cancelled_at": local_instant(of.cancelled_at) if of.cancelled_at else None,
        "closed_at": local_instant(of.closed_at) if of.closed_at else None,
    }


def _amounts(of: ShopOrder) -> Document:
    total, current = of.total, of.current_total
    values = {
        **dict.fromkeys(("current_subtotal_price", "current_total_price", "subtotal_price"), current),
        **dict.fromkeys(("total_line_items_price", "total_price"), total),
    }
    texts = {name: amount(value) for name, value in values.items()}
    sets = {f"{name}_set": bag(value, currency=of.currency) for name, value in values.items()}
    return {**texts, **sets, "total_outstanding": amount(NOTHING if of.is_paid or of.cancelled_at else current)}


def _customer(of: ShopOrder, *, address: Mapping[str, Any], email: str) -> Document:
    number = int(of.order_id) - 1
    kept = ("first_name", "last_name", "company", "address1", "address2", "city", "province", "country", "zip", "phone")
    named = {name: address[name] for name in (*kept, "name", "province_code", "country_code")}
    default = {**named, "id": number, "customer_id": number, "country_name": address["country"], "default": True}
    return {
        "id": number,
        "created_at": local_instant(of.placed_at),
        "updated_at": local_instant(of.placed_at),
        "first_name": address["first_name"],
        "last_name": address["last_name"],
        "state": "disabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": email,
        "phone": None,
        "currency": of.currency,
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", str(number)),
        "default_address": default,
    }


def _line(line: ShopLine, *, of: ShopOrder, item: Item) -> Document:
    """A line as orders carry it."""
    return {
        **_plain_line(line, currency=of.currency, item=item),
        "attributed_staffs": [],
        "current_quantity": line.current,
        "sales_line_item_group_id": None,
    }


def _plain_line(line: ShopLine, *, currency: str, item: Item) -> Document:
    """A line as refunds and fulfillments carry it."""
    status = None if not line.shipped else "partial" if line.open else "fulfilled"
    return {
        "id": int(line.line_id),
        "admin_graphql_api_id": gid("LineItem", line.line_id),
        "fulfillable_quantity": line.open,
        "fulfillment_service": "manual",
        "fulfillment_status": status,
        "gift_card": False,
        "grams": 100,
        "name": line.offer.sku,
        "price": amount(line.price),
        "price_set": bag(line.price, currency=currency),
        "product_exists": True,
        "product_id": int(item.product_id),
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": True,
        "sku": line.offer.sku,
        "taxable": True,
        "title": line.offer.sku,
        "total_discount": "0.00",
        "total_discount_set": bag(NOTHING, currency=currency),
        "variant_id": int(item.variant_id),
        "variant_inventory_management": "shopify",
        "variant_title": None,
        "vendor": "Simulated",
        "tax_lines": [],
        "duties": [],
        "discount_allocations": [],
    }


def fulfillment(of: Fulfillment, *, order: ShopOrder) -> Document:
    """``fulfillments/create``, and as part of an order."""
    lines = [
        {
            **_plain_line(part.line, currency=order.currency, item=_item(part.work, line=part.line)),
            "quantity": part.quantity,
            "fulfillment_status": "fulfilled",
        }
        for part in of.parts
    ]
    return {
        "id": int(of.fulfillment_id),
        "admin_graphql_api_id": gid("Fulfillment", of.fulfillment_id),
        "created_at": local_instant(of.created_at),
        "updated_at": local_instant(of.created_at),
        "destination": address_of(order),
        "email": email_of(order),
        "line_items": lines,
        "location_id": int(of.place.location_id),
        "name": of.name,
        "order_id": int(order.order_id),
        "origin_address": None,
        "receipt": {},
        "service": "manual",
        "shipment_status": None,
        "status": "success",
        "tracking_company": of.company,
        "tracking_number": of.numbers[0] if of.numbers else None,
        "tracking_numbers": list(of.numbers),
        "tracking_url": of.urls[0] if of.urls else None,
        "tracking_urls": list(of.urls),
    }


def _item(work: Any, *, line: ShopLine) -> Item:
    found: Item = next(each.level.item for each in work.lines if each.line is line)
    return found


def refund(of: Refund, *, order: ShopOrder, shop: Shop) -> Document:
    """``refunds/create``, and as part of an order."""
    created = local_instant(of.created_at)
    free = bag(NOTHING, currency=order.currency)
    units = []
    for part in of.parts:
        value = part.line.price * part.quantity
        units.append(
            {
                "id": int(part.part_id),
                "line_item_id": int(part.line.line_id),
                "location_id": int(part.place.location_id) if part.place else None,
                "quantity": part.quantity,
                "restock_type": part.restock,
                "subtotal": float(value),
                "subtotal_set": bag(value, currency=order.currency),
                "total_tax": 0.0,
                "total_tax_set": free,
                "line_item": _plain_line(
                    part.line, currency=order.currency, item=shop.find(part.line.offer.external_id)
                ),
            }
        )
    return {
        "id": int(of.refund_id),
        "admin_graphql_api_id": gid("Refund", of.refund_id),
        "order_id": int(order.order_id),
        "created_at": created,
        "processed_at": created,
        "note": of.note,
        "user_id": 548380009,
        "duties": [],
        "total_duties_set": free,
        "return": None,
        "refund_shipping_lines": [],
        "restock": any(part.restock != "no_restock" for part in of.parts),
        "order_adjustments": [],
        "refund_line_items": units,
        "transactions": [],
    }


def edit(
    of: ShopOrder,
    *,
    additions: Sequence[tuple[OrderLine, int]],
    removals: Sequence[tuple[OrderLine, int]],
    edit_id: str,
) -> Document:
    """``orders/edited``: what was added and removed, and nothing else of the order."""
    nothing: dict[str, list[Any]] = {"additions": [], "removals": []}
    edited = local_instant(of.updated_at)
    return {
        "order_edit": {
            "id": int(edit_id),
            "app_id": None,
            "created_at": edited,
            "committed_at": edited,
            "notify_customer": False,
            "order_id": int(of.order_id),
            "staff_note": "",
            "user_id": None,
            "line_items": {
                "additions": [{"id": int(line.line_id), "delta": quantity} for line, quantity in additions],
                "removals": [{"id": int(line.line_id), "delta": quantity} for line, quantity in removals],
            },
            "discounts": {"line_item": nothing},
            "shipping_lines": nothing,
        }
    }


def level(of: Level) -> Document:
    """``inventory_levels/update``: no cause, and not what was there before."""
    return {
        "inventory_item_id": int(of.item.item_id),
        "location_id": int(of.place.location_id),
        "available": of.available,
        "updated_at": local_instant(of.updated_at),
        "admin_graphql_api_id": level_gid(of.place.location_id, item_id=of.item.item_id),
    }
