"""A thousand sales on several channels at once, told by senders who retry until they are heard, and their sum."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg

from tests.stack.client import Json
from tests.stack.shop import Shop, now_text
from tests.stack.world import World, by_line, external

SALES, SENDERS, SHOPS, SKUS, OPENING = 1000, 24, 5, 10, 1000
RETRY_SECONDS = 0.2
RECORDED = """
SELECT count(*) FROM fulfillment_salesorder o JOIN channels_channel c ON c.id = o.channel_id WHERE c.code = ANY(%s)
"""


class Rush:
    """The sales, their senders, and an independent count of what was sold."""

    def __init__(self, world: World, *, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.skus = [world.sku(on_hand=OPENING) for _ in range(SKUS)]
        self.shops = [world.shop(*self.skus, settle=False) for _ in range(SHOPS)]
        world.settle(*self.skus, seconds=30)
        self.sold: Counter[str] = Counter()
        self.orders: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
        self.lock = threading.Lock()
        self.unanswered = self.answered = 0
        self.answers: Counter[int] = Counter()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._sales = [self._plan() for _ in range(SALES)]
        self._sent = [self._pool.submit(self._sell, shop, lines) for shop, lines in self._sales]

    def under_way(self) -> tuple[int, int]:
        """Posts not yet answered, and deliveries answered but not yet recorded."""
        with self.lock:
            unanswered, answered = self.unanswered, self.answered
        return unanswered, answered - self.recorded()

    def recorded(self) -> int:
        """How many orders the database has; asked there, since the web server may be the one that is dead."""
        try:
            with psycopg.connect(self.world.product.superuser, autocommit=True) as connection:
                row = connection.execute(RECORDED, [[shop.code for shop in self.shops]]).fetchone()
        except psycopg.OperationalError as error:
            raise AssertionError("the database does not answer") from error
        assert row is not None
        return int(row[0])

    def finish(self) -> float:
        """Wait until every delivery was answered 200; the moment is returned."""
        for sent in self._sent:
            sent.result(timeout=100)
        self._pool.shutdown()
        return time.monotonic()

    def stop(self) -> None:
        """Give up what has not been sent."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def assert_recorded_once(self) -> None:
        """Every order is there, once, with its lines."""
        found = [order for shop in self.shops for order in self.world.api.rows("sales-orders/", channel=shop.code)]
        names = [(order["channel"], order["external_id"]) for order in found]
        assert len(names) == len(set(names)) == SALES
        assert set(names) == set(self.orders)
        for order in found:
            stated = self.orders[order["channel"], order["external_id"]]
            lines = {number: (line["sku"], line["reserved"]) for number, line in by_line(order).items()}
            assert lines == stated, order

    def assert_levels(self) -> None:
        """On hand, available and reserved are what was sold."""
        numbers = {sku: self.world.numbers(sku) for sku in self.skus}
        assert numbers == {sku: (OPENING, OPENING - self.sold[sku], self.sold[sku]) for sku in self.skus}

    def books_that_differ(self) -> list[str]:
        """Every shop's number that is not what is left."""
        left = {external(sku): OPENING - self.sold[sku] for sku in self.skus}
        return [
            f"{shop.code} {name}: {shop.book.get(name)}, not {number}"
            for shop in self.shops
            for name, number in left.items()
            if shop.book.get(name) != number
        ]

    def _plan(self) -> tuple[Shop, list[tuple[str, int]]]:
        skus = self.chance.sample(self.skus, self.chance.randint(1, 2))
        return self.chance.choice(self.shops), [(sku, self.chance.randint(1, 3)) for sku in skus]

    def _sell(self, shop: Shop, lines: list[tuple[str, int]]) -> None:
        order = shop.sell(*((external(sku), quantity) for sku, quantity in lines))
        with self.lock:
            self.sold.update(dict(lines))
            stated = {str(number): line for number, line in enumerate(lines, start=1)}
            self.orders[shop.code, order["id"]] = stated
        self._send(shop, order)

    def _send(self, shop: Shop, order: Json) -> None:
        event = {"type": "order.created", "id": f"evt_{order['id']}", "occurred_at": now_text(), "order": order}
        body = json.dumps(event).encode()
        while True:
            with self.lock:
                self.unanswered += 1
            status = self._post(shop, body=body, message_id=f"msg_{order['id']}")
            with self.lock:
                self.unanswered -= 1
                self.answered += status == 200
                self.answers[status] += 1
            if status == 200:
                return
            time.sleep(RETRY_SECONDS)

    def _post(self, shop: Shop, *, body: bytes, message_id: str) -> int:
        """The same delivery under the same id, signed anew; 0 where no answer came."""
        try:
            return self.world.deliver_raw(shop, body=body, message_id=message_id).status_code
        except httpx.TransportError:
            return 0
