"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import tallies


@shared_task(name="reports.tasks.tally")
def tally() -> None:
    tallies.tally()
