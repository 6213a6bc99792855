"""Shopify's deliveries: whatever comes, and the same order told by webhook, by poll and when asked for."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from channels.connectors.base import (
    Account,
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    InboundRequest,
    LineEvent,
    MalformedPayload,
    OrderChanged,
    OrderEvent,
    PushItem,
    Response,
    ShipmentNews,
    SignatureError,
)
from channels.connectors.shopify import Shopify
from tests.golden.connector.cases import KEY, NOW
from tests.properties.examples import PURE
from tests.properties.test_http_payloads import anything, paths

TOPICS = [
    "",
    "orders/create",
    "orders/updated",
    "orders/cancelled",
    "orders/edited",
    "refunds/create",
    "products/update",
]
REFUSALS = (ChannelBusy, ChannelRefused, ChannelUnclear)


class Sold(NamedTuple):
    """A line: units ordered, taken back before they left, that left, and that came back of these."""

    ordered: int
    cancelled: int
    shipped: int
    returned: int


@st.composite
def sold(draw: st.DrawFn) -> Sold:
    ordered = draw(st.integers(1, 6))
    cancelled = draw(st.integers(0, ordered))
    shipped = draw(st.integers(0, ordered - cancelled))
    return Sold(ordered, cancelled, shipped, draw(st.integers(0, shipped)))


orders = st.lists(sold(), min_size=1, max_size=5)


def webhook(lines: list[Sold], **fields: Any) -> dict[str, Any]:
    """The order as Shopify's webhooks write it."""
    back = [(number, kind, units) for number, one in enumerate(lines)
            for kind, units in (("no_restock", one.cancelled), ("return", one.returned)) if units]  # fmt: skip
    return {
        "id": 5001,
        "admin_graphql_api_id": "gid://shopify/Order/5001",
        "created_at": "2026-11-23T10:00:00+01:00",
        "updated_at": "2026-11-23T10:30:05+01:00",
        "cancelled_at": None,
        "currency": "EUR",
        "financial_status": "paid",
        "payment_gateway_names": ["shopify_payments"],
        "test": False,
        "shipping_address": {"name": "Ada Voss", "address1": "Kanalstr. 3", "address2": None, "city": "Hamburg", "zip": "20095",
                             "province": "Hamburg", "province_code": None, "country": "Germany", "country_code": "DE",
                             "latitude": 53.55, "longitude": 9.99},
        "line_items": [
            {"id": 9000 + number, "admin_graphql_api_id": f"gid://shopify/LineItem/{9000 + number}",
             "variant_id": 7000 + number, "quantity": one.ordered,
             "current_quantity": one.ordered - one.cancelled - one.returned,
             "fulfillable_quantity": one.ordered - one.cancelled - one.shipped,
             "requires_shipping": True, "gift_card": False, "variant_inventory_management": "shopify", "price": "12.50"}
            for number, one in enumerate(lines)
        ],
        "fulfillments": [
            {"status": "success", "line_items": [
                {"id": 9000 + number, "quantity": one.shipped} for number, one in enumerate(lines) if one.shipped
            ]},
        ],
        "refunds": [
            {"refund_line_items": [{"line_item_id": 9000 + number, "quantity": units, "restock_type": kind}]}
            for number, kind, units in back
        ],
    } | fields  # fmt: skip


def node(lines: list[Sold]) -> dict[str, Any]:
    """The same order as Shopify's GraphQL writes it."""
    return {
        "id": "gid://shopify/Order/5001",
        "createdAt": "2026-11-23T09:00:00Z",
        "updatedAt": "2026-11-23T09:30:05Z",
        "cancelledAt": None,
        "currencyCode": "EUR",
        "displayFinancialStatus": "PAID",
        "paymentGatewayNames": ["shopify_payments"],
        "test": False,
        "shippingAddress": {"name": "Ada Voss", "company": None, "address1": "Kanalstr. 3", "address2": None, "city": "Hamburg",
                            "province": "Hamburg", "provinceCode": None, "zip": "20095", "countryCodeV2": "DE", "phone": None,
                            "latitude": 53.55, "longitude": 9.99},
        "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": [
            {"id": f"gid://shopify/LineItem/{9000 + number}", "quantity": one.ordered,
             "currentQuantity": one.ordered - one.cancelled - one.returned,
             "unfulfilledQuantity": one.ordered - one.cancelled - one.shipped, "requiresShipping": True, "isGiftCard": False,
             "variant": {"id": f"gid://shopify/ProductVariant/{7000 + number}", "inventoryItem": {"tracked": True}},
             "originalUnitPriceSet": {"shopMoney": {"amount": "12.50"}}}
            for number, one in enumerate(lines)
        ]},
        "fulfillments": [
            {"status": "SUCCESS", "fulfillmentLineItems": {"pageInfo": {"hasNextPage": False}, "nodes": [
                {"quantity": one.shipped, "lineItem": {"id": f"gid://shopify/LineItem/{9000 + number}"}}
                for number, one in enumerate(lines) if one.shipped
            ]}},
        ],
    }  # fmt: skip


