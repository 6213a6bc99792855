"""The overview: what needs a person first, then the house's health, then its trends."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels.models import Channel, Listing
from fulfillment.models import Shortfall, ShortfallKind
from fulfillment.parked import count_parked
from inventory.models import Count, CountStatus, Location, RecountRequest, Sku, StockLevel
from inventory.templatetags.figures import number, percent, span
from purchasing.models import ReorderAlert

from . import pulse
from .attention import needs
from .ledger_checks import LATE_AFTER
from .models import Alert, LagPart

#: Whoever sees the overview sees channels and orders.
PERMISSIONS = ("channels.view_channel", "fulfillment.view_salesorder")
#: Seconds from a sale to a channel's acknowledgement that a merchant should not have to look at.
SLOW_SECONDS = 5.0
EVERY_SECONDS = 5
NEWEST_ALERTS = 5

_WORDS = {
    "selling": (gettext_lazy("Selling"), "good"),
    "stopped": (gettext_lazy("Selling stopped"), "bad"),
    "disconnected": (gettext_lazy("Disconnected"), "bad"),
    "shadow": (gettext_lazy("Shadow: nothing is sent"), "warn"),
    "failing": (gettext_lazy("Failing"), "bad"),
}
_PARTS = (
    (
        LagPart.SALE,
        gettext_lazy("Sale lag"),
        gettext_lazy("from a sale's arrival to the last channel's acknowledgement"),
    ),
    (
        LagPart.LAG,
        gettext_lazy("Lag of each channel"),
        gettext_lazy("from a sale's arrival to one channel's acknowledgement"),
    ),
    (LagPart.INTAKE, gettext_lazy("Intake lag"), gettext_lazy("from a sale's arrival to its recording")),
    (LagPart.SYNC, gettext_lazy("Sync lag"), gettext_lazy("from the recording to one channel's acknowledgement")),
    (LagPart.WAITING, gettext_lazy("· waiting its turn"), gettext_lazy("until the number is computed")),
    (LagPart.ANSWER, gettext_lazy("· the channel's answer"), gettext_lazy("from sending to its acknowledgement")),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with what it means and where it leads."""

    label: str
    value: str
    detail: str
    url: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do first in an empty house."""

    title: str
    detail: str
    url: str
    done: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute in the chart: its place and height in percent, and its words."""

    x: float
    y: float
    height: float
    says: str
    is_running: bool


def waiting(request: HttpRequest) -> dict[str, int]:
    """What waits for a person, by the sidebar's page; counted once a request."""
    if not hasattr(request, "counted_waiting"):
        request.counted_waiting = {  # type: ignore[attr-defined]
            "parked": count_parked(),
            "alerts": Alert.objects.filter(closed_at=None).count(),
            "shortfalls": Shortfall.objects.filter(closed_at=None, kind=ShortfallKind.OVERSELL).count(),
            "counts": Count.objects.filter(status=CountStatus.SUBMITTED).count(),
            "recounts": RecountRequest.objects.filter(closed_at=None).count(),
            "reorders": ReorderAlert.objects.filter(closed_at=None).count(),
        }
    return request.counted_waiting  # type: ignore[attr-defined]


def may_see(request: HttpRequest) -> bool:
    """Whether this person sees the overview's figures."""
    return all(request.user.has_perm(permission) for permission in PERMISSIONS)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The overview's context, for people who may see what it shows."""
    context["may_see"] = may_see(request)
    if context["may_see"]:
        context.update(
            steps=first_steps() if needs_steps() else [],
            live_url=reverse("overview-live"),
            every_seconds=EVERY_SECONDS,
            **live(request),
        )
    return context


def live(request: HttpRequest) -> dict[str, Any]:
    """What is asked for again every few seconds."""
    now = pulse.current()
    may = request.user.has_perm
    alerts = Alert.objects.filter(closed_at=None).order_by("-repeated_at", "-id")[:NEWEST_ALERTS]
    return {
        "pulse": now,
        "needs": needs(now, may),
        "figures": [figure for figure, permission in _figures(now) if may(permission)],
        "chart": chart(now),
        "lags": _lags(now),
        "channel_rows": [_row(channel) for channel in now.channels],
        "alerts": list(alerts) if may("reports.view_alert") else None,
        "alerts_url": _list("reports_alert", "closed=no"),
        "add_channel_url": _add("channels_channel") if may("channels.add_channel") else "",
    }


def _figures(now: pulse.Pulse) -> list[tuple[Figure, str]]:
    """The health of the house, each with the permission that its page asks for."""
    counts, channels = now.counts, now.channels
    owed = sum(channel.owed for channel in channels)
    oldest = min((channel.oldest_owed_at for channel in channels if channel.oldest_owed_at), default=None)
    late = any(channel.overdue for channel in channels)
    sale = now.lags[LagPart.SALE]["quarter"]
    slow = (sale.p99 or 0) > SLOW_SECONDS
    sold = ngettext("%s order in the last hour", "%s orders in the last hour", sum(now.orders)) % number(
        sum(now.orders)
    )
    age = (
        _("the oldest for %s") % span((now.at - oldest).total_seconds()) if oldest else _("every channel has been told")
    )
    week, lines = counts["oversold_week"], counts["lines_week"]
    shares = {"week": number(week), "rate": percent(week / lines if lines else None)}
    rate = (_("%(week)s in 7 days, %(rate)s of lines") if lines else _("%(week)s in 7 days")) % shares
    held = _("%s reserved for orders") % number(counts["reserved"])
    of_shown = (
        _("p99 %s in the last 15 minutes") % span(sale.p99) if sale.count else _("no sale in the last 15 minutes")
    )
    short = counts["oversold_today"]
    lists = {
        "owed": _list("channels_stocktarget", "standing=owed"),
        "oversold": _list("fulfillment_shortfall", "kind__exact=oversell"),
        "inbox": _list("channels_delivery", "status__exact=waiting"),
    }
    return [
        (Figure(_("Sales a minute"), _rate(now), sold, _list("fulfillment_salesorder")), "fulfillment.view_salesorder"),
        (Figure(_("Sale lag, p50"), span(sale.p50), of_shown, _list("channels_pushlog"), "warn" if slow else ""),
         "channels.view_pushlog"),
        (Figure(_("Numbers owed"), number(owed), age, lists["owed"], "warn" if late else ""), "channels.view_stocktarget"),
        (Figure(_("Oversold today"), number(short), rate, lists["oversold"], "bad" if short else "good"),
         "fulfillment.view_shortfall"),
        (Figure(_("Inbox"), number(counts["inbox"]), _("deliveries being worked off"), lists["inbox"]),
         "channels.view_delivery"),
        (Figure(_("Available"), number(counts["available"]), held, _list("inventory_stocklevel")), "inventory.view_stocklevel"),
        (_checked(now), "reports.view_ledgercheck"),
    ]  # fmt: skip


