"""Bins by the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.models import Location, Role, Sku
from tests.api.conftest import Api, stock


@pytest.fixture(autouse=True)
def _stock(mug: Sku, w1: Location) -> None:
    stock(mug, w1, 10)


def put(api: Api, *names: str, status: int = 200) -> dict:  # type: ignore[type-arg]
    return api.post("stock-levels/bins/", {"sku": "MUG", "location": "W1", "bins": list(names)}, status=status)


def test_bins_are_put_shown_and_found(admin: Api) -> None:
    assert put(admin, "A-10", "A-2") == {"sku": "MUG", "location": "W1", "bins": ["A-10", "A-2"]}
    assert admin.rows("stock-levels/")[0]["bins"] == ["A-10", "A-2"]
    assert len(admin.rows("stock-levels/", bin="A-2")) == 1
    assert admin.rows("stock-levels/", bin="A-1") == []
    assert put(admin)["bins"] == []
    assert admin.rows("stock-levels/")[0]["bins"] == []


def test_an_adjustment_adds_its_bin(admin: Api) -> None:
    put(admin, "A-2")
    for _turn in range(2):
        body = {"sku": "MUG", "location": "W1", "quantity": 1, "reason": "receipt", "bin": "B-7"}
        admin.post("stock-adjustments/", body)
    assert (admin.rows("stock-levels/")[0]["bins"], admin.rows("stock-levels/")[0]["available"]) == (["A-2", "B-7"], 12)


def test_a_bin_that_cannot_be_is_refused_and_moves_nothing(admin: Api) -> None:
    assert "cannot be a bin" in put(admin, "A,B", status=400)["error"]["message"]
    body = {"sku": "MUG", "location": "W1", "quantity": 1, "reason": "receipt", "bin": "A,B"}
    admin.refused("post", "stock-adjustments/", body, status=400)
    assert (admin.rows("stock-levels/")[0]["available"], admin.rows("stock-levels/")[0]["bins"]) == (10, [])


def test_who_may_not_move_stock_there_puts_no_bins(admin: Api, by_role: Callable[..., Api], w1: Location) -> None:
    other = Location.objects.create(code="W9", name="Ninth")
    for api in (by_role(Role.VIEWER), by_role(Role.WAREHOUSE, other)):
        assert put(api, "A-1", status=403)["error"]["code"] == "forbidden"
    assert put(by_role(Role.WAREHOUSE, w1, name="here"), "A-1")["bins"] == ["A-1"]
