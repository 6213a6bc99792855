"""Webhooks of a simulated Shopify shop: headers, signatures, retries, subscriptions and their end."""

import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

from channels.simulators import Faults
from tests.channels.simulators.shopify_desk import SECRET, TERMS, A, Desk, row, signature, wait_for

SUBSCRIBE = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!, $fields: [String!]) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: { uri: $uri, format: JSON, includeFields: $fields }) {
    webhookSubscription { id topic uri format apiVersion { handle } } userErrors { field message } } }"""
UNSUBSCRIBE = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
  deletedWebhookSubscriptionId userErrors { message } } }"""
LISTED = "query($topics: [WebhookSubscriptionTopic!]) { webhookSubscriptions(first: 9, topics: $topics) { nodes { id topic } } }"


def subscribe(desk: Desk, topic: str, *, path: str = "/elsewhere", fields: list[str] | None = None) -> str:
    uri = f"{desk.inbox.url}{path}"
    answered = desk.data(SUBSCRIBE, topic=topic, uri=uri, fields=fields)["webhookSubscriptionCreate"]
    assert answered["userErrors"] == []
    made: str = answered["webhookSubscription"]["id"]
    return made


def test_a_webhook_carries_every_header_and_a_signature_over_its_raw_bytes(desk: Desk) -> None:
    desk.buy(A)
    wait_for(lambda: len(desk.inbox.received) == 2)
    for headers, body in desk.inbox.received:
        assert headers["x-shopify-hmac-sha256"] == signature(body)
        assert headers["x-shopify-shop-domain"] == "shop.myshopify.com"
        assert headers["x-shopify-api-version"] == "2026-10"
        assert datetime.fromisoformat(headers["x-shopify-triggered-at"]).tzinfo is not None
    (first, _), (second, _) = desk.inbox.received
    assert first["x-shopify-event-id"] == second["x-shopify-event-id"]
    assert first["x-shopify-webhook-id"] != second["x-shopify-webhook-id"]


def test_a_retry_has_the_same_id_and_the_same_bytes(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"retry_seconds": 2.0, "topics": ("orders/create",)})
    desk.inbox.answers = [500, 404, 301]
    order = desk.buy(A)
    wait_for(lambda: desk.inbox.received)
    desk.handle.ship(order.order_id)
    wait_for(lambda: len(desk.inbox.received) == 4)
    assert len({headers["x-shopify-webhook-id"] for headers, _ in desk.inbox.received}) == 1
    assert len({body for _, body in desk.inbox.received}) == 1
    wait_for(lambda: desk.shop.courier.counts["delivered"] == 1)


def test_the_pauses_between_retries_double_and_add_up() -> None:
    pauses = TERMS.pauses
    assert (len(pauses), pauses[0], round(sum(pauses), 6)) == (9, 0.0, 72.0)
    assert all(round(later / earlier, 6) == 2 for earlier, later in pairwise(pauses[1:]))


def test_a_subscription_made_over_the_api_is_told_and_listed_and_ended(desk: Desk) -> None:
    made = subscribe(desk, "INVENTORY_LEVELS_UPDATE")
    assert desk.data(LISTED)["webhookSubscriptions"]["nodes"] == [{"id": made, "topic": "INVENTORY_LEVELS_UPDATE"}]
    assert desk.data(LISTED, topics=["ORDERS_CREATE"])["webhookSubscriptions"]["nodes"] == []
    desk.set(row(A, 4, 10))
    wait_for(lambda: desk.inbox.topics() == ["inventory_levels/update"])
    told = desk.inbox.last("inventory_levels/update")
    assert (told["inventory_item_id"], told["location_id"], told["available"]) == (7001, 101, 4)
    assert told["admin_graphql_api_id"] == "gid://shopify/InventoryLevel/101?inventory_item_id=7001"
    assert set(told) == {"inventory_item_id", "location_id", "available", "updated_at", "admin_graphql_api_id"}
    ended = desk.data(UNSUBSCRIBE, id=made)["webhookSubscriptionDelete"]
    assert ended == {"deletedWebhookSubscriptionId": made, "userErrors": []}
    assert desk.data(UNSUBSCRIBE, id=made)["webhookSubscriptionDelete"]["userErrors"] == [
        {"message": "Webhook subscription does not exist"}
    ]
    desk.set(row(A, 5, 4))
    time.sleep(0.2)
    assert len(desk.inbox.received) == 1


