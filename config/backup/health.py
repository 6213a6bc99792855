"""What the doctor says about backups."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from config.backup import nightly
from inventory.kernel import clock
from reports.models import Backup, BackupState

NOW = "run: python manage.py backup --check"
#: A disk that a backup was written to may be on a shelf now: the latest one that is here counts.
LOOKED_AT = 50
OVERDUE = "see Settings > Backups in the back office for what went wrong, and run: python manage.py backup --check"


def state_of_backups() -> tuple[str, str]:
    """The last one's age and whether it restores; and the cure, if that is not as it should be."""
    now = clock.now()
    done = list(Backup.objects.done()[:LOOKED_AT])
    last = next((row for row in done if Path(row.path).is_file()), done[0] if done else None)
    if settings.BACKUPS_KEPT < 1:
        return _("the nightly backup is switched off (BACKUPS_KEPT=0)"), ""
    if last is None:
        if now - nightly.installed_at() < nightly.LATE_AFTER:
            return _("none yet; the first is made at {hour:02}:00 UTC").format(hour=settings.BACKUP_HOUR_UTC % 24), ""
        return _("there is none"), OVERDUE
    detail = _("the last one is {age} old").format(age=_age(now - last.started_at))
    if not Path(last.path).is_file():
        return _("{detail}, but its file is gone: {path}").format(detail=detail, path=last.path), NOW
    proven = Backup.objects.filter(checked_at__isnull=False).order_by("-checked_at").first()
    if proven is not None and proven.checked_at is not None:
        which = _("it restores") if proven == last else _("an earlier one restores")
        detail += "; " + _("{which} (tried {age} ago)").format(which=which, age=_age(now - proven.checked_at))
    else:
        detail += "; " + _("none was restored to check yet")
    if now - last.started_at > nightly.LATE_AFTER:
        return detail, OVERDUE
    attempt = Backup.objects.exclude(state=BackupState.RUNNING).order_by("-started_at").first()
    if attempt is not None and attempt.state == BackupState.FAILED:
        return _("{detail}; the latest attempt failed: {why}").format(detail=detail, why=attempt.remark), OVERDUE
    if settings.BACKUP_CHECK_DAYS and (proven is None or _is_stale(now - proven.checked_at)):  # type: ignore[operator]
        return detail, NOW
    return detail, ""


def _is_stale(age: timedelta) -> bool:
    return age > timedelta(days=settings.BACKUP_CHECK_DAYS) + nightly.LATE_AFTER


def _age(age: timedelta) -> str:
    """A duration in words."""
    now = clock.now()
    return timesince(now - age, now).replace("\xa0", " ")
