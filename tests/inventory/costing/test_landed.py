"""Freight and duty: shared to the cent, borne by what is left."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from inventory.companies import home_company, save_company
from inventory.costing.landed import borne, cancel_landed, create_landed, largest_remainder
from inventory.costing.projection import rebuild
from inventory.errors import CostError
from inventory.models import Company, CostMove, ExchangeRate, LandedCost, LedgerEntry, Location, Sku
from inventory.rebuild import verify
from tests.factories import LocationFactory, SkuFactory
from tests.inventory.costing.shop import buy, moves, ship, worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def cup() -> Sku:
    return SkuFactory(code="CUP", weight_grams=200, volume_cm3=1000)


@pytest.fixture
def jar() -> Sku:
    return SkuFactory(code="JAR", weight_grams=800, volume_cm3=1000)


@pytest.fixture
def receipts(w1: Location, cup: Sku, jar: Sku) -> list[LedgerEntry]:
    return [buy(cup, w1, 100, "5"), buy(jar, w1, 50, "20")]


def charge(receipts: list[LedgerEntry], method: str = "value", amount: str = "300", **more: object) -> LandedCost:
    return create_landed(method=method, amount=Decimal(amount), receipts=receipts, actor="test", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "shares", "each"),
    [
        ("value", ["100.00", "200.00"], ["6", "24"]),
        ("quantity", ["200.00", "100.00"], ["7", "22"]),
        ("weight", ["100.00", "200.00"], ["6", "24"]),
        ("volume", ["200.00", "100.00"], ["7", "22"]),
        ("equal", ["150.00", "150.00"], ["6.5", "23"]),
    ],
)
def test_freight_of_300_by_each_method(
    receipts: list[LedgerEntry], cup: Sku, method: str, shares: list[str], each: list[str]
) -> None:
    found = borne(charge(receipts, method))
    assert [str(one.amount) for one in found] == shares
    assert [one.unit_cost for one in found] == [Decimal(cost) for cost in each]
    assert [one.to_cogs for one in found] == [0, 0]
    assert worth(cup)[1] == f"{500 + Decimal(shares[0]):.2f}"
    assert list(verify()) == []


def test_posted_after_40_were_sold_260_stay_and_40_are_cost_of_goods(
    receipts: list[LedgerEntry], w1: Location, cup: Sku, jar: Sku
) -> None:
    ship(cup, w1, 40)
    found = borne(charge(receipts))
    assert sum(one.in_stock for one in found) == 260
    assert sum(one.to_cogs for one in found) == 40
    assert (worth(cup), worth(jar)) == ((60, "360.00", "360.00"), (50, "1200.00", "1200.00"))
    assert moves(cup)[-2:] == [("landed", 0, "100.00", "100.00"), ("late", 0, "-40.00", "-40.00")]
    ship(cup, w1, 60)
    assert worth(cup) == (0, "0.00", "0.00")


def test_cancelling_books_the_same_shares_the_other_way(
    receipts: list[LedgerEntry], w1: Location, cup: Sku, jar: Sku
) -> None:
    held = charge(receipts)
    ship(cup, w1, 40)
    cancel_landed(held, reason="charged twice", actor="test")
    assert (worth(cup), worth(jar)) == ((60, "300.00", "300.00"), (50, "1000.00", "1000.00"))
    assert moves(cup)[-2:] == [("landed", 0, "-100.00", "-100.00"), ("late", 0, "40.00", "40.00")]
    with pytest.raises(CostError, match="cancelled already"):
        cancel_landed(held, reason="again", actor="test")
    before = list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after"))
    rebuild()
    assert list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after")) == before
    assert list(verify()) == []


def test_a_charge_on_what_has_all_gone_is_cost_of_goods(w1: Location, cup: Sku) -> None:
    entry = buy(cup, w1, 3, "5")
    ship(cup, w1, 3)
    buy(cup, w1, 2, "5")
    (one,) = borne(charge([entry], "equal", "10"))
    assert (one.to_cogs, one.in_stock) == (10, 0)
    assert worth(cup) == (2, "10.00", "10.00")


def test_a_charge_in_another_currency_keeps_the_rate(receipts: list[LedgerEntry]) -> None:
    company = home_company()
    company.base_currency = "EUR"
    save_company(company)
    with pytest.raises(CostError, match="no rate from USD"):
        charge(receipts, currency="USD")
    ExchangeRate.objects.create(currency="USD", base="EUR", day=date(2020, 1, 1), rate=Decimal("0.333333"))
    held = charge(receipts, currency="USD")
    assert (held.base_amount, held.rate) == (Decimal("100.00"), Decimal("0.333333"))
    assert [str(one.amount) for one in borne(held)] == ["33.33", "66.67"]


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        ("100.00", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("0.01", [1, 5], ["0.00", "0.01"]),
        ("10.00", [1, 2, 3], ["1.67", "3.33", "5.00"]),
        ("7.00", [0, 1], ["0.00", "7.00"]),
    ],
)
def test_the_cents_that_are_left_go_to_who_lost_most(amount: str, weights: list[int], shares: list[str]) -> None:
    assert [str(one) for one in largest_remainder(Decimal(amount), weights)] == shares


def test_what_cannot_be_shared_is_refused(receipts: list[LedgerEntry], w1: Location, cup: Sku) -> None:
    free = buy(SkuFactory(code="GIFT"), w1, 3, "0")
    there = LocationFactory(company=Company.objects.create(code="INC", name="Inc."))
    foreign = buy(cup, there, 1, "5")
    ship(cup, w1, 1)
    sale = LedgerEntry.objects.get(to_state="customer")
    for said, given in {
        "more than 0": {"amount": "0"},
        "at most two decimals": {"amount": "1.001"},
        "name 1 to": {"receipts": []},
        "named twice": {"receipts": [receipts[0]] * 2},
        "brought no units in": {"receipts": [sale]},
        "more than one company": {"receipts": [receipts[0], foreign]},
        "worth nothing": {"receipts": [free]},
        "weight in grams is not known of GIFT": {"receipts": [free], "method": "weight"},
        "no slash": {"code": "a/b"},
    }.items():
        with pytest.raises(CostError, match=said):
            charge(**({"receipts": receipts} | given))  # type: ignore[arg-type]
    assert not LandedCost.objects.exists()
    charge(receipts, code="F-1")
    with pytest.raises(CostError, match="a landed cost F-1 already"):
        charge(receipts, code="F-1")
