"""The same key and body are done once and answered twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from channels.models import Channel
from inventory.api import once
from inventory.models import ApiKey, IdempotentRequest, Location, Role, Sku
from tests.api.conftest import Api, ask, caller, levels, stock

FOUND = {"sku": "MUG", "location": "W1", "quantity": 3, "reason": "found"}


def test_a_repeated_request_answers_the_first_result_again(admin: Api, mug: Sku, w1: Location) -> None:
    first, second = (admin.post("stock-adjustments/", FOUND, key="k1") for _ in range(2))
    assert first == second
    assert levels(admin, "MUG") == (3, 3, 0)


def test_a_repeat_is_the_same_however_its_json_is_written(admin: Api, mug: Sku, w1: Location) -> None:
    admin.post("stock-adjustments/", FOUND, key="k1")
    admin.post("stock-adjustments/", dict(reversed(FOUND.items())), key="k1")
    assert levels(admin, "MUG") == (3, 3, 0)


def test_a_repeat_is_answered_even_where_it_would_no_longer_be_valid(admin: Api, mug: Sku, w1: Location) -> None:
    first = admin.post("stock-adjustments/", FOUND, key="k1")
    Sku.objects.filter(pk=mug.pk).update(code="CUP")
    assert admin.post("stock-adjustments/", FOUND, key="k1") == first


def test_another_body_under_the_same_key_is_422(admin: Api, mug: Sku, w1: Location) -> None:
    admin.post("stock-adjustments/", FOUND, key="k1")
    error = admin.post("stock-adjustments/", FOUND | {"quantity": 4}, key="k1", status=422)["error"]
    assert error["code"] == "idempotency_key_reused"
    assert levels(admin, "MUG") == (3, 3, 0)


def test_another_address_under_the_same_key_is_422(admin: Api, mug: Sku, w1: Location) -> None:
    admin.post("stock-adjustments/", FOUND, key="k1")
    admin.post("stock-moves/", FOUND, key="k1", status=422)


def test_keys_of_others_do_not_matter(admin: Api, mug: Sku, w1: Location) -> None:
    admin.post("stock-adjustments/", FOUND, key="k1")
    caller(Role.OPERATOR).post("stock-adjustments/", FOUND | {"quantity": 1}, key="k1")
    assert levels(admin, "MUG") == (4, 4, 0)


def test_a_refusal_is_not_kept(admin: Api, mug: Sku, w1: Location) -> None:
    taken = FOUND | {"quantity": -3}
    admin.post("stock-adjustments/", taken, key="k1", status=409)
    assert not IdempotentRequest.objects.exists()
    stock(mug, w1, 3)
    admin.post("stock-adjustments/", taken, key="k1")
    assert levels(admin, "MUG") == (0, 0, 0)


@pytest.mark.parametrize("key", ["x" * 201, "a\tb", "é" * 101 + "x" * 100])
def test_a_key_that_is_none_is_refused(admin: Api, mug: Sku, w1: Location, key: str) -> None:
    assert list(admin.post("stock-adjustments/", FOUND, key=key, status=400)["error"]["fields"]) == ["Idempotency-Key"]


def test_every_deed_that_moves_stock_is_done_once(admin: Api, mug: Sku, phone: Channel, w1: Location) -> None:
    stock(mug, w1, 10)
    order = [ask_with_key(admin, "k1") for _ in range(2)][1]
    parcel = [admin.post("shipments/", {"order": order["id"]}, key="k2") for _ in range(2)][1]
    for _ in range(2):
        admin.post(f"shipments/{parcel['id']}/dispatch/", key="k3", status=200)
    back = [admin.post("returns/", {"order": order["id"]}, key="k4") for _ in range(2)][1]
    for _ in range(2):
        admin.post(f"returns/{back['id']}/receive/", key="k5", status=200)
    other = ask(admin, ("MUG", 4))
    for _ in range(2):
        admin.post(f"sales-orders/{other['id']}/cancel/", key="k6", status=200)
    assert levels(admin, "MUG") == (10, 10, 0)
    assert [admin.get(f"{path}/")["count"] for path in ("sales-orders", "shipments", "returns")] == [2, 1, 1]


def ask_with_key(api: Api, key: str) -> dict[str, Any]:
    body = {"channel": "phone", "external_id": "A1", "lines": [{"sku": "MUG", "quantity": 2}]}
    return api.post("sales-orders/", body, key=key)


# Several at once


def at_once(key: str, count: int, body: Callable[[int], dict[str, Any]], path: str, **headers: str) -> list[int]:
    """The statuses of so many requests sent at the same instant."""
    gate, statuses = threading.Barrier(count), []

    def send(number: int) -> None:
        try:
            api = Api(key)
            gate.wait(20)
            answer = api.client.post(f"/api/v1/{path}", body(number), format="json", **headers)
            statuses.append(answer.status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(statuses)


def world() -> tuple[str, Api]:
    from tests.api.conftest import make_channel, make_sku

    Location.objects.create(code="W1", name="First")
    make_sku("MUG")
    make_channel("phone")
    _row, key = ApiKey.objects.create_key(name="erp", role=Role.ADMIN)
    return key, Api(key)


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_under_one_key_move_stock_once() -> None:
    key, api = world()
    statuses = at_once(key, 10, lambda _: FOUND, "stock-adjustments/", HTTP_IDEMPOTENCY_KEY="k1")
    assert statuses == [201] * 10
    assert levels(api, "MUG") == (3, 3, 0)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_claim_ten_at_once_move_stock_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with one function replaced: the claim takes any key."""
    claim = once._claim
    monkeypatch.setattr(once, "_claim", lambda owner, key, contents: claim(owner, uuid.uuid4().hex, contents))
    key, api = world()
    assert at_once(key, 10, lambda _: FOUND, "stock-adjustments/", HTTP_IDEMPOTENCY_KEY="k1") == [201] * 10
    assert levels(api, "MUG")[0] > 3


@pytest.mark.django_db(transaction=True)
def test_of_fifty_orders_at_once_for_the_last_unit_one_is_accepted() -> None:
    key, api = world()
    stock(Sku.objects.get(), Location.objects.get(), 1)
    body = {"channel": "phone", "lines": [{"sku": "MUG", "quantity": 1}]}
    assert at_once(key, 50, lambda _: body, "sales-orders/") == [201] + [409] * 49
    assert levels(api, "MUG") == (1, 0, 1)


@pytest.mark.django_db(transaction=True)
def test_of_ten_orders_at_once_under_one_external_id_one_is_accepted() -> None:
    key, api = world()
    stock(Sku.objects.get(), Location.objects.get(), 100)

    def body(number: int) -> dict[str, Any]:
        return {"channel": "phone", "external_id": "A1", "lines": [{"sku": "MUG", "quantity": number + 1}]}

    assert at_once(key, 10, body, "sales-orders/") == [201] + [409] * 9
    (order,) = api.rows("sales-orders/")
    assert levels(api, "MUG")[2] == order["lines"][0]["reserved"] == order["lines"][0]["quantity"]
