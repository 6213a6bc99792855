"""`manage.py replay FILE`: a merchant's order log, sold through the channels of a real stack."""

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from config.launcher import read_stack
from config.processes import ServerError
from config.replay.reading import Log, LogError, Row, Shape
from config.replay.run import Replay, Settings, Watcher
from config.simulation.scratch import scratch_stack

BAD_ROWS_SHOWN = 50

HELP = {
    "order_column": "column of the order's number",
    "date_column": "column of the order's date and time",
    "country_column": "column of the buyer's country; empty: there is none",
    "sku_column": "column of the SKU",
    "quantity_column": "column of the quantity",
    "price_column": "column of the unit price",
    "date_format": "format of the dates as Python's strptime has it; empty: ISO 8601",
    "time_zone": "time zone of dates that name none",
    "sku_pattern": "regular expression that a product's code begins with; rows of other codes are skipped",
    "return_prefix": "order numbers that begin with this take units back",
    "channels": "how many channels the orders are dealt over, by seed",
    "locations": "how many locations the opening stock is cut over, by seed",
    "latency_ms": "how long a marketplace takes to answer while orders come in",
    "seed": "who gets which order, and where the stock lies",
    "currency": "currency of the prices",
}


class Command(BaseCommand):
    """Reads the log, makes its catalogue and channels, sells it by signed webhooks, compares what came of it."""

    help = "Sells a merchant's order log (CSV, plain, .xz or .gz) through signed webhooks; returns included."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--rows", type=int, default=0, help="only the first so many rows")
        parser.add_argument("--csv", type=Path, help="write code, opening, reserved, available here, from the ledger")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")
        parser.add_argument(
            "--attach", action="store_true", help="use the stack that runs on DATA_DIR instead of one of its own"
        )
        for kind in (Shape, Settings):
            for each in fields(kind):
                flag, default = f"--{each.name.replace('_', '-')}", each.default
                parser.add_argument(flag, type=type(default), default=default, help=f"{HELP[each.name]} ({default})")

    def handle(self, *, file: Path, rows: int, csv: Path | None, attach: bool, **options: Any) -> None:
        console = Console(stderr=True)
        try:
            log = Log(file, shape=_chosen(Shape, options), rows=rows)
            log.check()  # before a stack is started for it
        except LogError as error:
            raise CommandError(str(error)) from error
        if not attach:
            return self._on_scratch(console)
        stack = read_stack(settings.LAYOUT)
        if stack is None:
            cure = _("No stack runs on {data}. Cure: start it with `make up`, or leave out --attach.")
            raise CommandError(cure.format(data=settings.LAYOUT.data))
        try:
            with _Display(console) as display:
                replay = Replay(log, settings=_chosen(Settings, options), url=stack["url"], watcher=display.watcher)
                summary = replay.run(csv=csv)
        except LogError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(summary, indent=1) if options["json"] else _text(summary))
        if summary["torn_rows"]:
            told = _("Rows whose quotes do not close: {n}. Mend the file: what else it says is not certain.")
            raise CommandError(told.format(n=summary["torn_rows"]), returncode=1)
        if not summary["good"]:
            raise CommandError(_("What came of it is not what the file says."), returncode=1)

    def _on_scratch(self, console: Console) -> None:
        """The same command again, attached to a stack of its own."""
        try:
            with scratch_stack(show=lambda line: console.print(line, highlight=False)) as stack:
                status = stack.manage([*sys.argv[1:], "--attach"])
        except ServerError as error:
            raise CommandError(str(error)) from error
        if status:
            sys.exit(status)


def _chosen(kind: type, options: dict[str, Any]) -> Any:
    return kind(**{each.name: options[each.name] for each in fields(kind)})


@dataclass
class _Display:
    """A progress bar on the terminal's error output; bad rows above it."""

    console: Console

    def __post_init__(self) -> None:
        columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[note]}"), console=self.console)
        self._task: TaskID | None = None
        self._bad = 0
        self.watcher = Watcher(stage=self._stage, advance=self._advance, bad_row=self._bad_row)

    def __enter__(self) -> "_Display":
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.console.is_terminal:
            self._end_stage()
            self._progress.stop()
        if self._bad > BAD_ROWS_SHOWN:
            self.console.print(_("... and {n} more bad rows; --json lists all").format(n=self._bad - BAD_ROWS_SHOWN))

    def _stage(self, name: str, total: int) -> None:
        self._end_stage()
        self._task = self._progress.add_task(name, total=total, note="")

    def _end_stage(self) -> None:
        if self._task is not None:
            total = self._progress.tasks[self._task].total
            self._progress.update(self._task, completed=total or 0, note="")

    def _advance(self, done: int, note: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, note=note)

    def _bad_row(self, row: Row) -> None:
        self._bad += 1
        if self._bad <= BAD_ROWS_SHOWN:
            self.console.print(_("row {n}: {reason}").format(n=row.number, reason=row.reason), highlight=False)


def _text(summary: dict[str, Any]) -> str:
    """The summary for a person: one line a number, lists as their length."""
    lines = []
    for name, value in summary.items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines.extend(f"  {key}: {each}" for key, each in value.items())
        else:
            lines.append(f"{name}: {len(value) if isinstance(value, list) else value}")
    return "\n".join(lines)
