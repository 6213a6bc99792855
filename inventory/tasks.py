"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import expiry, retention


@shared_task(name="inventory.tasks.prune")
def prune() -> None:
    retention.prune()


@shared_task(name="inventory.tasks.sweep_lots")
def sweep_lots() -> None:
    expiry.sweep()
