"""What processes cost: CPU seconds and memory by the stack's parts; and stopping some of them for a while."""

import re
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU time so far by name, of each family with its dead; of one whose descendants are named too, without them."""
    named = set(pids.values())
    return {name: sum(_cpu_of(each) for each in _own_family(pid, named)) for name, pid in pids.items()}


def _own_family(pid: int, named: set[int]) -> list[psutil.Process]:
    members = family(pid)
    others = {each.pid for other in named - {pid} if any(one.pid == other for one in members) for each in family(other)}
    return [each for each in members if each.pid not in others]


def _cpu_of(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(sum(process.cpu_times()[:4]))  # its own, and its dead children's
    return 0.0


def children_cpu_seconds() -> float:
    """CPU time of our own children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine_cpu_seconds() -> float:
    """CPU time that the whole machine has spent on anything."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "steal", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user already
    return float(sum(times) - idle - guests)


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The difference, by name."""
    return {name: round(after[name] - before[name], 3) for name in before}


def megabytes(pids: Mapping[str, int]) -> dict[str, float]:
    """Proportional share of memory by name, of each family: pages that processes share are counted once among them."""
    return {name: round(sum(_pss(each.pid) for each in family(pid)) / 1e6, 1) for name, pid in pids.items()}


def _pss(pid: int) -> int:
    try:
        return pss_bytes(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def pss_bytes(rollup: str) -> int:
    """The proportional share in the kernel's words."""
    found = _PSS.search(rollup)
    return int(found[1]) * 1024 if found else 0


@contextmanager
def suspended(pids: Sequence[int], *, alone: Sequence[int] = ()) -> Iterator[None]:
    """Processes that stand still for the time of a block, with all that descend from them; those ``alone`` without."""
    stopped = [process for pid in pids for process in family(pid)] + [psutil.Process(pid) for pid in alone]
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()
