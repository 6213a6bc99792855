"""The overview: what needs a person first, then how the business runs now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels.lag import percentiles_of
from channels.models import Channel, Debt, Delivery, DeliveryStatus, Listing, StockTarget
from fulfillment.models import SalesOrder, SalesOrderLine, Shortfall, ShortfallKind
from fulfillment.parked import count_parked
from inventory.kernel import clock
from inventory.models import Location, Sku, StockLevel
from purchasing.models import ReorderAlert

from .models import Alert

#: A debt older than this is no longer on its way: something holds it up.
OVERDUE = timedelta(seconds=30)
#: Seconds from a sale to a channel's acknowledgement that a merchant should not have to look at.
SLOW_SECONDS = 5.0

_OVERSOLD = "closed=no&kind__exact=oversell"


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


def waiting(request: HttpRequest) -> dict[str, int]:
    """What waits for a person, by the sidebar's page; counted once a request."""
    if not hasattr(request, "counted_waiting"):
        request.counted_waiting = {  # type: ignore[attr-defined]
            "parked": count_parked(),
            "alerts": Alert.objects.filter(closed_at=None).count(),
            "shortfalls": Shortfall.objects.filter(closed_at=None, kind=ShortfallKind.OVERSELL).count(),
            "reorders": ReorderAlert.objects.filter(closed_at=None).count(),
        }
    return request.counted_waiting  # type: ignore[attr-defined]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The overview's context, for people who may see what it shows."""
    may_see = request.user.has_perm("channels.view_channel") and request.user.has_perm("fulfillment.view_salesorder")
    context["may_see"] = may_see
    if not may_see:
        return context
    now = clock.now()
    rows = channel_rows(now)
    context.update(
        attention=attention(waiting(request), rows),
        today=today(now),
        channel_rows=rows,
        steps=first_steps() if needs_steps() else [],
        add_channel_url=_add("channels_channel"),
    )
    return context


def attention(counts: dict[str, int], rows: list[dict[str, Any]]) -> list[Figure]:
    """What needs a person, each with the way to it; green where nothing does."""
    stopped = sum(row["state"] in ("stopped", "disconnected") for row in rows)
    overdue = sum(row["overdue"] for row in rows)
    here = [
        (_("Parked"), counts["parked"], _("events, lines and numbers that wait"), reverse("admin:parked")),
        (
            _("Oversold"),
            counts["shortfalls"],
            _("order lines short of units"),
            _list("fulfillment_shortfall", _OVERSOLD),
        ),
        (_("Alerts"), counts["alerts"], _("open"), _list("reports_alert", "closed=no")),
        (_("Channels off"), stopped, _("stopped or disconnected"), _list("channels_channel")),
        (
            _("Numbers held up"),
            overdue,
            _("owed for over half a minute"),
            _list("channels_stocktarget", "standing=owed"),
        ),
    ]
    figures = [
        Figure(title, _number(count), detail, url, "bad" if count else "good") for title, count, detail, url in here
    ]
    count = counts["reorders"]
    reorder = _list("purchasing_reorderalert", "closed=no")
    detail = _("SKUs at their reorder point")
    return [*figures, Figure(_("To reorder"), _number(count), detail, reorder, "warn" if count else "good")]


def today(now: datetime) -> list[Figure]:
    """How the day goes."""
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    sold = SalesOrderLine.objects.filter(order__recorded_at__gte=start).exclude(order__status="cancelled")
    sums = sold.aggregate(units=Sum("quantity"), short=Sum("short"))
    orders = SalesOrder.objects.filter(recorded_at__gte=start).count()
    levels = StockLevel.objects.aggregate(available=Sum("available"), reserved=Sum("reserved"))
    inbox = Delivery.objects.filter(status=DeliveryStatus.WAITING).count()
    available, reserved = (_number(levels[state] or 0) for state in ("available", "reserved"))
    waiting_inbox = _list("channels_delivery", "status__exact=waiting")
    return [
        Figure(_("Orders today"), _number(orders), _units(sums["units"] or 0), _list("fulfillment_salesorder")),
        Figure(_("Available"), available, _("units for sale"), _list("inventory_stocklevel")),
        Figure(_("Reserved"), reserved, _("units promised"), _list("inventory_stocklevel", "holding=reserved")),
        Figure(_("Inbox"), _number(inbox), _("deliveries being worked off"), waiting_inbox),
    ]


def channel_rows(now: datetime) -> list[dict[str, Any]]:
    """Each active channel: what it does, what it is owed, how fast it is. A handful of queries for all of them."""
    channels = list(Channel.objects.filter(is_active=True).select_related("lane"))
    ids = [channel.pk for channel in channels]
    owed = _by_channel(Debt.objects.all())
    overdue = _by_channel(Debt.objects.filter(owed_at__lt=now - OVERDUE))
    parked = _by_channel(StockTarget.objects.exclude(parked_reason=""))
    listings = _by_channel(Listing.objects.filter(is_active=True))
    lags = percentiles_of(ids)
    return [
        {
            "channel": channel,
            "url": reverse("admin:channels_channel_change", args=(channel.pk,)),
            "state": _state(channel),
            "listings": listings.get(channel.pk, 0),
            "owed": owed.get(channel.pk, 0),
            "overdue": overdue.get(channel.pk, 0),
            "parked": parked.get(channel.pk, 0),
            "lag": lags.get(channel.pk),
            "slow": (lags.get(channel.pk) or {}).get("p99", 0) > SLOW_SECONDS,
            "error": channel.lane.last_error if hasattr(channel, "lane") and channel.lane.failures else "",
        }
        for channel in channels
    ]


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


def _state(channel: Channel) -> str:
    if channel.disconnected_at is not None:
        return "disconnected"
    if channel.stopped_at is not None:
        return "stopped"
    return "selling" if channel.sends else "shadow"


def _by_channel(rows: Any) -> dict[int, int]:
    return dict(rows.order_by().values_list("channel").annotate(found=Count("*")))


def _number(value: int) -> str:
    return f"{value:,}"


def _units(count: int) -> str:
    return ngettext("%s unit", "%s units", count) % _number(count)


def _list(model: str, query: str = "") -> str:
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{query}" if query else address


def _add(model: str) -> str:
    return reverse(f"admin:{model}_add")
