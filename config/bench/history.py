"""A merchant's history for the bench of the ledger: many SKUs in five places, and entries by the million, by the ledger."""

import random
from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate, islice

from django.db import transaction

from config.bench.world import sku_code
from config.simulation import seeding
from inventory.kernel import clock
from inventory.ledger import Posting, post
from inventory.locks import Pair, lock_levels
from inventory.models import Reason, Sku, State

PLACES = 5
ZIPF = 1.1
BATCH = 5_000
#: Units that one entry moves, at most.
MOST = 50


def build_places(*, skus: int) -> list[Pair]:
    """SKUs that each have a level in every place; the levels, those of one SKU side by side."""
    places = seeding.seed_locations(
        {"code": f"W{number}", "name": f"W{number}", "kind": "warehouse", "priority": number}
        for number in range(1, PLACES + 1)
    )
    ids = seeding.seed_skus(
        [seeding.SkuSeed(sku_code(n), f"Thing {n}", unit_cost=Decimal(n % 97) + 1, currency="USD") for n in range(skus)]
    )
    pairs = [(sku_id, place.pk) for sku_id in ids.values() for place in places.values()]
    for begin in range(0, len(pairs), BATCH):
        with transaction.atomic():
            lock_levels(pairs[begin : begin + BATCH])
    return pairs


def write_history(pairs: list[Pair], *, entries: int, seed: int, on_hand: dict[Pair, int]) -> None:
    """So many entries more: in turn of a SKU drawn uniformly and by Zipf, in a place drawn uniformly.

    ``on_hand`` is what the levels hold, by the history's own count; it is kept.
    """
    drawn = _postings(pairs, seed=seed, on_hand=on_hand)
    left = entries
    while left:
        batch = list(islice(drawn, min(left, BATCH)))
        post(batch, actor="bench", cause="bench", reference=f"bench:{seed}")
        left -= len(batch)


def _postings(pairs: list[Pair], *, seed: int, on_hand: dict[Pair, int]) -> Iterator[Posting]:
    luck = random.Random(seed)
    draw = zipf(len(pairs) // PLACES, luck)
    while True:
        for number in (luck.randrange(len(pairs) // PLACES), draw()):
            pair = pairs[number * PLACES + luck.randrange(PLACES)]
            held, units = on_hand.get(pair, 0), luck.randint(1, MOST)
            comes = held < MOST or luck.random() < 0.5
            on_hand[pair] = held + units if comes else held - units
            states = (State.ADJUSTMENT, State.AVAILABLE) if comes else (State.AVAILABLE, State.ADJUSTMENT)
            yield Posting(*pair, *states, units, Reason.CORRECTION, occurred_at=clock.now())


def zipf(size: int, luck: random.Random) -> "Draw":
    """Draws numbers below ``size``, the k-th with a weight of 1 / k ** ``ZIPF``."""
    return Draw(list(accumulate(1 / rank**ZIPF for rank in range(1, size + 1))), luck)


class Draw:
    """Draws by cumulative weights."""

    def __init__(self, weights: list[float], luck: random.Random) -> None:
        self._weights, self._luck = weights, luck

    def __call__(self) -> int:
        return bisect_left(self._weights, self._luck.random() * self._weights[-1])


def codes_to_look_at(skus: int, *, each: int, seed: int) -> list[str]:
    """Codes of SKUs whose pages are opened: so many drawn uniformly, so many by Zipf."""
    luck = random.Random(seed)
    draw = zipf(skus, luck)
    return [sku_code(luck.randrange(skus)) for _ in range(each)] + [sku_code(draw()) for _ in range(each)]


def pages_of(codes: list[str]) -> dict[str, int]:
    """The ids of these SKUs by code."""
    return dict(Sku.objects.filter(code__in=codes).values_list("code", "pk"))
