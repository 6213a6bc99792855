"""Put a backup back: into a database beside, checked there, then swapped in by renaming.

Until the swap, which is one transaction, the present database is only read. Killed before it, the old one stays; after it,
the new one is in place.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from django.core.management import call_command
from django.core.management.commands import migrate
from django.utils.translation import gettext as _

from config.backup import BackupError, contents
from config.backup.archive import DATABASE_PART, KEYS_PART, Archive, Manifest, Meter, reading
from config.backup.clients import find_clients, writing_to
from config.backup.keys import Keys, count_unreadable, using
from config.backup.place import Place, first_line, speaking_to
from inventory import rebuild

RESTORING, CHECKING, FORMER = "_restoring", "_checking", "_former"
DIFFERENCES_SHOWN = 20
HANGS_UP_SECONDS = 2.0
#: Newer programs set it in any server; an older one does not know it, which does no harm.
KNOWS_TRANSACTION_TIMEOUT = 17
#: The copy need not reach the disk row by row: it counts for nothing until the swap, whose commit waits for all before it.
FAST = {"PGOPTIONS": "-c synchronous_commit=off -c maintenance_work_mem=256MB"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Meters:
    """Who is told how far the long steps are."""

    checking: Meter = lambda size: None
    filling: Meter = lambda size: None


@dataclass
class Restored:
    """What a restore found."""

    manifest: Manifest
    keys: Keys | None
    unreadable: int = 0
    encrypted: int = 0
    migrated: int = 0
    differences: list[str] = field(default_factory=list)


def restore(
    file: Path,
    *,
    into: Place,
    say: Say,
    meters: Meters | None = None,
    accept_differences: bool = False,
    finish: Callable[[Manifest], None] = lambda manifest: None,
) -> Restored:
    """Make ``into`` what the file says. ``finish`` is called with Django speaking to the new database before it is swapped in."""
    meters = meters or Meters()
    with _stopping_in_order(), _plain_words(), reading(file) as archive:
        contents.refuse_newer(archive.manifest)
        archive.check(meter=meters.checking)
        say(
            _("The file is whole, and was made at {time} UTC.").format(
                time=f"{archive.manifest.instant:%Y-%m-%d %H:%M:%S}"
            )
        )
        into.check_rights()
        refuse_while_used(into)
        beside = into.beside(RESTORING)
        beside.make()
        try:
            fill(beside, archive, meter=meters.filling)
            say(_("{count} rows are back, in a database beside.").format(count=archive.manifest.row_count))
            restored = _complete(beside, archive, say=say, accept_differences=accept_differences, finish=finish)
            refuse_while_used(into)
            former = into.beside(FORMER)
            beside.take_the_place_of(into, former=former)
        except BaseException:
            beside.drop()
            raise
        say(_("The new database has taken its place."))
        former.drop()
    return restored


def try_out(file: Path, *, beside: Place) -> list[str]:
    """Restore a file of this version for a trial, drop the copy again; what the ledger's checker says."""
    copy = beside.beside(CHECKING)
    with _stopping_in_order(), _plain_words(), reading(file) as archive:
        archive.check()
        copy.check_rights()
        copy.make()
        try:
            fill(copy, archive)
            return _verify(copy)
        finally:
            copy.drop()


def fill(place: Place, archive: Archive, *, meter: Meter = lambda size: None) -> None:
    """Put the rows into an empty database and count them."""
    manifest = archive.manifest
    clients = find_clients(server_major=max(manifest.client_major, place.server_major()))
    command = [
        *(clients.restore, f"--dbname={place.conninfo()}", "--format=custom", "--no-owner", "--no-privileges"),
        "--no-comments",
    ]
    is_older = place.server_major() < KNOWS_TRANSACTION_TIMEOUT <= clients.major
    if not is_older:
        command.append("--exit-on-error")
    forgiven = 'unrecognized configuration parameter "transaction_timeout"' if is_older else ""
    size = 0
    with writing_to(command, environment={**place.environment(), **FAST}, forgiven=forgiven) as sink:
        for chunk in archive.chunks(DATABASE_PART):
            sink.write(chunk)
            size += len(chunk)
            meter(size)
    with place.connect() as connection:
        connection.execute("ANALYZE")
        found = contents.count_rows(connection)
    if found != manifest.rows:
        wrong = sorted(name for name in {*found, *manifest.rows} if found.get(name) != manifest.rows.get(name))
        raise BackupError(_("Rows are missing in {tables}.").format(tables=", ".join(wrong[:5])))


def _complete(
    beside: Place, archive: Archive, *, say: Say, accept_differences: bool, finish: Callable[[Manifest], None]
) -> Restored:
    """Rights, migrations, the ledger's check, and what is owed now; all in the database beside."""
    manifest = archive.manifest
    keys = Keys.parse(archive.read(KEYS_PART)) if manifest.has_keys else None
    with beside.connect() as connection:
        if beside.application != beside.role:
            contents.grant(connection, beside.application, recorded=manifest.grants)
    with using(keys):
        restored = Restored(manifest, keys, migrated=_migrate(beside))
        restored.differences = _verify(beside)
        if restored.differences and not accept_differences:
            some = "\n".join(restored.differences[:DIFFERENCES_SHOWN])
            raise BackupError(
                _(
                    "The ledger in this backup does not add up ({count} differences):\n{some}\n"
                    "Cure: restore an older backup, or take it as it is with --accept-differences."
                ).format(count=len(restored.differences), some=some)
            )
        say(_("The ledger was verified: {count} differences.").format(count=len(restored.differences)))
        with speaking_to(beside):
            restored.unreadable, restored.encrypted = count_unreadable()
            finish(manifest)
    return restored


def _migrate(place: Place) -> int:
    before = _applied(place)
    with speaking_to(place):
        call_command(migrate.Command(), interactive=False, verbosity=0)
    return _applied(place) - before


def _applied(place: Place) -> int:
    with place.connect() as connection:
        return sum(map(len, contents.migrations(connection).values()))


def _verify(place: Place) -> list[str]:
    with speaking_to(place):
        return [f"{difference.kind}: {difference.message}" for difference in rebuild.verify()]


def refuse_while_used(place: Place) -> None:
    """Refuse where a process still works with the database; one that has just hung up takes a moment to be gone."""
    deadline = time.monotonic() + HANGS_UP_SECONDS
    while (others := place.others()) and time.monotonic() < deadline:
        time.sleep(0.1)
    if others:
        raise BackupError(
            _(
                "The database {name} is in use by {who}.\nCure: stop the stack (web, workers, beat) and other programs first."
            ).format(name=place.name, who=", ".join(others[:5]))
        )


@contextmanager
def _plain_words() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise BackupError(_("The database refused: {error}").format(error=first_line(error))) from error


@contextmanager
def _stopping_in_order() -> Iterator[None]:
    """Told to stop, we stop as by Ctrl-C: what was made beside goes."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        former: Any = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: nobody tells us
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
