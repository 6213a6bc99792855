"""Shopify's ids: plain numbers in webhooks, ``gid://shopify/Type/number`` in GraphQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime

VARIANTS_FROM = 10**12  # a variant's id lies so far above its inventory item's, where none is given
PRODUCTS_FROM = 2 * 10**12


class Numbers:
    """Ids of one shop, each larger than the last, also after a restart."""

    def __init__(self) -> None:
        self._last = int(time.time()) * 1_000_000

    def next(self) -> str:
        """A fresh id."""
        self._last += 1
        return str(self._last)


def gid(kind: str, number: str) -> str:
    """The global id."""
    return f"gid://shopify/{kind}/{number}"


def number_of(text: str, *, kind: str) -> str:
    """The number in a global id of this kind (a bare number is taken for one); empty where it is none."""
    number = text.removeprefix(f"gid://shopify/{kind}/")
    return number if number.isascii() and number.isdecimal() else ""


def level_gid(location_id: str, *, item_id: str) -> str:
    """The global id of an inventory level."""
    return f"gid://shopify/InventoryLevel/{location_id}?inventory_item_id={item_id}"


def level_of(text: str) -> tuple[str, str]:
    """(location, item) in the global id of an inventory level; empty texts where it is none."""
    location_id, mark, item_id = text.removeprefix("gid://shopify/InventoryLevel/").partition("?inventory_item_id=")
    return (location_id, item_id) if mark else ("", "")


def instant(moment: datetime) -> str:
    """UTC in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_instant(moment: datetime) -> str:
    """The same in webhooks, where an offset is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
