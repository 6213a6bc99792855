"""The schedule follows the code and respects what an operator has changed."""

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config import schedule
from config.celery import app

pytestmark = pytest.mark.django_db
NAME = "Sweep the outbox"


def every(name: str) -> int:
    return PeriodicTask.objects.get(name=name).interval.every


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    assert {entry.task for entry in schedule.SCHEDULE.values()} <= set(app.tasks)


def test_entries_are_written_once_and_follow_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule.store_schedule()
    schedule.store_schedule()
    assert PeriodicTask.objects.count() == len(schedule.SCHEDULE)
    entry = schedule.SCHEDULE[NAME]
    monkeypatch.setitem(schedule.SCHEDULE, NAME, schedule.Entry(entry.task, 7, entry.description))
    schedule.store_schedule()
    assert every(NAME) == 7


def test_an_operators_edit_stays() -> None:
    schedule.store_schedule()
    slower = IntervalSchedule.objects.create(every=99, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name=NAME).update(interval=slower, enabled=False)
    schedule.store_schedule()
    assert every(NAME) == 99
    assert not PeriodicTask.objects.get(name=NAME).enabled


def test_entries_that_left_the_code_go_and_operators_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule.store_schedule()
    own = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.create(name="mine", task="config.tasks.note_heartbeat", interval=own)
    monkeypatch.delitem(schedule.SCHEDULE, NAME)
    schedule.store_schedule()
    assert not PeriodicTask.objects.filter(name=NAME).exists()
    assert PeriodicTask.objects.filter(name="mine").exists()
