"""Every mutation that is served, by its name in the schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from channels.simulators.shopify.asking import Asking, Errors, error
from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.fulfilling import Tracking
from channels.simulators.shopify.idempotency import Payload
from channels.simulators.shopify.identity import number_of
from channels.simulators.shopify.orders import ShopOrder, Work, WorkLine
from channels.simulators.shopify.stock_writes import activate, adjust_quantities, set_quantities
from channels.simulators.shopify.subscriptions import topic_of
from channels.simulators.shopify.views import SubscriptionView
from channels.simulators.shopify.views_orders import FulfillmentView

MOST_LINES = 512
Chosen = list[tuple[Work, WorkLine, int]]


def fulfill(
    _root: Any, info: GraphQLResolveInfo, *, fulfillment: dict[str, Any], message: str | None = None
) -> Payload:
    """``fulfillmentCreate``: not idempotent. Asked again while units are left, it ships again."""
    asking: Asking = info.context
    shop = asking.shop
    chosen: Chosen = []
    errors: Errors = []
    orders: list[ShopOrder] = []
    for group in fulfillment["line_items_by_fulfillment_order"]:
        order, units, wrong = _group(shop, group)
        orders += [order] if order else []
        chosen += units
        errors += wrong
    if not errors and (
        not chosen or len({id(order) for order in orders}) != 1 or len({w.place for w, _, _ in chosen}) != 1
    ):
        errors.append(error("All fulfillment orders must be of one order and one location.", "fulfillment"))
    if errors:
        shop.requests["fulfillments_refused"] += 1
        return {"fulfillment": None, "user_errors": errors}
    tracking = _tracking(fulfillment.get("tracking_info") or {})
    made = shop.fulfil(orders[0], chosen=chosen, tracking=tracking, quiet=not shop.spec.echoes_shipments)
    shop.shipments.append(
        {
            "order_id": orders[0].order_id,
            "fulfillment_id": made.fulfillment_id,
            "carrier": tracking.company,
            "tracking_number": tracking.numbers[0] if tracking.numbers else None,
            "lines": [{"line_id": part.line.line_id, "quantity": part.quantity} for part in made.parts],
        }
    )
    shop.requests["fulfillments_made"] += 1
    return {"fulfillment": FulfillmentView(shop, orders[0], made), "user_errors": []}


def _group(shop: ShopifyShop, group: dict[str, Any]) -> tuple[ShopOrder | None, Chosen, Errors]:
    """The units of one fulfillment order that are meant."""
    number = number_of(group["fulfillment_order_id"], kind="FulfillmentOrder")
    order = shop.order_with(number)
    work = next((each for each in order.works if each.work_id == number), None) if order else None
    if order is None or work is None:
        return None, [], [error("Fulfillment order does not exist.", "fulfillment")]
    if work.status in ("CLOSED", "CANCELLED"):
        message = f"Fulfillment order {number} has an unfulfillable status= {work.status.lower()}."
        return order, [], [error(message, "fulfillment")]
    named = group.get("fulfillment_order_line_items")
    if not named:
        return order, [(work, line, line.remaining) for line in work.lines if line.remaining], []
    if len(named) > MOST_LINES:
        return order, [], [error(f"At most {MOST_LINES} line items.", "fulfillment")]
    lines = {line.work_line_id: line for line in work.lines}
    chosen: Chosen = []
    for each in named:
        line = lines.get(number_of(each["id"], kind="FulfillmentOrderLineItem"))
        if line is None:
            return order, [], [error("Fulfillment order line item does not exist.", "fulfillment")]
        if not 1 <= each["quantity"] <= line.remaining:
            return order, [], [error("Invalid fulfillment order line item quantity requested.", "fulfillment")]
        chosen.append((work, line, each["quantity"]))
    return order, chosen, []


def _tracking(info: dict[str, Any]) -> Tracking:
    numbers = info.get("numbers") or ([info["number"]] if info.get("number") else [])
    urls = info.get("urls") or ([info["url"]] if info.get("url") else [])
    return Tracking(info.get("company"), tuple(numbers), tuple(urls))


def subscribe(_root: Any, info: GraphQLResolveInfo, *, topic: str, webhook_subscription: dict[str, Any]) -> Payload:
    """``webhookSubscriptionCreate``."""
    asking: Asking = info.context
    address = webhook_subscription.get("uri") or webhook_subscription.get("callback_url") or ""
    fields = webhook_subscription.get("include_fields") or ()
    if webhook_subscription.get("format") == "XML" or webhook_subscription.get("filter"):
        wrong = error("The simulated shop sends JSON, and all of a topic.", "webhookSubscription")
        return {"webhook_subscription": None, "user_errors": [wrong]}
    made = asking.shop.subscriptions.create(topic_of(topic), address=address, fields=fields)
    if isinstance(made, str):
        return {"webhook_subscription": None, "user_errors": [error(made, "webhookSubscription", "uri")]}
    return {"webhook_subscription": SubscriptionView(asking.shop, made), "user_errors": []}


def unsubscribe(_root: Any, info: GraphQLResolveInfo, *, id: str) -> Payload:
    """``webhookSubscriptionDelete``."""
    asking: Asking = info.context
    if not asking.shop.subscriptions.delete(number_of(id, kind="WebhookSubscription")):
        wrong = error("Webhook subscription does not exist", "id")
        return {"deleted_webhook_subscription_id": None, "user_errors": [wrong]}
    return {"deleted_webhook_subscription_id": id, "user_errors": []}


MUTATIONS: dict[str, Callable[..., Any]] = {
    "inventorySetQuantities": set_quantities,
    "inventoryAdjustQuantities": adjust_quantities,
    "inventoryActivate": activate,
    "fulfillmentCreate": fulfill,
    "webhookSubscriptionCreate": subscribe,
    "webhookSubscriptionDelete": unsubscribe,
}
