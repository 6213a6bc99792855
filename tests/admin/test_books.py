"""The books in the back office: values, landed costs, closing, journals; and who does not see them."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from inventory.adjustments import adjust
from inventory.companies import home_company
from inventory.costing.projection import catch_up
from inventory.kernel import clock
from inventory.models import CostFact, CostingChange, CostScope, LandedCost, Location, Period, Role, Sku
from tests.admin.pages import address, confirm, page_of, text
from tests.factories import LocationFactory, SkuFactory
from tests.people.phone import Browser, person

pytestmark = pytest.mark.django_db

PAST = "/admin/inventory/costscope/past/"
CLOSE = "/admin/inventory/period/close/"
NEW = "/admin/inventory/landedcost/new/"


def client(role: Role) -> Client:
    browser = Browser(f"{role}@example.com")
    person(browser.name, role)
    assert browser.login() == 302
    return browser.client


@pytest.fixture
def books() -> Client:
    return client(Role.ACCOUNTANT)


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug(w1: Location) -> Sku:
    return bought_and_lost(w1)


def bought_and_lost(w1: Location) -> Sku:
    """Ten at 5 and ten at 7, of which 15 were lost."""
    sku = SkuFactory(code="MUG")
    for cost, reference in (("5", "PO-1"), ("7", "PO-2")):
        adjust(
            sku=sku, location=w1, quantity=10, reason="receipt", reference=reference, unit_cost=Decimal(cost), actor="t"
        )
    adjust(sku=sku, location=w1, quantity=-15, reason="loss", actor="t")
    return sku


def streamed(response: object) -> str:
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


def test_values_and_their_past(books: Client, mug: Sku) -> None:
    shown = text(books.get(address("inventory.costscope")))
    assert "35.00" in shown and "30.00" in shown
    past = text(books.get(PAST))
    assert "35.00" in past
    assert "There was no stock of any value" in text(books.get(PAST, {"at": "2020-01-01T00:00"}))
    later = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert "yet to come" in text(books.get(PAST, {"at": later}))
    file = streamed(books.get(PAST, {"csv": "1"}))
    assert file.splitlines()[1].startswith("MAIN,MUG,Mug,fifo,5,35.00,7.000000,,35.00,30.00")


def test_a_method_is_switched_with_a_reason(books: Client, mug: Sku) -> None:
    catch_up()
    scope = CostScope.objects.get()
    said = text(confirm(books, scope, "switch_method", costing="average", reason="as agreed"))
    assert "valued by Moving average" in said
    assert CostingChange.objects.get().reason == "as agreed"
    assert "30.00" in text(books.get(page_of(scope)))


def test_a_landed_cost_is_booked_by_reference_and_cancelled(books: Client, mug: Sku) -> None:
    form = {"_confirm": "1", "method": "quantity", "amount": "30.00", "reference": "PO-2, PO-1"}
    assert "There is no receipt NONE" in text(books.post(NEW, form | {"reference": "NONE"}))
    assert "is booked" in text(books.post(NEW, form, follow=True))
    landed = LandedCost.objects.get()
    shown = text(books.get(page_of(landed)))
    assert "15.00" in shown and "7.50" in shown  # all of the first receipt is gone, and half of the second
    assert "is cancelled" in text(confirm(books, landed, "cancel_cost", reason="twice"))


def test_a_month_is_closed_and_its_files_say_the_same(
    books: Client, w1: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    present, long_ago = clock.now(), clock.now() - timedelta(days=40)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: long_ago)
        bought_and_lost(w1)
        catch_up()
    form = {"_confirm": "1", "company": str(home_company().pk), "month": f"{present:%Y-%m}"}
    assert "is not over yet" in text(books.post(CLOSE, form))
    assert "is closed at" in text(books.post(CLOSE, form | {"month": f"{long_ago:%Y-%m}"}, follow=True))
    period = Period.objects.get()
    page = text(books.get(page_of(period)))
    assert "Goods received, not invoiced" in page and "120.00" in page
    rows = list(csv.reader(streamed(books.get(page_of(period, "journal_csv"))).splitlines()))[1:]
    assert sum(Decimal(row[5]) for row in rows) == sum(Decimal(row[6]) for row in rows) == Decimal("205.00")
    assert ",MUG,W1,fifo,5,35.00," in streamed(books.get(page_of(period, "valuation_csv")))


def test_units_are_brought_in_at_a_cost_by_who_sees_cost(mug: Sku, w1: Location) -> None:
    boss, keeper = client(Role.OPERATOR), client(Role.WAREHOUSE)
    assert "Unit cost" in text(boss.get(page_of(mug, "adjust_stock")))
    assert "Unit cost" not in text(keeper.get(page_of(mug, "adjust_stock")))
    values = {
        "location": w1.pk, "how": "change", "quantity": 4, "state": "available", "reason": "receipt", "note": "",
        "reference": "", "key": "11111111-1111-1111-1111-111111111111", "unit_cost": "9.5",
    }  # fmt: skip
    assert "4 units from adjustment" in text(confirm(boss, mug, "adjust_stock", **values))
    assert CostFact.objects.latest("pk").unit_cost == Decimal("9.5")


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.VIEWER, Role.BUYER, Role.OPERATOR])
def test_only_accountants_and_administrators_keep_the_books(mug: Sku, role: Role) -> None:
    catch_up()
    browser = client(role)
    assert browser.get(address("inventory.period", "close_month")).status_code == 403
    assert browser.get(NEW).status_code == 403
    assert browser.get(page_of(CostScope.objects.get(), "switch_method")).status_code == 403
    sees = browser.get(address("inventory.costscope")).status_code
    assert sees == (403 if role == Role.WAREHOUSE else 200)


def test_a_location_with_units_does_not_change_hands(mug: Sku, w1: Location) -> None:
    boss = client(Role.ADMIN)
    assert "Whose stock it is" in text(boss.get(page_of(w1)))
