"""Owe, then pay: numbers leave for the channels.

Per channel one worker at a time: claim and commit, then read levels under a share lock and compute the number *now*, write
down what is in flight, send, and close, back off or park. Between those steps no lock, connection or transaction is held.
"""

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from psycopg.errors import DeadlockDetected

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, back_off, ring, ring_now

from . import leases, outbox, publishing, rereading
from .credentials import connector_of
from .models import AllocationRule, Channel, Mode, Outcome, StockTarget, SyncLane
from .outbox import Claimed, Flight, Landing
from .publishing import DRAIN, Offer
from .reconcile import FAILURES
from .signals import parked
from .voyage import Voyage

logger = logging.getLogger(__name__)

#: A channel is called at most once in so many seconds: debts that arrive meanwhile travel together.
PACE_SECONDS = 0.75

#: On a machine that is short of time, rounds take longer, and a channel waits for so many times what its last round took of
#: ours (its own answer's time apart): fewer and larger batches, so that the recording of sales is never starved by their sync.
PACE_SHARE = 6
SLOWEST_PACE_SECONDS = 1.2

#: Where a number came too late for what the channel showed, the next round begins after so long.
SOON_SECONDS = 0.15

#: An alarm that is so much late was lost.
OVERDUE = timedelta(seconds=3)

#: How many targets a channel took at a time when this process last looked: spares a query before each claim.
_batch_sizes: dict[int, int] = {}

#: Rounds of one task, so that a busy channel gives its thread back now and then.
MOST_ROUNDS = 10


def drain_channel(channel_id: int) -> int:
    """Pay the channel what it is owed; the number of targets that were settled."""
    answer(DRAIN, channel_id)
    settled = 0
    for _ in range(MOST_ROUNDS):
        try:
            done = _pay(channel_id)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            logger.warning("channel %s: deadlock, trying again", channel_id)
            ring_now(DRAIN, [channel_id], delay=0.1)
            return settled
        settled += done
        wait = outbox.next_due_in(channel_id)
        if wait is None:
            return settled
        if wait > 0 or not done:
            ring_now(DRAIN, [channel_id], delay=max(wait, 0.02))
            return settled
    ring_now(DRAIN, [channel_id])
    return settled


def _pay(channel_id: int) -> int:
    """One round: claim, compute, send, land."""
    lease = uuid4()
    limit = _batch_sizes.get(channel_id) or _look_up(channel_id)
    try:
        claimed = outbox.claim_debts(channel_id, lease=lease, limit=limit)
        if not claimed:
            outbox.release_lane(channel_id, lease=lease)
            return 0
        return _pay_claimed(channel_id, claimed, lease)
    except (OperationalError, InterfaceError):
        leases.abandon(channel_id, lease=lease)  # the database's trouble, not the channel's
        raise
    except Exception as error:
        # A fault of ours or of a plug-in: what was claimed is owed again, what may have left is unknown, the channel waits.
        leases.expire_claims(channel_id, lease=lease)
        leases.free_expired_claims()
        later = clock.now() + timedelta(seconds=5)
        outbox.release_lane(channel_id, lease=lease, verdict="failed", error=repr(error), not_before=later)
        raise


def _look_up(channel_id: int) -> int:
    channel = Channel.objects.filter(pk=channel_id).first()
    return 1 if channel is None else _batch_size(channel)


def _batch_size(channel: Channel) -> int:
    size = connector_of(channel).capabilities(channel.settings).max_batch
    _batch_sizes[channel.pk] = size
    return size


def _pay_claimed(channel_id: int, claimed: Sequence[Claimed], lease: UUID) -> int:
    began = time.monotonic()
    channel = Channel.objects.get(pk=channel_id)  # read after the claim: what changed it has owed what we claimed
    if not channel.is_connected:
        outbox.give_back(channel.pk, claimed, lease=lease)
        outbox.release_lane(channel.pk, lease=lease)
        return 0
    try:
        look = rereading.look(channel, claimed, lease=lease)
    except FAILURES as error:
        _fail_round(channel, claimed, lease, error)
        return 0
    if look.unready:
        outbox.give_back(channel.pk, [one for one in claimed if one.target_id in look.unready], lease=lease)
        claimed = [one for one in claimed if one.target_id not in look.unready]
    if not claimed:
        outbox.release_lane(channel.pk, lease=lease, not_before=_soon())
        return 0
    numbers = publishing.compute_numbers(channel, [Offer(one.target_id, one.sku_id, one.remote) for one in claimed])
    computed_at = clock.now()
    flights = outbox.take_off(numbers, lease=lease, send=channel.mode == Mode.LIVE)
    by_id = {one.target_id: one for one in claimed}
    still = [_stay(by_id[flight.target_id], numbers[flight.target_id], flight, channel, computed_at) for flight in flights
             if flight.number is None]  # fmt: skip
    away = [flight for flight in flights if flight.number is not None]
    if not away:
        outbox.land(channel.pk, still, lease=lease)
        outbox.release_lane(channel.pk, lease=lease, not_before=_next_round(began))
        return len(still)
    voyage = Voyage(channel, lease, by_id, computed_at)
    blind = {flight.target_id for flight in away if look.forbids(flight)}
    voyage.hold([voyage.item(flight) for flight in away if flight.target_id in blind])
    voyage.depart([voyage.item(flight) for flight in away if flight.target_id not in blind], most=_batch_size(channel))
    outbox.land(channel.pk, [*still, *voyage.landings], lease=lease)
    outbox.release_lane(
        channel.pk, lease=lease, verdict=voyage.verdict, not_before=_not_before(voyage, began), error=voyage.error
    )
    _tell_parked(channel, voyage.landings)
    return len(flights)


