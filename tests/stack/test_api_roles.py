"""Who may do what: by key and by role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.client import Api
from tests.stack.conftest import make_key
from tests.stack.product import Product
from tests.stack.world import World

READABLE = [
    "products/",
    "skus/",
    "locations/",
    "stock-levels/",
    "transfers/",
    "counts/",
    "imports/",
    "ledger-entries/",
    "channels/",
    "listings/",
    "allocation-rules/",
    "sales-orders/",
    "shipments/",
    "returns/",
    "reorder-rules/",
    "reorder-alerts/",
    "shortfalls/",
    "parked/",
    "alerts/",
]
WRITABLE = [
    "products/",
    "skus/",
    "locations/",
    "stock-adjustments/",
    "stock-moves/",
    "transfers/",
    "counts/",
    "imports/",
    "channels/",
    "listings/",
    "allocation-rules/",
    "sales-orders/",
    "shipments/",
    "returns/",
    "reorder-rules/",
]


@pytest.fixture(scope="module")
def callers(product: Product) -> Iterator[dict[str, Api]]:
    """One caller of each role."""
    roles = ("viewer", "operator", "warehouse", "buyer", "accountant")
    made = {role: Api(product.base_url, key=make_key(product, role=role)) for role in roles}
    yield made
    for caller in made.values():
        caller.close()


@pytest.fixture(scope="module")
def nobody(product: Product) -> Iterator[Api]:
    """A caller without a key."""
    caller = Api(product.base_url, key=None)
    yield caller
    caller.close()


@pytest.mark.parametrize("path", READABLE)
def test_without_a_key_nothing_is_shown(nobody: Api, path: str) -> None:
    answer = nobody.request("GET", path=path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"]


@pytest.mark.parametrize("path", WRITABLE)
def test_without_a_key_nothing_is_written(nobody: Api, path: str) -> None:
    assert nobody.request("POST", path=path, body={}).status_code == 401


@pytest.mark.parametrize("key", ["wrong", "a.b", "Bearer", "x" * 5000])
def test_a_wrong_key_is_401(product: Product, key: str) -> None:
    caller = Api(product.base_url, key=key)
    assert caller.request("GET", path="skus/").status_code == 401
    caller.close()


@pytest.mark.parametrize("path", READABLE)
def test_a_viewer_reads_everything(callers: dict[str, Api], path: str) -> None:
    assert callers["viewer"].request("GET", path=path).status_code == 200


@pytest.mark.parametrize("path", WRITABLE)
def test_a_viewer_writes_nothing(callers: dict[str, Api], path: str) -> None:
    answer = callers["viewer"].request("POST", path=path, body={})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"]


@pytest.mark.parametrize("action", ["stop-selling", "disconnect", "resume"])
def test_a_viewer_may_not_act_on_a_channel(world: World, callers: dict[str, Api], action: str) -> None:
    shop = world.shop(settle=False)
    answer = callers["viewer"].request("POST", path=f"channels/{shop.code}/{action}/", body={"reason": "x"})
    assert answer.status_code == 403


def test_a_viewer_may_not_change_or_remove_a_sku(world: World, callers: dict[str, Api]) -> None:
    sku = world.sku()
    for method in ("PATCH", "PUT", "DELETE"):
        answer = callers["viewer"].request(method, path=f"skus/{sku}/", body={"code": sku, "name": "mine"})
        assert answer.status_code in (403, 405), method
    assert world.api.get(f"skus/{sku}/")["name"] != "mine"


def test_a_viewer_may_not_cancel_an_order(world: World, callers: dict[str, Api]) -> None:
    sku = world.sku(on_hand=5)
    order = world.bought(world.shop(sku), (sku, 1))
    answer = callers["viewer"].request("POST", path=f"sales-orders/{order['id']}/cancel/", body={"reason": "x"})
    assert answer.status_code == 403
    assert world.numbers(sku) == (5, 4, 1)


@pytest.mark.parametrize("role", ["warehouse", "buyer", "accountant"])
def test_only_those_who_sell_write_allocation_rules(callers: dict[str, Api], role: str) -> None:
    body = {"kind": "percent", "value": 50}
    assert callers[role].request("POST", path="allocation-rules/", body=body).status_code == 403


def test_the_warehouse_sees_no_cost(world: World, callers: dict[str, Api]) -> None:
    sku = world.sku(unit_cost="7.77")
    assert "7.77" in world.api.request("GET", path=f"skus/{sku}/").text
    assert "7.77" not in callers["warehouse"].request("GET", path=f"skus/{sku}/").text
    assert "7.77" not in callers["warehouse"].request("GET", path="skus/", code=sku).text


def test_the_warehouse_adjusts_stock(world: World, callers: dict[str, Api]) -> None:
    sku = world.sku(on_hand=5)
    body = {"sku": sku, "location": world.place, "quantity": 1, "reason": "count"}
    assert callers["warehouse"].request("POST", path="stock-adjustments/", body=body).status_code == 201


def test_the_accountant_reads_cost_and_moves_no_stock(world: World, callers: dict[str, Api]) -> None:
    sku = world.sku(on_hand=5, unit_cost="7.77")
    assert "7.77" in callers["accountant"].request("GET", path=f"skus/{sku}/").text
    body = {"sku": sku, "location": world.place, "quantity": 1, "reason": "count"}
    assert callers["accountant"].request("POST", path="stock-adjustments/", body=body).status_code == 403
    assert world.numbers(sku) == (5, 5, 0)
