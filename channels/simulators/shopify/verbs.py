"""Verbs of the control endpoint that only Shopify shops know."""

from __future__ import annotations

from typing import Any

from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.world import World

Arguments = dict[str, Any]


class ShopifyVerbs:
    """Each takes keyword arguments from JSON and gives back JSON; ``channel`` must be a Shopify shop."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _shop(self, channel: str) -> ShopifyShop:
        shop = self._world.marketplaces[channel]
        if not isinstance(shop, ShopifyShop):
            raise ValueError(f"{channel} is no Shopify shop")
        return shop

    def levels(self, channel: str, *, external_ids: list[str] | None = None) -> Arguments:
        """{item: {location: its numbers}}."""
        return {
            item.item_id: {
                place: {
                    "available": level.available,
                    "committed": level.committed,
                    "on_hand": level.on_hand,
                    "is_active": level.is_active,
                }
                for place, level in item.levels.items()
            }
            for item in self._shop(channel).shelves.all
            if external_ids is None or item.item_id in external_ids
        }

    def hand_at(self, channel: str, external_id: str, location_id: str, quantity: int) -> Arguments:
        """Somebody types a number for one location into the shop's own screen."""
        self._shop(channel).set_by_hand(external_id, quantity=quantity, location_id=location_id)
        return {}

    def edit(
        self,
        channel: str,
        order_id: str,
        *,
        deltas: dict[str, int] | None = None,
        added: list[list[Any]] | None = None,
    ) -> Arguments:
        """Change how many units of lines are ordered, by line id or item, and add ``[item, quantity]``."""
        lines = [(str(item), int(quantity)) for item, quantity in added or ()]
        return {"order": self._shop(channel).edit(order_id, deltas or {}, added=lines).document()}

    def give_back(
        self, channel: str, order_id: str, *, quantities: dict[str, int] | None = None, restock: bool = True
    ) -> Arguments:
        """Refund units, and say whether they are for sale again."""
        return {"order": self._shop(channel).refund(order_id, quantities=quantities, restock=restock).document()}

    def rotate_secret(self, channel: str, secret: str, *, after_seconds: float = 0.0) -> Arguments:
        """Webhooks are signed with another client secret from then on."""
        self._shop(channel).secrets.rotate(secret, after_seconds=after_seconds)
        return {}

    def end_tokens(self, channel: str) -> Arguments:
        """No access token that was given so far is good any more."""
        self._shop(channel).tokens.end_access()
        return {}

    def subscriptions(self, channel: str) -> Arguments:
        """Who is told of what, and how many subscriptions ended for failing."""
        known = self._shop(channel).subscriptions
        rows = [
            {"id": each.subscription_id, "topic": each.topic, "address": each.address, "by_api": each.made_by_api}
            for each in known.by_id.values()
        ]
        return {"subscriptions": rows, "dropped": known.dropped}
