"""The figures that are asked for, worked out of what the parts measured. Nothing here measures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from django.utils.translation import gettext as _

LEAST_INTAKE = 0.3
MOST_LAG_P50_SECONDS = 0.4
MOST_LAG_P99_SECONDS = 1.5
LEAST_RATE = 0.99
MOST_CALLS_A_SECOND = 8
LEAST_SPEEDUP = 1.5
MOST_MEGABYTES = 600
MOST_PAGE_SECONDS = 0.3
MOST_GROWTH = 1.1
MOST_LEDGER_STATEMENTS = 6
MOST_RECEIVER_STATEMENTS = 3
MOST_REBUILD_SECONDS = 60
MOST_AS_OF_SECONDS = 2

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure and its target. ``problems`` names what does not add up; a figure with any is not met."""

    part: str
    name: str
    value: float
    unit: str
    target: str
    within: bool
    runs: Sequence[float] = ()
    detail: str = ""
    problems: Sequence[str] = field(default_factory=tuple)

    @property
    def is_met(self) -> bool:
        """Whether the target is met by a measurement that adds up."""
        return self.within and not self.problems

    def document(self) -> dict[str, Any]:
        """The figure as JSON."""
        return {**asdict(self), "met": self.is_met}


def middle(values: Sequence[float], *, digits: int = 3) -> float:
    """The median, rounded."""
    return round(float(median(values)), digits)


def figures_of(part: str, measured: Any) -> list[Figure]:
    """What a part's measurement says."""
    return _READERS[part](measured)


def _intake(measured: Run) -> list[Figure]:
    runs = measured["runs"]
    ours, floor = [run["orders_per_second"] for run in runs], [run["floor_tps"] for run in runs]
    ratio = round(median(ours) / median(floor), 3)
    detail = _("{ours} orders/s over HTTP; the floor of plain SQL: {floor} sales/s").format(
        ours=round(median(ours)), floor=round(median(floor))
    )
    ratios = [round(mine / theirs, 3) for mine, theirs in zip(ours, floor, strict=True)]
    target = f">= {LEAST_INTAKE}"
    problems = _gathered(runs)
    return [
        Figure(
            "intake", _("Intake against the floor"), ratio, "x", target, ratio >= LEAST_INTAKE, ratios, detail, problems
        )
    ]


def _lag(runs: Sequence[Run]) -> list[Figure]:
    problems = _gathered(runs)
    found = []
    for percentile, most in (("p50", MOST_LAG_P50_SECONDS), ("p99", MOST_LAG_P99_SECONDS)):
        values = [run["lag"]["sale"][percentile] for run in runs]
        if None in values:
            values, problems = [value or 0.0 for value in values], [*problems, _("a run without any measured sale")]
        value = middle(values)
        parts = {name: middle([run["lag"][name][percentile] or 0.0 for run in runs]) for name in ("intake", "sync")}
        detail = _("intake {intake} s, sync {sync} s").format(**parts)
        name = _("Sale lag {percentile}").format(percentile=percentile)
        found.append(Figure("lag", name, value, "s", f"<= {most}", value <= most, values, detail, problems))
    rates = [round(run["achieved_rate"] / run["rate"], 4) for run in runs]
    share = middle(rates, digits=4)
    detail = _("{rate} sales a second were asked for").format(rate=runs[0]["rate"])
    found.append(
        Figure("lag", _("Achieved rate"), share, "x", f">= {LEAST_RATE}", share >= LEAST_RATE, rates, detail, problems)
    )
    return found


def _coalescing(runs: Sequence[Run]) -> list[Figure]:
    most = [max(run["busiest_second"].values()) for run in runs]
    detail = _("the largest of all runs and channels, in any second; {calls} calls a channel for {sales} sales").format(
        calls=round(median(run["calls"] / run["channels"] for run in runs)),
        sales=round(median(run["sales"] for run in runs)),
    )
    worst, target = max(most), f"<= {MOST_CALLS_A_SECOND}"
    met = worst <= MOST_CALLS_A_SECOND
    unit = _("calls/s")
    return [Figure("coalescing", _("Calls a channel"), worst, unit, target, met, most, detail, _gathered(runs))]


