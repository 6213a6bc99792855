"""The marketplaces of a simulation: how each is configured, how the product is connected to it, and what befalls it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import seeding

#: Inventory items of the shops: so many are left for each, whatever the number of SKUs.
ITEMS_FROM, ITEMS_EACH = 7_000_000_000_000, 1_000_000
VARIANTS_ABOVE = 1_000_000_000_000
LOCATION = "100000001"
#: What a shop lists and takes no number for, because it is the parent of a bundle there.
PARENT_SKU = "BUNDLE-PARENT"
#: How ``--misfortune`` is shared out over what can happen to a write.
WRITE_FAULTS = ("error_before", "error_after", "reset_after", "half_after", "too_fast")


@dataclass(frozen=True)
class Planned:
    """One marketplace of a run."""

    code: str
    kind: str  # http or shopify
    number: int
    secret: str

    def document(
        self, places: Mapping[str, int], *, latency_ms: float, seed: int, misfortune: float
    ) -> Mapping[str, Any]:
        """What its simulator is told. Books open at 0: what buyers see is what the product has published."""
        faults: dict[str, Any] = dict.fromkeys(WRITE_FAULTS, misfortune / len(WRITE_FAULTS)) if misfortune else {}
        common = {"code": self.code, "name": self.code, "secret": self.secret, "latency_ms": latency_ms, "seed": seed}
        if self.kind == "http":
            return {**common, "faults": faults}
        if misfortune:
            faults["reject_ids"] = [self._item(0)]
        offers: list[Any] = [[self._item(place), sku, 0, "19.90"] for sku, place in places.items()]
        if misfortune:
            offers.append({"external_id": self._item(0), "sku": PARENT_SKU, "own_stock": True})
        shop = {"access_token": self._token, "places": [{"location_id": LOCATION}]}
        return {**common, "kind": "shopify", "faults": faults, "offers": offers, "shopify": shop}

    def seed(self, base_url: str) -> seeding.ChannelSeed:
        """The product's channel."""
        if self.kind == "http":
            return seeding.ChannelSeed(
                code=self.code, name=self.code, base_url=base_url, secret=self.secret, currency="USD"
            )
        return seeding.ChannelSeed(
            code=self.code,
            name=self.code,
            base_url=base_url,
            secret=self.secret,
            connector="shopify",
            credentials={"access_token": self._token, "client_secret": self.secret},
            settings={"api_version": "2026-10", "location_id": LOCATION},
            currency="USD",
        )

    def external(self, sku: str, *, place: int) -> Mapping[str, Any]:
        """The ids of a listing there; ``place`` is the SKU's number, 0 the bundle's parent."""
        if self.kind == "http":
            return {"external_id": sku}
        item = self._item(place)
        return {"inventory_item_id": item, "variant_id": str(int(item) + VARIANTS_ABOVE)}

    @property
    def _token(self) -> str:
        return f"shpat_{self.code}"

    def _item(self, place: int) -> str:
        return str(ITEMS_FROM + self.number * ITEMS_EACH + place)


def plan(*, channels: int, shopify: int, seed: int) -> list[Planned]:
    """So many marketplaces, the first of them Shopify shops."""
    found = []
    for number in range(1, channels + 1):
        kind = "shopify" if number <= shopify else "http"
        code = f"shop-{number:02d}" if kind == "shopify" else f"sim-{number - shopify:02d}"
        found.append(Planned(code, kind, number, seeding.secret_of(f"simulate:{seed}:{code}")))
    return found
