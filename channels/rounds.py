"""One round of paying: claim what many channels are owed, compute it all at once, send side by side, land what came back.

What the channels share is done once for all of them (the claim, the levels, the rules, the landing); what is a channel's own
(its request, its answer, its trouble) is done on a thread of its own, and a slow one lands by itself later. No lock, connection
or transaction is held while a request is out.
"""

import logging
import math
import random
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError, connections
from django.db.models import F, Q

from inventory.kernel import clock
from inventory.kernel.workqueue import back_off, hold_off, ring_now

from . import leases, outbox, publishing, rereading
from .credentials import connector_of
from .models import Channel, Mode, Outcome, SyncLane
from .outbox import Claimed, Flight, Landing, Release
from .publishing import DRAIN, Offer
from .reconcile import FAILURES
from .rereading import Look
from .signals import parked
from .voyage import Voyage

logger = logging.getLogger(__name__)

#: A channel is called about once in so many seconds: debts that arrive meanwhile travel together. The clock is divided into
#: such spans, and whoever was called waits for the end of the span, so that all channels are due at the same instants and share
#: one round; else thirty channels would soon have thirty rounds of their own.
PACE_SECONDS = 0.2

#: A batch that was full leaves more behind, which travels together in any case.
FULL_PACE_SECONDS = 0.1

#: On a machine that is short of time rounds take longer, and the spans are doubled until they are so many times what the last
#: round took of ours (the channels' own answers apart): fewer and larger batches, so that recording is never starved.
PACE_SHARE = 1
SLOWEST_PACE_SECONDS = 0.8

#: Where a number came too late for what the channel showed, or may be about to, the next round begins after so long.
SOON_SECONDS = 0.1

#: Answers that come within so long are landed together.
GATHER_SECONDS = 0.15

#: A channel without a plug-in that works is looked at again after so long.
SHELF_SECONDS = 30.0

#: Requests side by side. A channel that never answers takes one of them until its time-out, and then waits its turn longer.
THREADS = 40

#: Trouble of the database, not of a channel.
DATABASE_AWAY = (OperationalError, InterfaceError)

_pool: ThreadPoolExecutor | None = None


def pay(channel_ids: Collection[int] | None = None) -> int:
    """One round for these channels, or for all of them; the number of targets whose claims have ended."""
    lease = uuid4()
    limits = _limits(channel_ids)
    if not limits:
        return 0
    try:
        lanes = outbox.claim_debts(limits, lease=lease)
        if lanes:
            hold_off(DRAIN)
        return _Round(lease).pay(lanes) if lanes else 0
    except Exception:  # the database's trouble or a fault of ours: what was claimed is owed again, at once
        for channel_id in limits:
            leases.abandon(channel_id, lease=lease)
        raise


def _limits(channel_ids: Collection[int] | None) -> dict[int, int]:
    """How many numbers each channel takes at a time."""
    channels = Channel.objects.connected()
    if channel_ids is not None:
        channels = channels.filter(pk__in=list(channel_ids))
    limits = {}
    for channel in channels:
        try:
            limits[channel.pk] = _batch_size(channel)
        except Exception as error:  # its plug-in is gone or broken, or its settings are: the others go on
            _shelve(channel, error)
    return limits


def _shelve(channel: Channel, error: Exception) -> None:
    """Let a channel wait that cannot even be asked how many numbers it takes."""
    due = SyncLane.objects.filter(pk=channel.pk, lease=None).filter(Q(not_before=None) | Q(not_before__lte=clock.now()))
    until = clock.now() + timedelta(seconds=SHELF_SECONDS)
    if due.update(not_before=until, failures=F("failures") + 1, last_error=repr(error)[:500]):
        logger.error("channel %s waits: %r", channel.code, error)


def _batch_size(channel: Channel) -> int:
    return connector_of(channel).capabilities(channel.settings).max_batch


