"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import replenishment


@shared_task(name="purchasing.tasks.check_reorder")
def check_reorder() -> None:
    replenishment.check_reorder()


@shared_task(name="purchasing.tasks.sweep")
def sweep() -> None:
    replenishment.sweep()


@shared_task(name="purchasing.tasks.mark_all")
def mark_all() -> None:
    replenishment.mark_all()
