"""Sends a marketplace's webhooks: signed anew at each attempt, the same id on every retry, misfortune by seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from channels.simulators.client import Client
from channels.simulators.faults import Dice, Faults

# Before each attempt; with the time-outs about two minutes altogether.
RETRY_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
NEVER_RETRIED = frozenset({410, 413})
TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Message:
    """One webhook: bytes that stay the same, headers that are made for each attempt.

    ``address`` is a path below the target, or a whole URL. ``over`` is told whether it was delivered in the end.
    """

    message_id: str
    order_id: str
    body: bytes
    address: str
    headers: Callable[[], dict[str, str]]
    over: Callable[[bool], None] | None = None


class Courier:
    """One marketplace's outgoing webhooks. ``counts`` says what became of them."""

    def __init__(
        self,
        *,
        dice: Dice,
        tell: Callable[[str], None],
        pauses: Sequence[float] = RETRY_SECONDS,
        never_retried: frozenset[int] = NEVER_RETRIED,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.client: Client | None = None  # of the target
        self.last_error = ""
        self._dice, self._tell = dice, tell
        self._pauses, self._never_retried, self._timeout_seconds = pauses, never_retried, timeout_seconds
        self._elsewhere: dict[str, Client] = {}  # by base URL, for messages with an address of their own
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """Webhooks that are under way or wait for their next attempt."""
        return len(self._tasks)

    def send(self, message: Message, *, fate: str, faults: Faults) -> None:
        """Send a webhook; ``fate`` names the draw that decides what befalls it."""
        if self.client is None and message.address.startswith("/"):
            self.counts["unsent"] += 1
            return
        drawn = self._dice.webhook(fate, faults=faults)
        if drawn.dropped:
            self.counts["dropped"] += 1
            return
        self.counts["duplicated"] += drawn.copies - 1
        for _ in range(drawn.copies):
            self._start(message, delay_seconds=drawn.delay_seconds)

    def _start(self, message: Message, *, delay_seconds: float) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(message, delay_seconds=delay_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message: Message, *, delay_seconds: float) -> None:
        jitter = random.Random(message.message_id)
        if delay_seconds:
            await asyncio.sleep(delay_seconds)
        for pause in self._pauses:
            if pause:
                await asyncio.sleep(pause * jitter.uniform(0.8, 1.2))
            status = await self._attempt(message)
            if 200 <= status < 300:
                self._end(message, delivered=True)
                return
            if status in self._never_retried:
                break
        self._end(message, delivered=False)

    def _end(self, message: Message, *, delivered: bool) -> None:
        self.counts["delivered" if delivered else "given_up"] += 1
        if message.over:
            message.over(delivered)

    async def _attempt(self, message: Message) -> int:
        self.counts["attempts"] += 1
        if message.order_id:
            self._tell(message.order_id)
        try:
            client, path = self._way(message.address)
            status = await client.post(
                path, headers=message.headers(), body=message.body, timeout_seconds=self._timeout_seconds
            )
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            self.last_error = repr(error)
            self.counts["unanswered"] += 1
            return 0
        self.counts[f"status_{status}"] += 1
        return status

    def _way(self, address: str) -> tuple[Client, str]:
        if address.startswith("/"):
            if self.client is None:
                raise ConnectionError("webhooks are aimed at nobody")
            return self.client, address
        parts = urlsplit(address)
        base_url = f"{parts.scheme}://{parts.netloc}"
        if base_url not in self._elsewhere:
            self._elsewhere[base_url] = Client(base_url)
        return self._elsewhere[base_url], parts.path + (f"?{parts.query}" if parts.query else "")

    def stop(self) -> None:
        """Give up everything that is under way."""
        for task in list(self._tasks):
            task.cancel()
        for client in self._elsewhere.values():
            client.close()
