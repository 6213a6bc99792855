"""What the search of the whole back office finds besides pages: SKUs, orders and channels."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from channels.models import Channel
from fulfillment.coverage import seen_at
from inventory.admin.base import places_of
from inventory.models import Sku

MOST = 8


def find(request: HttpRequest, term: str) -> list[Any]:
    """The first few of each kind that this person may see. Terms come in lower case."""
    term = term.strip()
    if len(term) < 2 or "\x00" in term:
        return []
    may = request.user.has_perm
    found: list[Any] = []
    if may("inventory.view_sku"):
        named = Q(code__icontains=term) | Q(name__icontains=term) | Q(barcode=term)
        for sku in Sku.objects.filter(named).order_by("code")[:MOST]:
            link = reverse("sku-everywhere", args=(sku.pk,))
            found.append(SearchResult(sku.code, _("SKU: %s") % sku.name, link, "barcode"))
    if may("channels.view_channel"):
        for channel in Channel.objects.filter(Q(code__icontains=term) | Q(name__icontains=term))[:MOST]:
            link = reverse("admin:channels_channel_change", args=(channel.pk,))
            found.append(SearchResult(channel.name, _("Channel"), link, "storefront"))
    if may("fulfillment.view_salesorder"):
        spelt = {term, term.upper(), term.capitalize()}
        # by its whole id on each channel: that is what the index can find
        orders = seen_at(places_of(request)).filter(channel__in=Channel.objects.all(), external_id__in=spelt)
        for order in orders.select_related("channel").order_by("-id")[:MOST]:
            link = reverse("admin:fulfillment_salesorder_change", args=(order.pk,))
            found.append(SearchResult(order.external_id, _("Order on %s") % order.channel.name, link, "shopping_cart"))
    return found
