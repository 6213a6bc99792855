"""Who gets in, and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from channels.models import Channel
from inventory.models import ApiKey, Location, Person, Role, Sku
from tests.api.conftest import Api, ask, caller, levels, make_channel, stock

EVERYTHING = (
    "products",
    "skus",
    "locations",
    "stock-levels",
    "ledger-entries",
    "channels",
    "listings",
    "allocation-rules",
    "sales-orders",
    "shipments",
    "returns",
    "reorder-rules",
    "reorder-alerts",
    "shortfalls",
    "drifts",
    "parked",
    "alerts",
    "deliveries",
    "imports",
    "stock-values",
    "cost-moves",
    "cost-layers",
    "landed-costs",
    "periods",
    "companies",
    "exchange-rates",
)
WRITES = {
    "products": {Role.OPERATOR, Role.ADMIN},
    "skus": {Role.OPERATOR, Role.ADMIN},
    "locations": {Role.OPERATOR, Role.ADMIN},
    "stock-adjustments": {Role.OPERATOR, Role.ADMIN, Role.WAREHOUSE},
    "stock-moves": {Role.OPERATOR, Role.ADMIN, Role.WAREHOUSE},
    "imports": {Role.OPERATOR, Role.ADMIN, Role.WAREHOUSE},
    "channels": {Role.OPERATOR, Role.ADMIN},
    "listings": {Role.OPERATOR, Role.ADMIN},
    "allocation-rules": {Role.OPERATOR, Role.ADMIN},
    "sales-orders": {Role.OPERATOR, Role.ADMIN},
    "shipments": {Role.OPERATOR, Role.ADMIN, Role.WAREHOUSE},
    "returns": {Role.OPERATOR, Role.ADMIN, Role.WAREHOUSE},
    "reorder-rules": {Role.OPERATOR, Role.ADMIN, Role.BUYER},
    "landed-costs": {Role.ACCOUNTANT, Role.ADMIN},
    "periods": {Role.ACCOUNTANT, Role.ADMIN},
    "companies": {Role.ACCOUNTANT, Role.ADMIN},
    "exchange-rates": {Role.ACCOUNTANT, Role.ADMIN},
}
COST = ("stock-values", "cost-moves", "cost-layers", "landed-costs", "periods", "companies", "exchange-rates")


@pytest.mark.parametrize("path", EVERYTHING)
def test_without_a_key_it_is_401_and_says_how_to_get_in(db: None, path: str) -> None:
    answer = Api().client.get(f"/api/v1/{path}/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("key", ["wrong", "a.b", "x" * 5000, "Abcdefgh." + "x" * 32, "é.è", "abcdefgh.\x01"])
def test_a_wrong_key_is_401(db: None, key: str) -> None:
    assert Api(key).refused("get", "skus/", status=401)["code"] == "unauthenticated"


def test_a_revoked_key_is_401(db: None) -> None:
    row, key = ApiKey.objects.create_key(name="erp", role=Role.ADMIN)
    Api(key).get("skus/")
    ApiKey.objects.filter(pk=row.pk).update(revoked=True)
    Api(key).get("skus/", expect=401)


def test_an_expired_key_is_401(db: None) -> None:
    past = timezone.now() - timedelta(seconds=1)
    _row, key = ApiKey.objects.create_key(name="erp", role=Role.ADMIN, expiry_date=past)
    Api(key).get("skus/", expect=401)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.BUYER, Role.ACCOUNTANT, Role.ADMIN])
@pytest.mark.parametrize("path", EVERYTHING)
def test_every_role_but_the_warehouse_reads_everything(db: None, role: Role, path: str) -> None:
    caller(role).get(f"{path}/")


def test_the_warehouse_reads_everything_but_rules_and_cost(db: None) -> None:
    keeper = caller(Role.WAREHOUSE)
    for path in EVERYTHING:
        keeper.get(f"{path}/", expect=403 if path in ("allocation-rules", *COST) else 200)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("path", list(WRITES))
def test_each_role_writes_what_is_its_own(db: None, role: Role, path: str) -> None:
    """An empty body is refused as invalid where the role may write, and as forbidden where it may not."""
    caller(role).post(f"{path}/", {}, status=400 if role in WRITES[path] else 403)


@pytest.mark.parametrize("action", ["stop-selling", "disconnect", "resume"])
def test_a_viewer_does_not_act_on_channels(phone: Channel, action: str) -> None:
    caller(Role.VIEWER).post(f"channels/phone/{action}/", status=403)
    phone.refresh_from_db()
    assert (phone.stopped_at, phone.disconnected_at) == (None, None)


def test_the_warehouse_sees_no_cost(admin: Api, mug: Sku) -> None:
    mug.unit_cost = "7.77"
    mug.save()
    assert admin.get("skus/MUG/")["unit_cost"] == "7.77"
    assert "unit_cost" not in caller(Role.WAREHOUSE).get("skus/MUG/")
    assert "unit_cost" not in caller(Role.WAREHOUSE).rows("skus/")[0]


class TestAKeyLimitedToOneLocation:
    @pytest.fixture
    def keeper(self, w2: Location) -> Api:
        return caller(Role.OPERATOR, w2)

    @pytest.fixture(autouse=True)
    def _stock(self, mug: Sku, w1: Location, w2: Location) -> None:
        stock(mug, w1, 5)
        stock(mug, w2, 3)

    @pytest.mark.parametrize("path", ["stock-levels/", "ledger-entries/"])
    def test_sees_only_its_location(self, keeper: Api, path: str) -> None:
        assert {row["location"] for row in keeper.rows(path)} == {"W2"}
        assert keeper.rows(path, location="W1") == []

    def test_sees_only_its_location_in_the_past(self, admin: Api, keeper: Api) -> None:
        at = admin.rows("ledger-entries/")[0]["recorded_at"]
        assert [row["location"] for row in keeper.rows("stock-levels/", at=at)] == ["W2"]
        assert keeper.rows("stock-levels/", at=at, location="W1") == []

    def test_does_not_find_other_locations(self, keeper: Api) -> None:
        assert [row["code"] for row in keeper.rows("locations/")] == ["W2"]
        keeper.get("locations/W1/", expect=404)
        keeper.post("locations/", {"code": "W3", "name": "Third", "kind": "store"}, status=403)

    def test_moves_stock_only_there(self, admin: Api, keeper: Api) -> None:
        body = {"sku": "MUG", "quantity": 1, "reason": "found"}
        keeper.post("stock-adjustments/", body | {"location": "W1"}, status=403)
        keeper.post("stock-adjustments/", body | {"location": "W2"})
        move = {"from_state": "available", "to_state": "hold"}
        keeper.post("stock-moves/", body | move | {"location": "W1"}, status=403)
        assert (levels(admin, "MUG", "W1"), levels(admin, "MUG", "W2")) == ((5, 5, 0), (4, 4, 0))

    def test_sees_and_cancels_only_orders_that_it_holds(
        self, admin: Api, keeper: Api, w1: Location, w2: Location
    ) -> None:
        make_channel("phone", places=(w1,))
        make_channel("desk", places=(w2,))
        elsewhere, here = ask(admin, ("MUG", 1)), ask(admin, ("MUG", 1), channel="desk")
        assert [row["id"] for row in keeper.rows("sales-orders/")] == [here["id"]]
        keeper.post(f"sales-orders/{elsewhere['id']}/cancel/", status=404)
        keeper.post(f"sales-orders/{here['id']}/cancel/", status=200)

    def test_does_not_cancel_an_order_that_holds_stock_elsewhere_too(
        self, admin: Api, keeper: Api, w1: Location, w2: Location
    ) -> None:
        make_channel("phone", places=(w1, w2))
        split = ask(admin, ("MUG", 7))
        keeper.post(f"sales-orders/{split['id']}/cancel/", status=403)
        assert levels(admin, "MUG") == (5, 0, 5)

    def test_asks_for_orders_only_where_its_location_feeds(self, keeper: Api, w1: Location, w2: Location) -> None:
        make_channel("phone", places=(w1,))
        make_channel("desk", places=(w2,))
        ask(keeper, ("MUG", 1), status=403)
        ask(keeper, ("MUG", 1), channel="desk")

    @pytest.mark.parametrize(
        "path", ["channels", "listings", "allocation-rules", "deliveries", "parked", "alerts", *COST]
    )
    def test_is_refused_what_spans_all_locations(self, keeper: Api, path: str) -> None:
        keeper.get(f"{path}/", expect=403)


def test_an_administrators_session_may_do_everything_other_staff_may_look(
    mug: Sku, django_user_model: type, by_role: Callable[..., Api]
) -> None:
    users = get_user_model().objects
    for name, superuser, expected in (("root", True, 201), ("ann", False, 403)):
        api = Api()
        user = users.create_user(name, is_staff=True, is_superuser=superuser)
        if not superuser:
            Person.objects.create(user=user, role=Role.VIEWER)
        api.client.force_login(user)
        api.get("skus/MUG/")
        api.post("products/", {"code": f"P-{name}", "name": "Plate"}, status=expected)


def test_a_session_of_no_staff_is_401(db: None) -> None:
    api = Api()
    api.client.force_login(get_user_model().objects.create_user("customer"))
    api.get("skus/", expect=401)


def test_entries_name_the_key_that_moved_stock(by_role: Callable[..., Api], mug: Sku, w1: Location) -> None:
    body = {"sku": "MUG", "location": "W1", "quantity": 1, "reason": "found"}
    assert by_role(Role.ADMIN, name="erp").post("stock-adjustments/", body)["actor"] == "key:erp"
