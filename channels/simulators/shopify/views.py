"""What the Admin API shows of a shop, its locations and its stock. Names are those of the schema, in snake case."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from graphql import GraphQLError

from channels.simulators.shopify.identity import gid, instant, level_gid, number_of
from channels.simulators.shopify.paging import Page, page_of
from channels.simulators.shopify.stock import NAMES, Item, Level
from channels.simulators.shopify.subscriptions import Subscription, name_of
from channels.simulators.shopify.terms import Place

if TYPE_CHECKING:
    from channels.simulators.shopify.marketplace import Shop


class View:
    """A row of the shop as the API shows it. What is not a property is an attribute set here."""

    graphql_type: ClassVar[str]

    def __init__(self, shop: Shop, number: str) -> None:
        self.shop = shop
        self.id = gid(self.graphql_type, number)
        self.legacy_resource_id = number
        self.created_at = self.updated_at = shop.opened_text


class ShopView(View):
    """``Shop``."""

    graphql_type = "Shop"
    iana_timezone = "Etc/UTC"

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop, "1")
        self.name = shop.spec.name or shop.spec.code
        self.email = self.contact_email = f"owner@{shop.domain}"
        self.currency_code = shop.spec.currency
        self.enabled_presentment_currencies = [shop.spec.currency]
        self.myshopify_domain = shop.domain
        self.url = f"https://{shop.domain}"


class LocationView(View):
    """``Location``."""

    graphql_type = "Location"
    activatable = deactivatable = False
    is_fulfillment_service = False
    deactivated_at = None

    def __init__(self, shop: Shop, place: Place) -> None:
        super().__init__(shop, place.location_id)
        self.place = place
        self.name = place.name
        self.is_active = self.fulfills_online_orders = self.ships_inventory = place.is_active
        self.is_primary = place is next(iter(shop.shelves.places.values()))

    @property
    def has_active_inventory(self) -> bool:
        """Whether anything is stocked here."""
        return any(_at(item, self.place, inactive=False) for item in self.shop.shelves.all)

    @property
    def address(self) -> dict[str, Any]:
        """As much of it as a simulated place has."""
        empty = dict.fromkeys(("address1", "address2", "city", "province", "province_code", "zip", "phone"))
        return {
            **empty,
            "country": self.place.country,
            "country_code": self.place.country,
            "formatted": [self.place.country],
        }

    def inventory_level(self, *, inventory_item_id: str, include_inactive: bool | None = None) -> LevelView | None:
        """The level of one item."""
        item = self.shop.shelves.items.get(number_of(inventory_item_id, kind="InventoryItem"))
        level = item and _at(item, self.place, inactive=bool(include_inactive))
        return LevelView(self.shop, level) if level else None

    def inventory_levels(
        self, *, include_inactive: bool | None = None, query: str | None = None, **paging: Any
    ) -> Page:
        """The levels of all items."""
        _refuse(query)
        stocked = partial(_at, place=self.place, inactive=bool(include_inactive))
        view = partial(_level_view, shop=self.shop, place=self.place)
        return page_of(self.shop.shelves.all, view, wanted=lambda item: stocked(item) is not None, **paging)


class ItemView(View):
    """``InventoryItem``."""

    graphql_type = "InventoryItem"
    tracked = requires_shipping = True
    duplicate_sku_count = 0

    def __init__(self, shop: Shop, item: Item) -> None:
        super().__init__(shop, item.item_id)
        self.item = item
        self.sku = item.offer.sku

    @property
    def variant(self) -> VariantView:
        """The only one."""
        return VariantView(self.shop, self.item)

    @property
    def locations_count(self) -> dict[str, Any]:
        """How many stock it."""
        return {"count": sum(level.is_active for level in self.item.levels.values()), "precision": "EXACT"}

    def variants(self, **paging: Any) -> Page:
        """The only one, as a connection."""
        return page_of([self.item], partial(VariantView, self.shop), **paging)

    def inventory_level(self, *, location_id: str, include_inactive: bool | None = None) -> LevelView | None:
        """The level at one location."""
        place = self.shop.shelves.places.get(number_of(location_id, kind="Location"))
        level = place and _at(self.item, place, inactive=bool(include_inactive))
        return LevelView(self.shop, level) if level else None

    def inventory_levels(
        self, *, include_inactive: bool | None = None, query: str | None = None, **paging: Any
    ) -> Page:
        """The levels at all locations."""
        _refuse(query)
        levels = list(self.item.levels.values())
        view = partial(LevelView, self.shop)
        return page_of(levels, view, wanted=lambda level: level.is_active or bool(include_inactive), **paging)


class VariantView(View):
    """``ProductVariant``."""

    graphql_type = "ProductVariant"
    barcode = None
    position = 1
    inventory_policy = "DENY"
    requires_components = False
    taxable = True

    def __init__(self, shop: Shop, item: Item) -> None:
        super().__init__(shop, item.variant_id)
        self.item = item
        self.sku = self.title = self.display_name = item.offer.sku
        self.price = item.offer.price

    @property
    def inventory_item(self) -> ItemView:
        """What is counted of it."""
        return ItemView(self.shop, self.item)

    @property
    def inventory_quantity(self) -> int:
        """Available over all locations."""
        return self.item.sellable

    @property
    def sellable_online_quantity(self) -> int:
        """What buyers see."""
        return self.item.sellable

    @property
    def available_for_sale(self) -> bool:
        """Whether one can be bought."""
        return self.item.sellable > 0


class LevelView:
    """``InventoryLevel``."""

    graphql_type = "InventoryLevel"
    can_deactivate = True

    def __init__(self, shop: Shop, level: Level) -> None:
        self.shop, self.level = shop, level
        self.is_active = level.is_active

    @property
    def id(self) -> str:
        """Of location and item."""
        return level_gid(self.level.place.location_id, item_id=self.level.item.item_id)

    @property
    def created_at(self) -> str:
        """When the item came to the location."""
        return instant(self.level.created_at)

    @property
    def updated_at(self) -> str:
        """When a number of it last changed."""
        return instant(self.level.updated_at)

    @property
    def item(self) -> ItemView:
        """What is counted."""
        return ItemView(self.shop, self.level.item)

    @property
    def location(self) -> LocationView:
        """Where."""
        return LocationView(self.shop, self.level.place)

    def quantities(self, *, names: list[str]) -> list[dict[str, Any]]:
        """The numbers by name."""
        if unknown := [name for name in names if name not in NAMES]:
            raise GraphQLError(f"Unknown quantity name: {unknown[0]}")
        level, at = self.level, self.updated_at
        number = f"{level.place.location_id}?inventory_item_id={level.item.item_id}"
        return [
            {
                "graphql_type": "InventoryQuantity",
                "id": f"gid://shopify/InventoryQuantity/{number}&name={name}",
                "name": name,
                "quantity": level.quantity(name),
                "updated_at": at,
            }
            for name in names
        ]


class AdjustmentView(View):
    """``InventoryAdjustmentGroup``."""

    graphql_type = "InventoryAdjustmentGroup"

    def __init__(self, shop: Shop, changes: list[dict[str, Any]], *, reason: str, uri: str | None) -> None:
        super().__init__(shop, shop.numbers.next())
        self.created_at = instant(datetime.now(UTC))
        self.reason, self.reference_document_uri = reason, uri
        self._changes = changes

    def changes(
        self,
        *,
        inventory_item_ids: list[str] | None = None,
        location_ids: list[str] | None = None,
        quantity_names: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        """What changed, of what is asked for."""
        return [
            each
            for each in self._changes
            if (quantity_names is None or each["name"] in quantity_names)
            and (inventory_item_ids is None or each["item"].id in inventory_item_ids)
            and (location_ids is None or each["location"].id in location_ids)
        ]


class SubscriptionView(View):
    """``WebhookSubscription``."""

    graphql_type = "WebhookSubscription"
    format = "JSON"
    filter = name = None

    def __init__(self, shop: Shop, subscription: Subscription) -> None:
        super().__init__(shop, subscription.subscription_id)
        self.topic = name_of(subscription.topic)
        self.uri = self.callback_url = subscription.address
        self.include_fields = list(subscription.fields)
        self.metafield_namespaces: list[str] = []
        self.created_at = self.updated_at = instant(subscription.created_at)
        version = shop.terms.webhook_version
        self.api_version = {"handle": version, "display_name": version, "supported": True}


def _at(item: Item, place: Place, *, inactive: bool) -> Level | None:
    level = item.levels.get(place.location_id)
    return level if level and (level.is_active or inactive) else None


def _level_view(item: Item, *, shop: Shop, place: Place) -> LevelView:
    return LevelView(shop, item.levels[place.location_id])


def _refuse(query: str | None) -> None:
    if query:
        raise GraphQLError("The simulated shop does not search levels.")
