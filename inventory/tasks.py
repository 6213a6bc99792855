"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import expiry, retention
from .costing import projection
from .imports import process, work


@shared_task(name="inventory.tasks.prune")
def prune() -> None:
    retention.prune()


@shared_task(name="inventory.tasks.sweep_lots")
def sweep_lots() -> None:
    expiry.sweep()


@shared_task(name="inventory.tasks.run_import")
def run_import(import_id: int) -> None:
    process.start(import_id)


@shared_task(name="inventory.tasks.sweep_imports")
def sweep_imports() -> None:
    work.sweep()


@shared_task(name="inventory.tasks.value_stock")
def value_stock() -> None:
    projection.catch_up()
