"""Counting while orders come and go, at a running product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.client import Api, Json, eventually
from tests.stack.product import Product
from tests.stack.world import World, by_line


@pytest.fixture(scope="module")
def second(product: Product) -> Iterator[Api]:
    """Somebody who has not counted."""
    made = product.manage("create_api_key", "--role", "warehouse", "--name", "second-counter")
    assert made.returncode == 0, made.stderr
    caller = Api(product.base_url, key=made.stdout.strip().splitlines()[-1].strip())
    yield caller
    caller.close()


def opened(world: World, *lines: Json, **fields: object) -> Json:
    return world.api.post("counts/", body={"location": world.place, "lines": list(lines), **fields})


def test_sales_go_on_between_counting_and_approval(world: World, second: Api) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    count = opened(world, {"sku": sku, "counted": 8})
    order = world.bought(shop, (sku, 3))
    made = world.api.post("shipments/", body={"order": order["id"]})
    world.api.act(f"shipments/{made['id']}/dispatch/")
    world.api.act(f"counts/{count['code']}/submit/")
    second.act(f"counts/{count['code']}/approve/")
    assert world.numbers(sku) == (5, 5, 0)
    world.shows(shop, sku=sku, number=5)
    (entry,) = world.api.rows("ledger-entries/", reference=count["code"])
    assert (entry["reason"], entry["quantity"], entry["to_state"]) == ("count", 2, "adjustment")


def test_a_loss_of_promised_units_makes_the_latest_order_wait_and_is_filled_later(world: World, second: Api) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    early, late = world.bought(shop, (sku, 4)), world.bought(shop, (sku, 3))
    count = opened(world, {"sku": sku, "counted": 5}, blind=True)
    assert count["lines"][0]["expected"] is None
    world.api.act(f"counts/{count['code']}/submit/")
    refused = world.api.request("POST", path=f"counts/{count['code']}/approve/", body={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "second_person_needed")
    assert world.numbers(sku) == (10, 3, 7)
    second.act(f"counts/{count['code']}/approve/")
    assert world.numbers(sku) == (5, 0, 5)

    def lines() -> list[tuple[int, int]]:
        found = [world.recorded(shop, external_id=order["external_id"]) for order in (early, late)]
        return [(by_line(order)["1"]["reserved"], by_line(order)["1"]["short"]) for order in found]

    assert lines() == [(4, 0), (1, 2)]
    (row,) = world.api.rows("shortfalls/", sku=sku)
    assert (row["kind"], row["cause"]) == ("backorder", "lost")
    world.adjust(sku, quantity=2, reason="found")
    eventually(lambda: lines() == [(4, 0), (3, 0)])


def test_a_count_is_counted_anew_and_approved_once(world: World, second: Api) -> None:
    sku = world.sku(on_hand=10)
    count = opened(world, {"sku": sku, "counted": 1})
    path = f"counts/{count['code']}"
    world.api.act(f"{path}/submit/")
    again = second.act(f"{path}/recount/")
    assert (again["status"], again["lines"][0]["counted"], again["lines"][0]["recount"]) == ("draft", None, 1)
    world.api.patch(f"{path}/", body={"lines": [{"sku": sku, "counted": 9}]})
    world.api.act(f"{path}/submit/")
    first = world.api.request("POST", path=f"{path}/approve/", body={}, key=f"approve {path}")
    same = world.api.request("POST", path=f"{path}/approve/", body={}, key=f"approve {path}")
    assert (first.status_code, same.status_code) == (200, 200) and first.json() == same.json()
    assert world.api.request("POST", path=f"{path}/approve/", body={}).status_code == 409
    assert world.numbers(sku) == (9, 9, 0)


@pytest.mark.parametrize("counted", [-1, 1.5, "two", True, 10**12, [], {}])
def test_a_number_that_is_none_is_named_by_its_row(world: World, counted: object) -> None:
    sku, other = world.sku(on_hand=10), world.sku(on_hand=5)
    lines = [{"sku": sku, "counted": 1}, {"sku": other, "counted": counted}]
    answer = world.api.request("POST", path="counts/", body={"location": world.place, "lines": lines})
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["error"]["fields"]) == ["lines.1.counted"]
    assert world.api.count("counts/", sku=sku) == 0


def test_unknown_skus_and_marketplaces_are_refused(world: World) -> None:
    sku = world.sku(on_hand=10)
    lines = [{"sku": sku, "counted": 1}, {"sku": world.name("nothing"), "counted": 1}]
    answer = world.api.request("POST", path="counts/", body={"location": world.place, "lines": lines})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["lines.1.sku"])
    theirs = world.location(kind="fba")
    answer = world.api.request("POST", path="counts/", body={"location": theirs, "lines": [{"sku": sku, "counted": 1}]})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["location"])
