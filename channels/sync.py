"""Owe, then pay: when numbers leave for the channels, and what sees to it that they do.

An alarm starts rounds (``rounds.pay``) for as long as something may be paid now; where it may be paid later, an alarm is left
behind for then. Whatever alarms are lost, the sweep finds what is owed.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from psycopg.errors import DeadlockDetected

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring, ring_now

from . import leases, outbox, publishing, rounds
from .models import AllocationRule, StockTarget, SyncLane
from .publishing import DRAIN

logger = logging.getLogger(__name__)

#: An alarm that is so much late was lost.
OVERDUE = timedelta(seconds=3)

#: Rounds of one task, so that a busy house gives its thread back now and then.
MOST_ROUNDS = 10


def drain_channels() -> int:
    """Pay every channel what it is owed; the number of targets that were settled."""
    return _drain(None)


def drain_channel(channel_id: int) -> int:
    """Pay one channel what it is owed; the number of targets that were settled."""
    return _drain(channel_id)


def _drain(channel_id: int | None) -> int:
    """Rounds for as long as something is due. The flag is cleared before each claim, raised while a round is under way (what
    comes meanwhile is paced anyway), and cleared again before it is looked what is owed: who comes later rings anew.
    """
    settled = 0
    for _ in range(MOST_ROUNDS):
        answer(DRAIN)
        try:
            done = rounds.pay(None if channel_id is None else [channel_id])
        except Exception as error:
            _come_back()
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            logger.warning("deadlock, trying again")
            return settled
        settled += done
        answer(DRAIN)  # also where nothing was settled: the round may have held alarms off all the same
        wait = outbox.next_due_in(channel_id)
        if wait is None:
            return settled
        if wait > 0 or not done:
            ring_now(DRAIN, delay=max(wait, 0.02), paced=done > 0)
            return settled
    ring_now(DRAIN)
    return settled


def _come_back() -> None:
    """A round broke off: what was owed meanwhile has not rung, since the round held it off."""
    answer(DRAIN)
    ring_now(DRAIN, delay=0.1)


@transaction.atomic
def push_now(target_ids: Sequence[int]) -> int:
    """Send these targets' numbers again, whatever we believe is shown; how many."""
    publishing.owe_targets(target_ids)
    targets = StockTarget.objects.filter(pk__in=list(target_ids), is_active=True).order_by("pk").select_for_update()
    ids = [target.pk for target in targets]
    StockTarget.objects.filter(pk__in=ids).update(shown=None, attempts=0, next_attempt_at=None, parked_reason="")
    channels = set(StockTarget.objects.filter(pk__in=ids).values_list("channel_id", flat=True))
    SyncLane.objects.filter(pk__in=channels).update(not_before=None)
    if ids:
        ring(DRAIN)
    return len(ids)


#: Parked targets are tried again by the same verb: the operator has mended what was wrong.
unpark = push_now


def take_over(worker: str) -> int:
    """A worker of this name has just started: free what its dead forerunner had claimed, and pay it at once."""
    leases.expire_claims_of(worker)
    freed = leases.free_expired_claims()
    if leases.overdue_channels(after=timedelta(0)):
        ring_now(DRAIN, even_if_rung=True)
    return freed


def sweep() -> int:
    """Ring every alarm that was lost and free what dead workers held; the number of repairs."""
    freed = leases.free_abandoned()
    repairs = leases.free_expired_claims()
    overdue = leases.overdue_channels(after=OVERDUE)
    for channel_id, count in overdue.items():
        logger.warning("channel %s: %s debts overdue, ringing again", channel_id, count)
        SyncLane.objects.filter(pk=channel_id).update(repairs=F("repairs") + 1)
        repairs += 1
    if freed or overdue:
        ring_now(DRAIN, even_if_rung=True)
    _feel_rules()
    return repairs


def _feel_rules() -> None:
    """Owe what a rule touches when its time window begins or ends."""
    now = clock.now()
    begun = Q(starts_at__gt=F("felt_at"), starts_at__lte=now)
    ended = Q(ends_at__gt=F("felt_at"), ends_at__lte=now)
    for rule in AllocationRule.objects.filter(begun | ended, enabled=True):
        with transaction.atomic():
            publishing.owe_rule(rule)
            AllocationRule.objects.filter(pk=rule.pk).update(felt_at=now)
