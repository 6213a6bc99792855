"""What a marketplace is, before it runs: frozen, readable from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from channels.simulators.faults import Faults
from channels.simulators.shopify.terms import ShopifyTerms

COUNTRIES = ("US", "GB", "DE", "FR", "NL", "CA", "AU", "ES", "IT", "SE", "JP", "BR")


@dataclass(frozen=True)
class Offer:
    """One SKU offered on a marketplace under the marketplace's own id. ``quantity`` is what the book opens with.

    ``own_stock`` is for units that the marketplace itself keeps and ships: they are no part of the merchant's stock.
    """

    external_id: str
    sku: str
    quantity: int = 0
    price: str = "19.90"
    own_stock: bool = False
    variant_id: str = ""  # of a Shopify shop, where external_id is the inventory item's


@dataclass(frozen=True)
class MarketplaceSpec:
    """A marketplace's contract, manners and faults."""

    code: str
    secret: str
    kind: str = "http"
    name: str = ""
    offers: tuple[Offer, ...] = field(default=(), repr=False)
    port: int = 0
    webhook_path: str = ""
    currency: str = "USD"
    countries: tuple[str, ...] = COUNTRIES
    latency_ms: float = 0.0
    latency_jitter: float = 0.25  # sigma of a log-normal factor around the median
    rate_per_second: float | None = None
    burst: int = 10
    max_batch: int = 100
    max_quantity: int = 1_000_000
    page_size: int = 250
    lowers_on_sale: bool = True
    restocks_itself: bool = False
    echoes_shipments: bool = True
    order_prefix: str = ""  # of order ids; by default the code and the time of the start
    orders_kept: int = 100_000
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    shopify: ShopifyTerms = field(default_factory=ShopifyTerms)  # of a marketplace of that kind

    @property
    def path(self) -> str:
        """Where its webhooks go, below the target's base URL."""
        return self.webhook_path or f"/webhooks/{self.code}/"


def read_spec(document: Mapping[str, Any], *, catalogue: Sequence[Offer] = ()) -> MarketplaceSpec:
    """A spec from JSON; ``"offers": "catalogue"`` (or none) means every offer of the shared catalogue."""
    values = dict(document)
    offers = values.pop("offers", "catalogue")
    known = {each.name for each in fields(MarketplaceSpec)}
    if unknown := set(values) - known:
        raise ValueError(f"unknown fields of a marketplace: {', '.join(sorted(unknown))}")
    values["faults"] = Faults.read(values.get("faults", {}))
    values["shopify"] = ShopifyTerms.read(values.get("shopify", {}))
    if "countries" in values:
        values["countries"] = tuple(values["countries"])
    return MarketplaceSpec(**values, offers=tuple(catalogue) if offers == "catalogue" else read_offers(offers))


def read_offers(rows: Sequence[Sequence[Any] | Mapping[str, Any]]) -> tuple[Offer, ...]:
    """Offers from JSON: objects, or short rows ``[external_id, sku, quantity, price]``."""
    return tuple(Offer(**row) if isinstance(row, Mapping) else Offer(*row) for row in rows)
