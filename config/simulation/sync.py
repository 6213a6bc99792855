"""Shoppers in many simulated marketplaces, the product in the middle, and what both sides say about it afterwards."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from channels.models import Channel
from channels.simulators.measure import writes
from channels.simulators.remote import Process, Remote
from config.layout import PROJECT_DIR
from fulfillment.models import SalesOrder
from inventory.kernel import clock
from inventory.models import Location, Sku

from . import market, measure, seeding

LOCATIONS: tuple[dict[str, Any], ...] = (
    {"code": "EAST", "name": "East", "kind": "warehouse", "country": "US", "priority": 1},
    {"code": "WEST", "name": "West", "kind": "warehouse", "country": "US", "priority": 2},
    {"code": "NORTH", "name": "North", "kind": "warehouse", "country": "CA", "priority": 3},
)
PUBLISH_SECONDS = 300.0
PAUSE_SECONDS = 0.25
#: Work passes from one table to another between two questions: only several quiet looks in a row are quiet.
QUIET_LOOKS = 3


class NotFresh(Exception):
    """The stack has data of its own, which a simulation must not touch."""


class NotQuiet(Exception):
    """Something was still owed or waiting when the time was up; the message says what."""


@dataclass(frozen=True)
class SyncOptions:
    """What a run is made of."""

    channels: int = 30
    rate: float = 20.0
    seconds: float = 60.0
    seed: int = 1
    skus: int = 2000
    stock: int = 1000
    latency_ms: float = 50.0
    zipf: float = 1.0
    settle_seconds: float = 60.0
    shopify: int = 0
    misfortune: float = 0.0


#: Called with a phase's code, how much of it is done and how much there is to do.
Progress = Callable[[str, float, float], None]


def run_sync(options: SyncOptions, *, url: str, progress: Progress) -> dict[str, Any]:
    """One run on a fresh stack at ``url``; the answer is the report."""
    if Channel.objects.exists() or Sku.objects.exists():
        raise NotFresh(_("This stack has channels or SKUs already. A simulation wants a fresh one."))
    opening = _opening(options)
    with Process(_config(options, opening=opening, url=url), root=PROJECT_DIR) as process:
        progress("seed", 0, 1)
        _seed(options, opening=opening, base_urls=process.base_urls)
        progress("seed", 1, 1)
        published_seconds = _publish(process.remote, progress=progress)
        return {**_sell(options, remote=process.remote, progress=progress), "publish_seconds": published_seconds}


def _planned(options: SyncOptions) -> list[market.Planned]:
    return market.plan(channels=options.channels, shopify=options.shopify, seed=options.seed)


def _opening(options: SyncOptions) -> dict[str, int]:
    return {f"SKU-{number:05d}": options.stock for number in range(1, options.skus + 1)}


def _config(options: SyncOptions, *, opening: dict[str, int], url: str) -> dict[str, Any]:
    places = _places(opening)
    marketplaces = [
        each.document(places, latency_ms=options.latency_ms, seed=options.seed, misfortune=options.misfortune)
        for each in _planned(options)
    ]
    return {
        "target": url.rstrip("/"),
        "catalogue": [[sku, sku, 0, "19.90"] for sku in opening],
        "stock": opening,
        "marketplaces": marketplaces,
    }


def _places(opening: dict[str, int]) -> dict[str, int]:
    return {sku: place for place, sku in enumerate(opening, 1)}


def _seed(options: SyncOptions, *, opening: dict[str, int], base_urls: dict[str, str]) -> None:
    locations = seeding.seed_locations(LOCATIONS)
    seeds = [
        seeding.SkuSeed(code, _("Simulated article {code}").format(code=code), price=Decimal("19.90"), currency="USD")
        for code in opening
    ]
    ids = seeding.seed_skus(seeds)
    east, west, north = (locations[row["code"]].id for row in LOCATIONS)
    rows = []
    for code, units in opening.items():
        shares = {east: units - units // 2, west: units // 2 - units // 5, north: units // 5}
        rows += [(ids[code], place, share) for place, share in shares.items() if share]
    seeding.seed_stock(rows, reference="simulate")
    planned = {each.code: each for each in _planned(options)}
    channels = seeding.seed_channels(each.seed(base_urls[each.code]) for each in planned.values())
    places = _places(opening)

    def external(code: str, sku: str) -> Mapping[str, Any]:
        return planned[code].external(sku, place=places.get(sku, 0))

    seeding.seed_listings(channels.values(), skus=list(opening), external=external)
    if options.misfortune:
        _offer_a_parent([channels[code] for code, each in planned.items() if each.kind == "shopify"], external=external)


def _offer_a_parent(shops: Sequence[Channel], *, external: Callable[[str, str], Mapping[str, Any]]) -> None:
    """A SKU that every shop refuses numbers for: what is sent with it must not suffer."""
    seed = seeding.SkuSeed(market.PARENT_SKU, _("Parent of a bundle"), price=Decimal("19.90"), currency="USD")
    parent = seeding.seed_skus([seed])[seed.code]
    place = Location.objects.order_by("priority").values_list("id", flat=True)[0]
    seeding.seed_stock([(parent, place, 5)], reference="simulate")
    seeding.seed_listings(shops, skus=[seed.code], external=external)


def _publish(remote: Remote, *, progress: Progress) -> float:
    """Wait until every book shows what there is."""
    begun = time.monotonic()
    whole = remote.call("report")["differing_lines"] or 1
    while (left := remote.call("report")["differing_lines"]) or any(measure.unfinished().values()):
        progress("publish", whole - left, whole)
        if time.monotonic() - begun > PUBLISH_SECONDS:
            raise NotQuiet(_("{left} numbers were not published in time.").format(left=left))
        time.sleep(2 * PAUSE_SECONDS)
    progress("publish", whole, whole)
    return round(time.monotonic() - begun, 3)


def _sell(options: SyncOptions, *, remote: Remote, progress: Progress) -> dict[str, Any]:
    repairs, calls = measure.Repairs.count(), remote.call("status")["calls"]
    begun_at, begun = clock.now(), time.monotonic()
    remote.call("shop", rate=options.rate, seconds=options.seconds, seed=options.seed, zipf=options.zipf)
    while (status := remote.call("status"))["shoppers"]["running"]:
        progress("sell", min(time.monotonic() - begun, options.seconds), options.seconds)
        time.sleep(4 * PAUSE_SECONDS)
    progress("sell", options.seconds, options.seconds)
    ended = time.monotonic()
    left = _settle(options, remote=remote, progress=progress)
    quiet_after = round(time.monotonic() - ended, 3)
    report = remote.call("report")
    return {
        **_asked(options),
        **_sales(report, shoppers=status["shoppers"], begun_at=begun_at),
        "lag": measure.sale_lags(since=begun_at),
        "lag_by_simulator": {name: report[name] for name in ("lag", "certain", "unmeasured")},
        **_calls(report, before=calls),
        "busiest_second": report["busiest_second"],
        "oversold_units": report["oversold_units"],
        "misfortunes": _misfortunes(report),
        "repairs": measure.Repairs.count().since(repairs),
        "books_agree": report["books_agree"],
        "differing_lines": report["differing_lines"],
        "differences": report["differences"],
        "stock_agrees": _stock_agrees(options, report=report),
        "parked": measure.parked(),
        "quiet": not any(left.values()),
        "quiet_after_seconds": quiet_after,
        "unfinished": left,
    }


def _asked(options: SyncOptions) -> dict[str, Any]:
    names = ("channels", "shopify", "skus", "rate", "seconds", "seed", "latency_ms", "misfortune")
    return {name: getattr(options, name) for name in names}


def _sales(report: dict[str, Any], *, shoppers: dict[str, Any], begun_at: datetime) -> dict[str, Any]:
    """Sales by the marketplaces' count, and how many of them the product recorded."""
    return {
        "sales": report["orders"],
        "sales_recorded": SalesOrder.objects.filter(recorded_at__gte=begun_at).count(),
        "units": report["units"],
        "achieved_rate": shoppers["orders_per_second"],
        "found_nothing": shoppers.get("found_nothing", 0),
        "webhooks": report["webhooks"],
    }


