"""What the Admin API shows of orders. Names are those of the schema, in snake case."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from channels.simulators.shopify.address import address_of, email_of
from channels.simulators.shopify.identity import gid, instant
from channels.simulators.shopify.money import Bag, bag
from channels.simulators.shopify.orders import (
    FulfilledUnits,
    Fulfillment,
    Refund,
    RefundedUnits,
    ShopLine,
    ShopOrder,
    Work,
    WorkLine,
)
from channels.simulators.shopify.paging import Page, page_of
from channels.simulators.shopify.views import LocationView, VariantView, View

if TYPE_CHECKING:
    from channels.simulators.shopify.marketplace import Shop

NOTHING = Decimal(0)


class OrderView(View):
    """``Order``."""

    graphql_type = "Order"
    confirmed = requires_shipping = True
    test = taxes_included = False
    note = phone = po_number = retail_location = None
    source_name, customer_locale = "web", "en"
    return_status = "NO_RETURN"

    def __init__(self, shop: Shop, order: ShopOrder) -> None:
        super().__init__(shop, order.order_id)
        self.order = order
        self.name, self.number = order.name, 1000 + order.number
        self.created_at = self.processed_at = instant(order.placed_at)
        self.updated_at = instant(order.updated_at)
        self.cancelled_at = instant(order.cancelled_at) if order.cancelled_at else None
        self.cancel_reason = order.cancel_reason.upper() if order.cancel_reason else None
        self.closed_at = instant(order.closed_at) if order.closed_at else None
        self.closed = order.closed_at is not None
        self.currency_code = self.presentment_currency_code = order.currency
        self.edited = order.is_edited
        self.fully_paid, self.unpaid = order.is_paid, not order.is_paid
        self.display_financial_status = order.financial_status.upper()
        self.payment_gateway_names = ["bogus"]
        self.tags: list[str] = []

    def __getattr__(self, name: str) -> Bag:
        """Amounts: what was ordered, what is left of it, what went back; no discounts, taxes or shipping here."""
        if not name.endswith("_set"):
            raise AttributeError(name)
        order = self.order
        current, paid = order.current_total, order.total if order.is_paid else NOTHING
        values = {
            **dict.fromkeys(("total_price_set", "original_total_price_set", "subtotal_price_set"), order.total),
            **dict.fromkeys(("current_total_price_set", "current_subtotal_price_set"), current),
            "total_refunded_set": order.refunded_total,
            "total_received_set": paid,
            "total_outstanding_set": NOTHING if order.is_paid or order.cancelled_at else current,
            "net_payment_set": paid - order.refunded_total,
        }
        return bag(values.get(name, NOTHING), currency=order.currency)

    @property
    def email(self) -> str:
        """The buyer's."""
        return email_of(self.order)

    @property
    def display_fulfillment_status(self) -> str:
        """How far fulfilling has come."""
        status = self.order.fulfillment_status
        return {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}[status]

    @property
    def fulfillable(self) -> bool:
        """Whether units are left to be fulfilled."""
        return any(line.open for line in self.order.lines)

    @property
    def refundable(self) -> bool:
        """Whether money can still go back."""
        return self.order.is_paid and self.restockable

    @property
    def restockable(self) -> bool:
        """Whether units could come back."""
        return any(line.current for line in self.order.shop_lines)

    @property
    def current_subtotal_line_items_quantity(self) -> int:
        """Units that are still part of the order."""
        return sum(line.current for line in self.order.shop_lines)

    @property
    def subtotal_line_items_quantity(self) -> int:
        """Units that were ordered."""
        return sum(line.quantity for line in self.order.shop_lines)

    @property
    def shipping_address(self) -> dict[str, Any]:
        """Where it goes."""
        address = address_of(self.order)
        own = {
            "graphql_type": "MailingAddress",
            "id": gid("MailingAddress", f"{self.order.order_id}?model_name=Address"),
        }
        return {**address, **own, "country_code_v2": address["country_code"], "coordinates_validated": False}

    @property
    def billing_address(self) -> dict[str, Any]:
        """The same."""
        return self.shipping_address

    def line_items(self, **paging: Any) -> Page:
        """The lines, with those that were removed."""
        return page_of(self.order.shop_lines, partial(LineView, self.shop, self.order), **paging)

    def refunds(self, *, first: int | None = None) -> list[RefundView]:
        """What went back."""
        return [RefundView(self.shop, self.order, refund) for refund in self.order.refunds[:first]]

    def fulfillments(self, *, first: int | None = None, query: str | None = None) -> list[FulfillmentView]:
        """What left."""
        _refuse(query)
        return [FulfillmentView(self.shop, self.order, each) for each in self.order.fulfillments[:first]]

    def fulfillment_orders(self, *, displayable: bool | None = False, query: str | None = None, **paging: Any) -> Page:
        """Which location has what to fulfil."""
        _refuse(query)
        return page_of(self.order.works, partial(WorkView, self.shop, self.order), **paging)

    @property
    def fulfillments_count(self) -> dict[str, Any]:
        """How many there are."""
        return {"count": len(self.order.fulfillments), "precision": "EXACT"}


