"""What waits for a person: reorder alerts, shortfalls, drifts, parked things, alerts, deliveries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels import inbox
from channels.models import Channel, Delivery, DeliveryStatus, Drift, StockTarget
from fulfillment.models import SalesOrderLine, Shipment
from fulfillment.models.shipment import NewsStatus
from inventory.kernel import clock
from inventory.models import Location, Sku
from purchasing.models import ReorderAlert
from purchasing.replenishment import check_reorder
from reports.alerts import raise_alert
from reports.models import AlertKind
from tests.api.conftest import Api, ask, make_sku, stock
from tests.api.test_orders import sold


@pytest.fixture
def target(admin: Api, web: Channel, mug: Sku, w1: Location) -> StockTarget:
    stock(mug, w1, 10)
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    return StockTarget.objects.get()


class TestReordering:
    def test_a_rule_is_answered_whole(self, admin: Api, mug: Sku, w1: Location) -> None:
        body = {
            "sku": "MUG", "location": "W1", "policy": "reorder_point", "parameters": {"reorder_point": 5, "quantity": 40},
            "is_active": True,
        }  # fmt: skip
        made = admin.post("reorder-rules/", body)
        assert made == body | {"id": made["id"]}
        assert admin.rows("reorder-rules/", sku="MUG", location="W1") == [made]

    def test_a_rule_is_for_all_locations_unless_told(self, admin: Api, mug: Sku) -> None:
        made = admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5}})
        assert (made["location"], made["parameters"]["quantity"]) == ("all", None)
        error = admin.refused(
            "post", "reorder-rules/", {"sku": "MUG", "location": "all", "parameters": {"reorder_point": 6}}, status=409
        )
        assert error["code"] == "conflict"

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"policy": "guess"}, "policy"), ({"sku": "NONE"}, "sku"), ({"location": "NONE"}, "location"),
            ({"parameters": {"reorder_point": "few"}}, "parameters.reorder_point"),
            ({"parameters": {"reorder_point": -1}}, "parameters.reorder_point"),
            ({"parameters": {}}, "parameters.reorder_point"), ({"parameters": []}, "parameters"),
            ({"parameters": {"reorder_point": 1, "quantity": 0}}, "parameters.quantity"),
            ({"service_level": "0.95"}, "service_level"),
        ],
    )  # fmt: skip
    def test_a_rule_that_makes_no_sense_is_refused(self, admin: Api, mug: Sku, fields: Any, path: str) -> None:
        body = {"sku": "MUG", "parameters": {"reorder_point": 5}} | fields
        assert list(admin.refused("post", "reorder-rules/", body, status=400)["fields"]) == [path]

    def test_a_rule_that_is_below_its_point_already_raises_its_alert(self, admin: Api, mug: Sku, w1: Location) -> None:
        stock(mug, w1, 3)
        rule = admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5, "quantity": 40}})
        check_reorder()
        (alert,) = admin.rows("reorder-alerts/", sku="MUG")
        assert alert.pop("raised_at")
        assert alert == {
            "id": alert["id"], "rule": rule["id"], "sku": "MUG", "location": "all", "position": 3, "reorder_point": 5,
            "suggested_quantity": 40, "status": "open", "closed_at": None, "closed_by": "",
            "actions": [f"/api/v1/reorder-alerts/{alert['id']}/close/"],
        }  # fmt: skip

    def test_an_alert_that_is_dealt_with_is_open_no_more(self, admin: Api, mug: Sku, w1: Location) -> None:
        admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5}})
        check_reorder()
        alert = ReorderAlert.objects.get()
        closed = admin.post(f"reorder-alerts/{alert.pk}/close/", {"reason": "ordered"}, status=200)
        assert (closed["status"], closed["closed_by"], closed["actions"]) == ("closed", "key:admin", [])
        counts = [admin.get("reorder-alerts/", status=status)["count"] for status in ("open", "closed", "all")]
        assert counts == [0, 1, 1]
        assert admin.get("reorder-alerts/")["count"] == 0

    def test_a_rule_changes_and_goes(self, admin: Api, mug: Sku) -> None:
        rule = admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5}})
        changed = admin.patch(f"reorder-rules/{rule['id']}/", {"parameters": {"reorder_point": 9}, "is_active": False})
        assert (changed["parameters"]["reorder_point"], changed["is_active"]) == (9, False)
        admin.delete(f"reorder-rules/{rule['id']}/")
        assert admin.get("reorder-rules/")["count"] == 0


def test_a_shortfall_is_shown_until_it_is_filled(admin: Api, target: StockTarget, web: Channel) -> None:
    sold(web, "W1", ("m", 12))
    (short,) = admin.rows("shortfalls/", sku="MUG")
    order = admin.rows("sales-orders/")[0]["id"]
    assert short.pop("found_at")
    assert short == {
        "id": short["id"], "channel": "web", "order": order, "order_external_id": "W1", "line": "1", "sku": "MUG",
        "kind": "oversell", "cause": "sold", "reason": "oversell", "quantity": 2, "short": 2, "status": "open", "closed_at": None,
        "actions": ["/api/v1/stock-adjustments/", f"/api/v1/sales-orders/{order}/cancel/"],
    }  # fmt: skip
    admin.post(f"sales-orders/{order}/cancel/", status=200)
    assert admin.get("shortfalls/")["count"] == 0
    assert admin.rows("shortfalls/", status="closed")[0]["actions"] == []


def test_a_drift_is_shown_with_its_excess_and_can_be_pushed_again(admin: Api, target: StockTarget) -> None:
    drift = Drift.objects.create(target=target, expected=5, found=10, excess=5, found_at=clock.now())
    (row,) = admin.rows("drifts/", channel="web", sku="MUG", excess__gte=5)
    assert (row["expected"], row["found"], row["excess"], row["reason"]) == (5, 10, 5, "shows_more")
    assert row["actions"] == [f"/api/v1/drifts/{drift.pk}/push/"]
    StockTarget.objects.update(shown=10)
    admin.post(f"drifts/{drift.pk}/push/", status=200)
    target.refresh_from_db()
    assert target.shown is None


def test_alerts_count_up_and_are_closed(admin: Api, db: None) -> None:
    for _ in range(2):
        raise_alert(AlertKind.OVERSELL, subject="MUG", message="MUG is oversold")
    (alert,) = admin.rows("alerts/", kind="oversell", subject="MUG")
    assert (alert["message"], alert["count"], alert["status"], alert["reason"]) == (
        "MUG is oversold",
        2,
        "open",
        "oversell",
    )
    assert admin.post(f"alerts/{alert['id']}/close/", status=200)["closed_by"] == "key:admin"
    assert (admin.rows("alerts/"), len(admin.rows("alerts/", status="all"))) == ([], 1)
    admin.refused("get", "alerts/", status=400, kind="nonsense")


class TestTheInbox:
    @pytest.fixture
    def delivery(self, web: Channel) -> Delivery:
        body = json.dumps({"order": {"id": "W1"}}).encode()
        found = inbox.store(
            channel_id=web.pk, event_id="evt_1", topic="", order_ref="W1", body=body, headers={"Webhook-Id": "evt_1"}
        )
        return Delivery.objects.get(pk=found)

    def test_a_delivery_is_shown_with_every_byte_of_its_body(self, admin: Api, delivery: Delivery) -> None:
        (row,) = admin.rows("deliveries/", channel="web", order="W1", status="waiting")
        assert "body" not in row
        whole = admin.get(f"deliveries/{delivery.pk}/")
        assert (whole["body"], whole["headers"]) == ('{"order": {"id": "W1"}}', {"webhook-id": "evt_1"})
        assert whole["body_base64"] == "eyJvcmRlciI6IHsiaWQiOiAiVzEifX0="

    def test_a_body_that_is_no_text_is_shown_as_bytes(self, admin: Api, delivery: Delivery) -> None:
        Delivery.objects.update(body=b"\xff\xfe")
        whole = admin.get(f"deliveries/{delivery.pk}/")
        assert (whole["body"], whole["body_base64"]) == (None, "//4=")

    def test_deliveries_are_evidence(self, admin: Api, delivery: Delivery) -> None:
        for method in ("put", "patch", "delete"):
            assert getattr(admin.client, method)(f"/api/v1/deliveries/{delivery.pk}/").status_code == 405
        assert admin.client.post("/api/v1/deliveries/", {}, format="json").status_code == 405

    def test_a_parked_delivery_is_listed_and_tried_again(self, admin: Api, delivery: Delivery) -> None:
        Delivery.objects.update(status=DeliveryStatus.PARKED, reason="no_lines", detail="order.lines is missing")
        (row,) = admin.rows("parked/", channel="web", kind="delivery", reason="no_lines", search="missing")
        name = f"delivery-{delivery.pk}"
        assert row.pop("parked_at")
        assert row == {
            "id": name, "kind": "delivery", "channel": "web", "subject": "evt_1", "reason": "no_lines",
            "detail": "order.lines is missing", "actions": [f"/api/v1/parked/{name}/retry/"],
        }  # fmt: skip
        assert admin.post(f"parked/{name}/retry/", status=200) == {"id": name, "parked": False}
        assert Delivery.objects.get().status == "waiting"
        admin.post(f"parked/{name}/retry/", status=404)

    def test_a_settled_delivery_is_replayed(self, admin: Api, delivery: Delivery) -> None:
        Delivery.objects.update(status=DeliveryStatus.DONE)
        assert admin.post(f"deliveries/{delivery.pk}/replay/", status=200)["status"] == "waiting"


class TestParked:
    def test_a_line_waits_for_its_listing_and_finds_it(self, admin: Api, target: StockTarget, web: Channel) -> None:
        sold(web, "W1", ("stranger", 1))
        (row,) = admin.rows("parked/")
        assert (row["kind"], row["subject"], row["reason"]) == ("line", "W1", "unknown_listing")
        assert "stranger" in row["detail"]
        assert admin.post(f"parked/{row['id']}/retry/", status=200)["parked"] is True
        make_sku("CUP")
        admin.post("listings/", {"channel": "web", "sku": "CUP", "external": {"external_id": "stranger"}})
        assert admin.rows("parked/") == []
        assert SalesOrderLine.objects.get().sku.code == "CUP"

    def test_a_rejected_number_is_sent_again(self, admin: Api, target: StockTarget) -> None:
        StockTarget.objects.update(parked_reason="not_sellable", last_error="not for sale")
        (row,) = admin.rows("parked/", kind="target")
        assert (row["subject"], row["reason"], row["detail"]) == ("MUG", "not_sellable", "not for sale")
        assert admin.post(f"parked/{row['id']}/retry/", status=200)["parked"] is False

    def test_refused_news_of_a_shipment_is_told_again(self, admin: Api, mug: Sku, w1: Location, phone: Channel) -> None:
        stock(mug, w1, 1)
        parcel = admin.post("shipments/", {"order": ask(admin, ("MUG", 1))["id"]})
        Shipment.objects.update(news=NewsStatus.PARKED, news_error="no", dispatched_at=clock.now())
        assert admin.post(f"parked/shipment-{parcel['id']}/retry/", status=200)["parked"] is False
        assert Shipment.objects.get().news == NewsStatus.OWED

    def test_the_list_comes_in_pages(self, admin: Api, target: StockTarget, web: Channel) -> None:
        for number in range(5):
            sold(web, f"W{number}", ("stranger", 1))
        pages = [admin.get("parked/", limit=2, offset=offset) for offset in (0, 2, 4)]
        assert [page["count"] for page in pages] == [5, 5, 5]
        assert len({row["id"] for page in pages for row in page["results"]}) == 5
        assert pages[2]["next"] is None

    @pytest.mark.parametrize("query", [{"kind": "moon"}, {"search": "\u0000"}, {"colour": "red"}])
    def test_a_query_that_makes_no_sense_is_refused(self, admin: Api, query: dict[str, str]) -> None:
        assert list(admin.refused("get", "parked/", status=400, **query)["fields"]) == list(query)

    @pytest.mark.parametrize(
        "name", ["moon-1", "line-1", "delivery-99", "line", "line-x", "shipment-999999999999999999"]
    )
    def test_what_is_not_parked_is_404(self, admin: Api, name: str) -> None:
        admin.post(f"parked/{name}/retry/", status=404)
