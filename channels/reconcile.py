"""Read channels back: the orders that they list, and the numbers that they show.

A number that differs is not yet drift: a sale may be on its way to us. It is drift when the same wrong number is read a second
time some seconds later, with nothing of ours sent and nothing of theirs waiting in between.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring_now

from . import calls, publishing
from .connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    PolledOrder,
    RemoteLevel,
)
from .credentials import capable, connector_of
from .models import Channel, Drift
from .signals import drift_found

logger = logging.getLogger(__name__)

READ_BACK = "channels.tasks.read_back"

#: Each poll reads this far behind the last one, for orders that became visible late.
OVERLAP = timedelta(minutes=5)

#: A wrong number is read a second time after so long before it is called drift.
CONFIRM_SECONDS = 6.0

#: Channels are not all read at the same moment, but over so long.
SPREAD_SECONDS = 120.0

#: Told what was wrong with a channel's answer.
Report = Callable[[Channel, str], None]

FAILURES = (ChannelBusy, ChannelRefused, ChannelUnclear, ConnectorError)


def schedule_read_backs() -> None:
    """Ring for every channel whose stock can be read, one after the other."""
    readable = capable(Channel.objects.connected(), "has_stock")
    for turn, channel in enumerate(readable):
        ring_now(READ_BACK, [channel.pk], delay=turn * SPREAD_SECONDS / len(readable))


def order_pages(
    channel: Channel, *, overlap: timedelta = OVERLAP, gives_way: bool = False
) -> Iterator[Sequence[PolledOrder]]:
    """Pages of the orders that changed since the last poll. Raises one of FAILURES.

    What was read is noted once the last page was taken; where the channel lists orders by their last change, with every page:
    else a long list that breaks off would be read from its beginning, over and over. Who ``gives_way`` leaves such a list to
    another that is reading it already.
    """
    connector, cursor = connector_of(channel), None
    seen: set[str] = set()
    began, mark = clock.now(), channel.orders_read_until
    since = (channel.orders_read_until or channel.orders_from) - overlap
    while True:
        build = partial(connector.orders_request, updated_since=since, cursor=cursor, now=clock.now())
        page = calls.read_patiently(channel, build, connector.read_orders)
        yield page.orders
        if not page.next_cursor or page.next_cursor in seen:
            break
        reached = None if page.read_until is None else min(page.read_until, began)
        if reached is not None and (mark is None or reached > mark):
            if _move_mark(channel, before=mark, to=reached):
                mark = reached
            elif gives_way:
                return
        cursor = page.next_cursor
        seen.add(cursor)
    Channel.objects.filter(pk=channel.pk).update(orders_read_until=began)


def _move_mark(channel: Channel, *, before: datetime | None, to: datetime) -> bool:
    """Note that orders are read so far; not where somebody else has moved the mark meanwhile."""
    where = {"orders_read_until__isnull": True} if before is None else {"orders_read_until": before}
    return bool(Channel.objects.filter(pk=channel.pk, **where).update(orders_read_until=to))


def read_back(channel_id: int, *, confirm: bool = True, report: Report | None = None) -> int:
    """Compare what the channel shows with what we believe; the number of targets that are now under suspicion.

    Those that were suspected by the read before and still show the same are drift: recorded, told and owed again.
    What could not be read is logged, and told to ``report``.
    """
    answer(READ_BACK, channel_id)
    channel = Channel.objects.connected().filter(pk=channel_id).first()
    if channel is None:
        return 0
    began = clock.now()
    try:
        reading = _read_levels(channel)
    except FAILURES as error:
        _complain(channel, f"stock could not be read: {error}", report)
        return 0
    levels = reading.levels
    if reading.unreadable:
        _complain(channel, f"stock rows that could not be read: {reading.unreadable}", report)
    if reading.unreadable and not levels:
        return 0
    _settle_suspicions(channel, levels, began)
    suspects = _suspect(channel, levels, began)
    Channel.objects.filter(pk=channel.pk).update(stock_read_at=began)
    if suspects and confirm:
        ring_now(READ_BACK, [channel_id], delay=CONFIRM_SECONDS)
    return suspects


def _complain(channel: Channel, trouble: str, report: Report | None) -> None:
    logger.warning("%s: %s", channel.code, trouble)
    if report:
        report(channel, trouble)


@dataclass
class _Reading:
    """What a channel shows, by key and place; how many of its rows made no sense."""

    levels: dict[tuple[str, str], RemoteLevel]
    unreadable: int = 0


def _read_levels(channel: Channel) -> _Reading:
    connector, cursor = connector_of(channel), None
    reading = _Reading({})
    seen: set[str] = set()
    while True:
        build = partial(connector.stock_request, cursor=cursor, now=clock.now())
        page = calls.read_patiently(channel, build, connector.read_stock, with_remotes=True)
        reading.levels |= {(level.external_key, level.remote): level for level in page.levels}
        reading.unreadable += page.unreadable
        if not page.next_cursor or page.next_cursor in seen:
            return reading
        cursor = page.next_cursor
        seen.add(cursor)


# Compared are the targets at rest: nothing owed, claimed or in flight, no delivery of the channel waiting, and nothing sent since
# well before the read began. Both sides are gathered first and then joined: a channel may have a hundred thousand of them.
_COMPARED = """
remote AS MATERIALIZED (
    SELECT * FROM unnest(%(keys)s::text[], %(remotes)s::text[], %(quantities)s::bigint[]) AS remote (key, place, found)
), mine AS MATERIALIZED (
    SELECT target.id, listing.external_key AS key, target.remote AS place, target.published, target.shown,
        target.suspect, target.suspect_at
    FROM channels_stocktarget target JOIN channels_listing listing ON listing.id = target.listing_id
    WHERE target.channel_id = %(channel)s AND target.is_active AND target.shown IS NOT NULL
        AND target.claimed_until IS NULL AND target.parked_reason = ''
        AND (target.sent_at IS NULL OR target.sent_at < %(began)s - interval '2 seconds')
        AND target.id NOT IN (SELECT debt.target_id FROM channels_debt debt WHERE debt.channel_id = %(channel)s)
        AND NOT EXISTS (SELECT 1 FROM channels_delivery d WHERE d.channel_id = %(channel)s AND d.status = 'waiting')
), compared AS (
    SELECT mine.*, remote.found FROM mine JOIN remote USING (key, place) WHERE mine.shown <> remote.found
)
"""

_SUSPECT = f"""
WITH {_COMPARED}, locked AS MATERIALIZED (
    SELECT target.id, compared.found FROM compared JOIN channels_stocktarget target USING (id)
    ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target SET suspect = locked.found, suspect_at = %(began)s
FROM locked WHERE target.id = locked.id
"""

_CONFIRM = f"""
WITH {_COMPARED}
SELECT id, published, shown, found FROM compared
WHERE suspect = found AND suspect_at < %(began)s - interval '4 seconds' ORDER BY id
"""


def _suspect(channel: Channel, levels: dict[tuple[str, str], RemoteLevel], began: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_SUSPECT, _given(channel, levels, began))
        return int(cursor.rowcount)


@transaction.atomic
def _settle_suspicions(channel: Channel, levels: dict[tuple[str, str], RemoteLevel], began: datetime) -> list[Drift]:
    """Suspicions that hold are drift: what is shown is what was read, and our number is owed."""
    with connection.cursor() as cursor:
        cursor.execute(_CONFIRM, _given(channel, levels, began))
        rows = cursor.fetchall()
        drifts = [
            Drift(
                target_id=target_id,
                expected=published if published is not None else shown,
                found=found,
                excess=max(0, found - (published if published is not None else shown)),
                found_at=began,
            )
            for target_id, published, shown, found in rows
        ]
        Drift.objects.bulk_create(drifts)
        ids = [row[0] for row in rows]
        publishing.owe_targets(ids)
        cursor.execute(_BELIEVE, [ids, [row[3] for row in rows]])
        cursor.execute(_FORGET, [channel.pk])
    if drifts:
        drift_found.send(read_back, channel_code=channel.code, drifts=drifts)
    return drifts


_BELIEVE = """
WITH read AS (
    SELECT target.id, new.quantity FROM unnest(%s::bigint[], %s::bigint[]) AS new (id, quantity)
    JOIN channels_stocktarget target USING (id) ORDER BY target.id FOR NO KEY UPDATE OF target
)
UPDATE channels_stocktarget target SET shown = read.quantity FROM read WHERE target.id = read.id
"""

_FORGET = """
WITH held AS (
    SELECT id FROM channels_stocktarget WHERE channel_id = %s AND suspect_at IS NOT NULL ORDER BY id FOR NO KEY UPDATE
)
UPDATE channels_stocktarget target SET suspect = NULL, suspect_at = NULL FROM held WHERE target.id = held.id
"""


def _given(channel: Channel, levels: dict[tuple[str, str], RemoteLevel], began: datetime) -> dict[str, Any]:
    return {
        "channel": channel.pk,
        "began": began,
        "keys": [key for key, _ in levels],
        "remotes": [remote for _, remote in levels],
        "quantities": [level.quantity for level in levels.values()],
    }


def reconcile(channels: Sequence[Channel], *, report: Report | None = None) -> list[Drift]:
    """Read these channels twice and return the drift that both reads agree on. Takes some seconds."""
    import time

    began = clock.now()
    suspects = sum(read_back(channel.pk, confirm=False, report=report) for channel in channels)
    if suspects:
        time.sleep(CONFIRM_SECONDS)
        for channel in channels:
            read_back(channel.pk, confirm=False, report=report)
    found = Drift.objects.filter(target__channel__in=channels, found_at__gte=began)
    return list(found.select_related("target__listing__sku", "target__channel"))
