"""Approving a count: how far each line was off is posted, whatever moved since it was counted.

Locks in this order: the count's row, the orders that would lose units, the stock levels, debts, order lines, wanted recounts.
A sale takes orders before levels too, and nobody who has a level or an order waits for a count.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .counts import counters, counters_of, locked, shows_expected
from .errors import CountError, SecondPersonNeeded
from .kernel import clock
from .ledger import Posting, post
from .locks import LockedLevels, Pair, lock_levels
from .losses import HoldersMoved, end_promises, find_losses, release_postings, tell_holders
from .models import Count, CountLine, CountStatus, Reason, RecountRequest, State
from .tolerances import beyond

#: Between looking whom a loss concerns and locking the levels others may reserve and ship. So often it is tried anew.
TRIES = 12


@transaction.atomic
def approve(count: Count, *, actor: str) -> Count:
    """Post what was found. Raises SecondPersonNeeded, or CountError where more is missing than is there."""
    held = locked(count, CountStatus.SUBMITTED)
    lines = list(held.lines.filter(counted__isnull=False).select_related("sku").order_by("pk"))
    _check_person(held, lines, actor)
    differing = [line for line in lines if line.variance]
    for _turn in range(TRIES):
        try:
            with transaction.atomic():  # what a vain attempt has locked is let go
                _post(held, differing, actor)
        except HoldersMoved:
            continue
        break
    else:
        raise CountError(_("orders take and leave these SKUs too fast just now; approve %s again in a moment") % held)
    held.status, held.approved_by, held.approved_at = CountStatus.APPROVED, actor, clock.now()
    held.save()
    held.lines.update(is_open=False)
    answered = RecountRequest.objects.filter(location=held.location_id, sku__in=[line.sku_id for line in lines])
    answered.filter(closed_at=None).update(closed_at=held.approved_at, count=held)
    return held


def needs_second_person(count: Count, *, actor: str) -> bool:
    """Whether this person may not approve, because they counted and it is off by too much."""
    lines = count.lines.filter(counted__isnull=False).exclude(variance=0)
    return actor in counters_of(count) and bool(beyond(lines))


def _check_person(count: Count, lines: Sequence[CountLine], actor: str) -> None:
    off = beyond(lines)
    if not off or actor not in counters(lines):
        return
    said = ngettext(
        "%(count)s: %(off)d line is off by more than its tolerance",
        "%(count)s: %(off)d lines are off by more than their tolerance",
        len(off),
    ) % {"count": count, "off": len(off)}
    if shows_expected(count, actor=actor):
        said += " ({})".format(", ".join(f"{line.sku} {line.variance:+d}" for line in off[:10]))
    raise SecondPersonNeeded(said + _("; somebody who has not counted has to approve it"))


def _post(count: Count, lines: Sequence[CountLine], actor: str) -> None:
    """Bring the levels as far up or down as the lines were off, by one posting; promises that lose their units end."""
    off: dict[Pair, int] = {(line.sku_id, count.location_id): line.variance or 0 for line in lines}
    missing = {pair: -units for pair, units in off.items() if units < 0}
    told = tell_holders(missing)
    levels = lock_levels(off.keys() | told.pairs)
    _check_there(count, lines, levels, actor)
    losses = find_losses(missing, levels=levels, told=told)
    postings = release_postings(losses, reason=Reason.COUNT, reference=count.code)
    postings += [_posting(count, line) for line in lines]
    post(postings, actor=actor, cause="count", reference=count.code, levels=levels)
    end_promises(losses, reference=count.code)


def _check_there(count: Count, lines: Sequence[CountLine], levels: LockedLevels, actor: str) -> None:
    """Raise CountError naming each line of which more is missing than there is now: its count cannot be right."""
    errors = {}
    shown = shows_expected(count, actor=actor)
    said = _("%(sku)s: %(missing)d units are missing by the count, and %(there)d are left now: have it counted anew")
    for line in lines:
        level = levels[line.sku_id, count.location_id]
        missing, there = -(line.variance or 0), level.available + level.reserved
        if missing > there:
            told = said if shown else _("%(sku)s: more left than can have been there: have it counted anew")
            errors[f"lines.{line.sku.code}"] = told % {"sku": line.sku, "missing": missing, "there": there}
    if errors:
        raise CountError(_("nothing was posted"), rows=errors, conflict=True)


def _posting(count: Count, line: CountLine) -> Posting:
    units = line.variance or 0
    source, target = (State.ADJUSTMENT, State.AVAILABLE) if units > 0 else (State.AVAILABLE, State.ADJUSTMENT)
    return Posting(
        line.sku_id, count.location_id, source, target, abs(units), Reason.COUNT, count.code,
        key=f"count:{count.pk}:{line.pk}", occurred_at=line.counted_at, unlotted=True,
    )  # fmt: skip
