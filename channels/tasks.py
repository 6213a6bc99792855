"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import lookups, reconcile, recovery, retention, sync


@shared_task(name="channels.tasks.drain_channels")
def drain_channels() -> None:
    sync.drain_channels()


@shared_task(name="channels.tasks.sweep")
def sweep() -> None:
    sync.sweep()


@shared_task(name="channels.tasks.look_up_orders")
def look_up_orders(channel_id: int) -> None:
    lookups.look_up_orders(channel_id)


@shared_task(name="channels.tasks.sweep_lookups")
def sweep_lookups() -> None:
    lookups.sweep()


@shared_task(name="channels.tasks.read_back")
def read_back(channel_id: int) -> None:
    reconcile.read_back(channel_id)


@shared_task(name="channels.tasks.schedule_read_backs")
def schedule_read_backs() -> None:
    reconcile.schedule_read_backs()


@shared_task(name="channels.tasks.prune")
def prune() -> None:
    retention.prune()


@shared_task(name="channels.tasks.go_on")
def go_on() -> None:
    recovery.go_on()
