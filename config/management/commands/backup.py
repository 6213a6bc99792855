"""`manage.py backup`: everything in one file, while the stack goes on selling."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from config.backup import BackupError, nightly, restoring
from config.backup.archive import alone
from config.backup.place import Place
from config.backup.progress import progress
from config.backup.records import note_written, noting, operator
from config.backup.writing import Written, backup_folder, file_name, write
from inventory.kernel import clock

NICENESS = 10  # of the nightly one: sales go before it


class Command(BaseCommand):
    """Write a consistent snapshot of the database, with the keys, into one file of mode 0600."""

    help = "Writes everything into one file, while the stack goes on. Whoever has the file has the channels' secrets."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="the file to write; it must not exist yet")
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER", help="write there under a name of its own (BACKUP_DIR)"
        )
        parser.add_argument(
            "--without-keys",
            action="store_true",
            help="leave the keys out: without secrets.json (or SECRET_KEY and ENCRYPTION_SALTS) channels' credentials are lost",
        )
        parser.add_argument(
            "--check", action="store_true", help="then restore it into a database beside and verify that"
        )
        parser.add_argument(
            "--nightly", action="store_true", help="as the schedule does: keep the last ones, check, alert"
        )

    def handle(self, *, file: Path | None, to: Path | None, **options: Any) -> None:
        if file and to:
            raise CommandError(_("Give either a file or a folder."))
        settings.LAYOUT.make_data_dir()
        try:
            if options["nightly"]:
                os.nice(NICENESS)
                nightly.make(show=self._show)
                return
            with alone(settings.LAYOUT.data):
                self._make(_target(file, to), check=options["check"], without_keys=options["without_keys"])
        except BackupError as error:
            raise CommandError(str(error), returncode=nightly.TOLD if options["nightly"] else 1) from error

    def _make(self, path: Path, *, check: bool, without_keys: bool) -> None:
        place = Place.of_settings()
        with noting(path, made_by=operator()) as row:
            with progress(sys.stderr, _("Written")) as meter:
                written = write(place, to=path, without_keys=without_keys, meter=meter)
            note_written(row, written)
            self._tell(written)
            if check:
                if differences := restoring.try_out(path, beside=place):
                    raise BackupError(
                        _("The ledger in it does not add up:\n{some}").format(some="\n".join(differences[:20]))
                    )
                row.checked_at = clock.now()
                self._show(_("It was restored into a database beside, and its ledger verified: no differences."))

    def _tell(self, written: Written) -> None:
        size = filesizeformat(written.size).replace("\xa0", " ")
        rows = written.manifest.row_count
        self._show(_("{path}: {size}, {rows} rows.").format(path=written.path, size=size, rows=rows))
        if written.manifest.has_keys:
            self._show(_("The keys of the channels' credentials are in it: keep it as you keep passwords."))

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _target(file: Path | None, to: Path | None) -> Path:
    if file:
        return file.expanduser().absolute()
    folder = to.expanduser().absolute() if to else backup_folder()
    if not folder.is_dir():
        raise BackupError(_("{folder} is no folder.").format(folder=folder))
    return folder / file_name("backup", now=clock.now())
