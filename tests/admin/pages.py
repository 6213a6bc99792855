"""The back office's lists, and how tests ask for its pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

OURS = ("inventory", "channels", "fulfillment", "purchasing", "reports")
ADMINS = {
    model._meta.label_lower: entry for model, entry in admin.site._registry.items() if model._meta.app_label in OURS
}
FORBIDDEN = {
    "inventory.ledgerentry", "inventory.stocklevel", "inventory.reservation", "inventory.count",
    "inventory.assembly", "inventory.lot", "inventory.bundlecomponent",
    "inventory.recountrequest", "inventory.costscope", "inventory.costmove", "inventory.landedcost", "inventory.period",
    "fulfillment.salesorder",
    "fulfillment.salesorderline", "fulfillment.shipment", "fulfillment.return", "fulfillment.shortfall",
    "channels.delivery", "channels.stocktarget", "channels.pushlog", "channels.drift", "purchasing.reorderalert",
    "reports.alert", "reports.ledgercheck",
}  # fmt: skip


def address(label: str, page: str = "changelist", *args: Any) -> str:
    """Where a page of a model is."""
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def page_of(row: Model, page: str = "change") -> str:
    """Where a row's page is."""
    return address(row._meta.label_lower, page, row.pk)


def text(response: HttpResponse) -> str:
    """What the page says."""
    assert response.status_code == 200, (response.status_code, response.get("Location"))
    return response.content.decode()


def confirm(client: Client, row: Model, page: str, **values: Any) -> HttpResponse:
    """Confirm a named action of a row with these values; the page that follows."""
    return client.post(page_of(row, page), {"_confirm": "1", **values}, follow=True)


def confirm_chosen(client: Client, rows: list[Model], action: str, **values: Any) -> HttpResponse:
    """The same for rows chosen in a list."""
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    first = client.post(address(rows[0]._meta.label_lower), {**chosen, "index": "0"})
    assert "_confirm" in text(first)
    return client.post(address(rows[0]._meta.label_lower), {**chosen, "_confirm": "1", **values}, follow=True)