class LineView(View):
    """``LineItem``."""

    graphql_type = "LineItem"
    requires_shipping = taxable = restockable = merchant_editable = True
    is_gift_card = False
    variant_title, vendor = None, "Simulated"

    def __init__(self, shop: Shop, order: ShopOrder, line: ShopLine) -> None:
        super().__init__(shop, line.line_id)
        self.order, self.line = order, line
        self.name = self.title = self.sku = line.offer.sku
        self.quantity = line.quantity
        self.current_quantity = self.refundable_quantity = line.current
        self.unfulfilled_quantity = line.open
        self.non_fulfillable_quantity = line.quantity - line.taken

    @property
    def variant(self) -> VariantView:
        """What was sold."""
        return VariantView(self.shop, self.shop.find(self.line.offer.external_id))

    def _bag(self, value: Decimal) -> Bag:
        return bag(value, currency=self.order.currency)

    @property
    def original_unit_price_set(self) -> Bag:
        """Of one unit."""
        return self._bag(self.line.price)

    discounted_unit_price_set = discounted_unit_price_after_all_discounts_set = original_unit_price_set

    @property
    def original_total_set(self) -> Bag:
        """Of all units that were ordered."""
        return self._bag(self.line.price * self.line.quantity)

    @property
    def total_discount_set(self) -> Bag:
        """Nothing."""
        return self._bag(NOTHING)

    def discounted_total_set(self, *, with_code_discounts: bool | None = False) -> Bag:
        """Of all units that were ordered; there are no discounts."""
        return self.original_total_set


class RefundView(View):
    """``Refund``."""

    graphql_type = "Refund"

    def __init__(self, shop: Shop, order: ShopOrder, refund: Refund) -> None:
        super().__init__(shop, refund.refund_id)
        self.of, self.refund = order, refund
        self.created_at = self.updated_at = self.processed_at = instant(refund.created_at)
        self.note = refund.note
        self.total_refunded_set = bag(refund.amount, currency=order.currency)

    @property
    def order(self) -> OrderView:
        """The order that it is a refund of."""
        return OrderView(self.shop, self.of)

    def refund_line_items(self, **paging: Any) -> Page:
        """Its units."""
        return page_of(self.refund.parts, self._part, **paging)

    def _part(self, part: RefundedUnits) -> dict[str, Any]:
        currency = self.of.currency
        return {
            "id": gid("RefundLineItem", part.part_id),
            "line_item": LineView(self.shop, self.of, part.line),
            "location": LocationView(self.shop, part.place) if part.place else None,
            "quantity": part.quantity,
            "restock_type": part.restock.upper(),
            "restocked": part.restock != "no_restock",
            "price_set": bag(part.line.price, currency=currency),
            "subtotal_set": bag(part.line.price * part.quantity, currency=currency),
            "total_tax_set": bag(NOTHING, currency=currency),
        }


