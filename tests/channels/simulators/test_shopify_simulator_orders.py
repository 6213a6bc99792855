"""Orders of a simulated Shopify shop: bought, paid, edited, cancelled, refunded, fulfilled, and read over the API."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from channels.simulators import Faults
from channels.simulators.orders import OrderRefused
from channels.simulators.shopify.orders import ShopOrder
from tests.channels.simulators.shopify_desk import ACTIVATE, WEST, A, B, Desk, wait_for

ORDER = """query Order($id: ID!) { order(id: $id) {
  name displayFinancialStatus displayFulfillmentStatus cancelledAt cancelReason currencyCode edited
  currentTotalPriceSet { shopMoney { amount currencyCode } } totalRefundedSet { shopMoney { amount } }
  shippingAddress { countryCodeV2 city zip name }
  lineItems(first: 9) { nodes { quantity currentQuantity unfulfilledQuantity refundableQuantity sku
    variant { inventoryItem { id } } originalUnitPriceSet { shopMoney { amount } } } }
  refunds { refundLineItems(first: 9) { nodes { quantity restockType location { id } lineItem { sku } } } }
  fulfillments { name status trackingInfo { company number url } fulfillmentLineItems(first: 9) { nodes { quantity } } }
  fulfillmentOrders(first: 9) { nodes { id status assignedLocation { location { id } }
    lineItems(first: 9) { nodes { id totalQuantity remainingQuantity inventoryItemId } } } }
} }"""
FULFILL = """mutation Fulfill($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment) {
  fulfillment { status totalQuantity } userErrors { field message } } }"""
CHANGED = """query Changed($query: String, $after: String, $first: Int!) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor } nodes { name } } }"""


def read(desk: Desk, order: ShopOrder) -> dict[str, Any]:
    found: dict[str, Any] = desk.data(ORDER, id=f"gid://shopify/Order/{order.order_id}")["order"]
    return found


def lines(found: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [
        (each["quantity"], each["currentQuantity"], each["unfulfilledQuantity"]) for each in found["lineItems"]["nodes"]
    ]


def work(found: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [
        (each["status"], line["totalQuantity"], line["remainingQuantity"])
        for each in found["fulfillmentOrders"]["nodes"]
        for line in each["lineItems"]["nodes"]
    ]


def parcel(found: dict[str, Any], quantity: int | None = None, **tracking: Any) -> dict[str, Any]:
    place = found["fulfillmentOrders"]["nodes"][0]
    group: dict[str, Any] = {"fulfillmentOrderId": place["id"]}
    if quantity is not None:
        line = place["lineItems"]["nodes"][0]
        group["fulfillmentOrderLineItems"] = [{"id": line["id"], "quantity": quantity}]
    return {"lineItemsByFulfillmentOrder": [group], "trackingInfo": tracking}


def test_a_checkout_commits_units_and_is_told_and_read(desk: Desk) -> None:
    order = desk.buy(A, quantity=3)
    assert desk.level() == {"available": 7, "committed": 3, "on_hand": 10}
    wait_for(lambda: len(desk.inbox.received) == 2)
    assert sorted(desk.inbox.topics()) == ["orders/create", "orders/paid"]
    told = desk.inbox.last("orders/create")
    assert (told["id"], told["admin_graphql_api_id"]) == (int(order.order_id), f"gid://shopify/Order/{order.order_id}")
    assert (told["financial_status"], told["fulfillment_status"], told["currency"]) == ("paid", None, "USD")
    (line,) = told["line_items"]
    assert (line["sku"], line["quantity"], line["current_quantity"], line["fulfillable_quantity"]) == ("SKU-A", 3, 3, 3)
    assert (line["variant_id"], line["price_set"]["shop_money"]) == (
        1000000007001,
        {"amount": "19.90", "currency_code": "USD"},
    )
    found = read(desk, order)
    assert (found["name"], found["displayFinancialStatus"], found["displayFulfillmentStatus"]) == (
        "#1001",
        "PAID",
        "UNFULFILLED",
    )
    assert found["currentTotalPriceSet"]["shopMoney"] == {"amount": "59.70", "currencyCode": "USD"}
    assert found["shippingAddress"]["countryCodeV2"] == "US"
    assert found["lineItems"]["nodes"][0]["variant"]["inventoryItem"]["id"] == A
    assert (lines(found), work(found)) == ([(3, 3, 3)], [("OPEN", 3, 3)])


def test_an_unpaid_order_holds_its_units_and_is_paid_for_later(desk: Desk) -> None:
    order = desk.buy(A, pending=True)
    wait_for(lambda: desk.inbox.topics() == ["orders/create"])
    assert desk.inbox.last("orders/create")["financial_status"] == "pending"
    assert desk.level()["available"] == 9
    desk.handle.pay(order.order_id)
    wait_for(lambda: len(desk.inbox.received) == 3)
    assert sorted(desk.inbox.topics()[1:]) == ["orders/paid", "orders/updated"]
    assert read(desk, order)["displayFinancialStatus"] == "PAID"
    with pytest.raises(OrderRefused):
        desk.handle.pay(order.order_id)


@pytest.mark.parametrize(("restocks", "available"), [(True, 10), (False, 7)])
def test_a_cancelled_order_is_refunded_and_restocked_where_the_shop_does_so(
    open_shop: Callable[..., Desk], restocks: bool, available: int
) -> None:
    desk = open_shop(restocks_itself=restocks)
    order = desk.buy(A, quantity=3)
    desk.handle.cancel(order.order_id)
    assert desk.level() == {"available": available, "committed": 0, "on_hand": available}
    wait_for(lambda: len(desk.inbox.received) == 5)
    assert sorted(desk.inbox.topics()) == [
        *("orders/cancelled", "orders/create", "orders/paid", "orders/updated", "refunds/create")
    ]
    told = desk.inbox.last("orders/cancelled")
    assert (told["cancel_reason"], told["financial_status"]) == ("customer", "refunded")
    assert told["cancelled_at"] is not None
    assert [each["restock_type"] for each in told["refunds"][0]["refund_line_items"]] == [
        "cancel" if restocks else "no_restock"
    ]
    found = read(desk, order)
    assert (found["cancelReason"], lines(found), work(found)) == ("CUSTOMER", [(3, 0, 0)], [("CANCELLED", 0, 0)])
    assert desk.world.report()["oversold_units"] == 0
    with pytest.raises(OrderRefused):
        desk.handle.cancel(order.order_id)


def test_an_unpaid_order_is_cancelled_without_a_refund(desk: Desk) -> None:
    order = desk.buy(A, quantity=3, pending=True)
    desk.handle.cancel(order.order_id)
    found = read(desk, order)
    assert (found["displayFinancialStatus"], found["refunds"], lines(found)) == ("VOIDED", [], [(3, 0, 0)])


def test_an_edit_takes_units_off_and_adds_others(desk: Desk) -> None:
    order = desk.buy(A, quantity=3)
    line_id = order.lines[0].line_id
    desk.do(lambda shop: shop.edit(order.order_id, {"7001": -2}, added=[("7002", 4)], restock=True))
    wait_for(lambda: len(desk.inbox.received) == 4)
    told = desk.inbox.last("orders/edited")
    assert set(told) == {"order_edit"}
    assert told["order_edit"]["order_id"] == int(order.order_id)
    assert told["order_edit"]["line_items"]["removals"] == [{"id": int(line_id), "delta": 2}]
    assert [each["delta"] for each in told["order_edit"]["line_items"]["additions"]] == [4]
    found = read(desk, order)
    assert (found["edited"], lines(found)) == (True, [(3, 1, 1), (4, 4, 4)])
    assert (desk.level(A)["available"], desk.level(B)["available"]) == (9, 6)
    desk.do(lambda shop: shop.edit(order.order_id, {"7001": 1}))
    assert lines(read(desk, order)) == [(4, 2, 2), (4, 4, 4)]
    with pytest.raises(OrderRefused):
        desk.do(lambda shop: shop.edit(order.order_id, {"7001": -3}))


def test_cancelling_some_units_is_an_edit(desk: Desk) -> None:
    order = desk.buy(A, quantity=3)
    desk.handle.cancel(order.order_id, quantities={"7001": 1})
    wait_for(lambda: "orders/edited" in desk.inbox.topics())
    assert lines(read(desk, order)) == [(3, 2, 2)]


def test_a_refund_takes_unfulfilled_units_first_and_says_what_became_of_them(desk: Desk) -> None:
    order = desk.buy(A, quantity=5)
    desk.handle.ship(order.order_id, quantities={"7001": 3})
    desk.do(lambda shop: shop.refund(order.order_id, quantities={"7001": 3}, restock=True))
    found = read(desk, order)
    assert lines(found) == [(5, 2, 0)]
    parts = found["refunds"][0]["refundLineItems"]["nodes"]
    assert [(each["quantity"], each["restockType"], each["location"]["id"]) for each in parts] == [
        (2, "CANCEL", "gid://shopify/Location/101"),
        (1, "RETURN", "gid://shopify/Location/101"),
    ]
    assert found["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert found["totalRefundedSet"]["shopMoney"]["amount"] == "59.70"
    assert desk.level() == {"available": 8, "committed": 0, "on_hand": 8}
    wait_for(lambda: "refunds/create" in desk.inbox.topics())
    told = desk.inbox.last("refunds/create")
    assert (told["order_id"], told["restock"]) == (int(order.order_id), True)
    assert [(each["line_item_id"], each["quantity"], each["location_id"]) for each in told["refund_line_items"]] == [
        (int(order.lines[0].line_id), 2, 101),
        (int(order.lines[0].line_id), 1, 101),
    ]
    desk.do(lambda shop: shop.refund(order.order_id, restock=False))
    found = read(desk, order)
    assert [each["restockType"] for each in found["refunds"][1]["refundLineItems"]["nodes"]] == ["NO_RESTOCK"]
    assert (lines(found), found["displayFinancialStatus"]) == ([(5, 0, 0)], "REFUNDED")
    assert desk.level()["available"] == 8


def test_a_fulfillment_ships_once_and_a_second_one_finds_nothing_left(desk: Desk) -> None:
    order = desk.buy(A, quantity=3)
    asked = parcel(read(desk, order), company="DHL", number="JD1", url="https://dhl.example/JD1")
    first = desk.data(FULFILL, fulfillment=asked)["fulfillmentCreate"]
    assert first == {"fulfillment": {"status": "SUCCESS", "totalQuantity": 3}, "userErrors": []}
    second = desk.data(FULFILL, fulfillment=asked)["fulfillmentCreate"]
    assert second["fulfillment"] is None
    assert second["userErrors"][0]["message"].endswith("has an unfulfillable status= closed.")
    found = read(desk, order)
    assert found["fulfillments"] == [
        {
            "name": "#1001-F1",
            "status": "SUCCESS",
            "trackingInfo": [{"company": "DHL", "number": "JD1", "url": "https://dhl.example/JD1"}],
            "fulfillmentLineItems": {"nodes": [{"quantity": 3}]},
        }
    ]
    assert (lines(found), work(found), found["displayFulfillmentStatus"]) == (
        [(3, 3, 0)],
        [("CLOSED", 3, 0)],
        "FULFILLED",
    )
    assert desk.level() == {"available": 7, "committed": 0, "on_hand": 7}
    wait_for(lambda: "orders/fulfilled" in desk.inbox.topics())
    (made,) = desk.inbox.last("orders/fulfilled")["fulfillments"]
    assert (made["tracking_company"], made["tracking_numbers"], made["location_id"]) == ("DHL", ["JD1"], 101)
    assert [(each["tracking_number"], each["carrier"]) for each in desk.shop.shipments] == [("JD1", "DHL")]


def test_fulfilling_is_not_idempotent_while_units_are_left(desk: Desk) -> None:
    order = desk.buy(A, quantity=3)
    asked = parcel(read(desk, order), 1, number="JD1")
    for _ in range(2):
        assert desk.data(FULFILL, fulfillment=asked)["fulfillmentCreate"]["userErrors"] == []
    found = read(desk, order)
    assert (lines(found), work(found)) == ([(3, 3, 1)], [("IN_PROGRESS", 3, 1)])
    assert [each["name"] for each in found["fulfillments"]] == ["#1001-F1", "#1001-F2"]
    (error,) = desk.data(FULFILL, fulfillment=parcel(found, 2))["fulfillmentCreate"]["userErrors"]
    assert error == {"field": ["fulfillment"], "message": "Invalid fulfillment order line item quantity requested."}


def test_units_of_two_locations_are_two_fulfillments(desk: Desk) -> None:
    desk.data(ACTIVATE, item=A, location=WEST, available=5, key="k")
    order = desk.buy(A, quantity=12)
    found = read(desk, order)
    assert sorted(work(found)) == [("OPEN", 2, 2), ("OPEN", 10, 10)]
    both = [{"fulfillmentOrderId": each["id"]} for each in found["fulfillmentOrders"]["nodes"]]
    refused = desk.data(FULFILL, fulfillment={"lineItemsByFulfillmentOrder": both})["fulfillmentCreate"]
    assert refused["userErrors"] == [
        {"field": ["fulfillment"], "message": "All fulfillment orders must be of one order and one location."}
    ]
    desk.handle.ship(order.order_id)
    assert [each["fulfillmentLineItems"]["nodes"] for each in read(desk, order)["fulfillments"]] == [
        [{"quantity": 10}],
        [{"quantity": 2}],
    ]


def test_a_fulfillment_of_nothing_known_is_refused(desk: Desk) -> None:
    group = {"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1"}
    answered = desk.data(FULFILL, fulfillment={"lineItemsByFulfillmentOrder": [group]})["fulfillmentCreate"]
    assert answered["userErrors"] == [{"field": ["fulfillment"], "message": "Fulfillment order does not exist."}]


def test_a_fulfillment_whose_answer_was_lost_ships_again_when_it_is_asked_again(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop()
    order = desk.buy(A, quantity=2)
    asked = parcel(read(desk, order), 1)
    desk.handle.misbehave(error_after=1.0)
    assert desk.post(FULFILL, fulfillment=asked).status_code == 502
    desk.handle.misbehave(error_after=0.0)
    assert desk.data(FULFILL, fulfillment=asked)["fulfillmentCreate"]["userErrors"] == []
    assert len(read(desk, order)["fulfillments"]) == 2


def test_orders_are_polled_in_the_order_of_their_last_change(desk: Desk) -> None:
    orders = [desk.buy(A) for _ in range(4)]
    desk.handle.ship(orders[1].order_id)
    first = desk.data(CHANGED, first=2)["orders"]
    assert [each["name"] for each in first["nodes"]] == ["#1001", "#1003"]
    assert first["pageInfo"]["hasNextPage"] is True
    desk.handle.ship(orders[0].order_id)
    rest = desk.data(CHANGED, first=9, after=first["pageInfo"]["endCursor"])["orders"]
    assert [each["name"] for each in rest["nodes"]] == ["#1004", "#1002", "#1001"]
    newest = desk.data("{ orders(first: 1, sortKey: UPDATED_AT, reverse: true) { nodes { name } } }")
    assert newest["orders"]["nodes"] == [{"name": "#1001"}]
    assert {name for _, name in desk.world.world.log.told} == {order.order_id for order in orders}


def test_orders_are_searched_by_the_second_of_their_last_change(desk: Desk) -> None:
    desk.buy(A)
    time.sleep(1.1)
    order = desk.buy(B)
    at = desk.data("query($id: ID!) { order(id: $id) { updatedAt } }", id=f"gid://shopify/Order/{order.order_id}")
    second = at["order"]["updatedAt"]
    assert len(second) == len("2026-11-23T18:00:00Z")
    for search, names in (
        (f"updated_at:>='{second}'", ["#1002"]),
        (f"updated_at:>'{second}'", []),
        (f"updated_at:<{second}", ["#1001"]),
        ("updated_at:>='2026-01-01T00:00:00Z' AND name:#1001", ["#1001"]),
        ("status:open financial_status:paid", ["#1001", "#1002"]),
        ("fulfillment_status:shipped", []),
    ):
        found = desk.data(CHANGED, first=9, query=search)["orders"]["nodes"]
        assert [each["name"] for each in found] == names, search
    assert "errors" in desk.ask(CHANGED, first=9, query="status:open OR status:closed")


def test_an_order_says_the_same_in_a_webhook_and_over_the_api(desk: Desk) -> None:
    order = desk.buy(A, quantity=2)
    wait_for(lambda: len(desk.inbox.received) == 2)
    bodies = {body for _, body in desk.inbox.received}
    assert len(bodies) == 1
    told = json.loads(bodies.pop())
    found = read(desk, order)
    assert (told["name"], told["current_total_price"]) == (found["name"], "39.80")
    assert told["shipping_address"]["zip"] == found["shippingAddress"]["zip"]


def test_shipments_of_ours_are_quiet_where_the_shop_does_not_echo_them(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(echoes_shipments=False, faults=Faults())
    order = desk.buy(A)
    wait_for(lambda: len(desk.inbox.received) == 2)
    desk.data(FULFILL, fulfillment=parcel(read(desk, order)))
    time.sleep(0.2)
    assert len(desk.inbox.received) == 2
