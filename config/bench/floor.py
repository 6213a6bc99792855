"""The floor: the least SQL that records a sale, as pgbench runs it on the same server with the same settings."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from config import servers
from config.bench.hands import HandError
from config.binaries import find_binaries
from config.layout import Layout
from config.processes import end_with_parent

HERE = Path(__file__).parent
DATABASE = "floor"
SKUS = 100_000
CONNECTIONS = 16

_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_ROWS = """
SELECT (SELECT count(*) FROM sales_order), (SELECT count(*) FROM sales_order_line), (SELECT count(*) FROM entry),
    (SELECT coalesce(sum(reserved), 0) FROM level)
"""


@dataclass(frozen=True)
class Said:
    """What pgbench reported."""

    rate: float
    done: int
    failed: int


def read_report(text: str) -> Said:
    """Transactions a second without connecting, how many, and how many failed."""
    rate, done, failed = _RATE.search(text), _DONE.search(text), _FAILED.search(text)
    if not rate or not done:
        raise HandError(f"pgbench said something else: {text[-500:]}")
    return Said(round(float(rate[1]), 1), int(done[1]), int(failed[1]) if failed else 0)


class Floor:
    """A database of its own beside the product's."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._programs = find_binaries().postgres_bin

    def build(self) -> None:
        """Its tables, as they are given."""
        with psycopg.connect(servers.superuser_url(self._layout), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(HERE / "floor_schema.sql"))

    def run(self, *, seconds: int) -> dict[str, Any]:
        """One measurement, its rows counted."""
        with psycopg.connect(servers.superuser_url(self._layout, database=DATABASE), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            before = connection.execute(_ROWS).fetchone() or ()
            said = read_report(self._run(*_bench(seconds)))
            after = connection.execute(_ROWS).fetchone() or ()
        added = [now - then for then, now in zip(before, after, strict=True)]
        problems = [_("the floor: {n} transactions failed").format(n=said.failed)] if said.failed else []
        if set(added) != {said.done}:
            problems.append(_("the floor: {rows} rows of {n} transactions").format(rows=added, n=said.done))
        return {"floor_tps": said.rate, "floor_transactions": said.done, "problems": problems}

    def _run(self, program: str, *arguments: str) -> str:
        place = ("-h", str(self._layout.sockets), "-p", "5432", "-U", servers.SUPERUSER, "-d", DATABASE)
        command = [str(self._programs / program), *place, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", preexec_fn=end_with_parent)
        if done.returncode:
            raise HandError(f"{program} failed: {done.stderr[-1000:]}")
        return done.stdout


def _bench(seconds: int) -> tuple[str, ...]:
    script = str(HERE / "floor.sql")
    return ("pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(CONNECTIONS), "-j", "2", "-T", str(seconds))