def _calls(report: dict[str, Any], *, before: dict[str, int]) -> dict[str, Any]:
    """Stock writes during the run; publishing the opening numbers is not counted."""
    calls = {name: count - before.get(name, 0) for name, count in report["calls"].items()}
    sales = report["orders"] or 1
    puts, items = writes(calls), calls.get("items_applied", 0)
    return {"calls": puts, "calls_per_sale": round(puts / sales, 3), "numbers_per_sale": round(items / sales, 3)}


def _misfortunes(report: dict[str, Any]) -> dict[str, int]:
    """What the marketplaces refused, and what befell the writes, from the first number on."""
    refused = ("items_stale", "items_rejected", "throttled")
    return {name: count for name, count in report["calls"].items() if name in refused or name.startswith("fault_")}


def _settle(options: SyncOptions, *, remote: Remote, progress: Progress) -> dict[str, int]:
    """Wait until nothing is owed or under way, several looks long, or the time is up; what is left is the answer."""
    deadline, quiet = time.monotonic() + options.settle_seconds, 0
    first = 0
    while True:
        left = {"webhooks": remote.call("status")["pending_webhooks"], **measure.unfinished()}
        waiting = sum(left.values())
        first = max(first, waiting)
        quiet = 0 if waiting else quiet + 1
        progress("settle", first - waiting, first or 1)
        if quiet == QUIET_LOOKS or time.monotonic() > deadline:
            return left
        time.sleep(PAUSE_SECONDS)


def _stock_agrees(options: SyncOptions, *, report: dict[str, Any]) -> bool:
    """Whether what our ledger has left is what the marketplaces' own count says, unit for unit."""
    ours = sum(measure.available(list(_opening(options))).values())
    return bool(ours == options.skus * options.stock - report["units"] + report["oversold_units"])


@contextmanager
def no_progress() -> Iterator[Progress]:
    """For output that a program reads."""
    yield lambda _phase, _done, _whole: None
