"""The bucket of cost points that an app has in a shop."""

from __future__ import annotations

import time
from typing import Any

from channels.simulators.shopify.terms import ShopifyTerms


class Points:
    """Filled at so many points a second up to the most that it holds."""

    def __init__(self, terms: ShopifyTerms) -> None:
        self._most, self._rate = float(terms.largest_points), terms.points_per_second
        self.fill()

    def holds(self, points: int) -> bool:
        """Whether so many may be spent now."""
        return self._available() >= points

    def spend(self, points: int) -> None:
        """They are gone."""
        self._held = self._available() - points

    def dry_up(self, seconds: float) -> None:
        """Nothing is in it and nothing comes into it for so long."""
        self._held, self._at = 0.0, time.monotonic() + seconds

    def fill(self) -> None:
        """It is full."""
        self._held, self._at = self._most, time.monotonic()

    def status(self) -> dict[str, float]:
        """``throttleStatus``."""
        return {
            "maximumAvailable": self._most,
            "currentlyAvailable": int(self._available()),
            "restoreRate": self._rate,
        }

    def _available(self) -> float:
        now = time.monotonic()
        if now > self._at:
            self._held, self._at = min(self._most, self._held + (now - self._at) * self._rate), now
        return self._held


def cost(requested: int, *, actual: int | None, points: Points) -> dict[str, Any]:
    """``extensions.cost``."""
    return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": points.status()}
