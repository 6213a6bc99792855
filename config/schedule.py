"""What beat does and how often: in code, and kept in step with the tables where operators may edit it."""

import json
from dataclasses import dataclass

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

SHIPPED = "sellonce-shipped-seconds"  # the interval we last wrote, kept in the entry's headers


@dataclass(frozen=True)
class Entry:
    """One recurring task."""

    task: str
    every_seconds: int
    description: str


SCHEDULE: dict[str, Entry] = {
    "Sweep the inbox": Entry("fulfillment.tasks.sweep", 2, "Rings for deliveries whose alarm was lost"),
    "Sweep the outbox": Entry("channels.tasks.sweep", 2, "Rings for debts whose alarm was lost"),
    "Sweep orders to ask for": Entry("channels.tasks.sweep_lookups", 10, "Rings for orders that a channel only named"),
    "Sweep reorder checks": Entry("purchasing.tasks.sweep", 10, "Rings for SKUs whose reorder check was lost"),
    "Look at every reorder rule": Entry(
        "purchasing.tasks.mark_all", 600, "Makes up for checks that a worker took with it"
    ),
    "Expire unpaid orders": Entry(
        "fulfillment.tasks.expire_pending", 600, "Gives back what unpaid orders hold too long"
    ),
    "Fill shortfalls": Entry(
        "fulfillment.tasks.fill_shortfalls", 30, "Reserves for short lines what has come meanwhile"
    ),
    "Tell channels of shipments": Entry("fulfillment.tasks.tell_channels", 5, "Sends tracking whose alarm was lost"),
    "Read orders back": Entry("fulfillment.tasks.schedule_polls", 60, "Finds orders whose webhooks never came"),
    "Read stock back": Entry("channels.tasks.schedule_read_backs", 300, "Finds and repairs numbers that are not ours"),
    "Go on after a restore": Entry("channels.tasks.go_on", 5, "Lets numbers leave once orders were read again"),
    "Back up": Entry("config.tasks.back_up", 600, "Makes the nightly backup when it is due, and keeps the last ones"),
    "Check the ledger": Entry(
        "reports.tasks.check_ledger", 60, "Compares entries, levels and promises each night, and when asked to"
    ),
    "Take expired lots off sale": Entry(
        "inventory.tasks.sweep_lots", 60, "Moves what has expired, by the date of its place, to hold"
    ),
    "Sweep imports": Entry("inventory.tasks.sweep_imports", 10, "Takes up imports whose worker is gone"),
    "Value stock": Entry("inventory.tasks.value_stock", 5, "Tells what each entry cost, in one order for ever"),
    "Prune answered requests": Entry("inventory.tasks.prune", 3600, "Deletes answers that no retry will ask for"),
    "Prune pushes": Entry("channels.tasks.prune", 3600, "Deletes pushes that have served their time"),
    "Count sales and lag": Entry("reports.tasks.tally", 5, "Keeps the overview's figures quick to read"),
    "Beat is alive": Entry("config.tasks.note_heartbeat", 10, "Lets the doctor see that beat and a worker run"),
}


@transaction.atomic
def store_schedule() -> None:
    """Bring beat's tables up to date: entries of ours come and go with the code; an operator's edit stays."""
    ours = {task.name: task for task in PeriodicTask.objects.all() if SHIPPED in json.loads(task.headers or "{}")}
    for name, entry in SCHEDULE.items():
        task = ours.pop(name, None)
        if task is None:
            if not PeriodicTask.objects.filter(name=name).exists():
                _write(PeriodicTask(name=name), entry)
        elif not _is_edited(task):
            _write(task, entry)
        elif task.task != entry.task:
            task.task = entry.task
            task.save()
    PeriodicTask.objects.filter(pk__in=[task.pk for task in ours.values()]).delete()
    PeriodicTasks.update_changed()


def _is_edited(task: PeriodicTask) -> bool:
    shipped = json.loads(task.headers)[SHIPPED]
    return task.interval is None or task.interval.period != "seconds" or task.interval.every != shipped


def _write(task: PeriodicTask, entry: Entry) -> None:
    every, _ = IntervalSchedule.objects.get_or_create(every=entry.every_seconds, period=IntervalSchedule.SECONDS)
    task.task, task.interval, task.description = entry.task, every, entry.description
    task.expire_seconds = entry.every_seconds  # an alarm is worthless once the next one is due
    task.headers = json.dumps({SHIPPED: entry.every_seconds})
    task.save()
