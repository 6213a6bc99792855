"""One batch of numbers on its way to a channel, and how each of its items ended."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from inventory.kernel import clock
from inventory.kernel.workqueue import back_off

from . import calls, outbox, rereading
from .connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    PushItem,
    PushOutcome,
    PushResult,
)
from .credentials import connector_of
from .models import Channel, Outcome
from .outbox import Claimed, Flight, Landing

#: Refusals that an item of the request may be to blame for. Any other is about the account or the address: all of it waits.
ITEMS_FAULT = ("http_400", "http_409", "http_413", "http_422")

#: An item that is held up for others' sake is sent again at once, but not for ever.
MOST_PASSES = 10

#: After a fault of ours a channel waits for so long.
FAULT_SECONDS = 5.0

#: What was refused is tried again, when its number changes, after so long.
PARKED_SECONDS = 300.0

#: A number that came too late for what the channel showed is computed anew at once, so many times in a row.
AT_ONCE = 3

#: A channel that takes our number and shows another one is told again after so long at most.
INSISTING_SECONDS = 4.0


class Voyage:
    """The items of one lease: sent, in as many requests as it takes, and landed."""

    def __init__(self, channel: Channel, lease: UUID, claimed: dict[int, Claimed], computed_at: datetime) -> None:
        self.channel = channel
        self.lease = lease
        self.claimed = claimed
        self.computed_at = computed_at
        self.landings: list[Landing] = []
        self.verdict = "answered"
        self.error = ""
        self.wait_seconds: float | None = None
        self.rest_seconds = 0.0
        self.sent_at = computed_at
        self.requests = 0
        self.away_seconds = 0.0
        self.stale = False
        self.aboard: Sequence[PushItem] = ()

    def item(self, flight: Flight) -> PushItem:
        """What the connector is told of a number that is in flight."""
        one = self.claimed[flight.target_id]
        assert flight.number is not None
        return PushItem(
            one.target_id, one.external, one.external_key, one.remote, flight.number, flight.expected, flight.version,
            self.lease,
        )  # fmt: skip

    def depart(self, items: Sequence[PushItem], *, most: int) -> None:
        """Send the items; where the channel takes fewer at a time than it did when they were claimed, in several requests."""
        self.aboard = items
        for begin in range(0, len(items), most):
            self._send(items[begin : begin + most])

    def hold(self, items: Sequence[PushItem]) -> None:
        """These are not sent: what the channel shows is to be read first."""
        self.stale = self.stale or bool(items)
        self._put_off(items, "what the channel shows is to be read first")

    def break_off(self, error: Exception) -> None:
        """A fault of ours or of a plug-in: what has not landed may have been applied; the channel waits."""
        self._fail(repr(error), wait_seconds=FAULT_SECONDS)
        landed = {landing.claimed.target_id for landing in self.landings}
        self._lose([item for item in self.aboard if item.target_id not in landed], repr(error))

    def rest(self, failures: int) -> float | None:
        """Seconds that the channel asks or has to be left alone; None where there is no need.

        ``failures`` in a row came before this voyage.
        """
        if self.verdict == "failed":
            return self.wait_seconds or back_off(failures + 1, most=60)
        return self.rest_seconds or None

    def _send(self, items: Sequence[PushItem], *, passes: int = 0) -> None:
        """Send the items; a batch that is refused as a whole is halved until the culprit stands alone, and is parked."""
        if self.verdict == "failed" or self.rest_seconds > 0:
            self._put_off(items, self.error)
            return
        if self.requests:
            outbox.extend_claims(self.channel.pk, lease=self.lease)
        self.requests += 1
        try:
            results = self._call(items)
        except (ChannelBusy, ConnectorError) as error:
            self._fail(str(error), wait_seconds=getattr(error, "retry_after_seconds", None))
            self._put_off(items, str(error))
        except ChannelUnclear as error:
            self._fail(str(error))
            self._lose(items, str(error))
        except ChannelRefused as error:
            self._refused(items, error)
        else:
            self._answered(items, results, passes)

    def _call(self, items: Sequence[PushItem]) -> Sequence[PushResult]:
        connector = connector_of(self.channel)
        left = time.monotonic()
        try:
            return calls.call(
                self.channel,
                lambda shop: connector.push_request(items, shop, now=clock.now()),
                lambda response: connector.read_push(response, items),
                rest=self._rest,
            )
        finally:
            self.away_seconds += time.monotonic() - left

    def _rest(self, seconds: float) -> None:
        self.rest_seconds = max(self.rest_seconds, seconds)

    def _refused(self, items: Sequence[PushItem], error: ChannelRefused) -> None:
        if error.code.startswith("http_") and error.code not in ITEMS_FAULT:
            self._fail(str(error))
            self._put_off(items, str(error))
        elif len(items) > 1:
            half = len(items) // 2
            self._send(items[:half])
            self._send(items[half:])
        else:
            self._land(items[0], PushResult(items[0].target_id, PushOutcome.REJECTED, None, error.code, str(error)))

    def _answered(self, items: Sequence[PushItem], results: Sequence[PushResult], passes: int) -> None:
        held_up = []
        for item, result in zip(items, results, strict=True):
            if result.outcome == PushOutcome.HELD_UP:
                held_up.append(item)
            else:
                self._land(item, result)
        if not held_up:
            return
        if len(held_up) < len(items) and passes < MOST_PASSES:
            self._send(held_up, passes=passes + 1)
        else:
            self._put_off(held_up, "held up by other items of its batch")

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
            self._applied(item, result.remote_quantity)
        elif result.outcome == PushOutcome.REJECTED:
            # A person is told; a number that changes is tried again all the same, now and then: the shop may have been mended.
            later = clock.now() + timedelta(seconds=PARKED_SECONDS)
            self._end(
                item, Outcome.REJECTED, shown=None, next_attempt_at=later, error=message,
                parked_reason=result.code or "rejected",
            )  # fmt: skip
        elif result.outcome == PushOutcome.STALE and self.claimed[item.target_id].attempts < AT_ONCE:
            # The channel knows better what it shows: compute again against that, at once.
            self.stale = True
            attempts = self.claimed[item.target_id].attempts + 1
            self._end(item, Outcome.STALE, shown=self._told(result), owed_again=True, attempts=attempts, error=message)
        else:
            outcome = Outcome.STALE if result.outcome == PushOutcome.STALE else Outcome.UNKNOWN
            self._retry(item, outcome, message, shown=self._told(result))

    def _applied(self, item: PushItem, shown: int | None) -> None:
        if shown is None or shown == item.quantity:
            self._end(item, Outcome.APPLIED, shown=item.quantity)
            return
        # It shows another number: sold meanwhile, or it has a limit of its own and will never show ours. What changes has to
        # reach it within seconds all the same.
        attempts = self.claimed[item.target_id].attempts + 1
        wait = back_off(attempts - AT_ONCE, most=INSISTING_SECONDS) if attempts > AT_ONCE else 0.0
        later = clock.now() + timedelta(seconds=wait) if wait else None
        self._end(item, Outcome.APPLIED, shown=shown, owed_again=True, attempts=attempts, next_attempt_at=later)

    def _told(self, result: PushResult) -> int | None:
        """What a channel says that it shows; nothing where it is read instead, together with its orders."""
        return None if rereading.is_wanted(self.channel) else result.remote_quantity

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
