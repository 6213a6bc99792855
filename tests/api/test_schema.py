"""The description is whole, and whatever fits or does not fit it is never a 500."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from channels.models import Channel
from inventory.models import Location, Sku
from tests.api.conftest import Api, ask, stock

STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 1.5, 1e300, "", " ", "\u0000", "a\u0000b", "x" * 300,
    "x" * 70_000, "½", "\U0001f600", "null", "1", "-1", "1e5", "NaN", "2026-01-01", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", [], [[]], [None], {}, {"": ""}, {"a": {"b": [1]}}, "MUG", "W1", "phone", "../..", "%",
    "all", "percent", "available", ["MUG"], [{"sku": "MUG", "quantity": 1}], [{"line": "1"}], "'; DROP TABLE x; --",
]  # fmt: skip


@pytest.fixture
def document(admin: Api) -> dict[str, Any]:
    answer = admin.client.get("/api/schema/?format=json")
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_every_resource_is_described(document: dict[str, Any]) -> None:
    resources = {path.split("/")[3] for path in document["paths"]}
    assert resources == {
        "products", "skus", "bundles", "assemblies", "imports", "exports",
        "locations", "stock-levels", "stock-adjustments", "stock-moves", "lots", "transfers", "counts",
        "ledger-entries", "channels", "listings", "allocation-rules", "sales-orders", "shipments", "returns",
        "stock-values", "cost-moves", "cost-layers", "landed-costs", "periods",
        "companies", "exchange-rates", "reorder-rules", "reorder-alerts",
        "shortfalls", "drifts", "parked", "alerts", "deliveries",
    }  # fmt: skip


@pytest.mark.parametrize(
    "action",
    [
        "channels/{code}/stop-selling", "channels/{code}/disconnect", "channels/{code}/resume", "listings/{id}/remap",
        "sales-orders/{id}/cancel", "sales-orders/{id}/hold", "sales-orders/{id}/release", "shipments/{id}/dispatch",
        "returns/{id}/receive", "reorder-alerts/{id}/close", "alerts/{id}/close", "deliveries/{id}/replay",
        "parked/{id}/retry", "drifts/{id}/push", "allocation-rules/preview",
    ],
)  # fmt: skip
def test_every_action_is_described(document: dict[str, Any], action: str) -> None:
    assert "post" in document["paths"][f"/api/v1/{action}/"]


def test_ids_are_described_as_text(document: dict[str, Any]) -> None:
    for name in ("Order", "ShownShipment", "ShownReturn", "Listing", "Rule", "Entry", "Delivery"):
        assert document["components"]["schemas"][name]["properties"]["id"]["type"] == "string", name


def test_the_documents_page_needs_nothing_from_elsewhere(admin: Api) -> None:
    page = Api().client.get("/api/docs/")
    assert page.status_code == 200
    assert "//cdn" not in page.content.decode()


def operations(document: dict[str, Any]) -> list[tuple[str, str, list[str], list[str]]]:
    """(method, path, names of its query, names of its body) of every operation."""
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            content = operation.get("requestBody", {}).get("content", {})
            schema = next(iter(content.values()), {}).get("schema", {})
            named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
            found.append((method, path, query, list(named.get("properties", {}))))
    return found


@pytest.fixture
def world(admin: Api, mug: Sku, w1: Location, phone: Channel, web: Channel) -> Api:
    """One of each thing, so that addresses find something."""
    stock(mug, w1, 10)
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    admin.post("shipments/", {"order": ask(admin, ("MUG", 1))["id"]})
    admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5}})
    return admin


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=some.integers(min_value=0, max_value=2**32))
def test_strange_calls_are_refused_and_never_a_server_error(world: Api, document: dict[str, Any], seed: int) -> None:
    """A dozen calls an example: fields and filters of the description with values that mostly make no sense."""
    chance = random.Random(seed)
    choices = operations(document)
    world.client.raise_request_exception = False
    for _ in range(12):
        method, path, query, body = chance.choice(choices)
        names = {"code": ["MUG", "W1", "phone", "web", "x"], "id": ["1", "2", "line-1", "999", "x"]}
        for name, values in names.items():
            path = path.replace("{" + name + "}", chance.choice(values))
        asked = {
            name: str(chance.choice(STRANGE)) for name in chance.sample(query, min(len(query), chance.randint(0, 2)))
        }
        sent = {name: chance.choice(STRANGE) for name in body if chance.random() < 0.7}
        if chance.random() < 0.1:
            sent = chance.choice(STRANGE)
        extra = {} if method == "get" else {"format": "json"}
        answer = getattr(world.client, method)(path, asked if method == "get" else sent, **extra)
        assert answer.status_code < 500, (method, path, asked, sent, answer.content[:500])
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"code", "message", "fields"}, (method, path, answer.content[:300])
