"""Transfers from outside: units leave, are under way, come in parts, are lost, go back; the books agree at every step."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stack.client import Api, Json
from tests.stack.conftest import make_key
from tests.stack.product import Product
from tests.stack.world import World


@pytest.fixture
def shop(world: World) -> str:
    """Another place."""
    return world.location()


def draft(world: World, to: str, *lines: tuple[str, int], **fields: Any) -> str:
    """A transfer from the test's usual warehouse; its code."""
    body = {"from_location": world.place, "to_location": to, "lines": [{"sku": s, "quantity": n} for s, n in lines]}
    made = world.api.post("transfers/", body=body | fields)
    assert made["status"] == "draft"
    return str(made["code"])


def step(
    world: World, code: str, verb: str, *lines: Json, status: int = 200, key: str | None = None, **more: Any
) -> Json:
    body = ({"lines": list(lines)} if lines else {}) | more
    return world.api.post(f"transfers/{code}/{verb}/", body=body, status=status, key=key)


def units(world: World, sku: str, place: str) -> tuple[int, int, int, int]:
    """On hand, available, damaged, in transit."""
    rows = world.api.rows("stock-levels/", sku=sku, location=place)
    names = ("on_hand", "available", "damaged", "in_transit")
    return tuple(rows[0][name] if rows else 0 for name in names)  # type: ignore[return-value]


def test_a_transfer_in_two_steps(world: World, shop: str) -> None:
    sku = world.sku(on_hand=10)
    code = draft(world, shop, (sku, 6))
    assert (units(world, sku, world.place), units(world, sku, shop)) == ((10, 10, 0, 0), (0, 0, 0, 0))
    assert step(world, code, "dispatch")["status"] == "dispatched"
    assert (units(world, sku, world.place), units(world, sku, shop)) == ((4, 4, 0, 0), (0, 0, 0, 6))
    came = step(world, code, "receive", {"sku": sku, "quantity": 3, "damaged": 1})
    assert came["status"] == "partly_received"
    assert units(world, sku, shop) == (4, 3, 1, 2)
    step(world, code, "lose", {"sku": sku, "quantity": 1}, reason="never came")
    assert step(world, code, "receive")["status"] == "received"
    assert (units(world, sku, world.place), units(world, sku, shop)) == ((4, 4, 0, 0), (5, 4, 1, 0))
    assert {entry["reference"] for entry in world.api.rows("ledger-entries/", sku=sku, location=shop)} == {code}


def test_a_cancelled_transfer_goes_back(world: World, shop: str) -> None:
    sku = world.sku(on_hand=8)
    code = draft(world, shop, (sku, 5))
    step(world, code, "dispatch")
    step(world, code, "receive", {"sku": sku, "quantity": 2})
    assert step(world, code, "cancel", reason="turned back")["status"] == "cancelled"
    assert (units(world, sku, world.place), units(world, sku, shop)) == ((6, 6, 0, 0), (2, 2, 0, 0))
    step(world, code, "dispatch", status=409)


def test_a_short_transfer_names_every_line_and_moves_nothing(world: World, shop: str) -> None:
    first, second = world.sku(on_hand=2), world.sku(on_hand=3)
    code = draft(world, shop, (first, 5), (second, 3))
    refused = step(world, code, "dispatch", status=409)["error"]
    assert refused["code"] == "insufficient_stock"
    assert refused["fields"]["lines"] == [{"sku": first, "location": world.place, "wanted": 5, "available": 2}]
    assert units(world, second, world.place) == (3, 3, 0, 0)


def test_what_is_in_transit_is_sold_nowhere_and_what_came_is(world: World, shop: str) -> None:
    sku = world.sku(on_hand=10)
    market = world.shop(sku)
    world.shows(market, sku=sku, number=10)
    code = draft(world, shop, (sku, 4))
    step(world, code, "dispatch")
    world.shows(market, sku=sku, number=6)


def test_the_same_request_moves_units_once(world: World, shop: str) -> None:
    sku = world.sku(on_hand=10)
    code = draft(world, shop, (sku, 6))
    key = uuid.uuid4().hex
    answers = [step(world, code, "dispatch", {"sku": sku, "quantity": 2}, key=key) for _turn in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert units(world, sku, shop) == (0, 0, 0, 2)


def test_of_ten_transfers_of_the_same_units_one_leaves(world: World, shop: str) -> None:
    sku = world.sku(on_hand=5)
    codes = [draft(world, shop, (sku, 5)) for _turn in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda code: world.api.request("POST", path=f"transfers/{code}/dispatch/", body={}), codes)
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert (units(world, sku, world.place), units(world, sku, shop)) == ((0, 0, 0, 0), (0, 0, 0, 5))


@pytest.mark.parametrize(
    "change",
    [
        {"to_location": "nowhere"},
        {"lines": []},
        {"lines": "all"},
        {"lines": [{"sku": "no such thing", "quantity": 1}]},
        {"lines": [{"sku": None, "quantity": 1}]},
        {"code": "a/b"},
    ],
)
def test_a_transfer_that_makes_no_sense_is_refused(world: World, shop: str, change: Json) -> None:
    body = {"from_location": world.place, "to_location": shop, "lines": [{"sku": world.sku(), "quantity": 1}]} | change
    answer = world.api.request("POST", path="transfers/", body=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "many", None, 10**12, True])
def test_numbers_that_are_no_units_are_refused_by_line(world: World, shop: str, quantity: Any) -> None:
    body = {"from_location": world.place, "to_location": shop, "lines": [{"sku": world.sku(), "quantity": quantity}]}
    answer = world.api.request("POST", path="transfers/", body=body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["lines.0.quantity"]


def test_to_itself_twice_the_same_and_too_many_are_refused(world: World, shop: str) -> None:
    sku = world.sku(on_hand=5)
    lines = [{"sku": sku, "quantity": 1}]
    for change in ({"to_location": world.place}, {"lines": lines * 2}):
        body = {"from_location": world.place, "to_location": shop, "lines": lines} | change
        assert world.api.request("POST", path="transfers/", body=body).status_code == 400
    code = draft(world, shop, (sku, 3))
    step(world, code, "dispatch")
    refused = step(world, code, "receive", {"sku": sku, "quantity": 4}, status=409)["error"]
    assert "receive 3 and add the 1 too many" in refused["fields"]["lines.0.quantity"][0]
    assert units(world, sku, shop) == (0, 0, 0, 3)


def test_a_viewer_moves_nothing(world: World, shop: str, product: Product) -> None:
    code = draft(world, shop, (world.sku(on_hand=1), 1))
    viewer = Api(product.base_url, key=make_key(product, role="viewer"))
    for verb in ("dispatch", "receive", "lose", "cancel"):
        assert viewer.request("POST", path=f"transfers/{code}/{verb}/", body={}).status_code == 403
    assert viewer.get(f"transfers/{code}/")["status"] == "draft"
    viewer.close()


def test_the_checker_agrees(product: Product, world: World, shop: str) -> None:
    sku = world.sku(on_hand=3)
    step(world, draft(world, shop, (sku, 2)), "dispatch")
    answer = product.manage("verify_ledger")
    assert (answer.returncode, answer.stdout) == (0, "")