def _parallelism(measured: Run) -> list[Figure]:
    pairs = measured["pairs"]
    one, four = [pair["one"] for pair in pairs], [pair["four"] for pair in pairs]
    value = round(median(four) / median(one), 3)
    detail = _("{four} orders/s on four connections, {one} on one").format(
        four=round(median(four)), one=round(median(one))
    )
    ratios = [round(many / single, 3) for single, many in zip(one, four, strict=True)]
    name, target = _("Four connections against one"), f">= {LEAST_SPEEDUP}"
    problems = list(measured["problems"])
    return [Figure("parallelism", name, value, "x", target, value >= LEAST_SPEEDUP, ratios, detail, problems)]


def _memory(runs: Sequence[Run]) -> list[Figure]:
    totals = [round(sum(run["megabytes"].values()), 1) for run in runs]
    value = middle(totals, digits=1)
    shares = {name: middle([run["megabytes"][name] for run in runs], digits=0) for name in runs[0]["megabytes"]}
    detail = ", ".join(f"{name} {share:.0f}" for name, share in shares.items())
    target = f"< {MOST_MEGABYTES}"
    return [
        Figure("memory", _("Memory after the lag run"), value, "MB", target, value < MOST_MEGABYTES, totals, detail)
    ]


def _ledger(measured: Run) -> list[Figure]:
    problems = list(measured["problems"])
    names = {"stock_list": _("Stock list"), "stock_list_api": _("Stock levels, API"), "sku_page": _("SKU page")}
    found = []
    for key, name in names.items():
        short, long = measured["short"][key], measured["long"][key]
        seconds, growth = long["most_seconds"], round(long["buffers"] / short["buffers"], 3)
        detail = _("the slowest of {pages}: {slowest}").format(pages=len(long["each"]), slowest=long["slowest"])
        found.append(_at_most(name, seconds, "s", MOST_PAGE_SECONDS, detail, problems))
        detail = _("{long} buffers in the middle, {short} with a tenth of the entries").format(
            long=long["buffers"], short=short["buffers"]
        )
        title = _("{page}: what it reads at 10 x the history").format(page=name)
        found.append(_at_most(title, growth, "x", MOST_GROWTH, detail, problems))
    counted = measured["statements"]
    detail = _("{ledger} in the ledger, {receivers} in receivers").format(**counted)
    found.append(
        _at_most(_("Statements of a posting"), counted["ledger"], "", MOST_LEDGER_STATEMENTS, detail, problems)
    )
    found.append(_at_most(_("of its receivers"), counted["receivers"], "", MOST_RECEIVER_STATEMENTS, detail, problems))
    detail = _("{rebuilt} levels from {entries} entries; verified in {verified} s").format(
        rebuilt=measured["rebuilt"], entries=measured["entries"], verified=round(measured["verify_seconds"], 1)
    )
    seconds = round(measured["rebuild_seconds"], 1)
    found.append(_at_most(_("Rebuilding all levels"), seconds, "s", MOST_REBUILD_SECONDS, detail, problems))
    as_of = measured["as_of"]
    detail = _("now {now} s, half way {then} s; {rate} entries valued a second").format(
        now=round(as_of["now"], 2), then=round(as_of["then"], 2), rate=measured["valued_a_second"]
    )
    slowest = round(max(as_of.values()), 2)
    found.append(_at_most(_("Value at an instant"), slowest, "s", MOST_AS_OF_SECONDS, detail, problems))
    return found


def _at_most(name: str, value: float, unit: str, most: float, detail: str, problems: Sequence[str]) -> Figure:
    return Figure("ledger", name, value, unit, f"<= {most:g}", value <= most, [value], detail, problems)


def _gathered(runs: Sequence[Run]) -> list[str]:
    """Each problem with the number of its run."""
    return [f"{number}: {problem}" for number, run in enumerate(runs, 1) for problem in run["problems"]]


_READERS: dict[str, Callable[[Any], list[Figure]]] = {
    "intake": _intake,
    "lag": _lag,
    "coalescing": _coalescing,
    "parallelism": _parallelism,
    "memory": _memory,
    "ledger": _ledger,
}
PARTS = tuple(_READERS)
