"""How a simulated Shopify shop is asked: tokens, versions, cost points, misfortune, and its verbs."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import channels.simulators
from channels.simulators import Faults, Offer
from channels.simulators.remote import Process, RemoteRefused
from channels.simulators.wants import Shopping
from tests.channels.simulators.shopify_desk import SECRET, SET, TOKEN, A, B, Desk, row, wait_for

ROOT = Path(channels.simulators.__file__).parents[2]
SHOP = "{ shop { name currencyCode myshopifyDomain } }"


def cost(document: dict[str, Any]) -> tuple[int, int | None]:
    found = document["extensions"]["cost"]
    return found["requestedQueryCost"], found["actualQueryCost"]


def test_the_shop_says_who_it_is(desk: Desk) -> None:
    assert desk.data(SHOP)["shop"] == {
        "name": "shop",
        "currencyCode": "USD",
        "myshopifyDomain": "shop.myshopify.com",
    }


def test_a_wrong_token_is_refused(desk: Desk) -> None:
    desk.token = "shpat_other"
    response = desk.post(SHOP)
    assert response.status_code == 401
    assert response.json() == {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


@pytest.mark.parametrize(
    ("version", "status"), [("2026-07", 200), ("2026-10", 200), ("2025-01", 404), ("unstable", 404)]
)
def test_two_versions_are_served(desk: Desk, version: str, status: int) -> None:
    assert desk.post(SHOP, version=version).status_code == status


def test_a_document_that_the_schema_does_not_know_is_refused(desk: Desk) -> None:
    document = desk.ask("{ shop { colour } }")
    assert document["errors"][0]["message"] == "Cannot query field 'colour' on type 'Shop'."
    assert "data" not in document
    assert "Syntax Error" in desk.ask("{ shop ")["errors"][0]["message"]
    assert desk.client.post(
        "/admin/api/2026-10/graphql.json", content=b"no", headers={"X-Shopify-Access-Token": TOKEN}
    ).json() == {"errors": [{"message": "The request carries no query."}]}


def test_the_old_comparison_is_gone(desk: Desk) -> None:
    document = {"name": "available", "reason": "correction", "ignoreCompareQuantity": True, "quantities": [row(A, 1)]}
    (error,) = desk.ask(SET, input=document, key="k")["errors"]
    assert "unknown field 'ignoreCompareQuantity'" in error["message"]


# Cost


@pytest.mark.parametrize(
    ("query", "requested", "actual"),
    [
        ("{ shop { name } }", 1, 1),
        ("{ location { id address { city } } }", 2, 2),
        ("{ inventoryItems(first: 10) { nodes { id sku } pageInfo { hasNextPage } } }", 10, 3),
        (
            "{ inventoryItems(first: 10) { edges { cursor node { id inventoryLevels(first: 4) { nodes { id } } } } } }",
            50,
            6,
        ),
        (
            """{ inventoryItems(first: 2) { nodes {
              inventoryLevel(locationId: "101") { quantities(names: ["available", "on_hand"]) { quantity } } } } }""",
            8,
            8,
        ),
        (
            """{ nodes(ids: ["gid://shopify/Location/101", "gid://shopify/Order/1"]) { id
              ... on Order { lineItems(first: 3) { nodes { id } } } ... on Location { id } } }""",
            8,
            1,
        ),
        ("query($n: Int = 7) { orders(first: $n) { nodes { id } } }", 7, 0),
    ],
)
def test_what_a_query_costs(desk: Desk, query: str, requested: int, actual: int) -> None:
    assert cost(desk.ask(query)) == (requested, actual)


def test_a_mutation_costs_ten(desk: Desk) -> None:
    document = {"name": "available", "reason": "correction", "quantities": [row(A, 1), row(B, 1)]}
    assert cost(desk.ask(SET, input=document, key="k")) == (10, 10)


def test_a_query_that_is_too_dear_is_not_run(desk: Desk) -> None:
    query = "{ orders(first: 100) { nodes { id lineItems(first: 10) { nodes { id } } } } }"
    (error,) = desk.ask(query)["errors"]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert (error["extensions"]["cost"], error["extensions"]["maxCost"]) == (1100, 1000)


def test_an_empty_bucket_throttles_and_fills_again(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"largest_points": 25, "points_per_second": 2.0})
    document = {"name": "available", "reason": "correction", "quantities": [row(A, 1)]}
    for number in range(2):
        desk.ask(SET, input=document, key=f"k{number}")
    throttled = desk.post(SET, input={**document, "quantities": [row(A, 2)]}, key="late")
    assert throttled.status_code == 200
    answered = throttled.json()
    assert "data" not in answered
    assert answered["errors"][0]["message"] == "Throttled"
    assert answered["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert cost(answered) == (10, None)
    status = answered["extensions"]["cost"]["throttleStatus"]
    assert (status["maximumAvailable"], status["restoreRate"]) == (25.0, 2.0)
    assert status["currentlyAvailable"] < 10
    time.sleep(3.0)
    assert desk.ask(SET, input=document, key="late")["data"]["inventorySetQuantities"]["userErrors"] == []


def test_a_page_asks_for_its_size(desk: Desk) -> None:
    assert (
        desk.ask("{ inventoryItems { nodes { id } } }")["errors"][0]["message"]
        == "you must provide one of first or last"
    )
    assert "errors" in desk.ask("{ inventoryItems(first: 251) { nodes { id } } }")
    assert desk.ask('{ inventoryItems(first: 1, after: "no") { nodes { id } } }')["errors"][0]["message"] == (
        "Invalid cursor for current pagination sort."
    )


# Misfortune


@pytest.mark.parametrize(("fault", "status"), [("error_before", 503), ("error_after", 502)])
def test_a_server_error_before_or_after_the_write(open_shop: Callable[..., Desk], fault: str, status: int) -> None:
    desk = open_shop(faults=Faults(**{fault: 1.0}))
    document = {"name": "available", "reason": "correction", "quantities": [row(A, 7, 10)]}
    assert desk.post(SET, input=document, key="k").status_code == status
    assert desk.handle.book()["7001"] == (7 if fault == "error_after" else 10)
    assert desk.data(SHOP)["shop"]["name"] == "shop"


def test_half_an_answer_after_the_write(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(faults=Faults(half_after=1.0, read_half=1.0))
    with pytest.raises(httpx.RemoteProtocolError):
        desk.set(row(A, 7, 10))
    assert desk.handle.book()["7001"] == 7
    with pytest.raises(httpx.RemoteProtocolError):
        desk.ask(SHOP)


def test_throttled_by_seed(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(faults=Faults(too_fast=1.0, read_error=1.0))
    document = {"name": "available", "reason": "correction", "quantities": [row(A, 7, 10)]}
    assert desk.ask(SET, input=document, key="k")["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert desk.handle.book()["7001"] == 10
    assert desk.post(SHOP).status_code == 503


def test_throttled_for_a_while(desk: Desk) -> None:
    desk.handle.throttle_for(30)
    assert desk.ask(SHOP)["errors"][0]["extensions"]["code"] == "THROTTLED"
    desk.handle.throttle_for(0)
    assert desk.data(SHOP)["shop"]["name"] == "shop"


def test_too_many_requests_at_the_edge(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(rate_per_second=0.01, burst=1)
    assert desk.post(SHOP).status_code == 200
    refused = desk.post(SHOP)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "100")


# Tokens


def grant(desk: Desk, **form: str) -> httpx.Response:
    known = {"client_id": "simulated-app", "client_secret": SECRET}
    return desk.client.post("/admin/oauth/access_token", json={**known, **form})


def test_an_access_token_ends_and_is_replaced_with_the_refresh_token(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"token_seconds": 3.0, "refresh_token": "shprt_1"})
    assert desk.post(SHOP).status_code == 200
    time.sleep(3.1)
    assert desk.post(SHOP).status_code == 401
    answered = grant(desk, grant_type="refresh_token", refresh_token="shprt_1").json()
    assert set(answered) == {"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"}
    assert (answered["expires_in"], answered["refresh_token_expires_in"]) == (3, 7_776_000)
    desk.token = answered["access_token"]
    assert desk.post(SHOP).status_code == 200


def test_a_refresh_token_stays_good_until_what_came_of_it_is_used(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"token_seconds": 3600.0, "refresh_token": "shprt_1"})
    lost = grant(desk, grant_type="refresh_token", refresh_token="shprt_1")
    again = grant(desk, grant_type="refresh_token", refresh_token="shprt_1")
    assert (lost.status_code, again.status_code) == (200, 200)
    desk.token = again.json()["access_token"]
    assert desk.post(SHOP).status_code == 200
    late = grant(desk, grant_type="refresh_token", refresh_token="shprt_1")
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
    following = grant(desk, grant_type="refresh_token", refresh_token=again.json()["refresh_token"])
    assert following.status_code == 200


def test_client_credentials_are_good_for_a_day(desk: Desk) -> None:
    response = desk.client.post(
        "/admin/oauth/access_token",
        data={"client_id": "simulated-app", "client_secret": SECRET, "grant_type": "client_credentials"},
    )
    assert response.json()["expires_in"] == 86_399
    desk.token = response.json()["access_token"]
    assert desk.post(SHOP).status_code == 200


def test_who_cannot_identify_themselves_get_no_token(desk: Desk) -> None:
    assert grant(desk, client_secret="wrong", grant_type="client_credentials").json()["error"] == "invalid_client"
    assert grant(desk, client_id="wrong", grant_type="client_credentials").status_code == 401
    assert grant(desk, grant_type="password").json()["error"] == "unsupported_grant_type"


# As a process


def test_a_process_of_both_kinds_sells_and_answers_for_itself() -> None:
    config = {
        "stock": {"SKU-A": 10},
        "marketplaces": [
            {"code": "web", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "offers": [["a", "SKU-A", 10]]},
            {
                "code": "shop",
                "kind": "shopify",
                "secret": SECRET,
                "offers": [["7001", "SKU-A", 10], ["7002", "SKU-B", 5]],
                "shopify": {"places": [{"location_id": "101"}, {"location_id": "102"}], "access_token": TOKEN},
            },
        ],
    }
    with Process(config, root=ROOT) as process:
        remote = process.remote
        order = remote.call("buy", channel="shop", lines=[["7001", 4]])["order"]
        answered = httpx.post(
            f"{process.base_urls['shop']}/admin/api/2026-10/graphql.json",
            json={"query": SET, "variables": {"key": "k", "input": {"name": "available", "reason": "correction", "quantities": [
                {"inventoryItemId": A, "locationId": "gid://shopify/Location/101", "quantity": 6, "changeFromQuantity": 6}]}}},
            headers={"X-Shopify-Access-Token": TOKEN}, timeout=10,
        ).json()  # fmt: skip
        assert answered["data"]["inventorySetQuantities"]["userErrors"] == []
        remote.call("hand_at", channel="shop", external_id="7001", location_id="102", quantity=2)
        assert remote.call("levels", channel="shop", external_ids=["7001"])["7001"] == {
            "101": {"available": 6, "committed": 4, "on_hand": 10, "is_active": True},
            "102": {"available": 2, "committed": 0, "on_hand": 2, "is_active": True},
        }
        assert remote.call("books", channel="shop") == {"shop": {"7001": 8, "7002": 5}}
        edited = remote.call("edit", channel="shop", order_id=order["id"], deltas={"7001": -1}, added=[["7002", 1]])[
            "order"
        ]
        assert [(line["quantity"], line["cancelled"]) for line in edited["lines"]] == [(4, 1), (1, 0)]
        returned = remote.call("give_back", channel="shop", order_id=order["id"], quantities={"7001": 1})["order"]
        assert returned["lines"][0]["refunded"] == 1
        assert len(remote.call("subscriptions", channel="shop")["subscriptions"]) == 7
        report = remote.call("report")
        assert (report["units"], report["calls"]["POST graphql mutation 200"], report["calls"]["stock_calls"]) == (
            4,
            1,
            1,
        )
        assert report["differing_lines"] == 3
        remote.call("rotate_secret", channel="shop", secret="shpss_second")
        remote.call("end_tokens", channel="shop")
        refused = httpx.post(
            f"{process.base_urls['shop']}/admin/api/2026-10/graphql.json",
            json={"query": SHOP},
            headers={"X-Shopify-Access-Token": TOKEN},
            timeout=10,
        )
        assert refused.status_code == 401
        with pytest.raises(RemoteRefused) as other:
            remote.call("levels", channel="web")
        assert other.value.code == "invalid_arguments"


def test_shoppers_and_measuring_do_not_ask_what_kind_a_marketplace_is(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(offers=(*desk_offers(),))
    desk.world.shop(Shopping(rate=100, seconds=0.3, seed=1, cancel_share=0.2, refund_share=0.2, afterwards_seconds=0.1))
    wait_for(lambda: not desk.world.status()["shoppers"]["running"])
    report = desk.world.report()
    assert report["orders"] > 5
    assert report["oversold_units"] == 0
    sold = sum(line.current for order in desk.shop.orders.by_id.values() for line in order.shop_lines)
    assert 0 < sold <= report["units"]


def desk_offers() -> list[Offer]:
    return [Offer(str(7000 + number), f"SKU-{number}", 50) for number in range(20)]
