"""What stock cost, from outside: receipts at a cost, sales, freight that comes late, and past values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.client import Api, eventually
from tests.stack.conftest import make_key
from tests.stack.product import Product
from tests.stack.world import World


def receive(world: World, sku: str, units: int, cost: str) -> str:
    """A receipt's id."""
    made = world.adjust(sku, quantity=units, reason="receipt", unit_cost=cost)
    return str(made["id"])


def value(world: World, sku: str, **query: Any) -> tuple[int, str, str]:
    """Units, value by FIFO, value by average."""
    (row,) = world.api.rows("stock-values/", sku=sku, **query)
    return row["quantity"], row["fifo_value"], row["average_value"]


@pytest.mark.parametrize(
    ("lots", "sold", "left"),
    [
        ([(10, "5"), (10, "7")], 15, (5, "35.00", "30.00")),
        ([(4, "2.50"), (6, "10"), (5, "1")], 7, (8, "35.00", "40.00")),
        ([(3, "3.333333")], 2, (1, "3.33", "3.33")),
    ],
)
def test_receipts_at_different_costs_and_a_sale(
    world: World, lots: list[tuple[int, str]], sold: int, left: tuple[int, str, str]
) -> None:
    sku = world.sku()
    for units, cost in lots:
        receive(world, sku, units, cost)
    channel = world.name("phone")
    place = [world.place]
    world.api.post("channels/", body={"code": channel, "name": channel, "connector": "manual", "locations": place})
    body = {"channel": channel, "external_id": world.name("order"), "lines": [{"sku": sku, "quantity": sold}]}
    order = world.api.post("sales-orders/", body=body)
    shipment = world.api.post("shipments/", body={"order": order["id"], "location": world.place})
    assert value(world, sku)[0] == sum(units for units, _cost in lots), "a promise costs nothing"
    world.api.act(f"shipments/{shipment['id']}/dispatch/", body={})
    assert value(world, sku) == left
    newest = world.api.rows("cost-moves/", sku=sku)[0]
    assert (newest["kind"], newest["quantity"]) == ("sale", -sold)


def test_freight_that_comes_after_a_sale_is_split(world: World) -> None:
    first, second = world.sku(), world.sku()
    receipts = [receive(world, first, 100, "5"), receive(world, second, 50, "20")]
    world.adjust(first, quantity=-40, reason="sale")
    made = world.api.post("landed-costs/", body={"method": "value", "amount": "300.00", "receipts": receipts})
    assert [(one["amount"], one["in_stock"], one["to_cogs"], one["unit_cost"]) for one in made["shares"]] == [
        ("100.00", "60.00", "40.00", "6.00"), ("200.00", "200.00", "0.00", "24.00"),
    ]  # fmt: skip
    assert (value(world, first)[1], value(world, second)[1]) == ("360.00", "1200.00")


def test_beat_and_a_worker_value_what_nobody_asks_about(world: World, product: Product) -> None:
    sku = world.sku()
    receive(world, sku, 2, "5")
    question = (
        f"from inventory.models import CostScope; print('worth', CostScope.objects.get(sku__code='{sku}').fifo_value)"
    )
    eventually(lambda: "worth 10.0" in product.manage("shell", "-c", question).stdout, seconds=60, every=2)
    assert product.manage("verify_ledger").returncode == 0


def test_the_warehouse_sees_no_value(world: World, product: Product) -> None:
    keeper = Api(product.base_url, key=make_key(product, role="warehouse"))
    for path in ("stock-values/", "cost-moves/", "cost-layers/", "landed-costs/", "periods/"):
        assert keeper.request("GET", path=path).status_code == 403
