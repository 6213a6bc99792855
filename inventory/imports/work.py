"""Doing what is asked of imports: one worker at a time holds an import, by a lease that each of its transactions renews.

An import is applied in short transactions, so that sales go on beside it; each marks its rows as done. One that a dead worker
left is taken up by the next, which goes on with the rows that are not: nothing is done twice, and nothing stays half done.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from ..kernel import clock
from ..kernel.workqueue import answer, back_off, ring_now, worker_name
from ..models import ImportBatch, ImportStatus
from ..models.imports import AT_WORK
from . import applying, checking
from .batches import RUN
from .errors import BadFile, LeaseLost
from .lease import LEASE_SECONDS, Lease

logger = logging.getLogger(__name__)

#: So often a step is tried again at once; after that it is another worker's turn.
ATTEMPTS = 4

Progress = Callable[[ImportBatch], None]


def run(batch_id: int, *, at_once: bool = False, progress: Progress | None = None) -> None:
    """Do all that is asked of an import now; nothing where another worker is at it.

    ``at_once`` takes it from its asker, who waits for it here. ``progress`` is called after each step.
    """
    answer(RUN, batch_id)
    lease, failures = _claim(batch_id, at_once=at_once), 0
    while lease is not None:
        batch = ImportBatch.objects.select_related("undoes").get(pk=batch_id)
        if not batch.is_at_work:
            return
        try:
            _step(batch, lease, progress or _nothing)
        except LeaseLost:
            return
        except OperationalError:  # a deadlock, or the database went away: the step's last transaction never was
            failures += 1
            if failures > ATTEMPTS:
                _let_go(batch_id, lease)
                raise
            time.sleep(back_off(failures))


def sweep() -> int:
    """Ring for imports that nobody is at, though somebody should be; how many."""
    waiting = ImportBatch.objects.filter(status__in=AT_WORK).filter(
        Q(lease_until=None) | Q(lease_until__lt=clock.now())
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    for batch_id in ids:
        ring_now(RUN, (batch_id,), even_if_rung=True)
    return len(ids)


def take_over(name: str) -> None:
    """What a killed worker of this name held is free at once, not when its lease ends."""
    ImportBatch.objects.filter(holder=name, status__in=AT_WORK).update(lease_until=None, lease="")


def _step(batch: ImportBatch, lease: Lease, progress: Progress) -> None:
    try:
        if batch.status == ImportStatus.APPLYING:
            applying.apply(batch, lease, progress=progress)
        elif batch.undoes is not None:
            checking.check_undo(batch, lease, progress=progress)
        else:
            checking.check_file(batch, lease, progress=progress)
    except (LeaseLost, OperationalError):
        raise
    except BadFile as error:
        _fail(batch, lease, str(error))
    except Exception as error:
        logger.exception("import %s failed", batch, exc_info=error)
        if batch.status == ImportStatus.APPLYING:  # what is in the books stays, and the rest is tried again
            raise
        _fail(batch, lease, _("A fault of ours; the log has it: {error}").format(error=type(error).__name__))


@transaction.atomic
def _fail(batch: ImportBatch, lease: Lease, message: str) -> None:
    """The check ends here, with the reason; nothing was changed."""
    lease.end(batch, ImportStatus.FAILED, error=message)
    if batch.undoes is not None:
        applying.settle_original(batch.undoes)


def _claim(batch_id: int, *, at_once: bool) -> Lease | None:
    now, token = clock.now(), uuid.uuid4().hex
    free = Q() if at_once else Q(lease_until=None) | Q(lease_until__lt=now)
    rows = ImportBatch.objects.filter(free, pk=batch_id, status__in=AT_WORK)
    taken = rows.update(lease=token, holder=worker_name()[:100], lease_until=now + timedelta(seconds=LEASE_SECONDS))
    return Lease(token) if taken else None


def _let_go(batch_id: int, lease: Lease) -> None:
    """The database is busy or away: whoever looks next goes on."""
    try:
        ImportBatch.objects.filter(pk=batch_id, lease=lease.token).update(lease_until=F("created_at"))
    except DatabaseError:
        logger.warning("import %s: its lease ends by itself", batch_id)


def _nothing(batch: ImportBatch) -> None:
    """Nobody watches."""
