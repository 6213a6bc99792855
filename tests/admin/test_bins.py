"""Bins in the back office: put on a level's page, shown where people walk along the shelves."""

from __future__ import annotations

from django.test import Client

from inventory import bins
from inventory.models import Count, CountStatus, StockLevel
from tests.admin.house import House
from tests.admin.pages import address, confirm, page_of, text


def test_bins_are_put_on_a_levels_page_and_lists_go_by_them(house: House, boss: Client) -> None:
    first, second = StockLevel.objects.filter(location=house.locations[0]).order_by("pk")[:2]
    assert "lies in A-10, B-1." in text(confirm(boss, first, "edit_bins", bins="A-10, B-1"))
    confirm(boss, second, "edit_bins", bins="A-2")
    assert "cannot be a bin" in text(confirm(boss, second, "edit_bins", bins="x" * 51))
    found = text(boss.get(address("inventory.stocklevel"), {"q": "A-2"}))
    assert page_of(second) in found and page_of(first) not in found
    by_bin = text(boss.get(address("inventory.stocklevel"), {"o": "4"}))
    assert by_bin.index(page_of(second)) < by_bin.index(page_of(first)), "A-2 before A-10"
    assert "A-10, B-1" in text(boss.get(page_of(first)))
    assert "no bin" in text(confirm(boss, first, "edit_bins", bins=""))


def test_a_count_sheet_goes_along_the_shelves(house: House, boss: Client) -> None:
    count = Count.objects.filter(status=CountStatus.DRAFT).latest("pk")
    sku = count.lines.get().sku
    bins.put(sku=sku, location=count.location, bins=["C-3", "C-4"])
    for page in ("sheet", "print_sheet"):
        assert "C-3, C-4" in text(boss.get(page_of(count, page)))


def test_a_parcels_lines_say_where_they_lie(house: House, boss: Client) -> None:
    shipment = house.shipments[0]
    for one in shipment.lines.select_related("line__sku"):
        bins.put(sku=one.line.sku, location=shipment.location, bins=["D-9"])
    assert "D-9" in text(boss.get(page_of(shipment)))