def test_a_sale_is_told_as_a_level_too_where_that_is_wanted(desk: Desk) -> None:
    subscribe(desk, "INVENTORY_LEVELS_UPDATE")
    desk.buy(A, quantity=3)
    wait_for(lambda: len(desk.inbox.received) == 3)
    assert desk.inbox.last("inventory_levels/update")["available"] == 7


def test_only_the_fields_that_were_asked_for_are_sent(desk: Desk) -> None:
    subscribe(desk, "ORDERS_CREATE", fields=["id", "name"])
    order = desk.buy(A)
    wait_for(lambda: len(desk.inbox.received) == 3)
    assert b'{"id":%s,"name":"#1001"}' % order.order_id.encode() in [body for _, body in desk.inbox.received]


def test_the_same_address_is_subscribed_once(desk: Desk) -> None:
    subscribe(desk, "ORDERS_CREATE")
    again = desk.data(SUBSCRIBE, topic="ORDERS_CREATE", uri=f"{desk.inbox.url}/elsewhere")["webhookSubscriptionCreate"]
    assert again["userErrors"][0]["message"] == "Address for this topic has already been taken"
    wrong = desk.data(SUBSCRIBE, topic="ORDERS_CREATE", uri="somewhere")["webhookSubscriptionCreate"]
    assert wrong["userErrors"][0]["message"] == "Address is invalid"


def test_a_subscription_that_fails_to_the_last_retry_is_dropped(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"retries": 2, "retry_seconds": 0.2, "topics": ("orders/create",)})
    subscribe(desk, "ORDERS_PAID")
    desk.inbox.answers = [500] * 6
    desk.buy(A)
    wait_for(lambda: desk.shop.courier.counts["given_up"] == 2)
    assert desk.shop.subscriptions.dropped == 1
    assert [each.topic for each in desk.shop.subscriptions.by_id.values()] == ["orders/create"]


def test_a_subscription_of_the_apps_configuration_is_never_dropped_and_one_may_be_kept(
    open_shop: Callable[..., Desk],
) -> None:
    desk = open_shop(terms={"retries": 1, "retry_seconds": 0.1, "drops_failing": False})
    subscribe(desk, "ORDERS_CREATE")
    desk.inbox.answers = [500] * 6
    desk.buy(A)
    wait_for(lambda: desk.shop.courier.counts["given_up"] == 3)
    assert len(desk.shop.subscriptions.by_id) == len(TERMS.topics) + 1


def test_a_new_secret_takes_over_at_an_instant(desk: Desk) -> None:
    desk.do(lambda shop: shop.secrets.rotate("shpss_second", after_seconds=3.0))
    desk.buy(A)
    wait_for(lambda: len(desk.inbox.received) == 2)
    time.sleep(3.0)
    desk.buy(A)
    wait_for(lambda: len(desk.inbox.received) == 4)
    signed = [headers["x-shopify-hmac-sha256"] for headers, _ in desk.inbox.received]
    bodies = [body for _, body in desk.inbox.received]
    assert signed[:2] == [signature(body, secret=SECRET) for body in bodies[:2]]
    assert signed[2:] == [signature(body, secret="shpss_second") for body in bodies[2:]]


def test_webhooks_are_lost_doubled_and_late_by_seed(open_shop: Callable[..., Desk]) -> None:
    counts = []
    for _ in range(2):
        desk = open_shop(
            seed=5, faults=Faults(drop_webhook=0.4, duplicate_webhook=0.4, delay_webhook=0.5, delay_seconds=0.1)
        )
        for _ in range(10):
            desk.buy(A)
        wait_for(lambda desk=desk: desk.shop.courier.pending == 0)
        counts.append((desk.shop.courier.counts["dropped"], desk.shop.courier.counts["duplicated"]))
        repeated = [headers["x-shopify-webhook-id"] for headers, _ in desk.inbox.received]
        assert len(repeated) - len(set(repeated)) == counts[-1][1]
    assert counts[0] == counts[1]
    assert min(counts[0]) > 0
