"""Who is told of what: webhook subscriptions, their headers and their end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from channels.simulators.shopify.identity import Numbers
from channels.simulators.shopify.terms import ShopifyTerms

RESOURCES = ("inventory_levels", "inventory_items", "fulfillment_orders", "fulfillments", "orders", "refunds", "returns",
             "locations", "products", "app")  # fmt: skip


def topic_of(name: str) -> str:
    """``ORDERS_CREATE`` as ``orders/create``."""
    lower = name.lower()
    resource = next((each for each in RESOURCES if lower.startswith(f"{each}_")), lower.partition("_")[0])
    return f"{resource}/{lower[len(resource) + 1 :]}"


def name_of(topic: str) -> str:
    """``orders/create`` as ``ORDERS_CREATE``."""
    return topic.replace("/", "_").upper()


@dataclass
class Subscription:
    """One topic sent to one address. ``made_by_api`` is false for those of the app's own configuration."""

    subscription_id: str
    topic: str
    address: str
    made_by_api: bool
    created_at: datetime
    fields: tuple[str, ...] = ()
    delivered_at: float = 0.0  # monotonic

    def shaped(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Only the fields that were asked for; all where none were."""
        return {name: payload[name] for name in self.fields if name in payload} if self.fields else payload


class Subscriptions:
    """Every subscription of a shop."""

    def __init__(self, terms: ShopifyTerms, *, path: str, numbers: Numbers) -> None:
        self.by_id: dict[str, Subscription] = {}
        self.dropped = 0
        self._drops_failing, self._numbers = terms.drops_failing, numbers
        for topic in terms.topics:
            self._add(topic, address=path, made_by_api=False)

    def of(self, topic: str) -> list[Subscription]:
        """Who wants to hear of this topic."""
        return [each for each in self.by_id.values() if each.topic == topic]

    def create(self, topic: str, *, address: str, fields: Sequence[str] = ()) -> Subscription | str:
        """A new subscription; or why not."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return "Address is invalid"
        if any(each.address == address for each in self.of(topic)):
            return "Address for this topic has already been taken"
        return self._add(topic, address=address, made_by_api=True, fields=tuple(fields))

    def delete(self, subscription_id: str) -> bool:
        """End a subscription that was made over the API; whether there was one."""
        known = self.by_id.get(subscription_id)
        if known is None or not known.made_by_api:
            return False
        del self.by_id[subscription_id]
        return True

    def over(self, delivered: bool, *, subscription: Subscription, begun: float) -> None:
        """A delivery succeeded or was given up; one that never succeeds ends its subscription."""
        if delivered:
            subscription.delivered_at = time.monotonic()
        elif self._drops_failing and subscription.delivered_at < begun and self.delete(subscription.subscription_id):
            self.dropped += 1

    def _add(self, topic: str, *, address: str, made_by_api: bool, fields: tuple[str, ...] = ()) -> Subscription:
        made = Subscription(self._numbers.next(), topic, address, made_by_api, datetime.now(UTC), fields)
        self.by_id[made.subscription_id] = made
        return made


class Secrets:
    """The client secret that signs webhooks; a new one takes over at an instant."""

    def __init__(self, secret: str) -> None:
        self._now, self._next, self._from = secret, secret, 0.0

    @property
    def current(self) -> str:
        """The one that signs now."""
        if time.monotonic() >= self._from:
            self._now = self._next
        return self._now

    @property
    def accepted(self) -> set[str]:
        """Those that the app may identify itself with."""
        return {self.current, self._next}

    def rotate(self, secret: str, *, after_seconds: float = 0.0) -> None:
        """Sign with another secret from then on."""
        self._now, self._next, self._from = self.current, secret, time.monotonic() + after_seconds

    def signature(self, body: bytes) -> str:
        """Base64 of HMAC-SHA256 over the raw body."""
        return base64.b64encode(hmac.new(self.current.encode(), body, hashlib.sha256).digest()).decode()
