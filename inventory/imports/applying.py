"""Doing what was checked: in short transactions, each of which marks its rows, so that none is done twice or forgotten."""

import logging
from collections.abc import Callable, Sequence

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from ..errors import StockError
from ..models import ImportBatch, ImportStatus, RowState
from . import rows
from .batches import kind_of
from .kind import Change, Context, Kind, Outcome, Problem
from .lease import Lease

logger = logging.getLogger(__name__)

Progress = Callable[[ImportBatch], None]


def context_of(batch: ImportBatch) -> Context:
    """For whom and how an import is done."""
    return Context(
        reference=batch.reference, actor=batch.applied_by or batch.created_by, reason=batch.reason, mode=batch.mode,
        places=None if batch.places is None else frozenset(batch.places), undoing=batch.undoes_id is not None,
    )  # fmt: skip


def apply(batch: ImportBatch, lease: Lease, *, progress: Progress) -> None:
    """Do all rows that are planned, a few at a time. Raises LeaseLost."""
    kind, context = kind_of(batch.kind), context_of(batch)
    while _apply_some(batch, lease, kind, context):
        batch.refresh_from_db(fields=["done", "total"])
        progress(batch)


@transaction.atomic
def _apply_some(batch: ImportBatch, lease: Lease, kind: Kind, context: Context) -> bool:
    """One transaction: its changes, the marks of its rows, and how far it has come, all of it or nothing."""
    lease.hold(batch)
    asked = rows.planned(batch, kind.chunk)
    if not asked:
        lease.end(batch, ImportStatus.APPLIED)
        if batch.undoes is not None:
            settle_original(batch.undoes)
        return False
    outcomes = try_changes(kind, [change for _pk, change in asked], context)
    rows.settle(asked, outcomes)
    done = [outcome.number for outcome in outcomes if outcome.done is not None]
    stuck = sum(outcome.problem is not None for outcome in outcomes)
    if batch.undoes is not None:
        rows.mark_undone(batch.undoes, done)
    lease.renew(batch, done=F("done") + len(asked), applied=F("applied") + len(done), conflicts=F("conflicts") + stuck)
    return True


def try_changes(kind: Kind, changes: Sequence[Change], context: Context) -> list[Outcome]:
    """Do changes; where the database refuses some, they are halved until the culprit stands alone and is told."""
    try:
        with transaction.atomic():
            return kind.apply(changes, context)
    except OperationalError:
        raise
    except Exception as error:
        if len(changes) > 1:
            half = len(changes) // 2
            return try_changes(kind, changes[:half], context) + try_changes(kind, changes[half:], context)
        expected = isinstance(error, StockError | DatabaseError | ValueError)
        logger.log(
            logging.INFO if expected else logging.ERROR, "%s: row %s: %r", context.reference, changes[0].number, error,
            exc_info=not expected,
        )  # fmt: skip
        reason = str(error).splitlines()[0][:300] if expected and str(error) else _("a fault of ours; the log has it")
        said = _("It was refused: {reason}").format(reason=reason)
        return [Outcome(changes[0].number, problem=Problem("refused", said))]


def settle_original(batch: ImportBatch) -> None:
    """Say of an import how much of it still stands."""
    states = set(
        batch.rows.filter(state__in=(RowState.DONE, RowState.UNDONE)).values_list("state", flat=True).distinct()
    )
    status = ImportStatus.UNDONE
    if RowState.DONE in states:
        status = ImportStatus.PARTLY_UNDONE if RowState.UNDONE in states else ImportStatus.APPLIED
    ImportBatch.objects.filter(pk=batch.pk).update(status=status)