def read(document: Any, topic: str) -> OrderEvent:
    event = Shopify().parse(json.dumps(document).encode(), topic=topic)
    assert isinstance(event, OrderEvent)
    return event


def listed(lines: list[Sold], *, asked: bool) -> OrderEvent:
    """The order on its way through a poll, or through a question."""
    answer = (
        {"order": node(lines)} if asked else {"orders": {"nodes": [node(lines)], "pageInfo": {"hasNextPage": False}}}
    )
    (order,) = Shopify().read_orders(Response(200, json.dumps({"data": answer}).encode(), {})).orders
    assert order.order_ref == Shopify().order_ref(order.body) == "5001"
    event = Shopify().parse(order.body, topic="")
    assert isinstance(event, OrderEvent)
    return event


@PURE
@given(orders)
def test_webhook_poll_and_question_tell_the_same_event_with_exact_units(lines: list[Sold]) -> None:
    event = read(webhook(lines), "orders/updated")
    assert event.external_id == "5001"
    assert event.version == int(datetime(2026, 11, 23, 9, 30, 5, tzinfo=UTC).timestamp()) * 1_000_000
    for number, (one, line) in enumerate(zip(lines, event.lines, strict=True)):
        nothing_left = one.ordered == one.cancelled + one.shipped
        assert line == LineEvent(
            str(9000 + number), f"gid://shopify/ProductVariant/{7000 + number}", one.ordered, one.cancelled,
            one.returned if nothing_left else 0, one.shipped, Decimal("12.50"),
        )  # fmt: skip
        outstanding = max(0, line.quantity - line.cancelled - line.refunded - line.shipped)
        assert outstanding == one.ordered - one.cancelled - one.shipped
    assert listed(lines, asked=False) == listed(lines, asked=True) == event


@PURE
@given(orders, st.integers(0, 4))
def test_a_poll_that_lists_too_little_asks_for_the_order(lines: list[Sold], more: int) -> None:
    short = node(lines)
    if more == 0:
        short["lineItems"]["pageInfo"]["hasNextPage"] = True
    elif more == 1:
        short["fulfillments"][0]["fulfillmentLineItems"]["pageInfo"]["hasNextPage"] = True
    else:
        short["fulfillments"] *= more
    assert Shopify().parse(json.dumps({"orders": short}).encode(), topic="") == OrderChanged("5001")


@PURE
@given(orders)
def test_parcels_that_are_not_listed_change_nothing_of_what_is_to_be_sent(lines: list[Sold]) -> None:
    short = node(lines)
    short["fulfillments"][0]["fulfillmentLineItems"] = {"nodes": [], "pageInfo": {"hasNextPage": True}}
    event = read({"order": short}, "")
    for one, line in zip(lines, event.lines, strict=True):
        outstanding = max(0, line.quantity - line.cancelled - line.refunded - line.shipped)
        assert outstanding == one.ordered - one.cancelled - one.shipped
        if not one.cancelled + one.returned:
            assert line.shipped == one.shipped


# Whatever comes -------------------------------------------------------------------------------------------------------


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """An order in one of its forms, with one to three places replaced or removed."""
    lines = draw(orders)
    whole: Any = draw(st.sampled_from([webhook(lines), {"orders": node(lines)}, {"order": node(lines)}]))
    document = {"document": copy.deepcopy(whole)}
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(document)[1:]))
        place: Any = document
        for key in way:
            place = place[key]
        if draw(st.integers(0, 4)):
            place[last] = draw(anything)
        else:
            del place[last]
        if "document" not in document:
            break
    return json.dumps(document.get("document")).encode("utf-8", "surrogatepass")


def survive(body: bytes, topic: str) -> None:
    assert isinstance(Shopify().order_ref(body), str)
    try:
        event = Shopify().parse(body, topic=topic)
    except MalformedPayload as error:
        assert error.reason and str(error)
        return
    if isinstance(event, OrderChanged):
        assert event.external_id.isdigit()
    if isinstance(event, OrderEvent):
        assert event.external_id.isdigit() and len(event.external_id) <= 20
        assert 0 <= event.version < 2**62
        assert event.placed_at.tzinfo and event.occurred_at.tzinfo
        assert "\x00" not in repr(event)
        for line in event.lines:
            assert line.problem or line.cancelled + line.shipped <= line.quantity
            assert len(line.problem) <= 200 and len(line.listing_key) <= 200
        json.dumps(dict(event.ship_to)).encode()


