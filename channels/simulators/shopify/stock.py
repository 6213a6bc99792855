"""A shop's stock by inventory item and location: what is available, what is committed to orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from channels.simulators.shopify.identity import PRODUCTS_FROM, VARIANTS_FROM
from channels.simulators.shopify.terms import Place, ShopifyTerms
from channels.simulators.spec import Offer

NAMES = ("available", "committed", "damaged", "incoming", "on_hand", "quality_control", "reserved", "safety_stock")


@dataclass(slots=True)
class Level:
    """Units of one item at one location."""

    item: Item
    place: Place
    available: int
    is_active: bool
    created_at: datetime
    updated_at: datetime
    committed: int = 0

    @property
    def on_hand(self) -> int:
        """What is physically there."""
        return self.available + self.committed

    @property
    def sells(self) -> bool:
        """Whether buyers can have these units."""
        return self.is_active and self.place.is_active

    def quantity(self, name: str) -> int:
        """The number by this name; 0 for those that this shop does not use."""
        return int(getattr(self, name)) if name in ("available", "committed", "on_hand") else 0

    def move(self, *, available: int = 0, committed: int = 0) -> None:
        """Change the numbers by so much."""
        self.available += available
        self.committed += committed
        self.updated_at = datetime.now(UTC)


@dataclass(slots=True)
class Item:
    """An inventory item with its only variant."""

    offer: Offer
    position: int
    created_at: datetime
    levels: dict[str, Level] = field(default_factory=dict)

    @property
    def item_id(self) -> str:
        """The inventory item's number."""
        return self.offer.external_id

    @property
    def variant_id(self) -> str:
        """The variant's number."""
        return self.offer.variant_id or str(int(self.offer.external_id) + VARIANTS_FROM)

    @property
    def product_id(self) -> str:
        """The product's number."""
        return str(int(self.offer.external_id) + PRODUCTS_FROM)

    @property
    def sellable(self) -> int:
        """What buyers see."""
        return sum(level.available for level in self.levels.values() if level.sells)


class Shelves:
    """Every item of a shop."""

    def __init__(self, offers: Iterable[Offer], *, terms: ShopifyTerms) -> None:
        self.places = {place.location_id: place for place in terms.places}
        stocked = [place for place in terms.places if terms.stocked_at is None or place.location_id in terms.stocked_at]
        self.items: dict[str, Item] = {}
        now = datetime.now(UTC)
        for offer in offers:
            if not offer.external_id.isdecimal():
                raise ValueError(f"an inventory item's id is a number: {offer.external_id}")
            item = Item(offer, len(self.items), now)
            for place in stocked:
                units = offer.quantity if place is stocked[0] else 0
                item.levels[place.location_id] = Level(item, place, units, True, now, now)
            self.items[offer.external_id] = item
        self.all = list(self.items.values())
        self.by_variant = {item.variant_id: item for item in self.all}
        self.by_sku = {item.offer.sku: item for item in self.all}

    def level(self, item_id: str, *, location_id: str) -> Level:
        """The level of an item at a location; one that is not active where there was none yet."""
        item = self.items[item_id]
        if location_id not in item.levels:
            now = datetime.now(UTC)
            item.levels[location_id] = Level(item, self.places[location_id], 0, False, now, now)
        return item.levels[location_id]

    def sources(self, item_id: str, *, quantity: int) -> Iterator[tuple[Level, int]]:
        """Where so many units are taken from: one location that has them all, else in order of locations."""
        levels = [level for level in self.items[item_id].levels.values() if level.sells]
        whole = next((level for level in levels if level.available >= quantity), None)
        if whole is not None:
            yield whole, quantity
            return
        for level in levels:
            if (taken := min(quantity, max(0, level.available))) > 0:
                yield level, taken
                quantity -= taken
        if quantity:
            yield levels[0], quantity
