"""Alarm clocks: each rings a verb."""

from celery import shared_task

from . import intake, news, orders, polling, shortfalls


@shared_task(name="fulfillment.tasks.drain_inbox")
def drain_inbox(lane: int) -> None:
    intake.drain_inbox(lane)


@shared_task(name="fulfillment.tasks.sweep")
def sweep() -> None:
    intake.sweep()


@shared_task(name="fulfillment.tasks.fill_shortfalls")
def fill_shortfalls() -> None:
    shortfalls.fill_shortfalls()


@shared_task(name="fulfillment.tasks.tell_channels")
def tell_channels() -> None:
    news.tell_channels()


@shared_task(name="fulfillment.tasks.poll_orders")
def poll_orders(channel_id: int) -> None:
    polling.poll_orders(channel_id)


@shared_task(name="fulfillment.tasks.schedule_polls")
def schedule_polls() -> None:
    polling.schedule_polls()


@shared_task(name="fulfillment.tasks.expire_pending")
def expire_pending() -> None:
    orders.expire_pending()