def _next_round(began: float, *, away_seconds: float = 0.0) -> datetime:
    """When the channel may be called next: paced from the beginning of this round."""
    elapsed = time.monotonic() - began
    pace = min(max(PACE_SECONDS, PACE_SHARE * (elapsed - away_seconds)), SLOWEST_PACE_SECONDS)
    return clock.now() + timedelta(seconds=max(0.0, pace * random.uniform(0.8, 1.2) - elapsed))


def _soon() -> datetime:
    return clock.now() + timedelta(seconds=SOON_SECONDS * random.uniform(0.8, 1.2))


def _not_before(voyage: Voyage, began: float) -> datetime:
    """When the channel may be called next."""
    if voyage.verdict == "failed":
        lane = SyncLane.objects.get(pk=voyage.channel.pk)
        return clock.now() + timedelta(seconds=voyage.failures_wait(lane.failures + 1))
    if voyage.rest_seconds > 0:
        return clock.now() + timedelta(seconds=voyage.rest_seconds)
    return _soon() if voyage.stale else _next_round(began, away_seconds=voyage.away_seconds)


def _fail_round(channel: Channel, claimed: Sequence[Claimed], lease: UUID, error: Exception) -> None:
    """The channel could not be asked what it shows: nothing was sent, and all of it waits."""
    lane = SyncLane.objects.get(pk=channel.pk)
    wait = getattr(error, "retry_after_seconds", None) or back_off(lane.failures + 1, most=60)
    outbox.give_back(channel.pk, claimed, lease=lease)
    not_before = clock.now() + timedelta(seconds=wait)
    outbox.release_lane(channel.pk, lease=lease, verdict="failed", error=str(error), not_before=not_before)


def _stay(claimed: Claimed, number: int, flight: Flight, channel: Channel, computed_at: datetime) -> Landing:
    """The end of a claim for which nothing is sent."""
    outcome = Outcome.UNCHANGED if channel.mode == Mode.LIVE else Outcome.SHADOW
    return Landing(claimed, number, outcome, flight.expected, computed_at, None, computed_at)


def _tell_parked(channel: Channel, landings: Sequence[Landing]) -> None:
    for landing in landings:
        if landing.parked_reason:
            parked.send(
                drain_channel, channel_code=channel.code, what="target", subject=landing.claimed.external_key,
                reason=landing.parked_reason, detail=landing.error,
            )  # fmt: skip


@transaction.atomic
def push_now(target_ids: Sequence[int]) -> int:
    """Send these targets' numbers again, whatever we believe is shown; how many."""
    publishing.owe_targets(target_ids)
    targets = StockTarget.objects.filter(pk__in=list(target_ids), is_active=True).order_by("pk").select_for_update()
    ids = [target.pk for target in targets]
    StockTarget.objects.filter(pk__in=ids).update(shown=None, attempts=0, next_attempt_at=None, parked_reason="")
    channels = set(StockTarget.objects.filter(pk__in=ids).values_list("channel_id", flat=True))
    SyncLane.objects.filter(pk__in=channels).update(not_before=None)
    for channel_id in sorted(channels):
        ring(DRAIN, channel_id)
    return len(ids)


#: Parked targets are tried again by the same verb: the operator has mended what was wrong.
unpark = push_now


def take_over(worker: str) -> int:
    """A worker of this name has just started: free what its dead forerunner had claimed, and pay it at once."""
    leases.expire_claims_of(worker)
    freed = leases.free_expired_claims()
    for channel_id in leases.overdue_channels(after=timedelta(0)):
        ring_now(DRAIN, [channel_id], even_if_rung=True)
    return freed


def sweep() -> int:
    """Ring every alarm that was lost and free what dead workers held; the number of repairs."""
    for channel_id in leases.free_abandoned():
        ring_now(DRAIN, [channel_id], even_if_rung=True)
    repairs = leases.free_expired_claims()
    for channel_id, count in leases.overdue_channels(after=OVERDUE).items():
        logger.warning("channel %s: %s debts overdue, ringing again", channel_id, count)
        SyncLane.objects.filter(pk=channel_id).update(repairs=F("repairs") + 1)
        ring_now(DRAIN, [channel_id], even_if_rung=True)
        repairs += 1
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
