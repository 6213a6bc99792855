"""`manage.py import_file KIND FILE --reason ...`: a file looked at, and applied as one import."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from inventory.imports import batches, work
from inventory.imports.batches import Asker, Wishes
from inventory.imports.errors import BadImport
from inventory.imports.kind import all_kinds
from inventory.models import ImportBatch, ImportStatus, RowState
from inventory.people.acting import acting

#: How many rows of each sort are printed; the back office and the API have all of them.
PRINTED = 10


class Command(BaseCommand):
    """0 where every row is applied or was so already, 1 where any is not. It is applied here, not by the worker."""

    help = "Brings in a CSV or XLSX file: says what differs, then applies it as one import that can be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=list(all_kinds()))
        parser.add_argument("file", type=Path)
        parser.add_argument("--reason", default="", help="why; the ledger keeps it. Needed unless --dry-run")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--preset", default="", help="whose columns they are, as linnworks or shopify")
        parser.add_argument("--mode", default="", help="of stock: set, add or remove")
        parser.add_argument(
            "--map", action="append", default=[], metavar="FIELD=COLUMN", help="which column is a field"
        )
        parser.add_argument("--again", action="store_true", help="add the units of a file that was applied once more")

    def handle(self, *, kind: str, file: Path, **options: Any) -> None:
        asker = Asker(*acting())
        if not options["reason"] and not options["dry_run"]:
            raise CommandError(_("Say why: --reason TEXT, or look first: --dry-run."))
        try:
            with file.open("rb") as opened:
                batch = self._upload(opened, kind, file.name, asker, options)
            batch = self._checked(batch, asker)
            if not options["dry_run"] and batch.new + batch.changed:
                batch = self._applied(batch, asker, options["reason"])
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        except BadImport as error:
            raise CommandError(str(error)) from None
        sys.stdout.flush()
        if batch.errors or batch.conflicts:
            sys.exit(1)

    def _upload(self, opened: Any, kind: str, name: str, asker: Asker, options: dict[str, Any]) -> ImportBatch:
        named = dict(pair.partition("=")[::2] for pair in options["map"])
        names = ("preset", "mode", "reason", "again")
        wishes = Wishes(mapping=None, **{each: options[each] for each in names})
        batch = batches.upload(opened, kind=kind, file_name=name, asker=asker, wishes=wishes)
        if named:
            batch.mapping = {**batch.mapping, **named}
        return batch

    def _checked(self, batch: ImportBatch, asker: Asker) -> ImportBatch:
        batches.check(batch, asker=asker, mapping=batch.mapping, alarm=False)
        self._work(batch, _("checking"))
        for earlier in batches.applied_before(batch):
            self.stdout.write(
                _("This very file was applied as {code} at {at}.").format(code=earlier, at=earlier.applied_at)
            )
        said = _("{code}: {total} rows: {new} new, {changed} changed, {unchanged} unchanged, {errors} not valid.")
        names = ("code", "total", "new", "changed", "unchanged", "errors")
        self.stdout.write(said.format(**{name: getattr(batch, name) for name in names}))
        self._print_rows(batch, RowState.ERROR)
        self._print_rows(batch, RowState.PLANNED)
        return batch

    def _applied(self, batch: ImportBatch, asker: Asker, reason: str) -> ImportBatch:
        batches.apply(batch, asker=asker, reason=reason, alarm=False)
        self._work(batch, _("applying"))
        said = _("{code} is applied: {applied} rows, {conflicts} had changed meanwhile and were left as they are.")
        self.stdout.write(said.format(code=batch, applied=batch.applied, conflicts=batch.conflicts))
        self._print_rows(batch, RowState.CONFLICT)
        return batch

    def _work(self, batch: ImportBatch, title: str) -> None:
        """Do it here, a bar telling how far it is."""
        console = Console(file=sys.stderr, force_terminal=None if os.isatty(2) else False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task: TaskID = bar.add_task(title, total=batch.total)
            work.run(batch.pk, at_once=True, progress=lambda one: bar.update(task, completed=one.done, total=one.total))
        batch.refresh_from_db()
        if batch.status == ImportStatus.FAILED:
            raise CommandError(batch.error)

    def _print_rows(self, batch: ImportBatch, state: RowState) -> None:
        rows = batch.rows.filter(state=state).order_by("number")
        for row in rows[:PRINTED]:
            if row.problems:
                what = "; ".join(f"{each['field']}: {each['message']}".lstrip(": ") for each in row.problems)
            else:
                what = f"{row.before or _('new')} -> {row.after}"
            self.stdout.write(f"  {_('row')} {row.number} ({row.key}): {what}")
        if (more := rows.count() - PRINTED) > 0:
            self.stdout.write(_("  and {more} more").format(more=more))
