"""The bench in words: a table for people, the same as Markdown, and what stands beside it."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from config.bench.figures import Figure, middle

HEADINGS = ("figure", "measured", "target", "met", "runs", "detail")


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """A row a figure, under ``HEADINGS``."""
    return [
        (
            figure.name,
            f"{figure.value:g} {figure.unit}",
            figure.target,
            _("yes") if figure.is_met else _("NO"),
            " ".join(f"{value:g}" for value in figure.runs),
            figure.detail,
        )
        for figure in figures
    ]


def markdown(figures: Sequence[Figure], *, notes: Sequence[str]) -> str:
    """The table and the notes as Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(figures)]
    table = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([*table, "", *(f"- {note}" for note in notes)])


def notes_of(document: dict[str, Any]) -> list[str]:
    """What a reader must know beside the figures: machine, settings, how each was taken, where the time went."""
    notes = _machine(document["machine"])
    parts = document["parts"]
    if "intake" in parts:
        notes += _intake(parts["intake"])
    if "lag" in parts:
        notes += _lag(parts["lag"])
    if "memory" in {figure["part"] for figure in document["figures"]}:
        notes.append(
            _("Memory: proportional shares (PSS) of the named processes and their children; no servers in it.")
        )
    if "parallelism" in parts:
        pairs = ", ".join(f"{pair['one']:g}/{pair['four']:g}" for pair in parts["parallelism"]["pairs"])
        notes.append(_("Orders a second on one and on four connections, pair by pair: {pairs}.").format(pairs=pairs))
    loads = [f"{part} {before[0]:g}-{after[0]:g}" for part, before, after in document["loads"]]
    notes.append(_("Load average before and after each part: {loads}.").format(loads=", ".join(loads)))
    if document["quick"]:
        notes.append(_("A quick look, smaller than the targets ask for: it shows that everything works, no more."))
    return notes


def _machine(machine: dict[str, Any]) -> list[str]:
    told = _("{cores} cores ({processor}), {memory_gigabytes} GB, {system}, {file_system}.").format(**machine)
    settings = ", ".join(f"{name} {value}" for name, value in machine["settings"].items())
    versions = ", ".join(f"{name} {value}" for name, value in machine["packages"].items())
    server = f"PostgreSQL {machine['postgresql']}: {settings}."
    return [told, server, f"Python {machine['python']}, {versions}."]


def _intake(measured: dict[str, Any]) -> list[str]:
    runs = measured["runs"]
    told = _(
        "Intake: {orders} single-line orders a run over {connections} connections, {skus} SKUs on 30 channels "
        "({listings} listings); the floor: {floor_skus} SKUs on 30 channels, pgbench with 16 connections. "
        "Sync and beat stand still meanwhile, for the floor has nobody who pays its debts either."
    ).format(orders=measured["orders_a_run"], **{name: measured[name] for name in _ASKED})
    answers = _("Answered {answers} webhooks/s, the last commit {late} s after the last answer.").format(
        answers=round(middle([run["answers_per_second"] for run in runs])),
        late=middle([run["seconds"] - run["seconds_to_last_answer"] for run in runs], digits=2),
    )
    where = _(
        "Where it goes, CPU milliseconds an order: {ours}; of a sale on the floor: {floor}. "
        "The sender took {share:.0%} of a core."
    ).format(
        ours=_costs(runs, "cpu_milliseconds_an_order"),
        floor=_costs(runs, "floor_cpu_milliseconds_a_sale"),
        share=middle([run["sender_share_of_a_core"] for run in runs]),
    )
    return [told, answers, where]


def _costs(runs: Sequence[dict[str, Any]], which: str) -> str:
    """The medians by part, of the parts that cost anything."""
    costs = {name: middle([run[which][name] for run in runs], digits=2) for name in runs[0][which]}
    return ", ".join(f"{name} {cost:g}" for name, cost in costs.items() if cost)


_ASKED = ("connections", "skus", "listings", "floor_skus")


def _lag(runs: Sequence[dict[str, Any]]) -> list[str]:
    first = runs[0]
    told = _(
        "Lag: {rate:g} sales a second for {seconds:g} s, {channels} channels of {latency_ms:g} ms, {skus} SKUs by Zipf {zipf:g}, "
        "shoppers and marketplaces on the same cores; {calls} calls a sale."
    ).format(calls=middle([run["calls_per_sale"] for run in runs], digits=2), **{name: first[name] for name in _SOLD})
    names = {"arrival": _("order placed to stored"), "intake": _("intake"), "sync": _("sync"), "sale": _("sale lag")}
    parts = [
        f"{label} {_two(runs, name, 'p50')}/{_two(runs, name, 'p95')}/{_two(runs, name, 'p99')}"
        for name, label in names.items()
    ]
    return [told, _("Its parts, p50/p95/p99 in seconds: {parts}.").format(parts="; ".join(parts))]


_SOLD = ("rate", "seconds", "channels", "latency_ms", "skus", "zipf")


def _two(runs: Sequence[dict[str, Any]], name: str, percentile: str) -> str:
    return f"{middle([run['lag'][name][percentile] or 0.0 for run in runs], digits=2):.2f}"
