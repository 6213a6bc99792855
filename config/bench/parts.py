"""What runs on which stack: a part that compares has one stack for all its runs, the others a fresh one for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from config.bench.figures import PARTS
from config.bench.intake import measure_intake
from config.bench.lag import measure_coalescing, measure_lag
from config.bench.ledger import measure_ledger
from config.bench.parallelism import measure_parallelism
from config.bench.stage import Stage


@dataclass(frozen=True)
class Job:
    """What is measured on one stack. ``run`` is its number among those of its kind, from 1."""

    kind: str
    run: int


#: Measured on one stack, all runs together.
_TOGETHER: dict[str, Callable[..., dict[str, Any]]] = {
    "intake": measure_intake,
    "parallelism": measure_parallelism,
    "ledger": measure_ledger,
}
#: A fresh stack for every run.
_APART: dict[str, Callable[..., dict[str, Any]]] = {"lag": measure_lag, "coalescing": measure_coalescing}
KINDS = (*_TOGETHER, *_APART)


def jobs_for(parts: Sequence[str], *, runs: int) -> list[Job]:
    """The jobs that measure these parts. Memory is looked at after a run of the lag, in the same job."""
    wanted = ["lag" if part == "memory" else part for part in PARTS if part in parts]
    kinds = list(dict.fromkeys(wanted))
    return [Job(kind, run) for kind in kinds for run in range(1, (1 if kind in _TOGETHER else runs) + 1)]


def measure(job: Job, *, stage: Stage, runs: int) -> dict[str, Any]:
    """Do one job on a stack that runs."""
    if job.kind in _TOGETHER:
        return _TOGETHER[job.kind](stage, runs=runs)
    return _APART[job.kind](stage, run=job.run)


def by_part(parts: Sequence[str], measured: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What ``figures_of`` reads for each part, of those that were measured."""
    found: dict[str, Any] = {}
    for part in PARTS:
        kind = "lag" if part == "memory" else part
        if part in parts and measured.get(kind):
            found[part] = measured[kind][0] if kind in _TOGETHER else measured[kind]
    return found
