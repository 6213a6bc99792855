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

from django.db import OperationalError, transaction
from django.db.models import F, Q
from psycopg.errors import DeadlockDetected

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, back_off, ring, ring_now

from . import leases, outbox, publishing, transport
from .connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    PushItem,
    PushOutcome,
    PushResult,
)
from .credentials import account, connector_of
from .models import AllocationRule, Channel, Mode, Outcome, StockTarget, SyncLane
from .outbox import Claimed, Flight, Landing
from .publishing import DRAIN, Offer
from .signals import parked

logger = logging.getLogger(__name__)

#: A channel is called at most once in so many seconds: debts that arrive meanwhile travel together.
PACE_SECONDS = 0.75

#: On a machine that is short of time, rounds take longer, and a channel waits for so many times what its last round took of
#: ours (its own answer's time apart): fewer and larger batches, so that the recording of sales is never starved by their sync.
PACE_SHARE = 6
SLOWEST_PACE_SECONDS = 1.2

#: An alarm that is so much late was lost.
OVERDUE = timedelta(seconds=3)

#: How many targets a channel took at a time when this process last looked: spares a query before each claim.
_batch_sizes: dict[int, int] = {}

#: Rounds of one task, so that a busy channel gives its thread back now and then.
MOST_ROUNDS = 10

#: Refusals that an item of the request may be to blame for. Any other is about the account or the address: all of it waits.
ITEMS_FAULT = ("http_400", "http_409", "http_413", "http_422")


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
    claimed = outbox.claim_debts(channel_id, lease=lease, limit=_batch_sizes.get(channel_id) or _look_up(channel_id))
    if not claimed:
        outbox.release_lane(channel_id, lease=lease)
        return 0
    try:
        return _pay_claimed(channel_id, claimed, lease)
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
    voyage = _Voyage(channel, lease, by_id, computed_at, began)
    voyage.depart([voyage.item(flight) for flight in away], most=_batch_size(channel))
    outbox.land(channel.pk, [*still, *voyage.landings], lease=lease)
    outbox.release_lane(
        channel.pk, lease=lease, verdict=voyage.verdict, not_before=voyage.not_before(), error=voyage.error
    )
    _tell_parked(channel, voyage.landings)
    return len(flights)


def _next_round(began: float, *, away_seconds: float = 0.0) -> datetime:
    """When the channel may be called next: paced from the beginning of this round."""
    elapsed = time.monotonic() - began
    pace = min(max(PACE_SECONDS, PACE_SHARE * (elapsed - away_seconds)), SLOWEST_PACE_SECONDS)
    return clock.now() + timedelta(seconds=max(0.0, pace * random.uniform(0.8, 1.2) - elapsed))


def _stay(claimed: Claimed, number: int, flight: Flight, channel: Channel, computed_at: datetime) -> Landing:
    """The end of a claim for which nothing is sent."""
    outcome = Outcome.UNCHANGED if channel.mode == Mode.LIVE else Outcome.SHADOW
    return Landing(claimed, number, outcome, flight.expected, computed_at, None, computed_at)


