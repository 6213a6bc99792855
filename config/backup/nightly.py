"""The nightly backup: when it is due, how it is made and checked, and which ones are kept.

Beat rings every ten minutes; what is due stands in rows, so a machine that is off at night backs up when it is on again.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from config.backup import BackupError, BusyError, restoring
from config.backup.archive import Archive, alone, reading, sweep
from config.backup.place import Place
from config.backup.records import note_written, noting
from config.backup.writing import backup_folder, file_name, write
from config.layout import PROJECT_DIR
from inventory.kernel import clock
from reports.alerts import close_matter, raise_alert
from reports.models import AlertKind, Backup
from reports.models.backup import BackupQuerySet

logger = structlog.get_logger(__name__)

KIND = "nightly"
SUBJECT = "nightly"
ACTOR = "system"
RETRY_AFTER = timedelta(hours=1)
#: The command's exit status where it failed and has said so by an alert.
TOLD = 3
LATE_AFTER = timedelta(days=2)
#: Room that a trial needs on the disk of an embedded server, in sizes of the database.
TRIAL_ROOM = 1.5


def run_if_due() -> bool:
    """Have the backup made in a process of its own, if it is due; whether it was."""
    if not is_due():
        return False
    command = [sys.executable, str(PROJECT_DIR / "manage.py"), "backup", "--nightly"]
    ran = subprocess.run(
        command, cwd=PROJECT_DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ran.returncode not in (0, TOLD):  # else it has raised its alert itself
        said = ran.stderr.strip()[-500:] or _("It ended with status {status}.").format(status=ran.returncode)
        logger.error("the nightly backup failed: %s", said)
        raise_alert(AlertKind.BACKUP, subject=SUBJECT, message=said)
    return True


def is_due() -> bool:
    """Whether this night's backup is still to be made, and not just been tried in vain."""
    now = clock.now()
    slot = last_slot(now)
    if settings.BACKUPS_KEPT < 1 or slot < installed_at():
        return False
    written = _nightly().filter(started_at__gte=slot, size_bytes__isnull=False)  # also one that failed its trial
    if any(Path(path).is_file() for path in written.values_list("path", flat=True)):
        return False
    return not _nightly().filter(started_at__gt=now - RETRY_AFTER).exists()


def last_slot(now: datetime) -> datetime:
    """The latest instant at which a backup was to be made."""
    slot = now.replace(hour=settings.BACKUP_HOUR_UTC % 24, minute=0, second=0, microsecond=0)
    return slot if slot <= now else slot - timedelta(days=1)


def installed_at() -> datetime:
    """When the first migration was applied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(applied), now()) FROM django_migrations")
        instant: datetime = cursor.fetchone()[0]
    return instant


def make(*, show: Callable[[str], None]) -> Path:
    """Make one, check it if its turn has come, keep the last ones. An alert is raised or ended accordingly."""
    try:
        path = _make(show)
    except BusyError:
        raise
    except BackupError as error:
        raise_alert(AlertKind.BACKUP, subject=SUBJECT, message=str(error))
        raise
    close_matter(AlertKind.BACKUP, subject=SUBJECT)
    return path


def _make(show: Callable[[str], None]) -> Path:
    folder = backup_folder()
    with alone(settings.LAYOUT.data):
        sweep(folder)
        path = folder / file_name(KIND, now=clock.now())
        try:
            with noting(path, nightly=True, made_by=ACTOR) as row:
                _write_and_try(row, path, show)
        finally:
            for gone in prune(folder):
                show(_("{path} is removed: {count} are kept.").format(path=gone, count=settings.BACKUPS_KEPT))
    return path


def _write_and_try(row: Backup, path: Path, show: Callable[[str], None]) -> None:
    place = Place.of_settings()
    written = write(place, to=path)
    note_written(row, written)
    show(_("{path}: {rows} rows.").format(path=path, rows=written.manifest.row_count))
    if needs_trial(clock.now()):
        row.remark = _try_out(path, place, database_bytes=written.manifest.database_bytes)
        row.checked_at = None if row.remark else clock.now()
        show(row.remark or _("It was restored into a database beside, and its ledger verified: no differences."))


def needs_trial(now: datetime) -> bool:
    """Whether the last one that was restored to check is so long ago that it is this one's turn."""
    if settings.BACKUP_CHECK_DAYS < 1:
        return False
    recently = now - timedelta(days=settings.BACKUP_CHECK_DAYS) + timedelta(hours=1)
    return not Backup.objects.filter(checked_at__gt=recently).exists()


def _try_out(path: Path, place: Place, *, database_bytes: int) -> str:
    """Why the trial could not be made; raises where it was made and failed."""
    free = shutil.disk_usage(settings.LAYOUT.home).free
    if settings.EMBEDDED_DATABASE and free < database_bytes * TRIAL_ROOM + settings.BACKUP_LEAVES_FREE_MB * 1024**2:
        return _("Not restored to check: the disk has no room for a second database.")
    try:
        differences = restoring.try_out(path, beside=place)
    except BackupError as error:
        raise BackupError(_("It was made, but does not restore: {error}").format(error=error)) from error
    if differences:
        raise BackupError(_("Its ledger does not add up: {some}").format(some="; ".join(differences[:3])))
    return ""


def prune(folder: Path) -> list[Path]:
    """Remove the oldest nightly files but for those to be kept, and never the last one known to restore."""
    whole = [path for path in sorted(folder.glob(file_name_pattern()), reverse=True) if is_whole(path)]
    checked = Backup.objects.filter(checked_at__isnull=False).order_by("-started_at").values_list("path", flat=True)
    proven = next((path for path in map(Path, checked) if path in whole), None)
    gone = [path for path in whole[max(1, settings.BACKUPS_KEPT) :] if path != proven]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def file_name_pattern() -> str:
    """Nightly files, and none that somebody made by hand."""
    return f"sellonce-{KIND}-*.zip"


def is_whole(path: Path) -> bool:
    """Whether a file opens as a backup: one that does not is no reason to let another go."""
    try:
        with reading(path) as archive:
            return isinstance(archive, Archive)
    except BackupError:
        return False


def _nightly() -> BackupQuerySet:
    return Backup.objects.filter(is_nightly=True)
