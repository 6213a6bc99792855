"""The nightly comparison of the whole ledger with itself: when it is due, how it is made, and what people are told.

It reads one snapshot, takes no lock that a sale waits for, and keeps the database to one core. Beat rings every minute; what
was asked for stands in rows, so that a night with the machine off is made up for, and a worker that dies is followed by another.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory import rebuild
from inventory.kernel import clock, workqueue

from .alerts import close_matter, raise_alert
from .models import AlertKind, LedgerCheck

logger = structlog.get_logger(__name__)

TASK = "reports.tasks.check_ledger"
ACTOR = "system"
SUBJECT = "ledger"
#: So many differences are kept by name; the command prints all of them.
NAMED = 100
KEPT = timedelta(days=366)
RETRY_AFTER = timedelta(hours=1)
#: A night's check takes its time, and the next one is not late while it is at work.
LATE_AFTER = timedelta(hours=26)
PRINT_ALL = "run: python manage.py verify_ledger; where levels differ, --repair sets them to what their entries say"
START = "see that workers and beat run: make up; then: Stock > Ledger checks > Check now"


def ask_for_check(*, actor: str) -> LedgerCheck:
    """Have the ledger checked now; where one waits already, that one."""
    with transaction.atomic():
        check = LedgerCheck.objects.waiting().first() or LedgerCheck.objects.create(
            asked_at=clock.now(), asked_by=actor[:150]
        )
        workqueue.ring(TASK)
    return check


def run_if_due() -> LedgerCheck | None:
    """Make the check that waits, or tonight's if it is due; None where there is nothing to do or another worker is at it."""
    if is_due():
        LedgerCheck.objects.create(asked_at=clock.now(), asked_by=ACTOR)
    check = _begin()
    if check is None:
        return None
    try:
        found = _look(check)
    except Exception as error:
        logger.exception("the ledger could not be checked")
        LedgerCheck.objects.filter(pk=check.pk).update(finished_at=clock.now(), remark=repr(error)[:500])
        raise
    return None if found is None else _note(check, found)


def is_due() -> bool:
    """Whether tonight's check is still to be asked for, and none has just been tried in vain."""
    now = clock.now()
    if LedgerCheck.objects.waiting().exists() or LedgerCheck.objects.filter(asked_at__gt=now - RETRY_AFTER).exists():
        return False
    return not LedgerCheck.objects.done().filter(asked_at__gte=last_slot(now)).exists()


def last_slot(now: datetime) -> datetime:
    """The latest instant at which the ledger was to be checked."""
    slot = now.replace(hour=settings.LEDGER_CHECK_HOUR_UTC % 24, minute=0, second=0, microsecond=0)
    return slot if slot <= now else slot - timedelta(days=1)


def state_of_ledger() -> tuple[str, str]:
    """When it was last checked and what was found; and the cure, if that is not as it should be."""
    now = clock.now()
    last = LedgerCheck.objects.done().first()
    if last is None or last.finished_at is None or last.differences is None:
        return _("not checked yet"), "" if now - installed_at() < LATE_AFTER else START
    age = timesince(last.finished_at, now).replace("\xa0", " ")
    detail = _("checked {age} ago: {found}").format(age=age, found=in_words(last.differences))
    if last.differences:
        return detail, PRINT_ALL
    return detail, START if now - last.finished_at > LATE_AFTER else ""


def in_words(differences: int) -> str:
    """How many differences."""
    if not differences:
        return _("no differences")
    return ngettext("%d difference", "%d differences", differences) % differences


def installed_at() -> datetime:
    """When the first migration was applied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(applied), now()) FROM django_migrations")
        instant: datetime = cursor.fetchone()[0]
    return instant


def _begin() -> LedgerCheck | None:
    """The check to be made; its row is locked by whoever makes it."""
    with transaction.atomic():
        check = LedgerCheck.objects.waiting().select_for_update(skip_locked=True).first()
        if check is not None:
            check.started_at = clock.now()
            check.save(update_fields=["started_at"])
    return check


def _look(check: LedgerCheck) -> list[rebuild.Difference] | None:
    """All that differs at one instant; None where somebody else has begun to look meanwhile."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not connection.savepoint_ids:  # a transaction of our own: all of it sees one instant
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")  # the other cores are for sales
        mine = LedgerCheck.objects.filter(pk=check.pk, finished_at=None).select_for_update(skip_locked=True)
        return list(rebuild.verify()) if mine.exists() else None


@transaction.atomic
def _note(check: LedgerCheck, found: list[rebuild.Difference]) -> LedgerCheck:
    """Keep what was found, and tell it."""
    check.finished_at = clock.now()
    check.differences = len(found)
    check.kinds = dict(sorted(Counter(one.kind for one in found).items()))
    check.first = [_row(one) for one in found[:NAMED]]
    check.save()
    LedgerCheck.objects.filter(asked_at__lt=check.finished_at - KEPT).delete()
    if found:
        message = _("{found}, as {first}").format(found=in_words(len(found)), first=_first(found))
        raise_alert(AlertKind.LEDGER, subject=SUBJECT, message=message)
    else:
        close_matter(AlertKind.LEDGER, subject=SUBJECT)
    return check


def _first(found: Iterable[rebuild.Difference]) -> str:
    return next(iter(found)).message


def _row(one: rebuild.Difference) -> dict[str, Any]:
    return {
        "kind": one.kind, "sku": one.sku, "location": one.location, "number": one.number, "expected": one.expected,
        "found": one.found, "message": one.message,
    }  # fmt: skip
