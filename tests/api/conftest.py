"""A caller for each role, and a small world to call about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from channels.models import Channel
from channels.registration import create_channel
from inventory.adjustments import adjust
from inventory.models import ApiKey, Location, Product, Role, Sku


class Api:
    """One caller of ``/api/v1/``."""

    def __init__(self, key: str | None = None) -> None:
        self.client = APIClient()
        if key:
            self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    def get(self, path: str, *, expect: int = 200, **query: Any) -> Any:
        answer = self.client.get(f"/api/v1/{path}", query)
        assert answer.status_code == expect, (answer.status_code, answer.content[:2000])
        return answer.json()

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        return self.get(path, **query)["results"]

    def post(self, path: str, body: Any = None, *, status: int = 201, key: str | None = None) -> Any:
        headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
        answer = self.client.post(f"/api/v1/{path}", {} if body is None else body, format="json", **headers)
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])
        return answer.json()

    def patch(self, path: str, body: Any, *, status: int = 200) -> Any:
        answer = self.client.patch(f"/api/v1/{path}", body, format="json")
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])
        return answer.json()

    def delete(self, path: str, *, status: int = 204) -> None:
        answer = self.client.delete(f"/api/v1/{path}")
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])

    def refused(self, method: str, path: str, body: Any = None, *, status: int, **query: Any) -> dict[str, Any]:
        """The error of a request that is refused."""
        if method == "get":
            return self.get(path, expect=status, **query)["error"]
        return getattr(self, method)(path, body, status=status)["error"]

    def queries(self, path: str, **query: Any) -> int:
        """How many queries reading a path takes."""
        with CaptureQueriesContext(
            connection,
        ) as captured:
            self.get(path, **query)
        return len(captured)


def caller(role: Role, *places: Location, name: str = "") -> Api:
    """A caller with a new key."""
    row, key = ApiKey.objects.create_key(name=name or str(role), role=role)
    row.locations.set(places)
    return Api(key)


@pytest.fixture
def admin(db: None) -> Api:
    return caller(Role.ADMIN)


@pytest.fixture
def by_role(db: None) -> Callable[..., Api]:
    return caller


@pytest.fixture
def w1(db: None) -> Location:
    return Location.objects.create(code="W1", name="First", priority=1)


@pytest.fixture
def w2(db: None) -> Location:
    return Location.objects.create(code="W2", name="Second", priority=2)


@pytest.fixture
def mug(db: None) -> Sku:
    return make_sku("MUG")


def make_sku(code: str, **fields: Any) -> Sku:
    product = Product.objects.create(code=code, name=code)
    return Sku.objects.create(code=code, product=product, name=code.title(), **fields)


def stock(sku: Sku, place: Location, quantity: int) -> None:
    adjust(sku=sku, location=place, quantity=quantity, reason="opening", actor="system")


SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


def make_channel(code: str, *, connector: str = "manual", places: tuple[Location, ...] = (), **fields: Any) -> Channel:
    """A channel by its verb; of connector ``http`` it has an address that nobody answers at."""
    if connector == "http":
        fields = {"base_url": "http://127.0.0.1:9", "credentials": {"secret": SECRET}} | fields
    pairs = [(place, "") for place in places] + list(fields.pop("remotes", {}).items())
    return create_channel(code=code, name=code.title(), connector=connector, locations=pairs, actor="system", **fields)


@pytest.fixture
def phone(w1: Location) -> Channel:
    """Our own orders."""
    return make_channel("phone", currency="EUR")


@pytest.fixture
def web(w1: Location) -> Channel:
    """A shop that is told numbers."""
    return make_channel("web", connector="http")


def ask(api: Api, *lines: tuple[str, int], status: int = 201, **fields: Any) -> Any:
    """Ask for an order of our own."""
    body = {"channel": "phone", "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    return api.post("sales-orders/", body | fields, status=status)


def levels(api: Api, sku: str, place: str = "W1") -> tuple[int, int, int]:
    """On hand, available, reserved."""
    (row,) = api.rows("stock-levels/", sku=sku, location=place)
    return row["on_hand"], row["available"], row["reserved"]