class _Voyage:
    """One batch on its way, and how each of its items ended."""

    def __init__(
        self, channel: Channel, lease: UUID, claimed: dict[int, Claimed], computed_at: datetime, began: float
    ) -> None:
        self.channel = channel
        self.lease = lease
        self.claimed = claimed
        self.computed_at = computed_at
        self.landings: list[Landing] = []
        self.verdict = "answered"
        self.error = ""
        self.wait_seconds: float | None = None
        self.sent_at = computed_at
        self.requests = 0
        self.began = began
        self.away_seconds = 0.0

    def item(self, flight: Flight) -> PushItem:
        one = self.claimed[flight.target_id]
        assert flight.number is not None
        return PushItem(
            one.target_id, one.external, one.external_key, one.remote, flight.number, flight.expected, flight.version,
            self.lease,
        )  # fmt: skip

    def depart(self, items: Sequence[PushItem], *, most: int) -> None:
        """Send the items; where the channel takes fewer at a time than it did when they were claimed, in several requests."""
        for begin in range(0, len(items), most):
            self.send(items[begin : begin + most])

    def send(self, items: Sequence[PushItem]) -> None:
        """Send the items; a batch that is refused as a whole is halved until the culprit stands alone, and is parked."""
        connector = connector_of(self.channel)
        timeout = connector.capabilities(self.channel.settings).timeout_seconds
        if self.verdict == "failed":
            self._put_off(items, self.error)
            return
        if self.requests:
            outbox.extend_claims(self.channel.pk, lease=self.lease)
        self.requests += 1
        try:
            request = connector.push_request(items, account(self.channel), now=clock.now())
            left = time.monotonic()
            try:
                response = transport.send(request, timeout_seconds=timeout)
            finally:
                self.away_seconds += time.monotonic() - left
            results = connector.read_push(response, items)
        except ChannelBusy as error:
            self._fail(str(error), wait_seconds=error.retry_after_seconds)
            self._put_off(items, str(error))
        except ChannelUnclear as error:
            self._fail(str(error))
            self._lose(items, str(error))
        except ConnectorError as error:
            self._fail(str(error))
            self._put_off(items, str(error))
        except ChannelRefused as error:
            if error.code.startswith("http_") and error.code not in ITEMS_FAULT:
                self._fail(str(error))
                self._put_off(items, str(error))
            elif len(items) > 1:
                half = len(items) // 2
                self.send(items[:half])
                self.send(items[half:])
            else:
                self._land(items[0], PushResult(items[0].target_id, PushOutcome.REJECTED, None, error.code, str(error)))
        else:
            for item, result in zip(items, results, strict=True):
                self._land(item, result)

    def not_before(self) -> datetime:
        """When the channel may be called next."""
        if self.verdict == "failed":
            lane = SyncLane.objects.get(pk=self.channel.pk)
            return clock.now() + timedelta(seconds=self.wait_seconds or back_off(lane.failures + 1, most=60))
        return _next_round(self.began, away_seconds=self.away_seconds)

    def _fail(self, error: str, *, wait_seconds: float | None = None) -> None:
        self.verdict, self.error = "failed", error
        self.wait_seconds = None if wait_seconds is None else wait_seconds * random.uniform(1.0, 1.1)

    def _put_off(self, items: Sequence[PushItem], error: str) -> None:
        """Nothing of it was applied: owed as before."""
        for item in items:
            claimed = self.claimed[item.target_id]
            self._end(
                item, Outcome.RETRY_LATER, shown=item.expected, owed_again=True, attempts=claimed.attempts, error=error
            )

    def _lose(self, items: Sequence[PushItem], error: str) -> None:
        """It may have been applied: what is shown is unknown, and unknown is owed."""
        for item in items:
            self._retry(item, Outcome.UNKNOWN, error)

    def _land(self, item: PushItem, result: PushResult) -> None:
        message = f"{result.code}: {result.message}" if result.message else result.code
        if result.outcome == PushOutcome.APPLIED:
            shown = item.quantity if result.remote_quantity is None else result.remote_quantity
            self._end(item, Outcome.APPLIED, shown=shown, owed_again=shown != item.quantity)
        elif result.outcome == PushOutcome.REJECTED:
            self._end(item, Outcome.REJECTED, shown=None, error=message, parked_reason=result.code or "rejected")
        elif result.outcome == PushOutcome.STALE and self.claimed[item.target_id].attempts < 1:
            # The channel knows better what it shows: compute again against that, at once.
            self._end(item, Outcome.STALE, shown=result.remote_quantity, owed_again=True, attempts=1, error=message)
        else:
            outcome = Outcome.STALE if result.outcome == PushOutcome.STALE else Outcome.UNKNOWN
            self._retry(item, outcome, message, shown=result.remote_quantity)

    def _retry(self, item: PushItem, outcome: Outcome, error: str, *, shown: int | None = None) -> None:
        attempts = self.claimed[item.target_id].attempts + 1
        later = clock.now() + timedelta(seconds=back_off(attempts))
        self._end(item, outcome, shown=shown, owed_again=True, attempts=attempts, next_attempt_at=later, error=error)

    def _end(
        self,
        item: PushItem,
        outcome: Outcome,
        *,
        shown: int | None,
        owed_again: bool = False,
        attempts: int = 0,
        next_attempt_at: datetime | None = None,
        error: str = "",
        parked_reason: str = "",
    ) -> None:
        applied = clock.now() if outcome == Outcome.APPLIED else None
        self.landings.append(
            Landing(
                self.claimed[item.target_id],
                item.quantity,
                outcome,
                shown,
                self.computed_at,
                self.sent_at,
                applied,
                owed_again,
                attempts,
                next_attempt_at,
                error,
                parked_reason,
            )
        )


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
