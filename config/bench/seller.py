"""Records sales one at a time, a transaction each, for as long as it is asked to: ``python -m config.bench.seller``.

Each seller has SKUs of its own, of every channel in turn. It prints ``ready`` after a few sales, begins at a line on its
input, and prints one line of JSON: how many sales it recorded, and in which time.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

WARM_UP = 20


def turns(first: int, last: int, *, seed: str) -> Iterator[int]:
    """Numbers of SKUs for ever, each as often as any other, shuffled."""
    numbers = list(range(first, last))
    while True:
        random.Random(seed).shuffle(numbers)
        yield from numbers


def recorder(name: str, *, first: int, last: int) -> Callable[[], None]:
    """Records the next sale at each call."""
    from channels.connectors.base import LineEvent, OrderEvent, OrderState
    from channels.models import Channel
    from config.bench.world import sku_code
    from fulfillment.orders import Heard, record_orders
    from inventory.kernel import clock

    channels = list(Channel.objects.order_by("pk"))
    numbers, skus = count(), turns(first, last, seed=name)

    def record() -> None:
        number, sku, now = next(numbers), sku_code(next(skus)), clock.now()
        line = LineEvent(external_id="1", listing_key=sku, quantity=1)
        event = OrderEvent(
            external_id=f"{name}-{number}",
            version=1,
            state=OrderState.OPEN,
            placed_at=now,
            occurred_at=now,
            currency="USD",
            lines=[line],
        )
        record_orders([Heard(channels[number % len(channels)], event)])

    return record


def sell(record: Callable[[], None], *, seconds: float) -> dict[str, float]:
    """As many as fit into the time."""
    begun, done = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < seconds:
        record()
        done += 1
    return {"orders": done, "seconds": elapsed}


def main() -> None:
    """Get ready, wait for the word, sell."""
    parser = argparse.ArgumentParser(prog="python -m config.bench.seller")
    parser.add_argument("--name", required=True, help="prefix of the orders' ids")
    parser.add_argument("--first", type=int, required=True, help="number of its first SKU")
    parser.add_argument("--last", type=int, required=True, help="number after its last SKU")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    import django

    django.setup()
    record = recorder(given.name, first=given.first, last=given.last)
    for _ in range(WARM_UP):
        record()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(sell(record, seconds=given.seconds)) + "\n")


if __name__ == "__main__":
    main()
