"""A sale's walk: each hop from the channel's acceptance to the last other channel's acknowledgement, with its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Subquery, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels.models import Debt, FulfilledBy, Outcome, PushLog, StockTarget
from inventory.ledger import LONGEST_REFERENCE
from inventory.models import LedgerEntry, Reason, State

from .models import SalesOrder, Shortfall

#: What makes a number acknowledged: the channel took it, or showed it already.
ACKNOWLEDGED = (Outcome.APPLIED, Outcome.UNCHANGED)
#: An order of thousands of lines owes hundreds of thousands of targets; so many are looked at.
MOST_TARGETS = 3000


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the walk. ``seconds_since_start`` counts from the storing of the delivery, by our clock.

    ``ok`` is False where the hop went wrong, and None where it is still to come.
    """

    name: str
    at: datetime | None
    seconds_since_start: float | None
    detail: str
    ok: bool | None = True


@dataclass(frozen=True, slots=True)
class Reach:
    """One target that the sale owed a number: the first one computed after the recording, and what became of it."""

    target_id: int
    channel: str
    sku: str
    remote: str
    is_own: bool
    number: int | None
    outcome: str
    computed_at: datetime | None
    sent_at: datetime | None
    acknowledged_at: datetime | None
    lag_seconds: float | None
    waiting_for: str

    @property
    def counts(self) -> bool:
        """The selling channel lowers its own number; it counts only where it was sent one."""
        return not self.is_own or self.lag_seconds is not None


def started_at(order: SalesOrder) -> datetime:
    """When lag begins: at the commit of the delivery; an order typed in here begins with its recording."""
    return order.delivery.stored_at if order.delivery is not None else order.recorded_at


def reaches(order: SalesOrder) -> list[Reach]:
    """Every target that the order's SKUs owed a number, the slowest first, those still waiting before all."""
    skus = order.lines.filter(sku__isnull=False, fulfilled_by=FulfilledBy.US).values("sku")
    first = (
        PushLog.objects.filter(target=OuterRef("pk"), computed_at__gte=order.recorded_at, outcome__in=ACKNOWLEDGED)
        .order_by("computed_at")
        .values("pk")[:1]
    )
    targets = list(
        StockTarget.objects.filter(
            listing__sku__in=skus, is_active=True, listing__is_active=True, listing__fulfilled_by=FulfilledBy.US
        )
        .select_related("listing__sku", "channel")
        .annotate(
            push=Subquery(first),
            owed=Exists(Debt.objects.filter(channel_id=OuterRef("channel_id"), target_id=OuterRef("pk"))),
        )
        .order_by("channel__code", "pk")[:MOST_TARGETS]
    )
    pushes = PushLog.objects.in_bulk([target.push for target in targets if target.push])
    found = [_reach(order, target, pushes.get(target.push)) for target in targets]
    return sorted(found, key=lambda reach: (reach.lag_seconds is not None, -(reach.lag_seconds or 0)))


def sale_lag(order: SalesOrder, found: Sequence[Reach]) -> float | None:
    """The largest lag over all channels in seconds; None while one still waits, or where none is concerned."""
    lags = [reach.lag_seconds for reach in found if reach.counts]
    known = [lag for lag in lags if lag is not None]
    return max(known) if known and len(known) == len(lags) else None


def walk(order: SalesOrder, found: Sequence[Reach] | None = None) -> list[Hop]:
    """The order's hops, in their order. ``found`` are its reaches where the caller has them already."""
    start = started_at(order)
    told = reaches(order) if found is None else found
    return [
        _accepted(order),
        _stored(order),
        _hop(_("Recorded"), order.recorded_at, start, _("with intake lag %s") % _seconds(order.recorded_at, start)),
        _reserved(order, start),
        _shortfall(order, start),
        _owed(told),
        _told(order, told, start),
    ]


def _accepted(order: SalesOrder) -> Hop:
    """By the channel's clock, which is not ours: no seconds are computed from it."""
    return Hop(_("Accepted on %s") % order.channel.name, order.placed_at, None, _("by the channel's own clock"))


def _stored(order: SalesOrder) -> Hop:
    delivery = order.delivery
    if delivery is None:
        return Hop(_("Delivery stored"), None, None, _("None: the order was placed here."))
    return Hop(_("Delivery stored"), delivery.stored_at, 0.0, f"{delivery.get_source_display()} {delivery.event_id}")


