"""`manage.py restore FILE`: put a backup back."""

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from config import servers
from config.backup import BackupError, aftermath, contents, restoring
from config.backup.archive import Manifest, alone, reading
from config.backup.keys import put_in_place
from config.backup.place import Place
from config.backup.progress import progress
from config.backup.writing import backup_folder, file_name, write
from config.processes import ServerError
from inventory.kernel import clock


class Command(BaseCommand):
    """Check the file, restore it beside, verify the ledger there, then swap; a failure leaves the old database as it was."""

    help = "Puts a backup back. The stack must be stopped. A failed restore leaves the present database as it was."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="take the place of the present database")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--without-saving", action="store_true", help="do not make a backup of the present database before it goes"
        )
        parser.add_argument("--accept-differences", action="store_true", help="even if its ledger does not add up")
        parser.add_argument("--check", action="store_true", help="only try it out: the present database stays")

    def handle(self, *, file: Path, **options: Any) -> None:
        settings.LAYOUT.make_data_dir()
        file = file.expanduser().absolute()
        try:
            with alone(settings.LAYOUT.data):
                if options["check"]:
                    return self._try_out(file)
                with servers.held(settings.LAYOUT, by_launcher=False):
                    self._restore(file, **options)
        except (BackupError, ServerError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(_("Stopped. The present database is as it was.")) from None

    def _try_out(self, file: Path) -> None:
        if differences := restoring.try_out(file, beside=Place.of_settings()):
            raise BackupError("\n".join(differences[:20]))
        self._show(_("It restores: every row is there and its ledger adds up. The copy is gone again."))

    def _restore(self, file: Path, **options: Any) -> None:
        place = Place.of_settings()
        with reading(file) as archive:
            contents.refuse_newer(archive.manifest)
            manifest = archive.manifest
        if not place.has_role(place.application):
            raise BackupError(_("The database server has no role {role}.").format(role=place.application))
        restoring.refuse_while_used(place)
        _refuse_full_disk(manifest)
        self._confirm(place, manifest, **options)
        done: list[str] = []
        size = manifest.parts["database.dump"]["bytes"]
        with progress(sys.stderr, _("Filling"), total=size) as filling:
            restored = restoring.restore(
                file,
                into=place,
                say=self._show,
                meters=restoring.Meters(filling=filling),
                accept_differences=options["accept_differences"],
                finish=lambda manifest: done.extend(aftermath.make_up_for(manifest, file=file)),
            )
        if restored.keys:
            done += put_in_place(restored.keys, layout=settings.LAYOUT)
        if restored.migrated:
            done.append(_("{count} migrations were applied: the backup is older.").format(count=restored.migrated))
        done.append(_credentials(restored))
        for line in done:
            self._show(line)
        self._show(_("Now start the stack, and run: manage.py doctor"))

    def _confirm(self, place: Place, manifest: Manifest, *, replace: bool, yes: bool, **options: Any) -> None:
        rows = present_rows(place)
        if not rows:
            return
        if not replace:
            raise BackupError(
                _(
                    "The database {name} is not empty ({rows} rows).\n"
                    "Cure: add --replace, and the backup takes its place; the present one is saved into a file first."
                ).format(name=place.name, rows=rows)
            )
        if not yes:
            self._ask(place, manifest)
        if not options["without_saving"]:
            self._save(place)

    def _ask(self, place: Place, manifest: Manifest) -> None:
        when = f"{manifest.instant:%Y-%m-%d %H:%M:%S}"
        self._show(_("All that happened after {when} UTC will be gone from {name}.").format(when=when, name=place.name))
        self.stdout.write(_("Type the database's name to go on: "), ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip() != place.name:
            raise BackupError(_("Nothing was changed."))

    def _save(self, place: Place) -> None:
        path = backup_folder() / file_name("before-restore", now=clock.now())
        try:
            write(place, to=path)
        except BackupError as error:
            hint = _("The present database cannot be saved first; --without-saving goes on without.")
            raise BackupError(f"{error}\n{hint}") from error
        self._show(_("The present database was saved: {path}").format(path=path))

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def present_rows(place: Place) -> int:
    """How many rows stand to be replaced; 0 where there is no such database, or none of ours in it."""
    if not place.exists():
        return 0
    with place.connect() as connection:
        return sum(contents.count_rows(connection).values())


def _refuse_full_disk(manifest: Manifest) -> None:
    """The embedded server's disk has to hold the new database beside the present one."""
    needed = manifest.database_bytes * 5 // 4 + settings.BACKUP_LEAVES_FREE_MB * 1024**2
    free = shutil.disk_usage(settings.LAYOUT.home).free
    if settings.EMBEDDED_DATABASE and free < needed:
        raise BackupError(
            _("{needed} MiB are needed on the disk of {folder}, and {free} are free. Cure: free some space.").format(
                needed=needed // 1024**2, folder=settings.LAYOUT.home, free=free // 1024**2
            )
        )


def _credentials(restored: restoring.Restored) -> str:
    if restored.unreadable:
        return _(
            "{unreadable} of {count} credentials cannot be decrypted with the keys of this installation: put its keys back"
            " (secrets.json, or SECRET_KEY and ENCRYPTION_SALTS), or enter those credentials anew."
        ).format(unreadable=restored.unreadable, count=restored.encrypted)
    return _("{count} encrypted credentials can be read.").format(count=restored.encrypted)
