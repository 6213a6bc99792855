"""The Celery application. Tasks are alarm clocks: what is owed stands in rows, so a lost message costs seconds."""

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import (
    celeryd_after_setup,
    setup_logging,
    task_postrun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_ready,
)
from django.conf import settings

from config.layout import READY

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

IS_WORKER = "worker" in sys.argv
QUEUES = ("intake", "sync", "default")
NEVER = 1_000_000_000

#: On a machine short of time, sales are recorded before they are spread: a number sent later is newer anyway.
NICENESS_OF_SYNC = 5


def broker_url(redis_url: str) -> str:
    """The broker's address in Celery's words: a socket is spelt differently there."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, database = redis_url.removeprefix("unix://").partition("?db=")
    return f"redis+socket://{path}?virtual_host={database or 0}"


ROUTES = {
    "fulfillment.tasks.tell_channels": {"queue": "sync"},
    "fulfillment.tasks.*": {"queue": "intake"},
    "channels.tasks.drain_channels": {"queue": "sync"},
    "fulfillment.tasks.poll_orders": {"queue": "sync"},
    "channels.tasks.read_back": {"queue": "sync"},
    "channels.tasks.look_up_orders": {"queue": "sync"},
    "channels.tasks.report_*": {"queue": "sync"},
    "channels.tasks.reconcile_*": {"queue": "sync"},
}

# A worker waits in BRPOP and may be patient; who publishes may be a web request and must not wait.
TIMEOUT_SECONDS = 10.0 if IS_WORKER else settings.REDIS_TIMEOUT_SECONDS

app = Celery("sellonce")
app.conf.update(
    broker_url=broker_url(settings.REDIS_URL),
    broker_transport="config.broker:Transport",
    broker_connection_timeout=TIMEOUT_SECONDS,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": settings.REDIS_TIMEOUT_SECONDS,
        "socket_keepalive": not settings.REDIS_URL.startswith("unix://"),
        "health_check_interval": 5,
        "retry_on_timeout": False,
        "max_retries": 1,
        "interval_start": 0,
        "global_keyprefix": f"{settings.REDIS_PREFIX}celery:",
    },
    task_publish_retry=False,
    task_ignore_result=True,
    task_default_queue="default",
    task_routes=ROUTES,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    enable_utc=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler",
    beat_max_loop_interval=2,
    CELERY_DB_REUSE_MAX=NEVER,  # else Celery closes the whole pool after every task
)
app.autodiscover_tasks()


@setup_logging.connect
def _leave_logging_to_django(**_: Any) -> None:
    """Celery configures no logging where this signal has a receiver."""


@worker_init.connect
def _close_pools_before_forking(**_: Any) -> None:
    """Each child opens its own."""
    from config.connections import let_go

    let_go()


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """What is loaded before the fork stays shared: the collector must not write into it."""
    gc.collect()
    gc.freeze()


@celeryd_after_setup.connect
def _take_a_name(sender: str, **_: Any) -> None:
    """Leases are held under the worker's node name, which is the same after a restart."""
    from inventory.kernel.workqueue import name_worker

    name_worker(sender)
    if sender.startswith("sync@"):
        os.nice(NICENESS_OF_SYNC)


@worker_ready.connect
def _take_over(**_: Any) -> None:
    """What a killed worker of this name had claimed is owed again at once, not when its leases end."""
    from channels import sync
    from inventory.imports import process
    from inventory.kernel.workqueue import worker_name

    sync.take_over(worker_name())
    if worker_name().startswith("sync@"):  # imports are rung for on its queue
        process.take_over(worker_name())
    _give_connections_back()
    sys.stdout.write(f"{READY}\n")  # the launcher waits for it
    sys.stdout.flush()


@worker_process_init.connect
def _forget_parents_connections(**_: Any) -> None:
    from django.core.cache import close_caches

    from inventory.kernel import workqueue

    close_caches()
    workqueue._client = None


@task_postrun.connect
def _give_connections_back(**_: Any) -> None:
    from django.db import connections

    connections.close_all()
