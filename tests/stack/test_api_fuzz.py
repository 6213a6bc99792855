"""Nonsense to every door that the API's own description names: a clear refusal, never a server error."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.stack.client import Api, Json
from tests.stack.world import World

NONSENSE: tuple[Any, ...] = (
    None,
    "",
    "x" * 300,
    "a\u0000b",
    "\ud800",
    -1,
    0,
    2**31,
    10**30,
    1.5,
    True,
    [],
    [None],
    [1, "a", {}],
    {},
    {"a": {"b": []}},
    "2026-13-45T99:99:99Z",
    "NaN",
    "1e400",
)


@pytest.fixture(scope="module")
def description(api: Api) -> Json:
    """The OpenAPI document."""
    answer = api.http.get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    return dict(answer.json())


def properties(description: Json, operation: Json) -> Json:
    """The fields that an operation says it takes."""
    contents = operation.get("requestBody", {}).get("content", {})
    schema: Json = next(iter(contents.values()), {}).get("schema", {})
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return dict(schema.get("properties", {}))


def operations(description: Json, *methods: str) -> Iterator[tuple[str, str, Json]]:
    for path, operation in sorted(description["paths"].items()):
        if path.startswith("/api/v1/"):
            yield from ((path, method, operation[method]) for method in methods if method in operation)


def braced(name: str) -> str:
    """A path parameter as the description writes it."""
    return "{" + name + "}"


def status(world: World, method: str, address: str, /, *, body: Any = None, **params: str) -> int:
    """The status of an answer; 599 where the server hangs up instead of answering."""
    content = None if body is None else json.dumps(body).encode()  # in ASCII, so that half a character can be sent
    headers = {"content-type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    try:
        path = f"/api/v1/{address}"
        return world.api.http.request(method, path, content=content, headers=headers, params=params).status_code
    except httpx.RemoteProtocolError:
        return 599


def sample(world: World) -> dict[str, Any]:
    """A good value for the fields that name something, so that nonsense in another field gets past them."""
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settle=False)
    return {
        "sku": sku,
        "location": world.place,
        "from_location": world.place,
        "channel": shop.code,
        "code": world.tag,
        "name": "thing",
        "quantity": 1,
        "reason": "found",
        "kind": "buffer",
        "value": 1,
        "connector": "manual",
        "from_state": "available",
        "to_state": "hold",
        "policy": "reorder_point",
        "parameters": {"reorder_point": 1},
        "order": world.bought_without_a_book(shop, (sku, 1))["id"],
        "lines": [{"line": "1", "quantity": 1, "sku": sku, "external_id": "1", "reason": "x"}],
    }


@pytest.mark.long
def test_nonsense_in_one_field_after_another_is_no_server_error(world: World, description: Json) -> None:
    good, failures = sample(world), []
    for path, method, operation in operations(description, "post", "put", "patch"):
        address = path.removeprefix("/api/v1/")
        for parameter in operation.get("parameters", []):
            address = address.replace(braced(parameter["name"]), "1")
        fields = properties(description, operation)
        base = {name: value for name, value in good.items() if name in fields}
        for name in fields:
            for value in NONSENSE:
                answered = status(world, method.upper(), address, body=base | {name: value})
                if answered >= 500:
                    failures.append(f"{method.upper()} {address} {name}={value!r:.40}: {answered}")
    assert not failures, f"{len(failures)} server errors:\n" + "\n".join(failures[:60])


def test_nonsense_in_every_filter_is_no_server_error(world: World, description: Json) -> None:
    failures = []
    for path, _method, operation in operations(description, "get"):
        address = path.removeprefix("/api/v1/")
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                address = address.replace(braced(parameter["name"]), "no such thing")
        asked = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        for name in asked:
            for value in (
                "",
                "x" * 300,
                "a\u0000b",
                "-1",
                "1e400",
                "NaN",
                str(10**30),
                "[]",
                "2026-13-45",
                "\U0001f600",
            ):
                answered = status(world, "GET", address, **{name: value})
                if answered >= 500:
                    failures.append(f"GET {address}?{name}={value!r:.40}: {answered}")
    assert not failures, f"{len(failures)} server errors:\n" + "\n".join(failures[:60])


def test_nonsense_as_an_objects_name_is_no_server_error(world: World, description: Json) -> None:
    names = ("0", "-1", str(10**30), "a%00b", "%F0%9F%98%80", "x" * 300, "..", "None", "1e5", "%20")
    failures = []
    for path, method, operation in operations(description, "get", "post", "patch", "put", "delete"):
        named = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"]
        for name in names if named else ():
            address = path.removeprefix("/api/v1/")
            for parameter in named:
                address = address.replace(braced(parameter), name)
            answered = status(world, method.upper(), address, body=None if method in ("get", "delete") else {})
            if answered >= 500:
                failures.append(f"{method.upper()} {address:.80}: {answered}")
    assert not failures, f"{len(failures)} server errors:\n" + "\n".join(failures[:60])


@pytest.mark.parametrize("path", ["skus", "locations", "products", "channels", "listings", "allocation-rules"])
def test_removing_what_has_a_history_is_no_server_error_and_loses_no_stock(world: World, path: str) -> None:
    good = sample(world)
    listing = world.api.rows("listings/", sku=good["sku"])[0]["id"]
    product = world.api.get(f"skus/{good['sku']}/")["product"]
    names = {"skus": "sku", "locations": "location", "channels": "channel"}
    name = {"listings": listing, "products": product}.get(path) or good.get(names.get(path, ""), "1")
    answer = world.api.request("DELETE", path=f"{path}/{name}/")
    assert answer.status_code < 500, answer.text
    assert world.numbers(good["sku"]) == (10, 9, 1)
    assert world.api.count("sales-orders/", channel=good["channel"]) == 1
