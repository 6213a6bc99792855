"""One replay against the running stack, from the file to the summary."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from channels.models import Channel, Delivery, DeliveryStatus
from channels.simulators import MarketplaceSpec, Offer
from config.simulation.seeding import (
    ChannelSeed,
    SkuSeed,
    secret_of,
    seed_channels,
    seed_listings,
    seed_locations,
    seed_skus,
    seed_stock,
)

from . import outcome
from .market import Market
from .planning import Plan, Planner
from .reading import Log, LogError, Row

SHOWN = 20  # of each list of differences
#: Numbers that a marketplace takes in one request.
MAX_BATCH = 250

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Settings:
    """What is the merchant's choice beside the shape of the file."""

    channels: int = 30
    locations: int = 3
    latency_ms: float = 2500.0
    seed: int = 1
    currency: str = "GBP"


@dataclass(frozen=True)
class Watcher:
    """Whoever watches a run: the stage's name, and how much of it is done."""

    stage: Callable[[str, int], None]
    advance: Callable[[int, str], None]
    bad_row: Callable[[Row], None]


class Replay:
    """Sells a log through the channels of the stack at ``url``; the database of the same stack is ours to ask."""

    def __init__(self, log: Log, *, settings: Settings, url: str, watcher: Watcher) -> None:
        self.log, self.settings, self.url, self.watcher = log, settings, url, watcher
        self.reference = f"replay:{log.path.name}:{settings.seed}"
        self.plan = Plan()
        self.seconds: dict[str, float] = {}

    def run(self, *, csv: Path | None = None) -> dict[str, Any]:
        """All of it; the summary."""
        self._timed("read", self._read)
        market = Market(self._specs(), opening=self.plan.opening)
        addresses = market.open()
        try:
            channels = self._timed("seed", lambda: self._seed(addresses))
            mine = [channels[code].pk for code in addresses]
            settled = self._timed("publish", lambda: self._settle(mine, "Publishing stock"))
            if not settled:
                raise LogError("The opening stock was not published to every channel; is the stack well? See its logs.")
            began = time.monotonic()
            self._timed("sell", lambda: self._sell(market, mine))
            settled &= self._timed("settle", lambda: self._settle(mine, "Settling"))
            self.seconds["until_quiet"] = round(time.monotonic() - began, 1)
            return self._timed("check", lambda: self._summary(market, mine, settled=settled, csv=csv))
        finally:
            market.close()

    # Before

    def _read(self) -> None:
        self.watcher.stage("Reading", 1000)
        planner = Planner(channels=self.settings.channels, seed=self.settings.seed, report_bad=self.watcher.bad_row)
        for row in self.log:
            planner.add(row)
            if row.number % 2000 == 0:
                self.watcher.advance(int(self.log.progress * 1000), f"{row.number} rows")
        self.plan = planner.plan

    def _specs(self) -> list[MarketplaceSpec]:
        """Books open at 0: whatever they show later has come from the product."""
        offers = tuple(Offer(code, code) for code in sorted(self.plan.opening))
        codes = [f"replay-{number:02d}" for number in range(1, self.settings.channels + 1)]
        return [
            MarketplaceSpec(
                code, secret_of(f"{self.reference}:{code}"), offers=offers, currency=self.settings.currency,
                latency_jitter=0.1, max_batch=MAX_BATCH, max_quantity=2**53, orders_kept=10**9,
            )
            for code in codes
        ]  # fmt: skip

    def _seed(self, addresses: dict[str, str]) -> dict[str, Channel]:
        self.watcher.stage("Making the catalogue", len(addresses) + 2)
        codes = sorted(self.plan.opening)
        skus = seed_skus([SkuSeed(code, code, category="replay", currency=self.settings.currency) for code in codes])
        places = seed_locations(
            {"code": f"REPLAY-{number}", "name": f"Replay warehouse {number}", "country": "GB"}
            for number in range(1, self.settings.locations + 1)
        )
        self.watcher.advance(1, "stock")
        seed_stock(self._opening(skus, [place.pk for place in places.values()]), reference=self.reference)
        channels = seed_channels(
            ChannelSeed(
                code,
                f"Replay {code[-2:]}",
                base_url,
                secret_of(f"{self.reference}:{code}"),
                currency=self.settings.currency,
                orders_from=self.plan.first_at,
                settings={"max_batch": MAX_BATCH},
            )
            for code, base_url in addresses.items()
        )
        for number, code in enumerate(addresses, 2):
            self.watcher.advance(number, f"listings on {code}")
            seed_listings([channels[code]], skus=codes)
        return channels

    def _opening(self, skus: dict[str, int], places: list[int]) -> Iterator[tuple[int, int, int]]:
        """What the file sells of each SKU, cut at random over the locations."""
        cut = random.Random(f"{self.settings.seed}:opening")
        for code, units in sorted(self.plan.opening.items()):
            marks = sorted(cut.randint(0, units) for _ in places[1:])
            for place, (start, end) in zip(places, zip([0, *marks], [*marks, units], strict=True), strict=True):
                if end > start:
                    yield skus[code], place, end - start

    # Meanwhile

    def _sell(self, market: Market, channel_ids: list[int]) -> None:
        """A year's orders in minutes: marketplaces that take their time meanwhile are sent many sales in one number."""
        deeds, waiting = self.plan.deeds, 1
        self.watcher.stage("Selling", len(deeds))
        market.slow_down(self.settings.latency_ms)
        is_done = market.begin(deeds, target=self.url)
        while not is_done() or waiting:
            time.sleep(outcome.POLL_SECONDS)
            waiting = Delivery.objects.filter(channel_id__in=channel_ids, status=DeliveryStatus.WAITING).count()
            self.watcher.advance(market.done - waiting, f"{market.done} told, {waiting} in the inbox")
        market.slow_down(0.0)

    def _settle(self, channel_ids: list[int], name: str) -> bool:
        first = sum(outcome.busy(channel_ids).values())
        self.watcher.stage(name, first)

        def tell(busy: dict[str, int]) -> None:
            self.watcher.advance(
                max(0, first - sum(busy.values())), ", ".join(f"{n} {what}" for what, n in busy.items())
            )

        return outcome.wait_until_quiet(channel_ids, tell=tell)

    # Afterwards

    def _summary(self, market: Market, channel_ids: list[int], *, settled: bool, csv: Path | None) -> dict[str, Any]:
        self.watcher.stage("Checking", 4)
        plan, held = self.plan, outcome.holdings(reference=self.reference)
        if csv:
            outcome.write_csv(csv, held)
        self.watcher.advance(1, "SKUs")
        wrong = list(outcome.not_as_the_file_says(held, plan=plan))
        self.watcher.advance(2, "books")
        books = market.books()
        unlike = [*outcome.books_not_ours(books, held=held), *market.differences()]
        self.watcher.advance(3, "ledger")
        broken = outcome.ledger_differences()
        counts, found, seconds = market.counts(), outcome.recorded(channel_ids), self.seconds["until_quiet"]
        good = settled and not (wrong or unlike or broken or market.not_shown() or counts["given_up"] or found["short"])
        return {
            "good": good and not plan.torn and _same(found, plan=plan),
            **_file(plan),
            "recorded": found,
            "reserved_at_end": sum(row.reserved for row in held.values()),
            "available_at_end": sum(row.available for row in held.values()),
            "settled": settled,
            "books_agree": not unlike,
            "book_rows": sum(map(len, books.values())),
            "books_differ": unlike[:SHOWN],
            "codes_differ": wrong[:SHOWN],
            "codes_differing": len(wrong),
            "ledger_differences": broken[:SHOWN],
            "units_not_shown": market.not_shown(),
            "webhooks": dict(counts),
            "calls": market.calls(),
            "seconds": self.seconds,
            "orders_per_second": round(plan.orders / seconds, 1),
            "lines_per_second": round(plan.lines / seconds, 1),
        }

    def _timed(self, name: str, work: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        try:
            return work()
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


def _file(plan: Plan) -> dict[str, Any]:
    return {
        "rows": plan.rows,
        "orders": plan.orders,
        "codes": len(plan.opening),
        "lines": plan.lines,
        "units_sold": plan.units_sold,
        "return_rows": plan.return_rows,
        "return_rows_not_fully_covered": plan.return_rows_not_covered,
        "units_returned": plan.units_returned,
        "units_parked": plan.units_parked,
        "skipped": dict(sorted(plan.skipped.items())),
        "torn_rows": plan.torn,
        "bad_rows": [{"row": number, "reason": reason} for number, reason in plan.bad],
        "webhooks_planned": len(plan.deeds),
    }


def _same(found: dict[str, int], *, plan: Plan) -> bool:
    """Whether the product has recorded what the file says."""
    names = ("orders", "lines", "units_sold", "units_returned", "units_parked")
    return all(found[name] == getattr(plan, name) for name in names)
