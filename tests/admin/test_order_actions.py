"""Orders, parcels, returns, parked lines and alerts, dealt with by named actions."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from channels.models import Listing
from fulfillment.models import Return, SalesOrder, SalesOrderLine, Shipment
from inventory.models import StockLevel
from purchasing.models import ReorderAlert
from reports.models import Alert
from tests.admin.house import House
from tests.admin.pages import address, confirm, confirm_chosen, page_of, text


def _phone(house: House) -> SalesOrder:
    return SalesOrder.objects.get(channel=house.manual)


def test_an_order_is_held_released_and_cancelled(house: House, boss: Client) -> None:
    order = _phone(house)
    reserved = StockLevel.objects.get(sku=house.skus[0], location=house.locations[0]).reserved
    for page, status in (("hold", "paused"), ("release", "open"), ("cancel", "cancelled")):
        assert "This field is required" in text(confirm(boss, order, page))
        text(confirm(boss, order, page, reason="asked by phone"))
        order.refresh_from_db()
        assert order.status == status
    assert StockLevel.objects.get(sku=house.skus[0], location=house.locations[0]).reserved == reserved - 3
    assert "nothing left to cancel" in text(confirm(boss, order, "cancel", reason="again"))
    assert page_of(order, "cancel") not in text(boss.get(page_of(order)))


def test_an_order_is_shipped_and_comes_back(house: House, boss: Client) -> None:
    order, place = _phone(house), house.locations[0]
    assert f'value="{place.pk}" selected' in text(boss.get(page_of(order, "ship")))
    text(confirm(boss, order, "ship", location=place.pk, carrier="DHL", reason="ready"))
    draft = Shipment.objects.get(order=order)
    assert draft.status == "draft"
    text(confirm(boss, draft, "dispatch_parcel", reason="picked up"))
    order.refresh_from_db()
    assert order.status == "shipped"
    line = order.lines.get()
    assert "how many units come back" in text(
        confirm(boss, order, "announce_return", reason="x", **{f"line_{line.pk}": "0"})
    )
    text(confirm(boss, order, "announce_return", reason="too blue", **{f"line_{line.pk}": "2"}))
    parcel = Return.objects.get(order=order)
    (one,) = parcel.lines.all()
    assert one.reason == "too blue"
    before = StockLevel.objects.get(sku=house.skus[0], location=place)
    given = {"location": place.pk, f"restock_{one.pk}": "1", f"quarantine_{one.pk}": "1", f"missing_{one.pk}": "0"}
    assert "3 units of 2 due" in text(
        confirm(boss, parcel, "receive", reason="x", **{**given, f"missing_{one.pk}": "1"})
    )
    text(confirm(boss, parcel, "receive", reason="here", **given))
    after = StockLevel.objects.get(sku=house.skus[0], location=place)
    assert (after.available - before.available, after.quarantine - before.quarantine) == (1, 1)
    parcel.refresh_from_db()
    assert parcel.status == "received"


def test_a_drafted_parcel_is_rejected(house: House, boss: Client) -> None:
    order, place = _phone(house), house.locations[0]
    text(confirm(boss, order, "ship", location=place.pk, reason="ready"))
    draft = Shipment.objects.get(order=order)
    assert page_of(draft, "reject_draft") in text(boss.get(page_of(draft)))
    assert "This field is required" in text(confirm(boss, draft, "reject_draft"))
    text(confirm(boss, draft, "reject_draft", reason="no courier"))
    draft.refresh_from_db()
    assert draft.status == "rejected"
    page = text(boss.get(page_of(draft)))
    assert page_of(draft, "reject_draft") not in page and page_of(draft, "dispatch_parcel") not in page
    assert "was rejected" in text(confirm(boss, draft, "dispatch_parcel", reason="again"))


def test_mapping_a_parked_line_makes_the_listing_and_the_line_reserves(house: House, boss: Client) -> None:
    line = SalesOrderLine.objects.get(listing_key="unknown-0")
    assert "1 line waits for it" in text(boss.get(page_of(line, "map_listing")))
    text(confirm(boss, line, "map_listing", sku=house.skus[1].pk, reason="same mug"))
    line.refresh_from_db()
    assert (line.sku, line.reserved, line.parked_reason) == (house.skus[1], 1, "")
    assert Listing.objects.filter(channel=line.order.channel, external_key="unknown-0").exists()
    waiting = list(SalesOrderLine.objects.exclude(parked_reason=""))
    assert "0 lines found" in text(confirm_chosen(boss, waiting, "retry_selected", reason="doubt"))
    assert "0 lines found" in text(confirm(boss, waiting[0], "retry_one", reason="doubt"))


def test_everything_parked_is_on_one_page(house: House, boss: Client, viewer: Client, stranger: Client) -> None:
    url = reverse("admin:parked")
    page = text(boss.get(url))
    for said in ("not_json", "unknown_listing", "unknown_item", "Replay", "Map to a SKU", "Retry"):
        assert said in page
    assert "Replay" not in text(viewer.get(url)) and stranger.get(url).status_code == 403
    only = text(boss.get(url, {"kind": "line"}))
    assert "unknown_listing</span>" in only and "not_json</span>" not in only
    assert "not_json</span>" in text(boss.get(url, {"reason": "not_json"}))
    assert "Nothing parked matches" in text(boss.get(url, {"search": "no such thing"}))
    assert "Nothing parked matches" in text(boss.get(url, {"channel": "phone", "page": "7"}))


@pytest.mark.parametrize("model", [Alert, ReorderAlert])
def test_alerts_are_closed(model: type, house: House, boss: Client) -> None:
    first, *rest = model.objects.all()
    text(confirm(boss, first, "close_one", reason="done"))
    first.refresh_from_db()
    assert first.closed_by == "user:boss"
    confirm_chosen(boss, rest, "close_selected", reason="done")
    assert not model.objects.filter(closed_at=None).exists()


def test_a_walk_shows_the_hops_and_the_slowest_channel(house: House, boss: Client) -> None:
    order = SalesOrder.objects.get(channel=house.channels[0], external_id="order-0")
    page = text(boss.get(page_of(order, "walk_page")))
    for said in (
        "Accepted on Web shop",
        "Delivery stored",
        "Recorded",
        "2 at W1",
        "Owed",
        "Acknowledged everywhere",
        "slowest",
    ):
        assert said in page
    assert text(boss.get(page_of(_phone(house), "walk_page")))
    assert "Show the raw event" in text(boss.get(page_of(order)))


def test_looking_is_not_acting(house: House, viewer: Client) -> None:
    order = _phone(house)
    assert text(viewer.get(page_of(order, "walk_page")))
    for page in ("ship", "hold", "cancel", "announce_return"):
        assert confirm(viewer, order, page, reason="no").status_code == 403
    line = SalesOrderLine.objects.exclude(parked_reason="").first()
    assert line is not None and viewer.get(page_of(line, "map_listing")).status_code == 403
    assert viewer.get(address("fulfillment.return", "receive", Return.objects.earliest("pk").pk)).status_code == 403
