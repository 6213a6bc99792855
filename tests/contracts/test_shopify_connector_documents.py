"""Every GraphQL document of the Shopify connector, and what it is sent with, against Shopify's own schemas."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_client_schema, parse, print_ast, validate
from graphql.execution.values import get_variable_values

from channels.connectors import _shopify_documents as documents
from channels.connectors.base import Account, OutboundRequest, PushItem, Response, ShipmentNews
from channels.connectors.shopify import Shopify
from tests.contracts.folder import folder
from tests.contracts.graphql_cost import cost
from tests.golden.connector.cases import KEY, NOW

VERSIONS = ["2026-07", "2026-10"]
SHOP = Account("shop", "https://shop.example", {"location_id": "301"}, {"access_token": "t", "client_secret": "s"})
PLACES = ["", "302", "gid://shopify/Location/303"]


@cache
def schema(version: str) -> GraphQLSchema:
    file = folder("shopify") / f"admin_{version}.json.gz"
    with gzip.open(file) as source:
        found = json.load(source)
    return build_client_schema(found.get("data", found), assume_valid=True)


def item(turn: int, *, quantity: int = 5, expected: int | None = 4, remote: str = "", key: UUID = KEY) -> PushItem:
    external = {"variant_id": str(7000 + turn), "inventory_item_id": str(8000 + turn)}
    return PushItem(turn, external, f"gid://shopify/ProductVariant/{7000 + turn}", remote, quantity, expected, 1, key)


def requests() -> dict[str, OutboundRequest]:
    """What the connector sends, by name: the largest of each kind."""
    shop, many = Shopify(), [item(turn, remote=PLACES[turn % 3]) for turn in range(documents.MOST_ITEMS)]
    mapped = Account(SHOP.code, SHOP.base_url, SHOP.settings, SHOP.credentials, tuple(PLACES[1:]))
    found = {
        "push": shop.push_request(many, SHOP, now=NOW),
        "push unknown": shop.push_request([item(1, expected=None)], SHOP, now=NOW),
        "levels": shop.levels_request(many, SHOP, now=NOW),
        "levels of one place": shop.levels_request([item(turn) for turn in range(250)], SHOP, now=NOW),
        "stock": shop.stock_request(SHOP, cursor=None, now=NOW),
        "stock of a place": shop.stock_request(mapped, cursor="1:abc", now=NOW),
        "orders": shop.orders_request(SHOP, updated_since=NOW - timedelta(days=1), cursor="abc", now=NOW),
        "order": shop.order_request(SHOP, external_id="5001", now=NOW),
    }
    return found | dict(zip(("told", "waiting", "fulfill"), shipment(), strict=True))


def shipment() -> list[OutboundRequest]:
    answers: list[Any] = [
        {"order": {"fulfillments": []}},
        {"order": {"fulfillmentOrders": {"nodes": [
            {"id": "gid://shopify/FulfillmentOrder/1", "status": "OPEN", "lineItems": {"nodes": [
                {"id": "gid://shopify/FulfillmentOrderLineItem/2", "remainingQuantity": 3,
                 "lineItem": {"id": "gid://shopify/LineItem/9001"}},
            ]}},
        ]}}},
    ]  # fmt: skip
    steps = Shopify().ship(ShipmentNews("5001", "DHL", "TRK1", [("9001", 2)], KEY), SHOP, now=NOW)
    sent = [next(steps)]
    sent += [steps.send(Response(200, json.dumps({"data": answer}).encode(), {})) for answer in answers]
    return sent


def sent(name: str) -> tuple[str, dict[str, Any]]:
    body = json.loads(requests()[name].body)
    assert set(body) == {"query", "variables"}
    return body["query"], body["variables"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(documents.every()))
def test_documents_are_valid(name: str, version: str) -> None:
    assert validate(schema(version), parse(documents.every()[name])) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(requests()))
def test_what_is_sent_is_valid_and_its_variables_fit(name: str, version: str) -> None:
    query, variables = sent(name)
    document = parse(query)
    assert validate(schema(version), document) == []
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    coerced = get_variable_values(schema(version), operation.variable_definitions or (), variables)
    assert not isinstance(coerced, list), coerced
    declared = {one.variable.name.value for one in operation.variable_definitions or ()}
    assert set(variables) == declared


@pytest.mark.parametrize("name", sorted(requests()))
def test_no_request_asks_for_a_thousand_points_or_an_array_of_more_than_250(name: str) -> None:
    query, variables = sent(name)
    points = cost(schema("2026-10"), parse(query), variables)
    assert 0 < points < 1000
    assert all(len(found) <= 250 for found in arrays(variables))


def arrays(value: Any) -> list[list[Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return ([value] if isinstance(value, list) else []) + [found for one in inner for found in arrays(one)]


def test_the_cost_function_counts_as_documented() -> None:
    lines = "lineItems(first: 5) { nodes { id variant { id } } }"
    query = f"{{ orders(first: 3) {{ nodes {{ id {lines} }} pageInfo {{ hasNextPage }} }} }}"
    assert cost(schema("2026-10"), parse(query), {}) == 2 + 3 * (1 + 2 + 5 * 2) + 1
    ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Order { customer { id } } ... on Product { id } } }"
    assert cost(schema("2026-10"), parse(ids), {"ids": ["1", "2"]}) == 2 * (1 + 1)
    assert cost(schema("2026-10"), parse(documents.SET_QUANTITIES), {}) == 10 + 1 + 1 + 1


def test_every_number_says_what_it_is_changed_from_and_every_write_has_a_key() -> None:
    """Rules that the server enforces and the schema does not."""
    query, variables = sent("push")
    assert "inventorySetQuantities(input: $input) @idempotent(key: $key)" in print_ast(parse(query))
    assert str(UUID(variables["key"])) == variables["key"]
    rows = variables["input"]["quantities"]
    assert len(rows) == 250
    for row in rows:
        assert set(row) == {"inventoryItemId", "locationId", "quantity", "changeFromQuantity"}
        assert row["changeFromQuantity"] == 4
    (unknown,) = sent("push unknown")[1]["input"]["quantities"]
    assert "changeFromQuantity" in unknown and unknown["changeFromQuantity"] is None


def key_of(*items: PushItem) -> str:
    key: str = json.loads(Shopify().push_request(items, SHOP, now=NOW).body)["variables"]["key"]
    return key


def test_the_same_request_has_the_same_key_and_any_other_has_another() -> None:
    base = key_of(item(1), item(2))
    assert base == key_of(item(1), item(2))
    others = [
        key_of(item(1)),
        key_of(item(2), item(1)),
        key_of(item(1, quantity=6), item(2)),
        key_of(item(1, expected=None), item(2)),
        key_of(item(1, remote="302"), item(2)),
        key_of(item(1, key=UUID(int=1)), item(2)),
    ]
    assert len({base, *others}) == 7
