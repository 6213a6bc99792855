"""The root of every query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from graphql import GraphQLError

from channels.simulators.orders import Order
from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.identity import level_of, number_of
from channels.simulators.shopify.orders import ShopOrder
from channels.simulators.shopify.paging import LARGEST_PAGE, Page, cursor_of, page_of, read_cursor, size_of
from channels.simulators.shopify.search import floor_of, matcher
from channels.simulators.shopify.subscriptions import topic_of
from channels.simulators.shopify.views import ItemView, LevelView, LocationView, ShopView, SubscriptionView, VariantView
from channels.simulators.shopify.views_orders import FulfillmentView, OrderView, WorkView

ITEM_FIELDS: dict[str, Callable[[Any], Any]] = {
    "id": lambda item: int(item.item_id),
    "sku": lambda item: item.offer.sku,
    "created_at": lambda item: item.created_at,
}
VARIANT_FIELDS = {
    **ITEM_FIELDS,
    "id": lambda item: int(item.variant_id),
    "inventory_quantity": lambda item: item.sellable,
}
ORDER_FIELDS: dict[str, Callable[[Any], Any]] = {
    "id": lambda order: int(order.order_id),
    "name": lambda order: order.name,
    "created_at": lambda order: order.placed_at,
    "processed_at": lambda order: order.placed_at,
    "updated_at": lambda order: order.updated_at,
    "financial_status": lambda order: order.financial_status,
    "fulfillment_status": lambda order: {None: "unfulfilled", "fulfilled": "shipped"}.get(
        order.fulfillment_status, order.fulfillment_status
    ),
    "status": lambda order: "cancelled" if order.cancelled_at else "closed" if order.closed_at else "open",
}
Rows = Iterator[tuple[int, Order]]


class Queries:
    """``QueryRoot``."""

    def __init__(self, shop: ShopifyShop) -> None:
        self._shop = shop
        self._shelves = shop.shelves
        self._by_kind: dict[str, Callable[..., Any]] = {
            "Location": self.location,
            "InventoryItem": self.inventory_item,
            "ProductVariant": self.product_variant,
            "Order": self.order,
            "Fulfillment": self.fulfillment,
            "FulfillmentOrder": self.fulfillment_order,
            "WebhookSubscription": self.webhook_subscription,
            "InventoryLevel": self.inventory_level,
        }

    @property
    def shop(self) -> ShopView:
        """The shop itself."""
        return ShopView(self._shop)

    def node(self, *, id: str) -> Any:
        """Anything by its global id."""
        kind = id.removeprefix("gid://shopify/").partition("/")[0]
        if not id.startswith("gid://shopify/"):
            raise GraphQLError(f"Invalid global id '{id}'")
        find = self._by_kind.get(kind)
        return find(id=id) if find else None

    def nodes(self, *, ids: list[str]) -> list[Any]:
        """Several of them, in this order; null where there is none."""
        if len(ids) > LARGEST_PAGE:
            raise too_many(len(ids))
        return [self.node(id=each) for each in ids]

    # Stock

    def location(self, *, id: str | None = None) -> LocationView | None:
        """One location; the first where none is named."""
        places = self._shelves.places
        number = number_of(id, kind="Location") if id is not None else next(iter(places))
        return LocationView(self._shop, places[number]) if number in places else None

    def locations(
        self,
        *,
        include_inactive: bool | None = False,
        include_legacy: bool | None = False,
        query: str | None = None,
        sort_key: str | None = None,
        **paging: Any,
    ) -> Page:
        """All locations, in their own order whatever the sort key."""
        rows = list(self._shelves.places.values())
        wanted = matcher(query, fields={"id": lambda place: int(place.location_id), "name": lambda place: place.name})
        return page_of(
            rows,
            partial(LocationView, self._shop),
            wanted=lambda place: (place.is_active or bool(include_inactive)) and (wanted is None or wanted(place)),
            **paging,
        )

    def inventory_item(self, *, id: str) -> ItemView | None:
        """One item."""
        item = self._shelves.items.get(number_of(id, kind="InventoryItem"))
        return ItemView(self._shop, item) if item else None

    def inventory_items(self, *, query: str | None = None, **paging: Any) -> Page:
        """All items."""
        wanted = matcher(query, fields=ITEM_FIELDS)
        return page_of(self._shelves.all, partial(ItemView, self._shop), wanted=wanted, **paging)

    def inventory_level(self, *, id: str) -> LevelView | None:
        """One item at one location."""
        location_id, item_id = level_of(id)
        item = self._shelves.items.get(item_id)
        level = item.levels.get(location_id) if item else None
        return LevelView(self._shop, level) if level else None

    def product_variant(self, *, id: str) -> VariantView | None:
        """One variant."""
        item = self._shelves.by_variant.get(number_of(id, kind="ProductVariant"))
        return VariantView(self._shop, item) if item else None

    def product_variants(self, *, query: str | None = None, sort_key: str | None = None, **paging: Any) -> Page:
        """All variants, in their own order whatever the sort key."""
        wanted = matcher(query, fields=VARIANT_FIELDS)
        return page_of(self._shelves.all, partial(VariantView, self._shop), wanted=wanted, **paging)

    # Orders

    def order(self, *, id: str) -> OrderView | None:
        """One order."""
        order = self._shop.orders.by_id.get(number_of(id, kind="Order"))
        return self._shown(order) if isinstance(order, ShopOrder) else None

    def fulfillment(self, *, id: str) -> FulfillmentView | None:
        """One fulfillment."""
        number = number_of(id, kind="Fulfillment")
        order = self._shop.order_with(number)
        found = [each for each in order.fulfillments if each.fulfillment_id == number] if order else []
        return FulfillmentView(self._shop, order, found[0]) if order and found else None

    def fulfillment_order(self, *, id: str) -> WorkView | None:
        """One fulfillment order."""
        number = number_of(id, kind="FulfillmentOrder")
        order = self._shop.order_with(number)
        found = [each for each in order.works if each.work_id == number] if order else []
        return WorkView(self._shop, order, found[0]) if order and found else None

    def orders(
        self,
        *,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        query: str | None = None,
        reverse: bool | None = False,
        sort_key: str | None = None,
    ) -> Page:
        """Orders by the instant of their last change, or by age for every other sort key; forward only."""
        size = size_of(first, last)
        if last is not None or before is not None:
            raise GraphQLError("The simulated shop pages orders forward only.")
        wanted, cursor = matcher(query, fields=ORDER_FIELDS), read_cursor(after) if after is not None else None
        rows = (
            self._changes(query, cursor, bool(reverse))
            if sort_key == "UPDATED_AT"
            else self._ages(cursor, bool(reverse))
        )
        found = []
        for number, order in rows:
            if wanted is None or wanted(order):
                found.append((number, order))
            if len(found) > size:
                break
        shown = [(cursor_of(number), self._shown(order)) for number, order in found[:size]]
        return Page(shown, has_previous=cursor is not None, has_next=len(found) > size)

    def _changes(self, query: str | None, cursor: int | None, reverse: bool) -> Rows:
        """By last change: a changed order moves to the end of what is still to be read."""
        latest = self._shop.orders.latest_first()
        if reverse:
            yield from ((number, order) for number, order in latest if cursor is None or number < cursor)
            return
        floor, found = floor_of(query, field="updated_at"), []
        for number, order in latest:
            if (cursor is not None and number <= cursor) or (floor and order.updated_at < floor.replace(microsecond=0)):
                break
            found.append((number, order))
        yield from reversed(found)

    def _ages(self, cursor: int | None, reverse: bool) -> Rows:
        orders = list(self._shop.orders.by_id.values())
        for order in reversed(orders) if reverse else orders:
            if cursor is None or (order.number < cursor if reverse else order.number > cursor):
                yield order.number, order

    def _shown(self, order: Order) -> OrderView:
        assert isinstance(order, ShopOrder)
        self._shop.tell(order.order_id)
        return OrderView(self._shop, order)

    # Webhooks

    def webhook_subscription(self, *, id: str) -> SubscriptionView | None:
        """One subscription that was made over the API."""
        found = self._shop.subscriptions.by_id.get(number_of(id, kind="WebhookSubscription"))
        return SubscriptionView(self._shop, found) if found and found.made_by_api else None

    def webhook_subscriptions(
        self,
        *,
        callback_url: str | None = None,
        uri: str | None = None,
        topics: list[str] | None = None,
        format: str | None = None,
        query: str | None = None,
        sort_key: str | None = None,
        **paging: Any,
    ) -> Page:
        """Those made over the API: the app's own configuration is not listed."""
        matcher(query, fields={})
        address, named = uri or callback_url, {topic_of(topic) for topic in topics or ()}
        rows = [each for each in self._shop.subscriptions.by_id.values() if each.made_by_api]
        return page_of(
            rows,
            partial(SubscriptionView, self._shop),
            wanted=lambda each: (not named or each.topic in named) and address in (None, each.address),
            **paging,
        )


def too_many(count: int) -> GraphQLError:
    """An input array is larger than any may be."""
    message = f"The input array size of {count} is greater than the maximum allowed of {LARGEST_PAGE}."
    return GraphQLError(message, extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