def _reserved(order: SalesOrder, start: datetime) -> Hop:
    """Where the units were taken, from the ledger."""
    entries = LedgerEntry.objects.filter(
        reference=order.reference[:LONGEST_REFERENCE], to_state=State.RESERVED, reason=Reason.SALE
    )
    places = (
        entries.order_by("level__location__code").values_list("level__location__code").annotate(units=Sum("quantity"))
    )
    taken = ", ".join(_("%(units)d at %(place)s") % {"units": units, "place": place} for place, units in places)
    first = entries.order_by("recorded_at").first()
    name = _("Reserved")
    if first is None:
        return Hop(name, None, None, _("Nothing was reserved."), ok=None if _waits_for_listing(order) else True)
    return _hop(name, first.recorded_at, start, taken)


def _waits_for_listing(order: SalesOrder) -> bool:
    return order.lines.exclude(parked_reason="").exists()


def _shortfall(order: SalesOrder, start: datetime) -> Hop:
    short = list(Shortfall.objects.filter(line__order=order).select_related("line__sku").order_by("found_at"))
    if not short:
        return Hop(_("Shortfall"), None, None, _("None: every unit was there."))
    parts = (f"{one.line.sku}: {one.quantity} ({one.get_kind_display().lower()})" for one in short[:10])
    return _hop(_("Shortfall"), short[0].found_at, start, ", ".join(parts), ok=False)


def _owed(found: Sequence[Reach]) -> Hop:
    channels = {reach.channel for reach in found}
    text = ngettext("%(targets)d target on %(channels)s", "%(targets)d targets on %(channels)s", len(found))
    over = ngettext("%d channel", "%d channels", len(channels)) % len(channels)
    return Hop(_("Owed"), None, None, text % {"targets": len(found), "channels": over})


def _told(order: SalesOrder, found: Sequence[Reach], start: datetime) -> Hop:
    concerned = [reach for reach in found if reach.counts]
    waiting = sum(reach.lag_seconds is None for reach in concerned)
    name = _("Acknowledged everywhere")
    if waiting:
        return Hop(
            name, None, None, ngettext("%d target still waits", "%d targets still wait", waiting) % waiting, ok=None
        )
    last = max((reach.acknowledged_at for reach in concerned if reach.acknowledged_at), default=None)
    if last is None:
        return Hop(name, None, None, _("No channel had to be told."))
    slowest = max(concerned, key=lambda reach: reach.lag_seconds or 0.0)
    return _hop(name, last, start, _("the slowest was %s") % slowest.channel)


def _reach(order: SalesOrder, target: StockTarget, push: PushLog | None) -> Reach:
    acknowledged = (push.acknowledged_at or push.computed_at) if push else None
    lag = (acknowledged - started_at(order)).total_seconds() if acknowledged else None
    return Reach(
        target_id=target.pk,
        channel=target.channel.code,
        sku=target.listing.sku.code,
        remote=target.remote,
        is_own=target.channel_id == order.channel_id,
        number=push.quantity if push else None,
        outcome=str(push.get_outcome_display()) if push else "",
        computed_at=push.computed_at if push else None,
        sent_at=push.sent_at if push else None,
        acknowledged_at=acknowledged,
        lag_seconds=lag,
        waiting_for="" if push else _waiting_for(target),
    )


def _waiting_for(target: StockTarget) -> str:
    """Why no number has been acknowledged yet."""
    if target.parked_reason:
        return _("parked: %s") % target.parked_reason
    if not target.channel.sends:
        return _("nothing is sent to this channel")
    if target.claimed_until is not None:
        return _("in flight")
    if target.next_attempt_at is not None:
        return _("to be tried again: %s") % (target.last_error or target.get_outcome_display())
    if target.owed:  # type: ignore[attr-defined]  # annotated by ``reaches``
        return _("owed")
    return _("nothing to send")


def _hop(name: str, at: datetime, start: datetime, detail: str, *, ok: bool | None = True) -> Hop:
    return Hop(name, at, (at - start).total_seconds(), detail, ok)


def _seconds(at: datetime, start: datetime) -> str:
    return f"{(at - start).total_seconds():.3f} s"
