"""What each channel is owed, and the number it is owed at this instant.

Debts first, then targets: every transaction that touches both does so in that order, each in the order of its keys, so that
no two can wait for each other in a circle.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from inventory.availability import count_for_sale
from inventory.kernel import clock
from inventory.kernel.workqueue import ring
from inventory.locks import share_levels
from inventory.models import Sku
from inventory.models.location import MARKETPLACE_OWNED
from inventory.recipes import WITH_BUNDLES, recipes_of, units_at

from .allocation.engine import Rule, Subject, publish
from .connectors.base import Capabilities
from .credentials import connector_of
from .models import AllocationRule, Channel, StockTarget, SyncLane

#: Rings for all channels at once: what is owed says to which.
DRAIN = "channels.tasks.drain_channels"

#: How far a channel's clock may be off from ours before its own sale is thought to have come after our last push.
CLOCK_TOLERANCE = timedelta(seconds=2)

#: Whatever a channel's clock says: a sale that we hear of so soon after a push may have been accepted before it.
HEARD_TOLERANCE = timedelta(seconds=10)

#: Before every push.
NEVER = datetime(1970, 1, 2, tzinfo=UTC)

_heard_at: ContextVar[datetime | None] = ContextVar("heard_at", default=None)


@contextmanager
def heard_at(instant: datetime | None) -> Iterator[None]:
    """Debts owed inside come from a delivery stored at that instant: what lag is measured from."""
    token = _heard_at.set(instant)
    try:
        yield
    finally:
        _heard_at.reset(token)


# A plain debt computes and locks nothing: where one is owed already, it stays as it is. That is safe because whoever claims
# it reads the levels under a share lock, which waits for us. Where there is no level to wait at (a rule, a new level), the
# debt is owed *firmly*: the row is locked until we commit, so the claim skips it.
_OWE = """
INSERT INTO channels_debt (channel_id, target_id, owed_at, stored_at)
SELECT target.channel_id, target.id, %s::timestamptz, %s::timestamptz
FROM channels_stocktarget target
JOIN channels_listing listing ON listing.id = target.listing_id
JOIN channels_channel channel ON channel.id = target.channel_id
WHERE target.is_active AND listing.is_active AND channel.is_active AND {which}
ORDER BY target.channel_id, target.id
ON CONFLICT (channel_id, target_id) DO {conflict}
"""

_NOTHING = "NOTHING"
_FIRMLY = "UPDATE SET owed_at = channels_debt.owed_at"


def owe_skus(sku_ids: Collection[int], *, firm: bool = False) -> None:
    """Owe every listing of these SKUs, and of the bundles that they are parts of, a number; ring for the channels."""
    skus = sorted(sku_ids)
    _owe(f"listing.sku_id = {WITH_BUNDLES}", [skus, skus], firm=firm)


def owe_listings(listing_ids: Collection[int], *, firm: bool = True) -> None:
    """Owe these listings a number."""
    _owe("listing.id = ANY(%s)", [sorted(listing_ids)], firm=firm)


def owe_channel(channel_id: int) -> None:
    """Owe every listing of a channel a number, at once: what made the channel wait has been looked at by a person."""
    SyncLane.objects.filter(pk=channel_id).update(not_before=None)
    _owe("target.channel_id = %s", [channel_id], firm=True)
    waiting = StockTarget.objects.filter(channel=channel_id, next_attempt_at__isnull=False).order_by("pk")
    ids = list(waiting.select_for_update(no_key=True).values_list("pk", flat=True))
    StockTarget.objects.filter(pk__in=ids).update(next_attempt_at=None)


def owe_targets(target_ids: Collection[int], *, firm: bool = True) -> None:
    """Owe these targets a number."""
    _owe("target.id = ANY(%s)", [sorted(target_ids)], firm=firm)


def owe_rule(rule: AllocationRule) -> None:
    """Owe a number wherever this rule may apply."""
    conditions, values = ["TRUE"], []
    if rule.channel_id is not None:
        conditions.append("target.channel_id = %s")
        values.append(rule.channel_id)
    skus = Sku.objects.all()
    if rule.sku_id is not None:
        skus = skus.filter(pk=rule.sku_id)
    if rule.category:
        skus = skus.filter(product__category=rule.category)
    if rule.tag:
        skus = skus.filter(tags__contains=[rule.tag])
    if rule.sku_id is not None or rule.category or rule.tag:
        conditions.append("listing.sku_id = ANY(%s)")
        values.append(list(skus.values_list("pk", flat=True)))  # type: ignore[arg-type]
    _owe(" AND ".join(conditions), values, firm=True)


def _owe(which: str, values: Sequence[Any], *, firm: bool) -> None:
    statement = _OWE.format(which=which, conflict=_FIRMLY if firm else _NOTHING)
    with connection.cursor() as cursor:
        cursor.execute(statement, [clock.now(), _heard_at.get(), *values])
        owed = cursor.rowcount
    if owed:
        ring(DRAIN)


@dataclass(frozen=True, slots=True)
class OwnSale:
    """Units that a channel sold of a listing, accepted at ``accepted_at`` by its clock; ``NEVER`` or before: nobody knows, and
    whether it put units back on sale by itself is not known either."""

    channel: Channel
    listing_id: int
    quantity: int
    accepted_at: datetime


_LOWER = """
WITH sold AS (
    SELECT listing_id, sum(quantity)::bigint AS quantity, min(accepted_at) AS accepted_at, bool_and(compares) AS compares,
        bool_or(is_unclear) AS is_unclear
    FROM unnest(%(listings)s::bigint[], %(quantities)s::bigint[], %(accepted)s::timestamptz[], %(compares)s::boolean[],
        %(unclear)s::boolean[]) AS sale (listing_id, quantity, accepted_at, compares, is_unclear)
    GROUP BY listing_id
), locked AS MATERIALIZED (
    SELECT target.id, sold.quantity, sold.accepted_at, sold.compares, sold.is_unclear OR 1 < (
            -- of several locations it may have been any
            SELECT count(*) FROM channels_stocktarget other WHERE other.listing_id = target.listing_id AND other.is_active
        ) AS is_unclear
    FROM channels_stocktarget target JOIN sold USING (listing_id)
    ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target
SET disturbed = target.disturbed OR target.in_flight IS NOT NULL,
    shown = CASE
        WHEN locked.is_unclear THEN NULL
        WHEN target.in_flight IS NULL AND target.shown IS NOT NULL  -- greatest() would make 0 of unknown
            AND (locked.compares OR coalesce(greatest(target.sent_at, target.pushed_at) < locked.accepted_at, TRUE))
        THEN greatest(0, target.shown - locked.quantity)
    END
FROM locked WHERE target.id = locked.id
"""


def note_own_sales(sales: Sequence[OwnSale]) -> None:
    """What a channel shows falls with its own sales, where it lowers its number itself.

    Where a push left between the sale's acceptance and now, the one may have overwritten the other: shown is unknown, and
    unknown is owed. Times are compared with a tolerance, and a doubt costs a call, never a wrong number. A channel that compares
    before it sets takes no number over a sale that we had not recorded: there shown falls in any case.
    """
    channels = {sale.channel.pk: sale.channel for sale in sales}
    able = {key: connector_of(channel).capabilities(channel.settings) for key, channel in channels.items()}
    lowered = [sale for sale in sales if able[sale.channel.pk].lowers_on_sale]
    if not lowered:
        return
    owe_listings({sale.listing_id for sale in lowered}, firm=False)
    now = clock.now()
    latest = (_heard_at.get() or now) - HEARD_TOLERANCE
    given: dict[str, Any] = {
        "compares": [able[sale.channel.pk].rereads for sale in lowered],
        "unclear": [sale.accepted_at <= NEVER for sale in lowered],
        "listings": [sale.listing_id for sale in lowered],
        "quantities": [sale.quantity for sale in lowered],
        "accepted": [
            # a sale from the future was timed by a clock that says nothing
            NEVER if sale.accepted_at > now else min(sale.accepted_at - CLOCK_TOLERANCE, latest)
            for sale in lowered
        ],
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOWER, given)


@dataclass(frozen=True, slots=True)
class Offer:
    """A target to be numbered: what it offers and where."""

    target_id: int
    channel_id: int
    sku_id: int
    remote: str


def compute_numbers(channels: Mapping[int, Channel], offers: Sequence[Offer]) -> dict[int, int]:
    """The number of each target, by its id, from levels read under a share lock: every sale that saw its debt is in it.

    ``channels`` are those of the offers, by id.
    """
    skus = sorted({offer.sku_id for offer in offers})
    shared = share_levels(skus)
    available = units_at({(level.sku_id, level.location_id): level.available for level in shared})
    recipes = recipes_of(skus) if shared.bundled else {}
    at = clock.now()
    feeding = {key: places_by_remote(rows) for key, rows in feeding_of(channels).items()}
    rules = load_rules(channels, skus)
    fitting = {key: [rule for rule in rules if rule.channel_id in (None, key)] for key in channels}
    grouped = _groups(rules, skus)
    numbers = {}
    for offer in offers:
        places = feeding[offer.channel_id].get(offer.remote, ())
        pool = count_for_sale(offer.sku_id, recipes.get(offer.sku_id), places, available)
        subject = subject_of(channels[offer.channel_id], offer.sku_id, pool, *grouped.get(offer.sku_id, ("", ())))
        numbers[offer.target_id] = publish(subject, fitting[offer.channel_id], at=at)
    return numbers


def subject_of(channel: Channel, sku_id: int, pool: int, category: str, tags: Sequence[str]) -> Subject:
    """What the rules are told of a SKU on a channel, ``pool`` units of which feed it."""
    try:
        capabilities = connector_of(channel).capabilities(channel.settings)
    except LookupError:  # its plug-in is gone: nothing is sent to it, and its listings are shown all the same
        capabilities = Capabilities()
    return Subject(
        channel.pk, sku_id, pool, category, tags, channel_stopped=channel.stopped_at is not None,
        least=capabilities.least_quantity, most=capabilities.most_quantity,
    )  # fmt: skip


_FEEDING = """
SELECT wanted.id, location.id, coalesce(own.remote, '')
FROM unnest(%s::bigint[]) AS wanted (id) CROSS JOIN inventory_location location
LEFT JOIN channels_channellocation own ON own.channel_id = wanted.id AND own.location_id = location.id
WHERE location.is_active
    AND CASE WHEN EXISTS (SELECT 1 FROM channels_channellocation mapped WHERE mapped.channel_id = wanted.id)
        THEN own.location_id IS NOT NULL ELSE location.kind <> ALL(%s) END
ORDER BY location.priority, location.code
"""


def feeding_of(channel_ids: Collection[int]) -> dict[int, list[tuple[int, str]]]:
    """(location's id, the channel's name for it) of what feeds each channel, the one to take from first first.

    A channel that maps none is fed by every active location whose count is ours.
    """
    feeding: dict[int, list[tuple[int, str]]] = {channel_id: [] for channel_id in channel_ids}
    with connection.cursor() as cursor:
        cursor.execute(_FEEDING, [list(feeding), [kind.value for kind in MARKETPLACE_OWNED]])
        for channel_id, location_id, remote in cursor.fetchall():
            feeding[channel_id].append((location_id, remote))
    return feeding


def places_by_remote(rows: Sequence[tuple[int, str]]) -> dict[str, list[int]]:
    """The locations that feed a channel, by the channel's name for them."""
    found: dict[str, list[int]] = {}
    for location_id, remote in rows:
        found.setdefault(remote, []).append(location_id)
    return found


def feeding_locations(channel: Channel) -> list[tuple[int, str]]:
    """What feeds one channel, as ``feeding_of``."""
    return feeding_of([channel.pk])[channel.pk]


def load_rules(channel_ids: Collection[int], sku_ids: Collection[int]) -> list[Rule]:
    """The enabled rules that may touch these SKUs on these channels."""
    rows = AllocationRule.objects.filter(
        Q(channel=None) | Q(channel__in=list(channel_ids)), Q(sku=None) | Q(sku__in=list(sku_ids)), enabled=True
    )
    fields = ("id", "kind", "value", "channel_id", "sku_id", "category", "tag", "starts_at", "ends_at", "note")
    return [Rule(*row) for row in rows.values_list(*fields)]


def _groups(rules: Sequence[Rule], skus: list[int]) -> Mapping[int, tuple[str, Sequence[str]]]:
    """Category and tags of the SKUs, read only where some rule asks for them."""
    if not any(rule.category or rule.tag for rule in rules):
        return {}
    rows = Sku.objects.filter(pk__in=skus).values_list("pk", "product__category", "tags")
    return {pk: (category, tags) for pk, category, tags in rows}


@transaction.atomic
def align_targets(channel: Channel, *, listing_ids: Collection[int] | None = None) -> None:
    """Give every active listing that we fulfil one target per remote location, owed a number; those of others fall out of use.

    To be called after what changed has owed the targets that are there already: debts come before targets.
    """
    remotes = sorted({remote for _, remote in feeding_locations(channel)}) or [""]
    has_stock = connector_of(channel).capabilities(channel.settings).has_stock
    given: dict[str, Any] = {
        "channel": channel.pk,
        "remotes": remotes,
        "listings": None if listing_ids is None else list(listing_ids),
    }
    with connection.cursor() as cursor:
        added = []
        if has_stock:
            cursor.execute(_ADD_TARGETS, given)
            added = [row[0] for row in cursor.fetchall()]
        cursor.execute(_RETIRE_TARGETS, {**given, "has_stock": has_stock})
    owe_targets(added)


_ADD_TARGETS = """
INSERT INTO channels_stocktarget (channel_id, listing_id, remote, is_active, version, disturbed, outcome, last_error,
    attempts, parked_reason)
SELECT listing.channel_id, listing.id, remote, TRUE, 0, FALSE, '', '', 0, ''
FROM channels_listing listing CROSS JOIN unnest(%(remotes)s::text[]) AS remote
WHERE listing.channel_id = %(channel)s AND listing.fulfilled_by = 'us' AND listing.is_active
    AND (%(listings)s::bigint[] IS NULL OR listing.id = ANY(%(listings)s))
ORDER BY listing.id, remote
ON CONFLICT (listing_id, remote) DO UPDATE SET is_active = TRUE WHERE NOT channels_stocktarget.is_active
RETURNING id
"""

_RETIRE_TARGETS = """
UPDATE channels_stocktarget target SET is_active = FALSE
FROM channels_listing listing
WHERE listing.id = target.listing_id AND target.channel_id = %(channel)s AND target.is_active
    AND (%(listings)s::bigint[] IS NULL OR listing.id = ANY(%(listings)s))
    AND NOT (%(has_stock)s AND listing.fulfilled_by = 'us' AND listing.is_active AND target.remote = ANY(%(remotes)s))
"""