class FulfillmentView(View):
    """``Fulfillment``."""

    graphql_type = "Fulfillment"
    status, display_status = "SUCCESS", "FULFILLED"
    delivered_at = estimated_delivery_at = in_transit_at = None
    requires_shipping = True

    def __init__(self, shop: Shop, order: ShopOrder, fulfillment: Fulfillment) -> None:
        super().__init__(shop, fulfillment.fulfillment_id)
        self.of, self.fulfillment = order, fulfillment
        self.name = fulfillment.name
        self.created_at = self.updated_at = instant(fulfillment.created_at)
        self.total_quantity = sum(part.quantity for part in fulfillment.parts)

    @property
    def order(self) -> OrderView:
        """The order that it is of."""
        return OrderView(self.shop, self.of)

    @property
    def location(self) -> LocationView:
        """Where it left from."""
        return LocationView(self.shop, self.fulfillment.place)

    def tracking_info(self, *, first: int | None = None) -> list[dict[str, Any]]:
        """How its parcels can be followed."""
        made = self.fulfillment
        longest = max(len(made.numbers), len(made.urls), bool(made.company))
        rows = [
            {"company": made.company, "number": _nth(made.numbers, n), "url": _nth(made.urls, n)}
            for n in range(longest)
        ]
        return rows[:first]

    def fulfillment_line_items(self, **paging: Any) -> Page:
        """Its units."""
        return page_of(self.fulfillment.parts, self._part, **paging)

    def fulfillment_orders(self, **paging: Any) -> Page:
        """The work that it did."""
        works = list({part.work.work_id: part.work for part in self.fulfillment.parts}.values())
        return page_of(works, partial(WorkView, self.shop, self.of), **paging)

    def _part(self, part: FulfilledUnits) -> dict[str, Any]:
        value = bag(part.line.price * part.quantity, currency=self.of.currency)
        return {
            "graphql_type": "FulfillmentLineItem",
            "id": gid("FulfillmentLineItem", part.part_id),
            "line_item": LineView(self.shop, self.of, part.line),
            "quantity": part.quantity,
            "discounted_total_set": value,
            "original_total_set": value,
        }


class WorkView(View):
    """``FulfillmentOrder``."""

    graphql_type = "FulfillmentOrder"
    request_status = "UNSUBMITTED"
    fulfill_by = None

    def __init__(self, shop: Shop, order: ShopOrder, work: Work) -> None:
        super().__init__(shop, work.work_id)
        self.of, self.work = order, work
        self.status = work.status
        self.created_at = self.fulfill_at = instant(work.created_at)
        self.updated_at = instant(work.updated_at)
        self.order_id, self.order_name = gid("Order", order.order_id), order.name
        self.order_processed_at = instant(order.placed_at)

    @property
    def order(self) -> OrderView:
        """The order that it is of."""
        return OrderView(self.shop, self.of)

    @property
    def assigned_location(self) -> dict[str, Any]:
        """Who is to fulfil it."""
        place = self.work.place
        empty = dict.fromkeys(("address1", "address2", "city", "phone", "province", "zip"))
        location = LocationView(self.shop, place)
        return {**empty, "location": location, "name": place.name, "country_code": place.country}

    def line_items(self, **paging: Any) -> Page:
        """What is to be fulfilled."""
        return page_of(self.work.lines, partial(WorkLineView, self.shop, self.of), **paging)

    def fulfillments(self, **paging: Any) -> Page:
        """What of it has left."""
        made = [each for each in self.of.fulfillments if any(part.work is self.work for part in each.parts)]
        return page_of(made, partial(FulfillmentView, self.shop, self.of), **paging)


class WorkLineView(View):
    """``FulfillmentOrderLineItem``."""

    graphql_type = "FulfillmentOrderLineItem"
    requires_shipping = True
    variant_title, vendor = None, "Simulated"

    def __init__(self, shop: Shop, order: ShopOrder, work_line: WorkLine) -> None:
        super().__init__(shop, work_line.work_line_id)
        self.of, self.work_line = order, work_line
        self.remaining_quantity, self.total_quantity = work_line.remaining, work_line.total
        self.sku = self.product_title = work_line.line.offer.sku
        self.inventory_item_id = gid("InventoryItem", work_line.line.offer.external_id)

    @property
    def line_item(self) -> LineView:
        """The order's line."""
        return LineView(self.shop, self.of, self.work_line.line)

    @property
    def variant(self) -> VariantView:
        """What was sold."""
        return VariantView(self.shop, self.work_line.level.item)


def _nth(texts: Sequence[str], number: int) -> str | None:
    return texts[number] if number < len(texts) else None


def _refuse(query: str | None) -> None:
    if query:
        raise GraphQLError("The simulated shop does not search within an order.")
