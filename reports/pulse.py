"""How the house is doing at this moment, in plain numbers: five statements, however many channels and rows there are.

What one person's page shows is kept for a second for the others. With Redis away everybody's page asks for itself.
"""

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from inventory.kernel import clock

from . import pulse_sql, tallies
from .models import LagPart

logger = logging.getLogger(__name__)

HOUR, QUARTER, WEEK = timedelta(minutes=60), timedelta(minutes=15), timedelta(days=7)
#: A debt or delivery older than this is no longer on its way: something holds it up.
OVERDUE = timedelta(seconds=30)
MINUTES = 60

_KEY, _LOCK = "pulse", "pulse:taken"
_FRESH_SECONDS, _KEPT_SECONDS, _LOCK_SECONDS = 1.0, 10, 3
_MUTE_SECONDS = 5.0
_mute_until = 0.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds that half, and all but one in a hundred, took at most; None where nothing was measured."""

    p50: float | None = None
    p99: float | None = None
    count: int = 0


@dataclass(slots=True)
class ChannelPulse:
    """One channel now."""

    id: int
    code: str
    name: str
    state: str  # selling, stopped, disconnected, shadow
    failures: int
    waits_until: datetime | None
    last_error: str
    answered_at: datetime | None
    listings: int
    owed: int
    overdue: int
    oldest_owed_at: datetime | None
    parked: int
    still_shown: int  # listings that may show more than 0 although selling is stopped
    lag: Lag = field(default_factory=Lag)
    orders: int = 0
    units: int = 0

    @property
    def is_failing(self) -> bool:
        """Whether its last calls failed."""
        return self.failures > 0 and self.state != "disconnected"


@dataclass(slots=True)
class Pulse:
    """All of it. ``orders`` and ``units`` are by minute, the oldest first; the last minute is still running."""

    at: datetime
    channels: list[ChannelPulse]
    counts: dict[str, Any]
    orders: list[int]
    units: list[int]
    lags: dict[str, dict[str, Lag]]  # by part, then by window: quarter, hour
    uncounted: int = 0
    counted_at: datetime | None = None

    @property
    def stands_still(self) -> bool:
        """Whether no worker does the recurring work, while there is some."""
        late = self.counted_at is None or self.at - self.counted_at > timedelta(minutes=1)
        return late and self.uncounted > 0


def current() -> Pulse:
    """The pulse, at most a second old."""
    global _mute_until
    if time.monotonic() < _mute_until:
        return take()
    try:
        kept = cache.get(_KEY)
        if kept is not None and (clock.now() - kept.at).total_seconds() < _FRESH_SECONDS:
            return kept
        if kept is not None and not cache.add(_LOCK, 1, timeout=_LOCK_SECONDS):
            return kept  # somebody is taking a new one just now
        taken = take()
        cache.set(_KEY, taken, timeout=_KEPT_SECONDS)
        cache.delete(_LOCK)
        return taken
    except (redis.RedisError, OSError) as error:
        _mute_until = time.monotonic() + _MUTE_SECONDS
        logger.warning("the overview is not kept (%s)", error)
        return take()


def take() -> Pulse:
    """Ask the database."""
    now = clock.now()
    this_minute = now.replace(second=0, microsecond=0)
    first_minute = this_minute - HOUR + timedelta(minutes=1)
    channels = _channels(now)
    counts, marks = _counts(now)
    sales = _sales(marks, first_minute=first_minute, now=now)
    by_channel, lags = _lags(marks, first_minute=first_minute, recent=this_minute - QUARTER + timedelta(minutes=1))
    orders, units = Counter[datetime](), Counter[datetime]()
    for slot, channel_id, made, sold in sales.minutes:
        orders[slot] += made
        units[slot] += sold
        if channel_id in channels:
            channels[channel_id].orders += made
            channels[channel_id].units += sold
    for channel_id, lag in by_channel.items():
        if channel_id in channels:
            channels[channel_id].lag = lag
    slots = [first_minute + timedelta(minutes=number) for number in range(MINUTES)]
    counts |= {"lines_week": sales.lines_week, "lines_today": sales.lines_today}
    return Pulse(
        at=now,
        channels=list(channels.values()),
        counts=counts,
        orders=[orders[slot] for slot in slots],
        units=[units[slot] for slot in slots],
        lags=lags,
        uncounted=counts["uncounted"],
        counted_at=counts["counted_at"],
    )


def midnight(now: datetime) -> datetime:
    """When today began, in the site's time zone."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class _Sales:
    minutes: list[tuple[datetime, int, int, int]]
    lines_today: int
    lines_week: int


def _rows(statement: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _channels(now: datetime) -> dict[int, ChannelPulse]:
    rows = _rows(pulse_sql.CHANNELS, {"late": now - OVERDUE})
    return {row["id"]: ChannelPulse(**row) for row in rows}


def _counts(now: datetime) -> tuple[dict[str, Any], dict[str, int]]:
    """The scalars, and from which row on pushes and orders are not in the tallies yet."""
    given = {"today": midnight(now), "week": now - WEEK, "most": tallies.MOST_ROWS}
    (row,) = _rows(pulse_sql.COUNTS, given)
    marks = {tallies.PUSHES: row.pop("pushes_low"), tallies.ORDERS: row.pop("orders_low")}
    return row, marks


def _sales(marks: dict[str, int], *, first_minute: datetime, now: datetime) -> _Sales:
    given = {
        "low": marks[tallies.ORDERS], "high": tallies.LAST, "span": "minute", "first_minute": first_minute,
        "since": now - tallies.HOURS_KEPT, "today": midnight(now), "week": now - WEEK,
    }  # fmt: skip
    rows = _rows(pulse_sql.SALES, given)
    (totals,) = (row for row in rows if row["slot"] is None)
    minutes = [(row["slot"], row["channel_id"], int(row["orders"]), int(row["units"])) for row in rows if row["slot"]]
    return _Sales(minutes, lines_today=int(totals["orders"]), lines_week=int(totals["units"]))


def _lags(
    marks: dict[str, int], *, first_minute: datetime, recent: datetime
) -> tuple[dict[int, Lag], dict[str, dict[str, Lag]]]:
    """By channel over the last hour, and of the whole house by part, over the last quarter and hour."""
    given = {
        "low": marks[tallies.PUSHES], "high": tallies.LAST, "since": first_minute, "first_minute": first_minute,
        "recent": recent,
    }  # fmt: skip
    channels: dict[int, Counter[int]] = defaultdict(Counter)
    parts: dict[str, dict[str, Counter[int]]] = {part: defaultdict(Counter) for part in LagPart.values}
    for row in _rows(pulse_sql.LAGS, given):
        part = parts[row["part"]]
        part["hour"][row["bucket"]] += int(row["hour"])
        part["quarter"][row["bucket"]] += int(row["quarter"])
        if row["part"] == LagPart.LAG:
            channels[row["channel_id"]][row["bucket"]] += int(row["hour"])
    house = {name: {window: _lag(part[window]) for window in ("quarter", "hour")} for name, part in parts.items()}
    return {channel_id: _lag(buckets) for channel_id, buckets in channels.items()}, house


def _lag(buckets: Counter[int]) -> Lag:
    counted = +buckets  # without what moved to another bucket
    return Lag(tallies.percentile(counted, 0.5), tallies.percentile(counted, 0.99), counted.total())
