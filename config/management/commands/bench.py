"""`manage.py bench`: how far from the limit the product is, each figure beside its target."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django_rich.management import RichCommand
from rich.console import Console
from rich.table import Table

from config.bench import machine, report
from config.bench.figures import PARTS, Figure, figures_of
from config.bench.hands import HandError
from config.bench.parts import KINDS, Job, by_part, jobs_for, measure
from config.bench.size import Size
from config.bench.stage import Stage
from config.launcher import read_stack
from config.processes import ServerError
from config.simulation.scratch import scratch_stack
from config.simulation.sync import NotFresh, NotQuiet
from inventory.kernel import clock

#: How a process ends that Ctrl-C has reached.
INTERRUPTED = (-2, 130)


class Command(RichCommand):
    help = "Measures intake, sale lag, coalescing, parallelism and memory on stacks of its own; writes bench.json."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "parts", nargs="*", metavar="PART", help=_("of {parts}; all").format(parts=", ".join(PARTS))
        )
        parser.add_argument("--runs", type=int, default=5, help="of each part; figures are medians (5)")
        parser.add_argument("--quick", action="store_true", help="smaller than the targets ask for")
        parser.add_argument("--json", action="store_true", help="print the document as JSON, and nothing else")
        parser.add_argument("--strict", action="store_true", help="exit 1 where a target is not met")
        parser.add_argument(
            "--output", type=Path, default=Path("bench.json"), help="where the document goes (bench.json)"
        )
        parser.add_argument("--attach", choices=KINDS, help=argparse.SUPPRESS)
        parser.add_argument("--run", type=int, default=1, help=argparse.SUPPRESS)

    def handle(self, *, parts: list[str], runs: int, quick: bool, output: Path, **options: Any) -> None:
        if unknown := set(parts) - set(PARTS):
            raise CommandError(_("There is no part {part}.").format(part=", ".join(sorted(unknown))))
        if runs < 1:
            raise CommandError(_("--runs must be above zero."))
        self._progress = Console(stderr=True, highlight=False)
        try:
            if options["attach"]:
                return self._measure_here(Job(options["attach"], options["run"]), runs=runs, quick=quick, output=output)
            document, figures = self._measure_all(parts or list(PARTS), runs=runs, quick=quick)
        except KeyboardInterrupt:
            if not options["attach"]:
                self._show(_("Stopped. What was started for the bench is gone."))
            sys.exit(130)
        output.write_text(json.dumps(document, indent=1) + "\n")
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=1))
        else:
            self._print(document, figures)
        if options["strict"] and (document["failures"] or not all(figure.is_met for figure in figures)):
            sys.exit(1)

    def _measure_all(self, parts: list[str], *, runs: int, quick: bool) -> tuple[dict[str, Any], list[Figure]]:
        """Every job on a stack of its own; one that fails is told, and the others go on."""
        begun, measured, loads, failures = clock.now(), dict[str, list[dict[str, Any]]](), [], []
        described: dict[str, Any] = {}
        jobs = jobs_for(parts, runs=runs)
        for number, job in enumerate(jobs, 1):
            self._show(f"[{number}/{len(jobs)}] {job.kind}")
            before = machine.load()
            try:
                found = self._measure_apart(job, runs=runs, quick=quick)
            except ServerError as error:
                failures.append(f"{job.kind}: {error}")
                self._show(failures[-1])
                continue
            described = found.pop("machine")
            measured.setdefault(job.kind, []).append(found)
            loads.append((job.kind, before, machine.load()))
        if not measured:
            raise CommandError(_("Nothing could be measured."))
        taken = by_part(parts, measured)
        figures = [figure for part, each in taken.items() for figure in figures_of(part, each)]
        document = {
            "at": begun.isoformat(timespec="seconds"),
            "seconds": round((clock.now() - begun).total_seconds(), 1),
            "runs": runs,
            "quick": quick,
            "machine": described,
            "loads": loads,
            "figures": [figure.document() for figure in figures],
            "failures": failures,
            "parts": {part: each for part, each in taken.items() if part != "memory" or "lag" not in taken},
        }
        return document, figures

    def _measure_apart(self, job: Job, *, runs: int, quick: bool) -> dict[str, Any]:
        """One job by the same command again, as a child whose settings are those of a stack made for it."""
        with tempfile.TemporaryDirectory(prefix="sellonce-bench-") as folder:
            file = Path(folder) / "measured.json"
            arguments = ["--attach", job.kind, "--run", str(job.run), "--runs", str(runs), "--output", str(file)]
            with scratch_stack(show=self._show) as stack:
                status = stack.manage(["bench", *arguments, *(["--quick"] if quick else [])])
            if status in INTERRUPTED:
                raise KeyboardInterrupt
            if status or not file.exists():
                raise ServerError(_("failed with status {status}; why stands above").format(status=status))
            found: dict[str, Any] = json.loads(file.read_text())
            return found

    def _measure_here(self, job: Job, *, runs: int, quick: bool, output: Path) -> None:
        stack = read_stack(settings.LAYOUT)
        if stack is None or not stack["ready"]:
            raise CommandError(_("No stack runs on {data}.").format(data=settings.LAYOUT.data))
        stage = Stage(settings.LAYOUT, stack, Size.chosen(quick=quick), show=lambda line: self._show(f"  {line}"))
        try:
            found = measure(job, stage=stage, runs=runs)
        except (HandError, NotFresh, NotQuiet) as error:
            raise CommandError(str(error)) from error
        with stage.superuser() as connection:
            found["machine"] = machine.describe(connection, layout=settings.LAYOUT)
        output.write_text(json.dumps(found))

    def _show(self, line: str) -> None:
        self._progress.print(f"{clock.now():%H:%M:%S} {line}", markup=False, soft_wrap=True)

    def _print(self, document: dict[str, Any], figures: list[Figure]) -> None:
        notes = report.notes_of(document)
        table = Table(title=_("Bench: medians of {runs} runs").format(runs=document["runs"]))
        *short, _detail = report.HEADINGS
        for heading in short:
            table.add_column(heading)
        for row in report.rows(figures):
            table.add_row(*row[: len(short)])
        self.console.print(table)
        for figure in figures:
            self.console.print(f"{figure.name}: {figure.detail}", markup=False, highlight=False)
        for note in notes:
            self.console.print(note, markup=False, highlight=False)
        for figure in figures:
            for problem in figure.problems:
                self.console.print(_("does not add up: {name}: {problem}").format(name=figure.name, problem=problem))
        for failure in document["failures"]:
            self.console.print(_("not measured: {failure}").format(failure=failure))
        met = sum(figure.is_met for figure in figures)
        self.console.print(_("{met} of {all} targets are met.").format(met=met, all=len(figures)))
        self.stdout.write("\n" + report.markdown(figures, notes=notes))
