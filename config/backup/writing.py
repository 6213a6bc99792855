"""Make a backup: one snapshot, read by pg_dump while the stack goes on selling."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.utils.translation import gettext as _

from config.backup import BackupError, archive, contents
from config.backup.archive import DATABASE_PART, KEYS_PART, Manifest, Meter
from config.backup.clients import find_clients, reading_from
from config.backup.keys import Keys
from config.backup.place import Place, first_line

LOCK_WAIT_SECONDS = 60
#: More costs time that the machine has better use for.
COMPRESSION = 4


@dataclass(frozen=True)
class Written:
    """A finished file."""

    path: Path
    size: int
    manifest: Manifest


def file_name(kind: str, *, now: datetime) -> str:
    """What a backup of this instant is called."""
    return f"sellonce-{kind}-{now.astimezone(UTC):%Y%m%d-%H%M%S}.zip"


def backup_folder() -> Path:
    """Where backups go unless somebody says otherwise; private."""
    folder: Path = settings.BACKUP_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(_("{folder} cannot be made: {error}").format(folder=folder, error=error.strerror)) from error
    return folder


def write(
    place: Place, *, to: Path, keys: Keys | None = None, without_keys: bool = False, meter: Meter = lambda size: None
) -> Written:
    """Write everything that the database holds at this instant into one file, and the keys unless told not to."""
    try:
        clients = find_clients(server_major=place.server_major())
        with place.connect(autocommit=False) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'")
            snapshot, manifest = _describe(connection, place, client_major=clients.major)
            with archive.new(to, meter=meter) as writer:
                command = [
                    *(clients.dump, f"--dbname={place.conninfo()}", "--format=custom", f"--snapshot={snapshot}"),
                    *(f"--compress={COMPRESSION}", "--no-owner", "--no-privileges", "--no-comments"),
                    f"--lock-wait-timeout={LOCK_WAIT_SECONDS}s",
                ]
                with reading_from(command, environment=place.environment()) as dump:
                    writer.add(DATABASE_PART, dump)
                if not without_keys:
                    writer.add(KEYS_PART, io.BytesIO((keys or Keys.of_settings()).to_json()))
                manifest = writer.finish(manifest)
    except psycopg.Error as error:
        raise BackupError(_("The database refused: {error}").format(error=first_line(error))) from error
    return Written(to, to.stat().st_size, manifest)


def _describe(connection: contents.Connection, place: Place, *, client_major: int) -> tuple[str, Manifest]:
    """The snapshot's name, and what is in it, seen through it."""
    began = datetime.now(UTC)
    row = connection.execute("SELECT pg_export_snapshot(), pg_database_size(current_database())").fetchone()
    assert row is not None
    if "django_migrations" not in contents.tables(connection):
        raise BackupError(_("The database {name} holds nothing of SellOnce.").format(name=place.name))
    manifest = Manifest(
        product=archive.product_version(),
        taken_at=began.isoformat(),
        server_major=connection.info.server_version // 10000,
        client_major=client_major,
        migrations=contents.migrations(connection),
        rows=contents.count_rows(connection),
        grants=contents.rights(connection, place.application),
        database_bytes=int(row[1]),
    )
    return str(row[0]), manifest
