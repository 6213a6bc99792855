"""When a backup is due, what becomes of it, which ones are kept, and what the doctor says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from config.backup import BackupError, nightly
from config.backup.health import state_of_backups
from config.backup.place import Place
from config.backup.writing import write
from inventory.kernel import clock
from reports.models import Alert, AlertKind, Backup, BackupState
from tests.config.backup.conftest import databases_beside

pytestmark = pytest.mark.django_db(transaction=True)

MORNING = datetime(2031, 5, 10, 9, 30, tzinfo=UTC)
NIGHT = datetime(2031, 5, 10, 2, 0, tzinfo=UTC)


class Hands:
    """The wall clock, moved by hand."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant


@pytest.fixture
def hands(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """It is the morning of a day after the first."""
    found = Hands(MORNING)
    monkeypatch.setattr(clock, "now", lambda: found.instant)
    yield found
    installed(datetime.now(UTC))  # the table outlives the test


def installed(at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = %s", [at])


def a_row(started_at: datetime, **fields: Any) -> Backup:
    given = {"made_by": "system", "is_nightly": True, "state": BackupState.DONE, "finished_at": started_at}
    return Backup.objects.create(started_at=started_at, **{**given, **fields})


def a_file(folder: Path, name: str = "sellonce-nightly-1.zip") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).touch()
    return str(folder / name)


def nothing(_line: str) -> None:
    """Nobody listens."""


# When


@pytest.mark.parametrize(
    ("now", "hour", "slot"),
    [
        (MORNING, 2, NIGHT),
        (NIGHT, 2, NIGHT),
        (NIGHT - timedelta(seconds=1), 2, NIGHT - timedelta(days=1)),
        (MORNING, 23, datetime(2031, 5, 9, 23, 0, tzinfo=UTC)),
    ],
)
def test_the_slot_is_the_latest_hour_of_backups(now: datetime, hour: int, slot: datetime, settings: Any) -> None:
    settings.BACKUP_HOUR_UTC = hour
    assert nightly.last_slot(now) == slot


def test_one_is_due_after_the_hour_if_none_was_made_since(hands: Hands, backups: Path) -> None:
    installed(MORNING - timedelta(days=30))
    assert nightly.is_due()
    a_row(NIGHT - timedelta(minutes=1), path=a_file(backups), size_bytes=1)
    assert nightly.is_due()
    a_row(NIGHT + timedelta(minutes=1), path=a_file(backups), size_bytes=1)
    assert not nightly.is_due()


def test_the_first_is_due_in_the_night_after_the_first_day(hands: Hands) -> None:
    installed(MORNING)
    assert not nightly.is_due()
    hands.instant = NIGHT + timedelta(days=1)
    assert nightly.is_due()


def test_none_is_due_where_none_are_kept(hands: Hands, settings: Any) -> None:
    installed(MORNING - timedelta(days=30))
    settings.BACKUPS_KEPT = 0
    assert not nightly.is_due()


def test_after_a_failure_it_is_due_again_in_an_hour(hands: Hands) -> None:
    installed(MORNING - timedelta(days=30))
    a_row(MORNING - timedelta(minutes=59), state=BackupState.FAILED)
    assert not nightly.is_due()
    hands.instant += timedelta(minutes=2)
    assert nightly.is_due()


def test_one_that_failed_its_trial_is_not_made_again_this_night(hands: Hands, backups: Path) -> None:
    installed(MORNING - timedelta(days=30))
    a_row(NIGHT, state=BackupState.FAILED, size_bytes=1, path=a_file(backups))
    assert not nightly.is_due()


def test_one_whose_file_is_gone_is_made_again(hands: Hands) -> None:
    installed(MORNING - timedelta(days=30))
    a_row(NIGHT, size_bytes=1, path="/nowhere/a.zip")
    assert nightly.is_due()


# What


def test_it_is_made_checked_and_noted(merchant: Place, backups: Path) -> None:
    path = nightly.make(show=nothing)
    assert list(backups.iterdir()) == [path]
    row = Backup.objects.get()
    assert (row.state, row.path, row.made_by, row.is_nightly) == ("done", str(path), "system", True)
    assert row.size_bytes == path.stat().st_size and row.row_count is not None and row.row_count > 50
    assert row.checked_at is not None and row.remark == ""
    assert databases_beside(merchant) == []
    assert not Alert.objects.exists()


def test_it_is_checked_as_often_as_the_setting_says(merchant: Place, settings: Any) -> None:
    now = clock.now()
    for days, checked, needed in ((0, None, False), (1, None, True), (1, now - timedelta(hours=24), True),
                                  (1, now - timedelta(hours=2), False), (7, now - timedelta(days=6), False),
                                  (7, now - timedelta(days=7), True)):  # fmt: skip
        settings.BACKUP_CHECK_DAYS = days
        Backup.objects.all().delete()
        a_row(now, checked_at=checked)
        assert nightly.needs_trial(now) is needed, (days, checked)


def test_a_failure_is_told_and_ends_with_the_next_success(merchant: Place, backups: Path, settings: Any) -> None:
    settings.BACKUP_CHECK_DAYS = 0
    backups.write_text("a file where the folder should be")
    for _ in range(2):
        with pytest.raises(BackupError, match="cannot be made"):
            nightly.make(show=nothing)
    alert = Alert.objects.get(kind=AlertKind.BACKUP)
    assert "cannot be made" in alert.message and alert.count == 2 and alert.closed_at is None
    backups.unlink()
    nightly.make(show=nothing)
    alert.refresh_from_db()
    assert alert.closed_by == "system"


def test_one_that_does_not_restore_is_told(merchant: Place, backups: Path) -> None:
    with merchant.connect() as owner:
        owner.execute("UPDATE inventory_stocklevel SET available = available + 3, number = number")
    with pytest.raises(BackupError, match="ledger does not add up"):
        nightly.make(show=nothing)
    row = Backup.objects.get()
    assert row.state == BackupState.FAILED and "does not add up" in row.remark and row.checked_at is None
    assert Alert.objects.get().message.startswith("Its ledger does not add up: level: MUG")
    assert len(list(backups.iterdir())) == 1  # better than none


def test_the_task_has_it_made_by_a_process_of_its_own(merchant: Place, hands: Hands) -> None:
    installed(MORNING - timedelta(days=1))
    a_row(NIGHT, size_bytes=1, path=__file__)
    assert nightly.run_if_due() is False


def test_a_backup_that_was_killed_counts_as_failed(merchant: Place) -> None:
    a_row(clock.now() - timedelta(days=1), state=BackupState.RUNNING, finished_at=None)
    nightly.make(show=nothing)
    assert list(Backup.objects.order_by("started_at").values_list("state", "remark")) == [
        ("failed", "It was interrupted."), ("done", ""),
    ]  # fmt: skip


# Which are kept


def test_the_last_seven_are_kept(merchant: Place, backups: Path) -> None:
    names = make_files(merchant, backups, 9)
    assert [path.name for path in nightly.prune(backups)] == names[1::-1]
    assert sorted(path.name for path in backups.iterdir()) == names[2:]


def test_the_last_one_known_to_restore_is_kept_however_old(merchant: Place, backups: Path, settings: Any) -> None:
    settings.BACKUPS_KEPT = 2
    names = make_files(merchant, backups, 5)
    a_row(MORNING, path=str(backups / names[0]), checked_at=MORNING)
    nightly.prune(backups)
    assert sorted(path.name for path in backups.iterdir()) == [names[0], *names[3:]]


def test_files_of_others_and_damaged_ones_neither_count_nor_go(merchant: Place, backups: Path, settings: Any) -> None:
    settings.BACKUPS_KEPT = 1
    names = make_files(merchant, backups, 2)
    for name in ("sellonce-backup-20310101-000000.zip", "sellonce-nightly-20991231-000000.zip", "notes.txt"):
        (backups / name).write_text("not a backup")
    assert [path.name for path in nightly.prune(backups)] == [names[0]]
    assert len(list(backups.iterdir())) == 4


def make_files(place: Place, folder: Path, count: int) -> list[str]:
    """Nightly backups of so many nights."""
    folder.mkdir(exist_ok=True)
    first = write(place, to=folder / "sellonce-nightly-20310501-020000.zip").path
    names = [first.name]
    for day in range(2, count + 1):
        names.append(f"sellonce-nightly-203105{day:02}-020000.zip")
        (folder / names[-1]).write_bytes(first.read_bytes())
    return names


# What the doctor says


def test_on_the_first_day_there_is_none_yet(hands: Hands) -> None:
    installed(MORNING)
    assert state_of_backups() == ("none yet; the first is made at 02:00 UTC", "")
    hands.instant += timedelta(days=2)
    assert state_of_backups()[0] == "there is none"
    assert "manage.py backup --check" in state_of_backups()[1]


def test_the_last_ones_age_and_that_it_restores(hands: Hands, backups: Path) -> None:
    installed(MORNING - timedelta(days=9))
    a_row(NIGHT, path=a_file(backups), checked_at=NIGHT + timedelta(minutes=30))
    assert state_of_backups() == ("the last one is 7 hours, 30 minutes old; it restores (tried 7 hours ago)", "")


@pytest.mark.parametrize(
    ("age", "checked", "detail"),
    [
        (timedelta(days=2, hours=1), timedelta(0), "the last one is 2 days, 1 hour old; it restores"),
        (timedelta(hours=1), None, "the last one is 1 hour old; none was restored to check yet"),
    ],
)
def test_what_is_late_or_was_never_tried_has_a_cure(
    hands: Hands, backups: Path, age: timedelta, checked: timedelta | None, detail: str
) -> None:
    installed(MORNING - timedelta(days=9))
    at = MORNING - age
    a_row(at, path=a_file(backups), checked_at=None if checked is None else at)
    said, cure = state_of_backups()
    assert said.startswith(detail) and "backup --check" in cure


def test_a_file_that_is_gone_has_a_cure(hands: Hands) -> None:
    installed(MORNING - timedelta(days=9))
    a_row(NIGHT, path="/nowhere/a.zip", checked_at=NIGHT)
    assert state_of_backups()[0].endswith("but its file is gone: /nowhere/a.zip")
    assert state_of_backups()[1]


def test_a_failed_attempt_after_a_good_one_has_a_cure(hands: Hands, backups: Path) -> None:
    installed(MORNING - timedelta(days=9))
    a_row(NIGHT - timedelta(days=1), path=a_file(backups), checked_at=NIGHT)
    a_row(NIGHT, state=BackupState.FAILED, remark="no room")
    said, cure = state_of_backups()
    assert said.endswith("the latest attempt failed: no room") and cure


def test_switched_off_is_said(settings: Any) -> None:
    settings.BACKUPS_KEPT = 0
    assert state_of_backups() == ("the nightly backup is switched off (BACKUPS_KEPT=0)", "")
