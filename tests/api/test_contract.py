"""Calls made up from the description: no answer is a server error, and each is as the description says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from channels.models import Channel, Listing
from config.wsgi import application
from fulfillment.models import Return, SalesOrder, Shipment
from inventory.models import ApiKey, LedgerEntry, Location, Role, Sku
from purchasing.models import ReorderRule
from tests.api.conftest import Api, ask, stock

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
)  # fmt: skip
RESOURCES = (
    "products", "skus", "bundles", "assemblies",
    "locations", "stock-levels", "stock-adjustments", "stock-moves", "lots", "transfers", "counts", "ledger-entries",
    "stock-values", "cost-moves", "cost-layers", "landed-costs", "periods", "companies", "exchange-rates",
    "channels", "listings", "allocation-rules", "sales-orders", "shipments", "returns", "reorder-rules", "reorder-alerts",
    "shortfalls", "drifts", "parked", "alerts", "deliveries", "imports", "exports",
)  # fmt: skip
FEW, MANY = 3, 50


@pytest.fixture
def world(admin: Api, mug: Sku, w1: Location, phone: Channel, web: Channel) -> dict[str, list[str]]:
    """One of each thing, and the names by which calls find them."""
    stock(mug, w1, 1000)
    admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "m"}})
    order = ask(admin, ("MUG", 3))["id"]
    shipment = admin.post("shipments/", {"order": order, "lines": [{"line": "1", "quantity": 1}]})["id"]
    admin.post(f"shipments/{shipment}/dispatch/", {}, status=200)
    admin.post("returns/", {"order": order})
    admin.post("shipments/", {"order": order})
    admin.post("reorder-rules/", {"sku": "MUG", "parameters": {"reorder_point": 5}})
    Location.objects.create(code="W2", name="Second")
    transfer = {"code": "T-A", "from_location": "W1", "to_location": "W2", "lines": [{"sku": "MUG", "quantity": 9}]}
    admin.post("transfers/", transfer)
    admin.post("transfers/T-A/dispatch/", {"lines": [{"sku": "MUG", "quantity": 5}]}, status=200)
    admin.post("skus/", {"code": "MILK", "name": "Milk", "tracks_lots": True})
    milk = {"sku": "MILK", "location": "W1", "quantity": 9, "reason": "receipt", "lot": "L-A"}
    admin.post("stock-adjustments/", milk)
    admin.post("counts/", {"code": "C-A", "location": "W1", "lines": [{"sku": "MUG", "counted": 990}]})
    admin.post("companies/", {"code": "INC", "name": "Inc."})
    admin.post("exchange-rates/", {"currency": "USD", "base": "EUR", "day": "2026-01-01", "rate": "0.9"})
    admin.post(
        "landed-costs/", {"code": "F-A", "method": "equal", "amount": "9.00", "receipts": [_first_receipt(admin)]}
    )
    rows = (SalesOrder, Shipment, Return, ReorderRule, Listing, LedgerEntry)
    ids = [str(pk) for model in rows for pk in model.objects.values_list("pk", flat=True)[:3]]
    return {
        "id": ids, "code": ["MUG", "W1", "phone", "web", "T-A", "C-A", "INC", "F-A", "L-A"], "sku": ["MUG", "MILK"],
        "lot": ["L-A"], "to_lot": ["L-A"], "location": ["W1"],
        "from_location": ["W1"], "to_location": ["W2"], "channel": ["phone", "web"],
        "order": [order], "company": ["MAIN", "INC"], "line": ["1"], "product": ["MUG"],
    }  # fmt: skip


def _first_receipt(api: Api) -> str:
    return str(api.rows("ledger-entries/", to_state="available", reason="opening")[-1]["id"])


@cache
def description() -> Any:
    """Read once for all tests."""
    return schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)


@pytest.fixture
def described(world: dict[str, list[str]]) -> Iterator[Any]:
    """The description, its calls answered in this process and transaction: a request's end must not close the connection."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield description()
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    _row, key = ApiKey.objects.create_key(name="contract", role=Role.ADMIN)
    return {"Authorization": f"Bearer {key}"}


def known(body: Any, world: dict[str, list[str]], chance: random.Random) -> Any:
    """The same with names that stand for something: made-up ones would all be refused at the door."""
    if isinstance(body, list):
        return [known(one, world, chance) for one in body]
    if not isinstance(body, dict):
        return body
    return {
        name: chance.choice(world[name])
        if name in world and name not in ("id", "code") and isinstance(value, str) and chance.random() < 0.9
        else known(value, world, chance)
        for name, value in body.items()
    }


def call_as_described(
    described: Any, resource: str, *, world: dict[str, list[str]], headers: dict[str, str], examples: int
) -> int:
    """So many made-up calls of every operation of a resource, fitting the description or not; how many were made."""
    made = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path.split("/")[3] != resource:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None,
                phases=[Phase.generate], derandomize=True,
            )  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Any) -> None:
                nonlocal made
                chance = random.Random(made)
                for name in set(case.path_parameters or {}) & set(world):
                    if chance.random() < 0.8:
                        case.path_parameters[name] = chance.choice(world[name])
                case.body = known(case.body, world, chance)
                case.headers.pop("Authorization", None)
                before = transaction.savepoint()
                answer = case.call(headers=headers)
                transaction.savepoint_rollback(before)
                case.validate_response(answer, checks=CHECKS)
                made += 1

            try:
                call()
            except schemathesis.errors.InvalidSchema:
                raise
            except Exception as error:  # what cannot be made wrong: an operation without parameters or body
                if "Impossible to generate" not in str(error) and "Unsatisfiable" not in type(error).__name__:
                    raise
    return made


@pytest.mark.parametrize("resource", RESOURCES)
def test_answers_are_as_described(
    resource: str, described: Any, world: dict[str, list[str]], headers: dict[str, str]
) -> None:
    assert call_as_described(described, resource, world=world, headers=headers, examples=FEW) >= FEW


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("resource", RESOURCES)
def test_answers_to_many_calls_are_as_described(
    resource: str, described: Any, world: dict[str, list[str]], headers: dict[str, str]
) -> None:
    assert call_as_described(described, resource, world=world, headers=headers, examples=MANY) >= MANY


def test_every_resource_is_called(described: Any) -> None:
    found = {operation.ok().path.split("/")[3] for operation in described.get_all_operations()}
    assert found == set(RESOURCES)
