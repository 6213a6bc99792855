"""What a Shopify shop is beside its book: places, tokens, plan, webhooks. Frozen, readable from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

API_VERSIONS = ("2026-07", "2026-10")
TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/edited",
    "orders/cancelled",
    "orders/paid",
    "orders/fulfilled",
    "refunds/create",
)


@dataclass(frozen=True)
class Place:
    """A location of the shop. The first one is where orders are fulfilled from first."""

    location_id: str
    name: str = "Shop location"
    country: str = "US"
    is_active: bool = True


@dataclass(frozen=True)
class ShopifyTerms:
    """The terms between a shop and its app. ``topics`` are subscribed to in the app's own configuration."""

    places: tuple[Place, ...] = (Place("100000001"),)
    stocked_at: tuple[str, ...] | None = None  # where every item is active from the beginning; None is everywhere
    domain: str = ""
    client_id: str = "simulated-app"
    access_token: str = field(default="shpat_simulated")
    refresh_token: str = ""
    token_seconds: float | None = None  # how long an access token lasts; None is for ever
    refresh_token_seconds: float = 7_776_000
    grant_seconds: float = 86_400  # of a token by client credentials
    largest_points: int = 2000
    points_per_second: float = 100.0
    query_points: int = 1000  # the most that one query may cost
    topics: tuple[str, ...] = TOPICS
    retries: int = 8
    retry_seconds: float = 72.0  # from the first attempt to the last; Shopify takes four hours
    webhook_timeout_seconds: float = 5.0
    drops_failing: bool = True  # a subscription made over the API ends when all retries of a delivery have failed
    processing_ms: float = 0.0  # how long a mutation is under way before it takes effect
    keys_kept_seconds: float = 86_400
    keys_kept: int = 5_000  # at most, the latest; memory is not endless
    webhook_version: str = "2026-10"

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> ShopifyTerms:
        """From JSON; unknown fields are an error."""
        if unknown := set(document) - {each.name for each in fields(cls)}:
            raise ValueError(f"unknown terms of a shop: {', '.join(sorted(unknown))}")
        values = dict(document)
        if "places" in values:
            values["places"] = tuple(Place(**each) for each in values["places"])
        for name in ("topics", "stocked_at"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return cls(**values)

    @property
    def pauses(self) -> tuple[float, ...]:
        """Before each attempt of a delivery: at once, then each pause twice the one before."""
        unit = self.retry_seconds / max(1, 2**self.retries - 1)
        return (0.0, *(unit * 2**number for number in range(self.retries)))
