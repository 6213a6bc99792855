"""Sale lag, coalescing and memory: shoppers in simulated marketplaces on the same machine, one run a stack."""

from itertools import count
from typing import Any

from django.utils.translation import gettext as _

from channels.simulators.wants import Shopping, wants
from config.bench import meters
from config.bench.stage import OURS, Show, Stage
from config.simulation.sync import Progress, SyncOptions, run_sync

CHANNELS = 30
RATE = 50.0
LATENCY_MS = 50.0
ZIPF = 1.1
#: So much that nothing sells out: shoppers who find nothing would be a lower rate.
STOCK = 50_000

_AGREE = ("books_agree", "stock_agrees", "quiet")
_NONE = ("oversold_units", "found_nothing")


def measure_lag(stage: Stage, *, run: int) -> dict[str, Any]:
    """One run of the lag, and what our processes hold in memory after it."""
    seconds = stage.size.lag_seconds
    options = _options(
        skus=stage.size.lag_skus, seconds=seconds, seed=_seed(run, seconds=seconds, zipf=ZIPF), zipf=ZIPF
    )
    report = run_sync(options, url=f"{stage.url}/", progress=_progress(stage.show))
    megabytes = meters.megabytes(stage.pids(*OURS))
    stage.show(_("lag: {lag}").format(lag=report["lag"]["sale"]))
    return {**report, "megabytes": megabytes, "zipf": ZIPF, "problems": problems_of(report)}


def measure_coalescing(stage: Stage, *, run: int) -> dict[str, Any]:
    """One run of one SKU that everybody wants."""
    seconds = stage.size.coalescing_seconds
    options = _options(skus=1, seconds=seconds, seed=_seed(run, seconds=seconds, zipf=1.0), zipf=1.0)
    report = run_sync(options, url=f"{stage.url}/", progress=_progress(stage.show))
    stage.show(_("busiest second: {calls} calls").format(calls=max(report["busiest_second"].values())))
    return {**report, "problems": problems_of(report)}


def problems_of(report: dict[str, Any]) -> list[str]:
    """What of a run's report is not as it has to be."""
    found = [_("not so: {what}").format(what=name.replace("_", " ")) for name in _AGREE if not report[name]]
    counts = {name: report[name] for name in _NONE}
    counts |= {"repairs": report["repairs"]["total"], "never told": report["lag"]["never"], **report["parked"]}
    found += [f"{name.replace('_', ' ')}: {number}" for name, number in counts.items() if number]
    if report["sales"] != report["sales_recorded"]:
        told = _("{sold} sales of which {recorded} were recorded")
        found.append(told.format(sold=report["sales"], recorded=report["sales_recorded"]))
    return found


def _options(*, skus: int, seconds: float, seed: int, zipf: float) -> SyncOptions:
    return SyncOptions(
        channels=CHANNELS,
        rate=RATE,
        seconds=seconds,
        seed=seed,
        skus=skus,
        stock=STOCK,
        latency_ms=LATENCY_MS,
        zipf=zipf,
    )


def _seed(run: int, *, seconds: float, zipf: float) -> int:
    """Another seed for each run, of those that bring at least as many shoppers as the rate means: arrivals are random."""
    fitting = (seed for seed in count(1) if planned(seed, seconds=seconds, zipf=zipf) >= RATE * seconds)
    return next(seed for number, seed in enumerate(fitting, 1) if number == run)


def planned(seed: int, *, seconds: float, zipf: float) -> int:
    """How many shoppers a seed brings to so many channels."""
    shopping = Shopping(rate=RATE, seconds=seconds, seed=seed, zipf=zipf)
    return sum(1 for _want in wants(shopping, channels=["any"] * CHANNELS, skus=["any"]))


def _progress(show: Show) -> Progress:
    """A line at the beginning of each phase."""
    names = {"seed": _("seeding"), "publish": _("publishing"), "sell": _("selling"), "settle": _("settling")}
    told: set[str] = set()

    def report(phase: str, _done: float, _whole: float) -> None:
        if phase not in told:
            told.add(phase)
            show(names[phase])

    return report
