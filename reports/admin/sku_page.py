"""One SKU everywhere: its stock by location, all channels side by side, what moved it, and who waits for it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, Prefetch, Q, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from channels.admin.common import STANDING, total, with_owed, worst
from channels.models import Debt, Listing, Outcome, PushLog, StockTarget
from channels.numbers import explanations_now
from fulfillment.coverage import seen_at
from fulfillment.models import OrderStatus, SalesOrderLine
from inventory.kernel import clock
from inventory.models import LedgerEntry, Sku, StockLevel, Transfer, TransferLine
from inventory.models.ledger import INSIDE
from inventory.people.roles import Standing, at_places, standing_of

#: So many of the newest movements and orders stand on the page; their lists have all of them.
NEWEST = 12

_ACTIONS = (
    ("inventory.change_stocklevel", "admin:inventory_sku_adjust_stock", gettext_lazy("Adjust stock")),
    ("inventory.change_stocklevel", "admin:inventory_sku_move_state", gettext_lazy("Move state")),
    ("inventory.change_stocklevel", "admin:inventory_sku_count_now", gettext_lazy("Count now")),
    ("inventory.view_sku", "admin:inventory_sku_change", gettext_lazy("Details")),
)


@require_GET
def sku_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; each part for people who may see what it is made of."""
    may = request.user.has_perm
    if not may("inventory.view_sku"):
        raise PermissionDenied
    sku = get_object_or_404(Sku.objects.select_related("product"), pk=pk)
    standing = standing_of(request.user)
    context = {
        **admin.site.each_context(request),
        "title": sku.code,
        "object": sku,
        "opts": Sku._meta,
        "sku": sku,
        "now": clock.now(),
        "actions": [(label, reverse(view, args=(pk,))) for need, view, label in _ACTIONS if may(need)],
        "stock": _stock(sku, standing) if may("inventory.view_stocklevel") else None,
        "under_way": _under_way(sku, standing) if may("inventory.view_transfer") else [],
        "listings": _listings(sku, why=may("channels.view_allocationrule")) if may("channels.view_listing") else None,
        "entries": _entries(sku, standing) if may("inventory.view_ledgerentry") else None,
        "lines": _lines(sku, standing) if may("fulfillment.view_salesorder") else None,
        "may_push": may("channels.change_listing"),
        "links_rules": may("channels.view_allocationrule"),
        "states": [state.label for state in INSIDE],
        "entries_url": f"{reverse('admin:inventory_ledgerentry_changelist')}?{urlencode({'q': sku.code})}",
        "orders_url": f"{reverse('admin:fulfillment_salesorderline_changelist')}?{urlencode({'q': sku.code})}",
    }
    return render(request, "admin/sku_page.html", context)


def _stock(sku: Sku, standing: Standing | None) -> dict[str, Any]:
    here = at_places(StockLevel.objects.filter(sku=sku), standing).select_related("location")
    levels = list(here.order_by("location__priority", "location__code"))
    rows = [
        {"level": level, "on_hand": level.on_hand, "units": [getattr(level, state.value) for state in INSIDE]}
        for level in levels
    ]
    sums = [sum(units) for units in zip(*(row["units"] for row in rows), strict=True)]
    return {"rows": rows, "sums": sums, "on_hand": sum(level.on_hand for level in levels)}


def _under_way(sku: Sku, standing: Standing | None) -> list[TransferLine]:
    """Units that left one location and have not come to another, by the transfer that they are part of."""
    settled = F("received") + F("damaged") + F("lost") + F("returned")
    rows = TransferLine.objects.filter(sku=sku, dispatched__gt=settled)
    if standing is not None and standing.location_ids is not None:
        rows = rows.filter(transfer__in=Transfer.objects.at(standing.location_ids))
    return list(rows.select_related("transfer__from_location", "transfer__to_location").order_by("transfer"))


