"""Where an import is done: a small one by the worker that hears of it, a large one in a process of its own.

Such a process is there for as long as there is something to do, and comes behind everything else on the machine.
"""

import logging
import os
import subprocess
import sys

from django.conf import settings
from django.db import connection

from ..kernel import clock
from ..kernel.workqueue import answer, name_worker
from ..models import ImportBatch
from ..models.imports import AT_WORK
from . import work
from .batches import RUN

logger = logging.getLogger(__name__)

#: Up to so many rows a worker does beside its other work: a process takes longer to start than they do.
SMALL = 500

#: Whose the leases of such processes are.
NAME = "imports"

NICENESS = 10


def start(batch_id: int) -> None:
    """Have an import done, and come back when it is. One large one at a time: the others wait for the sweep."""
    answer(RUN, batch_id)
    batch = ImportBatch.objects.filter(pk=batch_id, status__in=AT_WORK).first()
    if batch is None:
        return
    if batch.total <= SMALL:
        work.run(batch_id)
        return
    if ImportBatch.objects.filter(status__in=AT_WORK, holder=NAME, lease_until__gt=clock.now()).exists():
        return
    connection.close()  # none is held while another process works
    ended = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_import", str(batch_id)], check=False
    )
    if ended.returncode:
        logger.warning("the process of import %s ended with %s; it is taken up again", batch.code, ended.returncode)
        work.take_over(NAME)  # it can hold nothing any more
    work.sweep()


def run_here(batch_id: int) -> None:
    """Be such a process."""
    os.nice(NICENESS)
    name_worker(NAME)
    work.run(batch_id)


def take_over(name: str) -> None:
    """A worker of this name begins: what it and its processes held before is free at once."""
    for each in (name, NAME):
        work.take_over(each)
