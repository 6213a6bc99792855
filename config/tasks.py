"""Tasks that watch the house itself."""

import time

from celery import shared_task
from django.conf import settings

from config.backup import nightly
from inventory.kernel import workqueue

HEARTBEAT_KEY = f"{settings.REDIS_PREFIX}heartbeat:beat"


@shared_task(ignore_result=True)
def note_heartbeat() -> None:
    """Beat sent this and a worker ran it: both are alive."""
    workqueue.client().set(HEARTBEAT_KEY, int(time.time()), ex=300)


@shared_task(ignore_result=True)
def back_up() -> None:
    """Look whether a backup is due, and have it made."""
    nightly.run_if_due()