@PURE
@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()), st.sampled_from(TOPICS))
@example(b"", "orders/create")
@example(b"\xff\xfe", "")
@example(b"[" * 100_000, "orders/create")
@example(b'{"order":' * 50_000, "")
@example(b'{"id": ' + b"9" * 5000 + b"}", "orders/create")
@example(b'{"order_id": 1e999}', "refunds/create")
def test_any_bytes_are_an_event_or_none_or_malformed(body: bytes, topic: str) -> None:
    survive(body, topic)


@PURE
@given(mutants(), st.sampled_from(TOPICS))
def test_any_mutilated_order_is_an_event_or_none_or_malformed(body: bytes, topic: str) -> None:
    survive(body, topic)


SHOP = Account("shop", "https://shop.example", {"location_id": "1"}, {"access_token": "t", "client_secret": "hush"})
ITEMS = [PushItem(n, {"inventory_item_id": n, "variant_id": n}, f"v{n}", "", 1, 0, 1, KEY) for n in (1, 2)]
ANSWERS: list[Any] = [
    {"data": {"inventorySetQuantities": {"userErrors": [{"code": "INVALID_LOCATION", "field": ["input", "quantities", "1"],
                                                         "message": "m"}]}}},
    {"data": {"p0": [{"id": "gid://shopify/InventoryItem/1", "inventoryLevel": {"quantities": [{"quantity": 3}]}}]}},
    {"data": {"place_0_of_2_gid": {"id": "gid://shopify/Location/1", "inventoryLevels": {
        "nodes": [{"quantities": [{"name": "available", "quantity": 3}], "item": {"variant": {"id": "gid://shopify/ProductVariant/1"}}}],
        "pageInfo": {"hasNextPage": True, "endCursor": "c"}}}}},
    {"data": {"orders": {"nodes": [node([Sold(1, 0, 1, 0)])], "pageInfo": {"hasNextPage": True, "endCursor": "c"}}}},
    {"data": {"order": {
        "fulfillments": [{"status": "SUCCESS", "trackingInfo": [{"number": "T"}], "fulfillmentLineItems": {
            "nodes": [{"quantity": 1, "lineItem": {"id": "gid://shopify/LineItem/1"}}]}}],
        "fulfillmentOrders": {"nodes": [{"id": "f", "status": "OPEN", "lineItems": {
            "nodes": [{"id": "l", "remainingQuantity": 2, "lineItem": {"id": "gid://shopify/LineItem/1"}}]}}]}}}},
    {"errors": [{"message": "m", "extensions": {"code": "THROTTLED"}}], "extensions": {"cost": {
        "requestedQueryCost": 9, "throttleStatus": {"currentlyAvailable": 1, "restoreRate": 50}}}},
]  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> Response:
    document = {"document": copy.deepcopy(draw(st.sampled_from(ANSWERS)))}
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(document)[1:]))
        place: Any = document
        for key in way:
            place = place[key]
        place[last] = draw(anything)
    body = draw(st.binary(max_size=50)) if draw(st.integers(0, 9)) == 0 else json.dumps(document["document"]).encode()
    headers = {"retry-after": draw(st.sampled_from(["", "2", "2.0", "-1", "soon", "1e9", "٣", "."]))}
    return Response(draw(st.sampled_from([200, 200, 200, 302, 400, 401, 429, 500])), body, headers)


@PURE
@given(answers())
def test_any_answer_is_read_or_refused_in_one_of_our_words(answer: Response) -> None:
    shop = Shopify()
    assert 0 <= shop.rest_seconds(answer) <= 3600
    for reading in (
        lambda: [result.target_id for result in shop.read_push(answer, ITEMS)] == [1, 2],
        lambda: set(shop.read_levels(answer, ITEMS)) <= {1, 2},
        lambda: shop.read_stock(answer).unreadable >= 0,
        lambda: all(survive(order.body, "") is None for order in shop.read_orders(answer).orders),
        lambda: shop.read_token(answer, now=NOW)["access_token"],
        lambda: ship(answer),
    ):
        try:
            assert reading()
        except REFUSALS as error:
            wait = getattr(error, "retry_after_seconds", None)
            assert wait is None or 0 <= wait <= 3600


def ship(answer: Response) -> bool:
    """Every question is answered so: it ends, however often it asks."""
    steps = Shopify().ship(ShipmentNews("1", "DHL", "T", [("1", 2)], KEY), SHOP, now=NOW)
    next(steps)
    for _ in range(40):
        try:
            steps.send(answer)
        except StopIteration:
            return True
    return False


@PURE
@given(st.binary(max_size=100), st.text(max_size=60))
def test_no_signature_but_the_right_one_is_believed(body: bytes, signature: str) -> None:
    for header in ("x-shopify-hmac-sha256", "shopify-hmac-sha256"):
        request = InboundRequest(body, {header: signature})
        try:
            Shopify().verify(request, SHOP, now=NOW)
        except SignatureError:
            continue
        raise AssertionError("believed")
    assert Shopify().event_id(replace(InboundRequest(body, {}), headers={"shopify-webhook-id": signature})) == signature
