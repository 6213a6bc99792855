"""What shoppers want, by seed alone: when, where, what, how many, and what they do with it afterwards.

Nothing here looks at a book or a clock: two runs with the same seed want the same things, whatever the product does.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any


@dataclass(frozen=True)
class Shopping:
    """How shoppers behave. ``zipf`` is the exponent of the SKUs' popularity; shares are of all orders."""

    rate: float = 1.0
    seconds: float | None = None
    seed: int = 0
    zipf: float = 1.0
    multi_line_share: float = 0.25
    largest_basket: int = 4
    several_share: float = 0.25
    largest_quantity: int = 4
    pay_later_share: float = 0.0
    cancel_share: float = 0.0
    refund_share: float = 0.0
    afterwards_seconds: float = 10.0

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Shopping:
        """From JSON; unknown fields are an error."""
        if unknown := set(document) - {each.name for each in fields(cls)}:
            raise ValueError(f"unknown fields of shopping: {', '.join(sorted(unknown))}")
        return cls(**document)


@dataclass(frozen=True)
class Want:
    """One visit: ``at`` seconds after opening; the basket by SKU; ``deed`` is keep, pay_later, cancel or refund."""

    at: float
    channel: str
    basket: tuple[tuple[str, int], ...]
    deed: str = "keep"
    after_seconds: float = 0.0


class Popularity:
    """Draws by Zipf's law; which item is the popular one is itself drawn by seed."""

    def __init__(self, items: Sequence[str], *, exponent: float, seed: int) -> None:
        self._items = list(items)
        random.Random(f"{seed}:popularity").shuffle(self._items)
        self._totals = list(accumulate(1 / rank**exponent for rank in range(1, len(items) + 1)))

    @property
    def ranking(self) -> list[str]:
        """Every item, the most popular first."""
        return list(self._items)

    def share(self, rank: int) -> float:
        """What part of all draws the item of this rank gets, from 0."""
        before = self._totals[rank - 1] if rank else 0.0
        return (self._totals[rank] - before) / self._totals[-1]

    def draw(self, source: random.Random) -> str:
        """One item."""
        return self._items[bisect_left(self._totals, source.random() * self._totals[-1])]


def wants(shopping: Shopping, *, channels: Sequence[str], skus: Sequence[str]) -> Iterator[Want]:
    """An endless (or ``seconds`` long) Poisson stream over all channels."""
    if not channels or not skus or shopping.rate <= 0:
        return
    popularity = Popularity(skus, exponent=shopping.zipf, seed=shopping.seed)
    source = random.Random(f"{shopping.seed}:wants")
    at = 0.0
    while True:
        at += source.expovariate(shopping.rate)
        if shopping.seconds is not None and at > shopping.seconds:
            return
        yield Want(at, source.choice(channels), _basket(shopping, popularity, source), *_deed(shopping, source))


def _basket(shopping: Shopping, popularity: Popularity, source: random.Random) -> tuple[tuple[str, int], ...]:
    size = source.randint(2, shopping.largest_basket) if source.random() < shopping.multi_line_share else 1
    basket: dict[str, int] = {}
    for _ in range(size):
        several = source.random() < shopping.several_share
        basket[popularity.draw(source)] = source.randint(2, shopping.largest_quantity) if several else 1
    return tuple(basket.items())


def _deed(shopping: Shopping, source: random.Random) -> tuple[str, float]:
    drawn, after_seconds = source.random(), source.uniform(0.2, 1.0) * shopping.afterwards_seconds
    shares = {"pay_later": shopping.pay_later_share, "cancel": shopping.cancel_share, "refund": shopping.refund_share}
    for deed, share in shares.items():
        if drawn < share:
            return deed, after_seconds
        drawn -= share
    return "keep", 0.0
