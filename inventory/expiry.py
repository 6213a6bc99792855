"""Lots expire by the clock of the place where they lie: from the beginning of their day on they are not sold there."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from .errors import StockError
from .kernel import clock
from .ledger import Posting, post
from .locks import LockedLevels
from .models import Location, Lot, LotLevel, Reason, State
from .models.lot import SOMETHING
from .withdrawal import Withdrawal, withdraw

logger = logging.getLogger(__name__)

ACTOR = "system"

#: East of everywhere: no place has a later date.
_FURTHEST_EAST = timedelta(hours=14)


def sweep() -> int:
    """Take what has expired, and what of a recalled lot has come since, off sale everywhere; the units moved.

    Each level by itself: one that cannot be mended now is tried again by the next sweep.
    """
    now, moved = clock.now(), 0
    for row in _due(now):
        try:
            moved += _take_off(row, now)
        except StockError:
            logger.exception("lot %s stays on sale at %s for now", row.lot, row.level.location)
    return moved


def turn_away(arrived: Iterable[Posting], *, levels: LockedLevels) -> None:
    """Take off sale what has just come of lots that may not be sold, before anybody sees it.

    It came by postings of this very transaction, which holds the levels: no promise counts on it.
    """
    left: Counter[int] = Counter()
    for posting in arrived:
        level = levels[posting.sku_id, posting.location_id]
        if level.keeps_lots and posting.to_state == State.AVAILABLE:
            left[level.id] += posting.quantity
    if not left:
        return
    rows = LotLevel.objects.filter(level__in=left, shelf__gt=0).select_related("lot__sku", "level__location")
    postings, now = [], clock.now()
    for row in rows.order_by("pk"):
        units = min(row.shelf, left[row.level_id])
        if units and _is_barred(row, now):
            left[row.level_id] -= units
            target, reason = _where_to(row.lot)
            what = (State.AVAILABLE, target, units, reason, reference_of(row.lot), f"lot {row.lot.code}")
            postings.append(Posting(row.level.sku_id, row.level.location_id, *what, lot=row.lot))
    post(postings, actor=ACTOR, cause="lots", levels=levels)


def local_day(place: Location, at: datetime) -> date:
    """The date at a place."""
    return at.astimezone(ZoneInfo(place.time_zone)).date()


def reference_of(lot: Lot) -> str:
    """What entries name as the document."""
    return f"lot:{lot.sku.code}/{lot.code}"


def expiring(*, within_days: int, rows: "QuerySet[LotLevel] | None" = None) -> "QuerySet[LotLevel]":
    """Lots that have units somewhere and expire within so many days, those that have expired among them."""
    last = clock.now().date() + timedelta(days=within_days)
    found = LotLevel.objects.all() if rows is None else rows
    return found.filter(SOMETHING, lot__expires_on__lte=last).select_related("lot__sku", "level__location")


def _take_off(row: LotLevel, now: datetime) -> int:
    lot = row.lot
    target, reason = _where_to(lot)
    how = Withdrawal(target, reason, reference_of(lot), ACTOR, f"lot {lot.code}")
    return withdraw(partial(_still, row.pk), how)


def _where_to(lot: Lot) -> tuple[State, Reason]:
    return (State.QUARANTINE, Reason.RECALL) if lot.is_recalled else (State.HOLD, Reason.EXPIRED)


def _is_barred(row: LotLevel, now: datetime) -> bool:
    """Whether a lot may not be sold at a place, by the date there."""
    lot = row.lot
    return lot.is_recalled or (lot.expires_on is not None and lot.expires_on <= local_day(row.level.location, now))


def _still(pk: int) -> list[LotLevel]:
    return list(LotLevel.objects.filter(pk=pk, shelf__gt=0).select_related("lot", "level"))


def _due(now: datetime) -> Iterable[LotLevel]:
    """What is on a shelf and should not be, by the date of each place."""
    latest = (now.astimezone(UTC) + _FURTHEST_EAST).date()
    rows = LotLevel.objects.filter(Q(lot__recalled_at__isnull=False) | Q(lot__expires_on__lte=latest), shelf__gt=0)
    for row in rows.select_related("lot__sku", "level__location").order_by("pk"):
        if _is_barred(row, now):
            yield row