@dataclass
class _Round:
    """What was claimed under one lease, on its way to its end."""

    lease: UUID
    began: float = field(default_factory=time.monotonic)

    def pay(self, lanes: Mapping[int, list[Claimed]]) -> int:
        """Pay what was claimed. A channel that has to be read first goes its own way."""
        # read after the claim: what changed one has owed what we claimed
        channels = Channel.objects.in_bulk(list(lanes))
        empty = [pk for pk in lanes if not lanes[pk] or not channels[pk].is_connected]
        self._let_go(empty, lanes)
        going = {pk: channels[pk] for pk in lanes if pk not in empty}
        reading = [pk for pk in going if rereading.is_due(going[pk], lanes[pk])]
        if len(going) == len(reading) == 1:
            return self._pay_alone(going[reading[0]], lanes[reading[0]])
        for pk in reading:
            _threads().submit(self._pay_apart, going[pk], lanes[pk])
        together = {pk: channel for pk, channel in going.items() if pk not in reading}
        return self._pay_together(together, lanes) if together else 0

    def _let_go(self, channel_ids: Collection[int], lanes: Mapping[int, list[Claimed]]) -> None:
        """Nothing can be sent to these."""
        claimed = [one for pk in channel_ids for one in lanes[pk]]
        if claimed:
            outbox.give_back(claimed, lease=self.lease)
        outbox.release_lanes([Release(pk, not_before=_soon()) for pk in channel_ids], lease=self.lease)

    def _pay_apart(self, channel: Channel, claimed: list[Claimed]) -> None:
        """Pay one channel on a thread of its own."""
        try:
            self._pay_alone(channel, claimed)
            _ring_for(channel.pk)
        except Exception:
            logger.exception("channel %s", channel.code)
            leases.abandon(channel.pk, lease=self.lease)
        finally:
            connections.close_all()

    def _pay_alone(self, channel: Channel, claimed: list[Claimed]) -> int:
        """Read what the channel shows where that is not known, then pay it."""
        try:
            look = rereading.look(channel, claimed, lease=self.lease)
        except FAILURES as error:
            self._fail(channel, claimed, str(error), getattr(error, "retry_after_seconds", None))
            return 0
        unready = [one for one in claimed if one.target_id in look.unready]
        ready = [one for one in claimed if one.target_id not in look.unready]
        if unready:
            outbox.give_back(unready, lease=self.lease)
        if not ready:
            self._let_go([channel.pk], {channel.pk: []})
            return 0
        return self._pay_together({channel.pk: channel}, {channel.pk: ready}, looks={channel.pk: look})

    def _pay_together(
        self,
        channels: Mapping[int, Channel],
        lanes: Mapping[int, list[Claimed]],
        *,
        looks: Mapping[int, Look] | None = None,
    ) -> int:
        try:
            numbers = publishing.compute_numbers(
                channels,
                [Offer(one.target_id, pk, one.sku_id, one.remote) for pk in channels for one in lanes[pk]],
            )
        except DATABASE_AWAY:
            raise
        except Exception as error:
            return self._compute_apart(channels, lanes, looks, error)
        voyages, still = self._take_off(channels, lanes, numbers)
        looks = looks or {pk: Look(rereading.is_wanted(channels[pk])) for pk in channels}
        self._sail(voyages, looks, still, idle=[pk for pk in channels if pk not in voyages])
        return sum(len(lanes[pk]) for pk in channels)

    def _compute_apart(
        self,
        channels: Mapping[int, Channel],
        lanes: Mapping[int, list[Claimed]],
        looks: Mapping[int, Look] | None,
        error: Exception,
    ) -> int:
        """A rule or a connector failed: each channel is computed by itself, and the culprit's waits."""
        if len(channels) > 1:
            return sum(self._pay_together({pk: channel}, lanes, looks=looks) for pk, channel in channels.items())
        ((pk, channel),) = channels.items()
        logger.exception("channel %s: its numbers cannot be computed", channel.code)
        self._fail(channel, lanes[pk], repr(error), None)
        return 0

    def _take_off(
        self, channels: Mapping[int, Channel], lanes: Mapping[int, list[Claimed]], numbers: Mapping[int, int]
    ) -> tuple[dict[int, tuple[Voyage, list[Flight]]], list[Landing]]:
        """Write down what is in flight; what flies, by channel, and what stays because it is shown already."""
        computed_at = clock.now()
        silent = [pk for pk, channel in channels.items() if channel.mode != Mode.LIVE]
        flights = outbox.take_off(numbers, lease=self.lease, silent=silent)
        claimed = {one.target_id: one for pk in channels for one in lanes[pk]}
        still, away = [], defaultdict(list)
        for flight in flights:
            one = claimed[flight.target_id]
            if flight.number is None:
                outcome = Outcome.SHADOW if one.channel_id in silent else Outcome.UNCHANGED
                number = numbers[flight.target_id]
                still.append(Landing(one, number, outcome, flight.expected, computed_at, None, computed_at))
            else:
                away[one.channel_id].append(flight)
        voyages = {pk: Voyage(channels[pk], self.lease, claimed, computed_at) for pk in away}
        return {pk: (voyage, away[pk]) for pk, voyage in voyages.items()}, still

    def _sail(
        self,
        voyages: Mapping[int, tuple[Voyage, list[Flight]]],
        looks: Mapping[int, Look],
        still: list[Landing],
        *,
        idle: Sequence[int],
    ) -> None:
        if len(voyages) == 1:
            ((pk, (voyage, flights)),) = voyages.items()
            self._go(voyage, flights, looks[pk])
            self._land([voyage], still, idle=idle)
            return
        out: dict[Future[None], Voyage] = {
            _threads().submit(self._go, voyage, flights, looks[pk], on_a_thread=True): voyage
            for pk, (voyage, flights) in voyages.items()
        }
        back, late = wait(out, timeout=GATHER_SECONDS) if out else (set(), set())
        for future in late:
            future.add_done_callback(partial(self._land_late, out[future]))
        for future in back:
            future.result()
        self._land([out[future] for future in back], still, idle=idle)

    def _go(self, voyage: Voyage, flights: Sequence[Flight], look: Look, *, on_a_thread: bool = False) -> None:
        try:
            blind = {flight.target_id for flight in flights if look.forbids(flight)}
            voyage.hold([voyage.item(flight) for flight in flights if flight.target_id in blind])
            ready = [voyage.item(flight) for flight in flights if flight.target_id not in blind]
            voyage.depart(ready, most=_batch_size(voyage.channel))
        except DATABASE_AWAY:
            raise
        except Exception as error:
            logger.exception("channel %s", voyage.channel.code)
            voyage.break_off(error)
        finally:
            if on_a_thread:
                connections.close_all()

    def _land(self, voyages: Sequence[Voyage], still: Sequence[Landing] = (), *, idle: Sequence[int] = ()) -> None:
        """End the claims of these voyages and give their lanes free."""
        outbox.land([*still, *(landing for voyage in voyages for landing in voyage.landings)], lease=self.lease)
        failures = _failures([voyage for voyage in voyages if voyage.verdict == "failed"])
        releases = [Release(pk, not_before=self._next(PACE_SECONDS)) for pk in idle]
        for voyage in voyages:
            pk, rest = voyage.channel.pk, voyage.rest(failures.get(voyage.channel.pk, 0))
            not_before = self._not_before(voyage) if rest is None else clock.now() + timedelta(seconds=rest)
            releases.append(Release(pk, voyage.verdict, not_before, voyage.error))
        outbox.release_lanes(releases, lease=self.lease)
        for voyage in voyages:
            _tell_parked(voyage)

    def _land_late(self, voyage: Voyage, future: Future[None]) -> None:
        """A channel that was slow to answer: its thread lands it."""
        try:
            future.result()
            self._land([voyage])
            _ring_for(voyage.channel.pk)
        except DATABASE_AWAY:
            leases.abandon(voyage.channel.pk, lease=self.lease)
        finally:
            connections.close_all()

    def _fail(self, channel: Channel, claimed: Sequence[Claimed], error: str, seconds: float | None) -> None:
        """Nothing was sent, and all of it waits."""
        failures = SyncLane.objects.get(pk=channel.pk).failures
        not_before = clock.now() + timedelta(seconds=seconds or back_off(failures + 1, most=60))
        outbox.give_back(claimed, lease=self.lease)
        outbox.release_lanes([Release(channel.pk, "failed", not_before, error)], lease=self.lease)

    def _not_before(self, voyage: Voyage) -> datetime:
        if voyage.stale:
            return _soon()
        full = len(voyage.landings) >= _batch_size(voyage.channel) > 1
        return self._next(FULL_PACE_SECONDS if full else PACE_SECONDS, away_seconds=voyage.away_seconds)

    def _next(self, pace: float, *, away_seconds: float = 0.0) -> datetime:
        """When a channel may be called next: at the end of the span in which this round began, for all of them alike."""
        ours = time.monotonic() - self.began - max(away_seconds, 0.0)
        while pace < min(PACE_SHARE * ours, SLOWEST_PACE_SECONDS):
            pace *= 2
        began = clock.now().timestamp() - (time.monotonic() - self.began)
        span_ends = (math.floor(began / pace) + 1) * pace
        if span_ends - began < pace / 4:  # a round that began outside the rhythm
            span_ends += pace
        return datetime.fromtimestamp(span_ends, UTC)


def _failures(voyages: Sequence[Voyage]) -> dict[int, int]:
    """Failures in a row that came before these."""
    if not voyages:
        return {}
    lanes = SyncLane.objects.filter(pk__in=[voyage.channel.pk for voyage in voyages])
    return dict(lanes.values_list("pk", "failures"))


def _soon() -> datetime:
    return clock.now() + timedelta(seconds=SOON_SECONDS * random.uniform(0.8, 1.2))


def _ring_for(channel_id: int) -> None:
    seconds = outbox.next_due_in(channel_id)
    if seconds is not None:
        ring_now(DRAIN, delay=max(seconds, 0.02))


def _tell_parked(voyage: Voyage) -> None:
    for landing in voyage.landings:
        if landing.parked_reason:
            parked.send(
                pay, channel_code=voyage.channel.code, what="target", subject=landing.claimed.external_key,
                reason=landing.parked_reason, detail=landing.error,
            )  # fmt: skip


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="voyage")
    return _pool
