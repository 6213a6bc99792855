"""The rows about backups: what people and the schedule know of them."""

import getpass
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError, transaction

from config.backup import BackupError
from config.backup.archive import Manifest
from config.backup.writing import Written
from inventory.kernel import clock
from reports.models import Backup, BackupState

logger = logging.getLogger(__name__)


def operator() -> str:
    """Who runs this command, as rows name a person at the machine."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"command:{os.getuid()}"


@contextmanager
def noting(path: Path, *, nightly: bool = False, made_by: str) -> Iterator[Backup]:
    """A row about a backup under way; it fails with the block, whatever ended that.

    No row is no reason to make no backup: before an update the schema may be older than the code.
    """
    row = Backup(started_at=clock.now(), is_nightly=nightly, made_by=made_by, path=str(path))
    _keep(row)
    try:
        yield row
    except BaseException as error:
        row.state = BackupState.FAILED
        row.remark = (str(error) if isinstance(error, BackupError) else repr(error))[:500]
        raise
    finally:
        row.finished_at = clock.now()
        _keep(row)


def note_written(row: Backup, written: Written) -> None:
    """Its file is whole."""
    row.state, row.size_bytes, row.row_count = BackupState.DONE, written.size, written.manifest.row_count
    _keep(row)


def _keep(row: Backup) -> None:
    try:
        with transaction.atomic():
            left = Backup.objects.filter(state=BackupState.RUNNING).exclude(pk=row.pk)
            left.update(state=BackupState.FAILED, finished_at=clock.now(), remark="It was interrupted.")
            row.save()
    except DatabaseError as error:
        logger.warning("the backup is not listed in the back office: %s", error)


def note_restored(path: Path, manifest: Manifest) -> None:
    """After a restore: the file that was put back is the one backup of which all is known."""
    Backup.objects.filter(state=BackupState.RUNNING).delete()
    found = {
        "size_bytes": path.stat().st_size, "row_count": manifest.row_count, "checked_at": clock.now(),
        "state": BackupState.DONE, "started_at": manifest.instant, "finished_at": manifest.instant,
    }  # fmt: skip
    Backup.objects.update_or_create(path=str(path), defaults=found, create_defaults={**found, "made_by": operator()})
