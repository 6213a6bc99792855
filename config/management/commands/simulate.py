"""`manage.py simulate`: the product among simulated marketplaces, measured."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django_rich.management import RichCommand
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.launcher import read_stack
from config.processes import ServerError
from config.simulation.scratch import scratch_stack
from config.simulation.sync import NotFresh, NotQuiet, SyncOptions, no_progress, run_sync
from config.simulation.sync import Progress as Report

SHOWN = (
    *(
        "sales",
        "sales_recorded",
        "units",
        "achieved_rate",
        "calls_per_sale",
        "numbers_per_sale",
        "oversold_units",
        "misfortunes",
    ),
    *(
        "repairs",
        "books_agree",
        "differing_lines",
        "stock_agrees",
        "parked",
        "quiet",
        "quiet_after_seconds",
        "unfinished",
    ),
)


class Command(RichCommand):
    help = "Runs the product among simulated marketplaces and shoppers, by seed, and reports what was measured."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        sync = commands.add_parser("sync", help="how soon a sale on one channel is on every other")
        sync.add_argument("--channels", type=int, default=SyncOptions.channels)
        sync.add_argument(
            "--shopify", type=int, default=SyncOptions.shopify, help="how many of the channels are Shopify shops"
        )
        sync.add_argument("--rate", type=float, default=SyncOptions.rate, help="orders a second, over all channels")
        sync.add_argument("--seconds", type=float, default=SyncOptions.seconds)
        sync.add_argument("--seed", type=int, default=SyncOptions.seed)
        sync.add_argument("--skus", type=int, default=SyncOptions.skus)
        sync.add_argument("--stock", type=int, default=SyncOptions.stock, help="opening units of each SKU")
        sync.add_argument("--latency-ms", type=float, default=SyncOptions.latency_ms, help="of a marketplace's answer")
        sync.add_argument("--zipf", type=float, default=SyncOptions.zipf, help="exponent of the SKUs' popularity")
        sync.add_argument("--settle-seconds", type=float, default=SyncOptions.settle_seconds)
        sync.add_argument(
            "--misfortune",
            type=float,
            default=SyncOptions.misfortune,
            help="share of writes, 0 to 1, that fail, are refused as too fast, or take effect and are not answered",
        )
        sync.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")
        sync.add_argument(
            "--attach",
            action="store_true",
            help="use the (fresh) stack that runs on DATA_DIR; otherwise one is started for the run and removed",
        )

    def handle(self, *, attach: bool, **options: Any) -> None:
        chosen = SyncOptions(**{field.name: options[field.name] for field in fields(SyncOptions)})
        if min(chosen.channels, chosen.skus, chosen.stock) < 1 or min(chosen.rate, chosen.seconds) <= 0:
            raise CommandError(_("--channels, --skus, --stock, --rate and --seconds must be above zero."))
        if not 0 <= chosen.shopify <= chosen.channels or not 0 <= chosen.misfortune < 1:
            raise CommandError(_("--shopify is at most --channels, and --misfortune from 0 to below 1."))
        with _termination_as_interrupt():
            try:
                status = self._measure(chosen, as_json=options["json"]) if attach else self._on_a_scratch_stack()
            except (ServerError, NotFresh, NotQuiet) as error:
                raise CommandError(str(error)) from error
        if status:
            sys.exit(status)

    def _on_a_scratch_stack(self) -> int:
        """The same command again, as a child whose settings are those of a stack made for it."""
        with scratch_stack(show=self.stderr.write) as stack:
            return stack.manage([*sys.argv[1:], "--attach"])

    def _measure(self, options: SyncOptions, *, as_json: bool) -> int:
        stack = read_stack(settings.LAYOUT)
        if stack is None or not stack["ready"]:
            raise CommandError(_("No stack runs on {data}.").format(data=settings.LAYOUT.data))
        with no_progress() if as_json else self._bars() as progress:
            report = run_sync(options, url=stack["url"], progress=progress)
        if as_json:
            self.stdout.write(json.dumps(report, indent=1))
        else:
            self._print(report)
        return 0 if all(report[name] for name in ("quiet", "books_agree", "stock_agrees")) else 1

    @contextmanager
    def _bars(self) -> Iterator[Report]:
        names = {"seed": _("Seeding"), "publish": _("Publishing"), "sell": _("Selling"), "settle": _("Settling")}
        columns = (TextColumn("{task.description:<12}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as bars:
            tasks: dict[str, TaskID] = {}

            def report(phase: str, done: float, whole: float) -> None:
                if phase not in tasks:
                    tasks[phase] = bars.add_task(names[phase], total=whole)
                bars.update(tasks[phase], completed=done, total=whole)

            yield report

    def _print(self, report: dict[str, Any]) -> None:
        lags = Table(title=_("Lag in seconds"))
        for heading in ("", "p50", "p95", "p99", "max"):
            lags.add_column(heading, justify="right" if heading else "left")
        by_us, by_them = report["lag"], report["lag_by_simulator"]
        for name, row in (
            (_("sale lag (stored to last acknowledgement)"), by_us["sale"]),
            (_("intake lag"), by_us["intake"]),
            (_("sync lag"), by_us["sync"]),
            (_("order placed to stored"), by_us["arrival"]),
            (_("marketplaces' clock: bought to last book"), by_them["lag"]),
            (_("marketplaces' clock: upper bound"), by_them["certain"]),
        ):
            lags.add_row(name, *(str(row[key]) for key in ("p50", "p95", "p99", "max")))
        self.console.print(lags)
        for name in SHOWN:
            self.console.print(f"{name.replace('_', ' ')}: {report[name]}")
        for difference in report["differences"][:10]:
            self.console.print(f"  {difference}")


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """A polite SIGTERM must take down what was started for the run, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
