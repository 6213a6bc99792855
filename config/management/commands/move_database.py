"""`manage.py move_database --to URL`: from the embedded server (or any) to another one."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from channels.models import Channel
from config import servers
from config.backup import BackupError, moving, restoring
from config.backup.archive import alone
from config.backup.place import Place
from config.backup.progress import progress
from config.backup.writing import backup_folder, file_name, write
from config.processes import ServerError
from inventory.kernel import clock


class Command(BaseCommand):
    """Save, restore there, verify there, say what to put into `.env`. Here everything stays as it is."""

    help = "Takes the database to another PostgreSQL server and says what to put into .env. The stack must be stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="URL", help="postgres://owner:password@host:5432/name")
        parser.add_argument(
            "--application", default="", metavar="URL", help="the same with the application's role; else a role is made"
        )
        parser.add_argument("--replace", action="store_true", help="even if there is something in that database")

    def handle(self, *, to: str, application: str, replace: bool, **_options: Any) -> None:
        settings.LAYOUT.make_data_dir()
        try:
            with alone(settings.LAYOUT.data), servers.held(settings.LAYOUT, by_launcher=False):
                self._move(Place.of_url(to), application, replace=replace)
        except (BackupError, ServerError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(_("Stopped. Nothing was moved.")) from None

    def _move(self, there: Place, application: str, *, replace: bool) -> None:
        here = Place.of_settings()
        restoring.refuse_while_used(here)
        there.check_rights()
        if not replace:
            moving.refuse_filled(there)
        destination = moving.prepare(there, application_url=application)
        try:
            self._carry(here, destination)
        except BaseException:
            destination.undo()
            raise
        self._tell(destination)

    def _carry(self, here: Place, destination: moving.Destination) -> None:
        path = backup_folder() / file_name("before-move", now=clock.now())
        with progress(sys.stderr, _("Saved")) as meter:
            written = write(here, to=path, meter=meter)
        self._show(_("Saved into {path}: {rows} rows.").format(path=path, rows=written.manifest.row_count))
        size = written.manifest.parts["database.dump"]["bytes"]
        with progress(sys.stderr, _("Filling"), total=size) as filling:
            moving.move(path, destination, say=self._show, meters=restoring.Meters(filling=filling))

    def _tell(self, destination: moving.Destination) -> None:
        self._show(_("Put this into .env (only its owner should be able to read that file), then start the stack:"))
        self._show("")
        self._show(f"DATABASE_URL={destination.application_url}")
        self._show(f"DATABASE_OWNER_URL={destination.owner_url}")
        if Channel.objects.filter(
            base_url__regex=r"^https?://(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)"
        ).exists():
            self._show("CHANNEL_ALLOW_PRIVATE_URLS=true")
        self._show("")
        self._show(
            _(
                "DATA_DIR stays the same: the keys of the channels' credentials are in it, and the embedded Redis server."
            )
        )
        self._show(
            _("The former database is as it was; do not start the stack on it again. Then run: manage.py doctor")
        )

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
