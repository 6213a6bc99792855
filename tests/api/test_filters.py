"""Lists are filtered by what they show."""

from __future__ import annotations

from channels.models import Channel, Drift, StockTarget
from inventory.kernel import clock
from inventory.models import Location, Sku
from purchasing.models import ReorderAlert, ReorderRule
from tests.api.conftest import Api, make_sku, stock
from tests.api.test_orders import sold


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["id"] for row in rows]


def test_levels_by_units_on_hand(admin: Api, mug: Sku, w1: Location) -> None:
    stock(mug, w1, 10)
    stock(make_sku("PLATE"), w1, 3)
    found = {
        name: [row["sku"] for row in admin.rows("stock-levels/", **{name: 3})]
        for name in ("on_hand", "on_hand__gte", "on_hand__lte")
    }
    assert found == {"on_hand": ["PLATE"], "on_hand__gte": ["MUG", "PLATE"], "on_hand__lte": ["PLATE"]}
    assert admin.refused("get", "stock-levels/", status=400, on_hand="many")["code"] == "invalid"


def test_shortfalls_by_order(admin: Api, mug: Sku, w1: Location, web: Channel) -> None:
    stock(mug, w1, 1)
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "MUG"}})
    for number in ("1", "2"):
        sold(web, number, ("MUG", 2))
    first, second = sorted(admin.rows("shortfalls/"), key=lambda row: row["order_external_id"])
    assert ids(admin.rows("shortfalls/", order=first["order"])) == [first["id"]]
    assert ids(admin.rows("shortfalls/", order_external_id="2")) == [second["id"]]


def test_drifts_by_listing_and_reorder_alerts_by_rule(admin: Api, mug: Sku, w1: Location, web: Channel) -> None:
    listing = admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "MUG"}})["id"]
    target = StockTarget.objects.get(listing=listing)
    now = clock.now()
    drift = Drift.objects.create(target=target, expected=1, found=2, excess=1, found_at=now)
    assert ids(admin.rows("drifts/", listing=listing)) == [str(drift.pk)]
    assert admin.rows("drifts/", listing=int(listing) + 1) == []
    rule = ReorderRule.objects.create(sku=mug, reorder_point=5)
    alert = ReorderAlert.objects.create(rule=rule, position=1, reorder_point=5, suggested_quantity=9, raised_at=now)
    assert ids(admin.rows("reorder-alerts/", rule=rule.pk)) == [str(alert.pk)]
    assert admin.rows("reorder-alerts/", rule=rule.pk + 1) == []
