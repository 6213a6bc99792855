"""What needs a person now, the gravest first, each with its way to act."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .ledger_checks import LATE_AFTER
from .pulse import OVERDUE, ChannelPulse, Pulse

#: So many channels are named; the others are counted.
NAMED = 4

MayDo = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Way:
    """A page where something can be done about it, for people who may."""

    label: str
    url: str
    permission: str


@dataclass(frozen=True, slots=True)
class Need:
    """One matter: how many, what it means, since when, and what to do."""

    key: str
    level: str  # bad: units may be sold that are not there, or sales are not heard of; warn: the rest
    count: int
    title: str
    detail: str
    act: Way
    look: Way
    since: datetime | None = None


def needs(pulse: Pulse, may: MayDo) -> list[tuple[Need, Way]]:
    """What this person may do something about, or at least look at; each with the way that is open to them."""
    found = []
    for need in _all(pulse):
        way = next((way for way in (need.act, need.look) if may(way.permission)), None)
        if way is not None:
            found.append((need, way))
    return sorted(found, key=lambda pair: pair[0].level != "bad")


def _all(pulse: Pulse) -> Iterator[Need]:
    yield from _standstill(pulse)
    yield from _ledger(pulse)
    yield from _channels(pulse)
    yield from _sales(pulse)
    yield from _parked(pulse)
    yield from _rest(pulse)


def _standstill(pulse: Pulse) -> Iterator[Need]:
    if pulse.stands_still:
        look = Way(_("Schedule"), _list("django_celery_beat_periodictask"), "django_celery_beat.view_periodictask")
        detail = _("No worker does the recurring work; the command manage.py doctor says why.")
        yield Need("standstill", "bad", 1, _("Background work stands still"), detail, look, look, pulse.counted_at)


def _ledger(pulse: Pulse) -> Iterator[Need]:
    counts = pulse.counts
    look = Way(_("See what differs"), _list("reports_ledgercheck"), "reports.view_ledgercheck")
    if counts["differences"]:
        title = ngettext("difference is in the ledger", "differences are in the ledger", counts["differences"])
        detail = _("A level, an entry or a promise was changed behind the application's back; the check names it.")
        yield Need("ledger", "bad", counts["differences"], title, detail, look, look, counts["checked_at"])
    seen_at = counts["checked_at"] or counts["installed_at"]
    if seen_at is not None and pulse.at - seen_at > LATE_AFTER:
        look = Way(_("Check now"), look.url, look.permission)
        detail = _("The nightly check is made by a worker; the command manage.py doctor says why it is not.")
        yield Need("unchecked", "warn", 1, _("ledger was not checked lately"), detail, look, look, seen_at)


def _channels(pulse: Pulse) -> Iterator[Need]:
    off = [channel for channel in pulse.channels if channel.state == "disconnected"]
    if off:
        detail = _("%s: what was shown last is still on sale there.") % _names(off)
        title = ngettext("channel is disconnected", "channels are disconnected", len(off))
        yield _about(off, "disconnected", "bad", title, detail, _("Resume"), "resume_one")
    failing = [channel for channel in pulse.channels if channel.is_failing]
    if failing:
        detail = _("%(names)s: %(error)s") % {"names": _names(failing), "error": failing[0].last_error[:120] or "–"}
        title = ngettext("channel does not take its numbers", "channels do not take their numbers", len(failing))
        yield _about(failing, "failing", "bad", title, detail, _("Check its settings"), "change")
    stopped = [channel for channel in pulse.channels if channel.state == "stopped"]
    if stopped:
        showing = sum(channel.still_shown for channel in stopped)
        told = ngettext("%s listing may still show more than 0.", "%s listings may still show more than 0.", showing)
        detail = f"{_names(stopped)}: {told % f'{showing:,}' if showing else _('all listings are at 0.')}"
        title = ngettext("channel has stopped selling", "channels have stopped selling", len(stopped))
        yield _about(stopped, "stopped", "bad" if showing else "warn", title, detail, _("Resume"), "resume_one")
    held = [
        channel for channel in pulse.channels if channel.overdue and channel.state == "selling" and not channel.failures
    ]
    if held:
        oldest = min(channel.oldest_owed_at for channel in held if channel.oldest_owed_at)
        look = Way(_("See them"), _list("channels_stocktarget", standing="owed"), "channels.view_stocktarget")
        count = sum(channel.overdue for channel in held)
        title = ngettext("number is held up", "numbers are held up", count)
        detail = _("%(names)s: owed for over %(seconds)d s.") % {
            "names": _names(held),
            "seconds": OVERDUE.total_seconds(),
        }
        yield Need("held", "warn", count, title, detail, look, look, oldest)


def _sales(pulse: Pulse) -> Iterator[Need]:
    counts = pulse.counts
    if counts["oversold"]:
        url = _list("fulfillment_shortfall", closed="no", kind__exact="oversell")
        title = ngettext("order line is oversold", "order lines are oversold", counts["oversold"])
        act = Way(_("Find stock or cancel"), url, "fulfillment.change_salesorder")
        look = Way(_("See them"), url, "fulfillment.view_shortfall")
        detail = _("More was sold than there was: bring in stock, or cancel with the channel.")
        yield Need("oversold", "bad", counts["oversold"], title, detail, act, look)
    oldest = counts["inbox_oldest_at"]
    if oldest is not None and pulse.at - oldest > OVERDUE:
        look = Way(_("See them"), _list("channels_delivery", status__exact="waiting"), "channels.view_delivery")
        title = ngettext("delivery waits to be recorded", "deliveries wait to be recorded", counts["inbox"])
        detail = _("Sales are known but not recorded yet: other channels do not hear of them.")
        yield Need("inbox", "bad", counts["inbox"], title, detail, look, look, oldest)
    if counts["problems"]:
        url = _list("fulfillment_salesorder", need="problem")
        title = ngettext("order needs a look", "orders need a look", counts["problems"])
        look = Way(_("Look"), url, "fulfillment.view_salesorder")
        yield Need("problems", "warn", counts["problems"], title, _("Each says what is odd about it."), look, look)


def _parked(pulse: Pulse) -> Iterator[Need]:
    """Each kind with the permission to look at it and the one to act."""
    kinds = (
        ("line", _("Map to a SKU"), "channels.add_listing", "fulfillment.view_salesorderline",
         _("Sold under an id that no listing has: nothing is reserved for them yet.")),
        ("delivery", _("Replay"), "channels.change_delivery", "channels.view_delivery",
         _("They could not be read or recorded; the evidence is kept.")),
        ("target", _("Retry"), "channels.change_stocktarget", "channels.view_stocktarget",
         _("The channel refused the number for good; it shows another one meanwhile.")),
        ("shipment", _("Tell again"), "fulfillment.change_shipment", "fulfillment.view_shipment",
         _("The channel refused the tracking number.")),
    )  # fmt: skip
    titles: dict[str, Callable[[int], str]] = {
        "line": lambda count: ngettext("order line is parked", "order lines are parked", count),
        "delivery": lambda count: ngettext("delivery is parked", "deliveries are parked", count),
        "target": lambda count: ngettext("number is parked", "numbers are parked", count),
        "shipment": lambda count: ngettext("shipment's news is parked", "shipments' news are parked", count),
    }
    for kind, label, change, view, detail in kinds:
        count = pulse.counts[f"parked_{kind}"]
        if count:
            url = f"{reverse('admin:parked')}?{urlencode({'kind': kind})}"
            act, look = Way(label, url, change), Way(_("See them"), url, view)
            yield Need(
                f"parked_{kind}", "bad" if kind == "line" else "warn", count, titles[kind](count), detail, act, look
            )


def _rest(pulse: Pulse) -> Iterator[Need]:
    counts = pulse.counts
    if counts["drifts"]:
        title = ngettext("channel showed wrong numbers", "channels showed wrong numbers", counts["drifts"])
        look = Way(_("See them"), _list("channels_drift"), "channels.view_drift")
        detail = _("They are sent again by themselves; look for who changes them there.")
        yield Need("drifts", "warn", counts["drifts"], title, detail, look, look)
    if counts["backups"]:
        url = _list("reports_alert", closed="no", kind__exact="backup")
        look = Way(_("See why"), url, "reports.view_alert")
        title = ngettext("backup matter is open", "backup matters are open", counts["backups"])
        detail = _("A backup was not made or does not restore: what is lost now is lost.")
        yield Need("backups", "bad", counts["backups"], title, detail, look, look)
    if counts["reorders"]:
        url = _list("purchasing_reorderalert", closed="no")
        title = ngettext("SKU is at its reorder point", "SKUs are at their reorder point", counts["reorders"])
        act = Way(_("Order more"), url, "purchasing.change_reorderalert")
        look = Way(_("See them"), url, "purchasing.view_reorderalert")
        yield Need("reorders", "warn", counts["reorders"], title, _("Each suggests how many to buy."), act, look)


def _about(channels: list[ChannelPulse], key: str, level: str, title: str, detail: str, label: str, page: str) -> Need:
    """A matter of channels: of one it leads to its page, of several to their list."""
    look = Way(_("See them"), _list("channels_channel"), "channels.view_channel")
    act = Way(label, look.url, "channels.change_channel")
    if len(channels) == 1:
        row: Any = (channels[0].id,)
        look = Way(_("Look"), reverse("admin:channels_channel_change", args=row), "channels.view_channel")
        act = Way(label, reverse(f"admin:channels_channel_{page}", args=row), "channels.change_channel")
    return Need(key, level, len(channels), title, detail, act, look)


def _names(channels: list[ChannelPulse]) -> str:
    named = ", ".join(channel.name for channel in channels[:NAMED])
    more = len(channels) - NAMED
    return ngettext("%(named)s and %(more)d more", "%(named)s and %(more)d more", more) % {
        "named": named, "more": more,
    } if more > 0 else named  # fmt: skip


def _list(model: str, **query: str) -> str:
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(query)}" if query else address
