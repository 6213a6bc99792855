"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import retention


@shared_task(name="inventory.tasks.prune")
def prune() -> None:
    retention.prune()
