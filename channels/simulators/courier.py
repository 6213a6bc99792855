"""Sends a marketplace's webhooks: signed anew at each attempt, the same id on every retry, misfortune by seed."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from channels.simulators import signing
from channels.simulators.client import Client
from channels.simulators.faults import Dice, Faults
from channels.simulators.orders import Order, iso

# Before each attempt; with the time-outs about two minutes altogether.
RETRY_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
NEVER_RETRIED = frozenset({410, 413})


class Courier:
    """One marketplace's outgoing webhooks. ``counts`` says what became of them."""

    def __init__(self, *, key: bytes, path: str, dice: Dice, tell: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.client: Client | None = None
        self.last_error = ""
        self._key, self._path, self._dice, self._tell = key, path, dice, tell
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """Webhooks that are under way or wait for their next attempt."""
        return len(self._tasks)

    def send(self, event_type: str, *, order: Order, faults: Faults) -> None:
        """Send what is true of the order now."""
        if self.client is None:
            self.counts["unsent"] += 1
            return
        message_id = f"msg_{order.order_id}_{order.version}"
        now = iso(datetime.now(UTC))
        event = {"type": event_type, "id": message_id, "occurred_at": now, "order": order.document()}
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        fate = self._dice.webhook(f"{order.number}:{order.version}", faults=faults)
        if fate.dropped:
            self.counts["dropped"] += 1
            return
        self.counts["duplicated"] += fate.copies - 1
        for _ in range(fate.copies):
            self._start(message_id, order_id=order.order_id, body=body, delay_seconds=fate.delay_seconds)

    def _start(self, message_id: str, *, order_id: str, body: bytes, delay_seconds: float) -> None:
        delivery = self._deliver(message_id, order_id=order_id, body=body, delay_seconds=delay_seconds)
        task = asyncio.get_running_loop().create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message_id: str, *, order_id: str, body: bytes, delay_seconds: float) -> None:
        jitter = random.Random(message_id)
        if delay_seconds:
            await asyncio.sleep(delay_seconds)
        for pause in RETRY_SECONDS:
            if pause:
                await asyncio.sleep(pause * jitter.uniform(0.8, 1.2))
            status = await self._attempt(message_id, order_id=order_id, body=body)
            if 200 <= status < 300:
                self.counts["delivered"] += 1
                return
            if status in NEVER_RETRIED:
                break
        self.counts["given_up"] += 1

    async def _attempt(self, message_id: str, *, order_id: str, body: bytes) -> int:
        assert self.client is not None
        self.counts["attempts"] += 1
        self._tell(order_id)
        headers = signing.sign(self._key, message_id=message_id, body=body)
        try:
            status = await self.client.post(self._path, headers=headers, body=body)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            self.last_error = repr(error)
            self.counts["unanswered"] += 1
            return 0
        self.counts[f"status_{status}"] += 1
        return status

    def stop(self) -> None:
        """Give up everything that is under way."""
        for task in list(self._tasks):
            task.cancel()
