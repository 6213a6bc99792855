"""Lists take as many queries for 30 rows as for 3, and long ones are quick."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from channels.models import Channel, Drift, Listing, StockTarget
from channels.registration import create_listings
from fulfillment.orders import RequestLine, request_order
from fulfillment.returns import create_return
from fulfillment.shipping import create_shipment, dispatch
from inventory import lot_tracking
from inventory.adjustments import adjust, open_stock
from inventory.counts import open_count
from inventory.kernel import clock
from inventory.models import Location, Product, Sku, StockLevel
from purchasing.models import ReorderAlert, ReorderRule
from reports.alerts import raise_alert
from reports.models import AlertKind
from tests.api.conftest import Api, make_channel
from tests.api.test_orders import sold

#: Reading the caller's key, counting, and the page.
LEAST = 3

LISTS = {
    "products/": LEAST,
    "skus/": LEAST + 1,
    "locations/": LEAST,
    "stock-levels/": LEAST,
    "lots/": LEAST + 1,  # where they are
    "counts/": LEAST,
    "ledger-entries/": LEAST,
    "channels/": LEAST + 4,  # locations, their names, the locations of the names, lag
    "listings/": LEAST + 5,  # targets; feeding locations, all locations, levels, rules
    "sales-orders/": LEAST + 1,  # lines with their SKUs
    "shipments/": LEAST + 3,  # lines, order lines, SKUs
    "returns/": LEAST + 3,
    "reorder-rules/": LEAST,
    "reorder-alerts/": LEAST,
    "shortfalls/": LEAST,
    "drifts/": LEAST,
    "alerts/": LEAST,
    "deliveries/": LEAST,
    "parked/": LEAST + 3,  # a count of each of the four kinds
}


def fill(count: int, *, start: int, web: Channel, phone: Channel, place: Location) -> None:
    """So many more rows in every list."""
    now = clock.now()
    numbers = range(start, start + count)
    products = Product.objects.bulk_create(Product(code=f"P{n}", name="p") for n in numbers)
    skus = Sku.objects.bulk_create(Sku(code=f"S{p.code}", product=p, name="s") for p in products)
    open_stock([(sku.pk, place.pk, 10) for sku in skus], actor="system")
    create_listings(web, [{"sku": sku, "external": {"external_id": sku.code}} for sku in skus])
    for number, sku in zip(numbers, skus, strict=True):
        lotted = lot_tracking.start(
            Sku.objects.create(code=f"L{number}", product=sku.product, name="l"), actor="system"
        )
        adjust(
            sku=lotted, location=place, quantity=2, lot="A", expires_on=now.date() + timedelta(days=9), actor="system"
        )
        other = Location.objects.create(code=f"X{number}", name="x")
        open_count(location=place, skus=[sku], actor="system")
        make_channel(f"c{number}", places=(place, other))
        line = RequestLine("1", sku, 4)
        order = request_order(channel=phone, external_id=f"A{number}", lines=[line], actor="system")
        dispatch(
            create_shipment(order=order, location=place, lines=[(order.lines.get(), 2)], actor="system"), actor="system"
        )
        create_return(order=order, lines=[(order.lines.get(), 1, "")], actor="system")
        sold(web, f"W{number}", (sku.code, 50), ("stranger", 1))
        rule = ReorderRule.objects.create(sku=sku, location=place, reorder_point=5)
        ReorderAlert.objects.create(rule=rule, position=1, reorder_point=5, suggested_quantity=9, raised_at=now)
        raise_alert(AlertKind.DRIFT, subject=f"D{number}", message="drift")
        target = StockTarget.objects.get(listing__sku=sku)
        Drift.objects.create(target=target, expected=1, found=2, excess=1, found_at=now)


@pytest.fixture
def three(admin: Api, web: Channel, phone: Channel, w1: Location) -> None:
    fill(3, start=1, web=web, phone=phone, place=w1)


def test_lists_take_as_many_queries_for_30_rows_as_for_3(
    admin: Api, three: None, web: Channel, phone: Channel, w1: Location
) -> None:
    few = {path: admin.queries(path) for path in LISTS}
    fill(27, start=4, web=web, phone=phone, place=w1)
    many = {path: admin.queries(path) for path in LISTS}
    rows = {path: len(admin.rows(path)) for path in LISTS if path != "deliveries/"}
    assert min(rows.values()) >= 30, rows
    assert many == few
    assert {path: count for path, count in many.items() if count > LISTS[path]} == {}


def test_two_thousand_levels_and_listings_are_read_quickly(admin: Api, web: Channel, w1: Location) -> None:
    products = Product.objects.bulk_create(Product(code=f"P{n:04}", name="p") for n in range(2000))
    skus = Sku.objects.bulk_create(Sku(code=f"S{p.code}", product=p, name="s") for p in products)
    open_stock([(sku.pk, w1.pk, 10) for sku in skus], actor="system")
    create_listings(web, [{"sku": sku, "external": {"external_id": sku.code}} for sku in skus])
    assert (StockLevel.objects.count(), Listing.objects.count()) == (2000, 2000)
    for path, seconds in (("stock-levels/", 1.0), ("listings/", 2.0)):
        began = time.process_time()  # ours alone: the machine may be busy with other things
        found = [row["sku"] for offset in range(0, 2000, 500) for row in admin.rows(path, limit=500, offset=offset)]
        assert time.process_time() - began < seconds, path
        assert found == [sku.code for sku in skus]
