"""How often anybody may guess: by account and address, by address, and for second factors by account.

Each attempt is counted before it is looked at, in one statement, so that many at one moment are counted like many in a row.
What succeeds takes itself out again. Counters lie in PostgreSQL: no flushed cache forgets them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..kernel import clock
from ..models import AttemptCount, AttemptKind, EventKind
from . import events
from .origin import address_of, household_of

COUNT = """
INSERT INTO inventory_attemptcount AS held (kind, account, address, failures, since)
VALUES (%(kind)s, %(account)s, %(address)s, 1, %(now)s)
ON CONFLICT (kind, account, address) DO UPDATE SET
    failures = CASE WHEN held.since <= %(start)s THEN 1 ELSE held.failures + 1 END,
    since = CASE WHEN held.since <= %(start)s THEN excluded.since ELSE held.since END
RETURNING failures, since
"""


class LockedOut(Exception):
    """Too many attempts; ``until`` says when the next one is looked at."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(self.message)

    @property
    def seconds_left(self) -> int:
        """Until the next attempt is looked at."""
        return max(1, ceil((self.until - clock.now()).total_seconds()))

    @property
    def message(self) -> str:
        """For the person who waits."""
        minutes = -(-self.seconds_left // 60)
        text = ngettext(
            "Too many attempts. Try again in %d minute.", "Too many attempts. Try again in %d minutes.", minutes
        )
        return text % minutes


def window() -> timedelta:
    """The span of time within which attempts add up; then they are forgotten."""
    return timedelta(minutes=settings.ATTEMPTS_WINDOW_MINUTES)


def admit(kind: AttemptKind, *, account: str, request: HttpRequest | None) -> None:
    """Count an attempt; raise LockedOut where there were too many."""
    refused: list[tuple[str, datetime, bool]] = []
    for name, address, most in _counters(kind, account, household_of(address_of(request))):
        failures, since = _count(kind, name, address)
        if failures > most:
            refused.append((name, since + window(), failures == most + 1))
    if not refused:
        return
    for name, until, is_first in refused:
        if is_first:
            said = _("%(door)s, until %(until)s") % {"door": AttemptKind(kind).label, "until": f"{until:%H:%M} UTC"}
            events.record(EventKind.LOCKED_OUT, actor=events.NOBODY, subject=name, detail=said, request=request)
    raise LockedOut(max(until for _name, until, _first in refused))


def forgive(kind: AttemptKind, *, account: str, request: HttpRequest | None) -> None:
    """The attempt was right: the account starts again at none, the address keeps the others'."""
    address = household_of(address_of(request))
    mine = Q(account=account[:150]) & Q(address__in=(address, ""))
    AttemptCount.objects.filter(mine, kind=kind).exclude(account="").delete()
    AttemptCount.objects.filter(kind=kind, account="", address=address, failures__gt=0).update(
        failures=F("failures") - 1
    )


def unlock(counts: list[AttemptCount], *, actor: str) -> int:
    """Forget these attempts; how many there were."""
    for count in counts:
        count.delete()
        events.record(EventKind.UNLOCKED, actor=actor, subject=str(count), detail=count.get_kind_display())
    return len(counts)


def limit_of(count: AttemptCount) -> int:
    """How many failures that counter takes before it locks."""
    if not count.account:
        return int(settings.ATTEMPTS_PER_ADDRESS)
    return int(settings.ATTEMPTS_PER_ACCOUNT) * (1 if count.address else 2)


def is_locked(count: AttemptCount) -> bool:
    """Whether it refuses attempts now."""
    return count.failures >= limit_of(count) and count.since + window() > clock.now()


def locked_account(kind: AttemptKind, *, account: str, request: HttpRequest | None) -> Exists:
    """For a query of accounts: whether the one in its column `account` is locked at this address."""
    return Exists(
        AttemptCount.objects.filter(
            kind=kind,
            account=OuterRef(account),
            address=household_of(address_of(request)),
            failures__gte=settings.ATTEMPTS_PER_ACCOUNT,
            since__gt=clock.now() - window(),
        )
    )


def locked_until(kind: AttemptKind, *, account: str, request: HttpRequest | None) -> datetime:
    """When that account's lock at this address ends."""
    address = household_of(address_of(request))
    found = AttemptCount.objects.filter(kind=kind, account=account, address=address).first()
    return (found.since if found else clock.now()) + window()


def prune() -> int:
    """Delete counters that count no more."""
    return AttemptCount.objects.filter(since__lt=clock.now() - window() - timedelta(days=1)).delete()[0]


def _counters(kind: AttemptKind, account: str, address: str) -> Iterator[tuple[str, str, int]]:
    """(account, address, how many failures it takes), always in the same order: rows are locked in it."""
    account = account[:150]
    yield "", address, settings.ATTEMPTS_PER_ADDRESS
    if account:
        yield account, address, settings.ATTEMPTS_PER_ACCOUNT
        if kind == AttemptKind.SECOND_FACTOR:  # who gets here has the password: other addresses are no excuse
            yield account, "", settings.ATTEMPTS_PER_ACCOUNT * 2


def _count(kind: AttemptKind, account: str, address: str) -> tuple[int, datetime]:
    now = clock.now()
    counted: dict[str, str | datetime] = {"kind": kind, "account": account, "address": address}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, counted | {"now": now, "start": now - window()})
        failures, since = cursor.fetchone() or (0, now)
    return failures, since
