"""What beat does and how often. The operators' edits in the admin win: an entry is only written when it is missing."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask


@dataclass(frozen=True)
class Entry:
    """One recurring task."""

    task: str
    every_seconds: int
    description: str
    keywords: dict[str, Any] = field(default_factory=dict)


SCHEDULE: dict[str, Entry] = {
    "Sweep the inbox": Entry("fulfillment.tasks.sweep", 5, "Rings for deliveries whose alarm was lost"),
    "Sweep the outbox": Entry("channels.tasks.sweep", 5, "Rings for debts whose alarm was lost"),
    "Check reorder points": Entry("purchasing.tasks.sweep", 30, "Rings for SKUs whose reorder check was lost"),
    "Beat is alive": Entry("config.tasks.note_heartbeat", 10, "Lets the doctor see that beat and a worker run"),
}


@transaction.atomic
def store_schedule() -> list[str]:
    """Add what is missing to the tables beat reads, remove ours that left the code; answers the names added."""
    added = []
    for name, entry in SCHEDULE.items():
        every, _ = IntervalSchedule.objects.get_or_create(every=entry.every_seconds, period=IntervalSchedule.SECONDS)
        # an alarm that is late is worthless once the next is due
        expires = max(entry.every_seconds, 2)
        _, created = PeriodicTask.objects.get_or_create(
            name=name,
            defaults={
                "task": entry.task,
                "interval": every,
                "description": entry.description,
                "expire_seconds": expires,
            },
        )
        if created:
            added.append(name)
    return added
