"""One page with everything that waits for a person, why, and what one may do about it."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from channels.models import Channel

from ..parked import KINDS, ParkedRow, count_parked, parked_rows, reasons

PAGE = 50

TITLES = {
    "delivery": gettext_lazy("Delivery"),
    "line": gettext_lazy("Order line"),
    "target": gettext_lazy("Stock target"),
    "shipment": gettext_lazy("Shipment's news"),
}
#: For each kind: its page, the permission to look at it, and its actions as (title, view, permission).
PAGES: dict[str, tuple[str, str, tuple[tuple[Any, str, str], ...]]] = {
    "delivery": (
        "channels_delivery_change", "channels.view_delivery",
        ((gettext_lazy("Replay"), "channels_delivery_replay_one", "channels.change_delivery"),),
    ),
    "line": (
        "fulfillment_salesorderline_change", "fulfillment.view_salesorderline",
        (
            (gettext_lazy("Map to a SKU"), "fulfillment_salesorderline_map_listing", "channels.add_listing"),
            (gettext_lazy("Look again"), "fulfillment_salesorderline_retry_one", "fulfillment.change_salesorderline"),
        ),
    ),
    "target": (
        "channels_stocktarget_change", "channels.view_stocktarget",
        ((gettext_lazy("Retry"), "channels_stocktarget_retry_one", "channels.change_stocktarget"),),
    ),
    "shipment": (
        "fulfillment_shipment_change", "fulfillment.view_shipment",
        ((gettext_lazy("Tell again"), "fulfillment_shipment_tell_again", "fulfillment.change_shipment"),),
    ),
}  # fmt: skip


def parked_page(request: HttpRequest, model_admin: ModelAdmin) -> HttpResponse:
    """The list, searched and filtered."""
    kinds = [kind for kind in KINDS if request.user.has_perm(PAGES[kind][1])]
    if not kinds or not request.user.has_perm("fulfillment.view_parked"):
        raise PermissionDenied
    chosen = {name: request.GET.get(name, "").strip() for name in ("kind", "channel", "reason", "search")}
    if chosen["kind"] not in kinds:
        chosen["kind"] = "" if len(kinds) == len(KINDS) else kinds[0]
    page = int(request.GET["page"]) if request.GET.get("page", "").isdigit() else 1
    page = max(1, min(page, 100_000))
    rows = parked_rows(**chosen, offset=(page - 1) * PAGE, limit=PAGE)
    count = count_parked(**chosen)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Parked"),
        "rows": [_row(request, row) for row in rows],
        "count": count,
        "chosen": chosen,
        "kinds": [(kind, TITLES[kind]) for kind in kinds],
        "channels": Channel.objects.order_by("code").values_list("code", "name"),
        "reasons": reasons(),
        "filtered": any(chosen.values()),
        "page": page,
        "earlier": _query(chosen, page - 1) if page > 1 else "",
        "later": _query(chosen, page + 1) if page * PAGE < count else "",
    }
    return TemplateResponse(request, "admin/parked.html", context)


def _query(chosen: dict[str, str], page: int) -> str:
    return urlencode({**{name: value for name, value in chosen.items() if value}, "page": page})


def _row(request: HttpRequest, row: ParkedRow) -> dict[str, Any]:
    page, _permission, actions = PAGES[row.kind]
    return {
        "title": TITLES[row.kind],
        "row": row,
        "url": reverse(f"admin:{page}", args=(row.id,)),
        "actions": [
            (title, reverse(f"admin:{view}", args=(row.id,)))
            for title, view, permission in actions
            if request.user.has_perm(permission) and (view != _MAP or row.reason == "unknown_listing")
        ],
    }


_MAP = "fulfillment_salesorderline_map_listing"
