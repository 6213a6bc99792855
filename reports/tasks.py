"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import ledger_checks, tallies


@shared_task(name="reports.tasks.tally")
def tally() -> None:
    tallies.tally()


@shared_task(name="reports.tasks.check_ledger")
def check_ledger() -> None:
    ledger_checks.run_if_due()
