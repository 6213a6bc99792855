"""Entries valued in their order: scopes, layers and moves follow from positions, and can be made anew from them.

Whoever values holds the one horizon's lock, so that there is one order for all. Nobody who sells waits for it.
"""

import time

from django.db import connection, transaction

from ..models import CostHorizon, CostPosition
from .order import line_up, step_back, waiting
from .shelf import Shelf
from .valuing import value

#: So many positions are valued in one transaction.
BATCH = 2000

#: A turn of the worker ends after so long; the next goes on.
LONGEST_SECONDS = 20.0


#: A reader brings what is new up to date first, but waits no longer than this.
READERS_SECONDS = 2.0

_ANYTHING_NEW = """
SELECT EXISTS (
    SELECT 1 FROM inventory_ledgerentry entry LEFT JOIN inventory_costcursor cursor ON cursor.level_id = entry.level_id
    WHERE entry.id > coalesce((SELECT max(seen_id) FROM inventory_costhorizon), 0)
        AND entry.number > coalesce(cursor.number, 0)
) OR EXISTS (
    SELECT 1 FROM inventory_costposition
    WHERE id > coalesce((SELECT max(valued_id) FROM inventory_costhorizon), 0)
)
"""


def freshen() -> None:
    """For readers: value what is new, if anything is."""
    with connection.cursor() as cursor:
        cursor.execute(_ANYTHING_NEW)
        (is_new,) = cursor.fetchone()
    if is_new:
        catch_up(seconds=READERS_SECONDS)


def catch_up(*, wait: bool = False, seconds: float = LONGEST_SECONDS) -> bool:
    """Line up and value what is new; whether nothing is left. Where somebody is at it already, leave it to them or wait."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with transaction.atomic():
            horizon = _lock(wait)
            if horizon is None:
                return False
            if not advance(horizon):
                return True
    return False


def advance(horizon: CostHorizon, *, limit: int = BATCH) -> bool:
    """Line up what is new and value the next positions, under the horizon's lock; whether there may be more."""
    line_up(horizon)
    return value_next(horizon, limit=limit)


def value_next(horizon: CostHorizon, *, limit: int = BATCH) -> bool:
    """Value the next positions; whether there may be more. What carries cost to one another is never parted."""
    later = CostPosition.objects.filter(pk__gt=horizon.valued_id).select_related("entry", "share").order_by("pk")
    positions = list(later[:limit])
    if not positions:
        return False
    last = positions[-1]
    if last.batch is not None:
        positions += later.filter(batch=last.batch, pk__gt=last.pk)
    shelf = Shelf.of(positions)
    value(positions, shelf)
    shelf.store()
    horizon.valued_id = positions[-1].pk
    horizon.save(update_fields=["valued_id"])
    return len(positions) >= limit


def lock_horizon() -> CostHorizon:
    """The horizon under this transaction's lock: nobody else lines up, values or closes until it ends."""
    horizon = _lock(True)
    assert horizon is not None
    return horizon


def behind() -> int:
    """How many entries and shares wait to be valued."""
    horizon = CostHorizon.objects.filter(pk=1).first() or CostHorizon(pk=1)
    return waiting(horizon) + CostPosition.objects.filter(pk__gt=horizon.valued_id).count()


@transaction.atomic
def rebuild() -> int:
    """Drop what was valued, and value every position anew in its order; how many there are."""
    horizon = lock_horizon()
    with connection.cursor() as cursor:
        for table in ("costmove", "costlayer", "costscope"):
            cursor.execute(f"DELETE FROM inventory_{table}")
    horizon.valued_id = 0
    step_back(horizon)
    line_up(horizon)
    while value_next(horizon):
        pass
    return CostPosition.objects.count()


def _lock(wait: bool) -> CostHorizon | None:
    CostHorizon.objects.get_or_create(pk=1)
    return CostHorizon.objects.select_for_update(skip_locked=not wait).filter(pk=1).first()