def _checked(now: pulse.Pulse) -> Figure:
    """What the last look at the whole ledger found."""
    differences, seen_at = now.counts["differences"], now.counts["checked_at"]
    detail = _("not checked yet")
    level = ""
    if seen_at is not None:
        age = now.at - seen_at
        detail = _("every entry and level compared %s ago") % span(age.total_seconds())
        level = "bad" if differences else "warn" if age > LATE_AFTER else "good"
    value = "–" if differences is None else number(differences)
    return Figure(_("Ledger differences"), value, detail, _list("reports_ledgercheck"), level)


def _rate(now: pulse.Pulse) -> str:
    """Orders a minute over the last five whole minutes."""
    rate = sum(now.orders[-6:-1]) / 5
    return f"{rate:.1f}" if rate < 100 else number(round(rate))


def chart(now: pulse.Pulse) -> dict[str, Any]:
    """Sales by minute of the last hour, as bars."""
    peak = max(now.orders)
    top = _round_up(peak)
    width = 100 / len(now.orders)
    bars = []
    for index, (orders, units) in enumerate(zip(now.orders, now.units, strict=True)):
        ago = len(now.orders) - 1 - index
        when = ngettext("%d minute ago", "%d minutes ago", ago) % ago if ago else _("this minute, so far")
        made = ngettext("%s order", "%s orders", orders) % number(orders)
        sold = ngettext("%s unit", "%s units", units) % number(units)
        height = round(100 * orders / top, 2)
        bars.append(Bar(round(index * width, 3), 100 - height, height, f"{when}: {made}, {sold}", ago == 0))
    total = sum(now.orders)
    says = _("Sales by minute over the last hour: %(total)s orders, at most %(peak)s a minute.") % {
        "total": number(total), "peak": number(peak),
    }  # fmt: skip
    return {
        "bars": bars, "top": top, "half": top / 2 if top % 2 else top // 2, "width": round(width * 0.8, 3), "says": says,
        "total": total, "peak": peak,
    }  # fmt: skip


def _round_up(peak: int) -> int:
    """The end of the scale: 1, 2, 4, 5 or 10 times a power of ten."""
    power = 1
    while True:
        for step in (1, 2, 4, 5):
            if peak <= step * power:
                return max(2, step * power)
        power *= 10


def _lags(now: pulse.Pulse) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "says": says,
            "quarter": now.lags[part]["quarter"],
            "hour": now.lags[part]["hour"],
            "is_part": part in (LagPart.WAITING, LagPart.ANSWER),
            "slow": (now.lags[part]["hour"].p99 or 0) > SLOW_SECONDS,
        }
        for part, name, says in _PARTS
    ]


def _row(channel: pulse.ChannelPulse) -> dict[str, Any]:
    word, level = _WORDS["failing" if channel.is_failing and channel.state == "selling" else channel.state]
    return {
        "channel": channel,
        "url": reverse("admin:channels_channel_change", args=(channel.id,)),
        "orders_url": _list("fulfillment_salesorder", f"channel__id__exact={channel.id}"),
        "word": word,
        "level": level,
        "slow": (channel.lag.p99 or 0) > SLOW_SECONDS,
    }


def needs_steps() -> bool:
    """Whether the house is still being set up."""
    return not (Location.objects.exists() and Sku.objects.exists() and Listing.objects.exists())


def first_steps() -> list[Step]:
    """What to do first, in its order."""
    told = _("A marketplace or shop that sells it; give the webhook address to it.")
    ours = _("Say under which id the channel sells each of them. From then on its number is ours.")
    opening = _("Open a SKU and adjust its stock, with the reason Opening stock.")
    counted = StockLevel.objects.filter(number__gt=0)
    return [
        _step(_("Add a location"), _("A warehouse, shop or 3PL that holds your stock."), Location.objects.all()),
        _step(_("Add your SKUs"), _("What you count and sell; the API takes them in bulk."), Sku.objects.all()),
        Step(_("Bring in your stock"), opening, _list("inventory_sku"), counted.exists()),
        _step(_("Add a channel"), told, Channel.objects.all()),
        _step(_("List your SKUs on it"), ours, Listing.objects.all()),
    ]


def _step(title: str, detail: str, rows: QuerySet[Any]) -> Step:
    """Done once there is such a row."""
    return Step(title, detail, _add(rows.model._meta.label_lower.replace(".", "_")), rows.exists())


def _list(model: str, query: str = "") -> str:
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{query}" if query else address


def _add(model: str) -> str:
    return reverse(f"admin:{model}_add")
