"""What is sold in the benches of intake and parallelism: every SKU on thirty channels, as though all were published."""

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import Connection

from channels.simulators import signing
from config.bench.deliveries import Shop
from config.simulation import seeding

CHANNELS = 30
UNITS = 100_000

#: Nobody listens there: while this world is measured, no number leaves.
NOWHERE = "http://127.0.0.1:9"

_LIST = """
INSERT INTO channels_listing (channel_id, sku_id, external, external_key, fulfilled_by, is_active, created_at)
SELECT channel.id, sku.id, jsonb_build_object('external_id', sku.code), sku.code, 'us', true, now()
FROM channels_channel channel CROSS JOIN inventory_sku sku
ORDER BY channel.id, sku.id
"""

_PUBLISH = """
INSERT INTO channels_stocktarget (channel_id, listing_id, remote, is_active, published, shown, version, disturbed, outcome,
    last_error, attempts, parked_reason)
SELECT listing.channel_id, listing.id, '', true, %s, %s, 1, false, 'applied', '', 0, ''
FROM channels_listing listing
ORDER BY listing.id
"""


def sku_code(number: int) -> str:
    """The SKU of this number, from 0."""
    return f"BENCH-{number:06d}"


def shops() -> list[Shop]:
    """The channels with the keys that they sign with."""
    codes = [f"bench-{number:02d}" for number in range(1, CHANNELS + 1)]
    return [Shop(code, signing.key_of(_secret(code))) for code in codes]


def _secret(code: str) -> str:
    return seeding.secret_of(f"bench:{code}")


def build_world(*, skus: int) -> int:
    """Seed it on a fresh stack; the number of listings."""
    place = seeding.seed_locations(
        [{"code": "MAIN", "name": _("Main warehouse"), "kind": "warehouse", "country": "US"}]
    )
    seeds = [seeding.SkuSeed(sku_code(number), sku_code(number), currency="USD") for number in range(skus)]
    ids = seeding.seed_skus(seeds)
    seeding.seed_stock([(pk, place["MAIN"].pk, UNITS) for pk in ids.values()], reference="bench")
    seeding.seed_channels(
        seeding.ChannelSeed(code=shop.code, name=shop.code, base_url=NOWHERE, secret=_secret(shop.code), currency="USD")
        for shop in shops()
    )
    with connection.cursor() as cursor:
        cursor.execute(_LIST)
        cursor.execute(_PUBLISH, [UNITS, UNITS])
        return cursor.rowcount


def settle_down(superuser: Connection) -> None:
    """The same beginning for everything that is measured: no debts, statistics that are true, nothing left to write out."""
    superuser.execute("TRUNCATE channels_debt")
    superuser.execute("CHECKPOINT")
