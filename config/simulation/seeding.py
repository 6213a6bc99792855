"""A merchant's world in bulk: places, SKUs, stock, channels and listings, through the verbs that have a bulk form.

Safe to run twice on the same data: what is there already stays as it is.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from channels.models import Channel, Listing
from channels.registration import create_channel, create_listings
from inventory.adjustments import open_stock
from inventory.models import Location, Product, Sku, StockLevel

BATCH = 5000


@dataclass(frozen=True, slots=True)
class SkuSeed:
    """One SKU, and the product that it belongs to (its own by default)."""

    code: str
    name: str
    product_code: str = ""
    product_name: str = ""
    category: str = ""
    brand: str = ""
    barcode: str = ""
    price: Decimal | None = None
    unit_cost: Decimal | None = None
    currency: str = ""
    weight_grams: int | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ChannelSeed:
    """One channel. ``secret`` signs its webhooks; ``credentials`` are those of another connector than ``http``."""

    code: str
    name: str
    base_url: str
    secret: str = field(repr=False)
    currency: str = ""
    priority: int = 100
    fee_percent: Decimal = Decimal(0)
    orders_from: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    connector: str = "http"
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)


def seed_locations(rows: Iterable[Mapping[str, Any]]) -> dict[str, Location]:
    """Locations by code; each row is the model's fields."""
    found = {}
    for row in rows:
        values = dict(row)
        code = values.pop("code")
        found[code], _ = Location.objects.get_or_create(code=code, defaults=values)
    return found


def seed_skus(seeds: Sequence[SkuSeed]) -> dict[str, int]:
    """The SKUs' ids by code."""
    products = {
        seed.product_code or seed.code: Product(
            code=seed.product_code or seed.code,
            name=seed.product_name or seed.name,
            category=seed.category,
            brand=seed.brand,
        )
        for seed in seeds
    }
    Product.objects.bulk_create(products.values(), ignore_conflicts=True, batch_size=BATCH)
    ids = dict(Product.objects.filter(code__in=products).values_list("code", "id"))
    skus = (
        Sku(
            code=seed.code,
            product_id=ids[seed.product_code or seed.code],
            name=seed.name,
            barcode=seed.barcode,
            price=seed.price,
            unit_cost=seed.unit_cost,
            currency=seed.currency,
            weight_grams=seed.weight_grams,
            tags=list(seed.tags),
        )
        for seed in seeds
    )
    Sku.objects.bulk_create(skus, ignore_conflicts=True, batch_size=BATCH)
    return dict(Sku.objects.filter(code__in=[seed.code for seed in seeds]).values_list("code", "id"))


def seed_stock(rows: Iterable[tuple[int, int, int]], *, reference: str, actor: str = "system") -> int:
    """Opening stock, rows of (SKU's id, location's id, units); levels that have moved before are left alone."""
    known = set(StockLevel.objects.filter(number__gt=0).values_list("sku_id", "location_id"))
    fresh = sorted(row for row in rows if row[:2] not in known)
    return open_stock(fresh, actor=actor, reference=reference)


def seed_channels(seeds: Iterable[ChannelSeed], *, actor: str = "system") -> dict[str, Channel]:
    """Channels by code, fed by every location."""
    found = {channel.code: channel for channel in Channel.objects.all()}
    for seed in seeds:
        if seed.code not in found:
            found[seed.code] = _create_channel(seed, actor=actor)
    return found


def _create_channel(seed: ChannelSeed, *, actor: str) -> Channel:
    fields: dict[str, Any] = {"orders_from": seed.orders_from} if seed.orders_from else {}
    return create_channel(
        code=seed.code,
        name=seed.name,
        connector=seed.connector,
        base_url=seed.base_url,
        settings=dict(seed.settings),
        credentials=dict(seed.credentials) or {"secret": seed.secret},
        currency=seed.currency,
        priority=seed.priority,
        fee_percent=seed.fee_percent,
        actor=actor,
        **fields,
    )


def external_id_is_code(_channel: str, sku: str) -> str:
    """The channel knows the SKU by the SKU's own code."""
    return sku


def only_external_id(external_id: Callable[[str, str], str]) -> Callable[[str, str], Mapping[str, Any]]:
    """The ids of a listing where there is but one."""
    return lambda channel, sku: {"external_id": external_id(channel, sku)}


def seed_listings(
    channels: Iterable[Channel],
    *,
    skus: Iterable[str],
    external_id: Callable[[str, str], str] = external_id_is_code,
    external: Callable[[str, str], Mapping[str, Any]] | None = None,
) -> int:
    """Offer every SKU on every channel; answers how many listings are new."""
    offered = {sku.code: sku for sku in Sku.objects.filter(code__in=list(skus))}
    ids = external or only_external_id(external_id)
    count = 0
    for channel in channels:
        known = set(Listing.objects.filter(channel=channel).values_list("sku__code", flat=True))
        rows = ({"sku": sku, "external": ids(channel.code, code)} for code, sku in offered.items() if code not in known)
        while batch := list(islice(rows, BATCH)):
            create_listings(channel, batch)
            count += len(batch)
    return count


def secret_of(seed: str) -> str:
    """A webhook secret that follows from a text: for worlds that can be made again, never for a merchant's channel."""
    return "whsec_" + base64.b64encode(hashlib.sha256(seed.encode()).digest()[:24]).decode()