def _listings(sku: Sku, *, why: bool) -> list[dict[str, Any]]:
    """Each listing with where it stands, in the order of the channels; nine queries for all of them."""
    owed = Debt.objects.filter(channel_id=OuterRef("channel_id"), target_id=OuterRef("pk")).values("owed_at")
    last = PushLog.objects.filter(target=OuterRef("pk")).order_by("-computed_at").values("pk")[:1]
    targets = with_owed(StockTarget.objects.filter(is_active=True)).annotate(
        owed_since=Subquery(owed), last_push=Subquery(last)
    )
    listings = list(
        Listing.objects.filter(sku=sku)
        .select_related("channel", "sku__product")
        .prefetch_related(Prefetch("targets", targets.order_by("remote"), to_attr="live"))
        .order_by("-is_active", "channel__priority", "channel__code", "pk")
    )
    explanations = explanations_now([listing for listing in listings if listing.is_active])
    wanted = [target.last_push for listing in listings for target in listing.live if target.last_push]
    pushes = PushLog.objects.in_bulk(wanted)
    found = [_listing(listing, explanations.get(listing.pk, {}), pushes) for listing in listings]
    return found if why else [{**row, "parts": []} for row in found]


def _listing(listing: Any, explanations: dict[str, Any], pushes: dict[int, PushLog]) -> dict[str, Any]:
    targets = listing.live
    made = [pushes[target.last_push] for target in targets if target.last_push in pushes]
    last = max(made, key=lambda push: push.computed_at, default=None)
    complaints = (target.parked_reason or (target.last_error if target.attempts else "") for target in targets)
    word, level = _standing(listing, targets)
    return {
        "listing": listing,
        "channel": listing.channel,
        "word": word,
        "level": level,
        "published": sum(each.published for each in explanations.values()) if explanations else None,
        "shown": total([target.shown for target in targets]),
        "owed_since": min((target.owed_since for target in targets if target.owed_since), default=None),
        "last": last,
        "last_word": Outcome(last.outcome).label if last is not None else "",
        "complaint": next((text for text in complaints if text), ""),
        "parts": sorted(explanations.items()),
    }


def _standing(listing: Any, targets: list[Any]) -> tuple[Any, str]:
    """Where it stands, in one word: what holds up the whole channel comes first."""
    channel = listing.channel
    if not listing.is_active or not channel.is_active:
        return STANDING["inactive"]
    if channel.disconnected_at is not None:
        return _("Disconnected"), "bad"
    if channel.stopped_at is not None:
        return _("Selling stopped"), "bad"
    if not channel.sends:
        return _("Shadow: nothing is sent"), "warn"
    return STANDING[worst(targets)] if targets else (_("Nothing is sent"), "")


def _entries(sku: Sku, standing: Standing | None) -> list[LedgerEntry]:
    """The newest of each level, then of all: a level's entries are found by its index, however long the ledger is."""
    levels = list(at_places(StockLevel.objects.filter(sku=sku), standing).values_list("pk", "number"))
    recent = Q()
    for level_id, number in levels:
        recent |= Q(level=level_id, number__gt=number - NEWEST)
    if not levels:
        return []
    rows = LedgerEntry.objects.filter(recent).select_related("level__location")
    return list(rows.order_by("-recorded_at", "-id")[:NEWEST])


def _lines(sku: Sku, standing: Standing | None) -> dict[str, Any]:
    """Orders that hold or want units of it, the newest first."""
    waiting = SalesOrderLine.objects.filter(sku=sku).filter(Q(reserved__gt=0) | Q(short__gt=0))
    waiting = waiting.exclude(order__status=OrderStatus.CANCELLED)
    if standing is not None and standing.is_limited:
        waiting = waiting.filter(order__in=seen_at(standing.location_ids))
    sums = waiting.aggregate(reserved=Sum("reserved"), short=Sum("short"))
    rows = list(waiting.select_related("order__channel").order_by("-order_id", "position")[:NEWEST])
    return {"rows": rows, "reserved": sums["reserved"] or 0, "short": sums["short"] or 0, "count": waiting.count()}
