"""Several companies, several currencies: what stays, what carries its cost along."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from inventory.catalogue import save_location
from inventory.companies import home_company, save_company
from inventory.costing.projection import rebuild
from inventory.errors import CostError
from inventory.ledger import Posting, post
from inventory.manifest import Arrived, Units
from inventory.models import Company, CostFact, CostMove, CostPosition, ExchangeRate, Location, Sku
from inventory.rebuild import verify
from inventory.transfers import cancel, create_transfer, dispatch, receive, report_lost
from tests.factories import LocationFactory, SkuFactory
from tests.inventory.costing.shop import buy, come_back, moves, ship, worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug() -> Sku:
    return SkuFactory(code="MUG")


@pytest.fixture
def home() -> Company:
    company = home_company()
    company.base_currency = "EUR"
    return save_company(company)


@pytest.fixture
def abroad() -> Company:
    return Company.objects.create(code="INC", name="Inc.", base_currency="USD")


def sent(sku: Sku, units: int, source: Location, target: Location) -> object:
    transfer = create_transfer(from_location=source, to_location=target, lines=[Units(sku, units)], actor="test")
    return dispatch(transfer, actor="test")


def test_a_transfer_within_a_company_changes_nothing(mug: Sku, w1: Location) -> None:
    w2 = LocationFactory()
    buy(mug, w1, 10, "5")
    buy(mug, w1, 10, "7")
    held = sent(mug, 12, w1, w2)
    receive(held, lines=[Arrived(mug, 10)], actor="test")
    assert worth(mug) == (20, "120.00", "120.00")
    assert CostPosition.objects.count() == 2
    report_lost(held, lines=[Units(mug, 1)], actor="test")
    cancel(held, actor="test")
    assert worth(mug) == (19, "115.00", "114.00")
    assert list(verify()) == []


def test_a_transfer_to_another_company_carries_its_cost(mug: Sku, w1: Location, home: Company, abroad: Company) -> None:
    ExchangeRate.objects.create(currency="EUR", base="USD", day=date(2020, 1, 1), rate=Decimal("1.1"))
    ExchangeRate.objects.create(currency="USD", base="EUR", day=date(2020, 1, 1), rate=Decimal("0.5"))
    there = LocationFactory(code="NY", company=abroad)
    buy(mug, w1, 10, "5")
    buy(mug, w1, 10, "7")
    held = sent(mug, 15, w1, there)
    assert worth(mug, home) == (5, "35.00", "30.00")
    assert worth(mug, abroad) == (15, "93.50", "99.00")
    assert moves(mug, abroad) == [("transfer", 15, "93.50", "99.00")]
    receive(held, lines=[Arrived(mug, 5)], actor="test")
    cancel(held, actor="test")
    # what came first is what goes back: 10 of 15 that are worth 93.50, at the rate of the day
    assert worth(mug, abroad) == (5, "31.17", "33.00")
    assert worth(mug, home) == (15, "66.17", "63.00")
    before = list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after"))
    rebuild()
    assert list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after")) == before
    assert list(verify()) == []


def test_a_receipt_keeps_the_rate_of_its_day(mug: Sku, w1: Location, home: Company) -> None:
    ExchangeRate.objects.create(currency="USD", base="EUR", day=date(2020, 1, 1), rate=Decimal("0.9"))
    buy(mug, w1, 10, "5", currency="USD")
    ExchangeRate.objects.update(rate=Decimal("0.1"))
    assert worth(mug) == (10, "45.00", "45.00")
    kept = CostFact.objects.get()
    assert (kept.unit_cost, kept.currency, kept.rate, kept.base_unit_cost) == (5, "USD", Decimal("0.9"), Decimal("4.5"))


def test_a_cost_in_a_currency_without_a_rate_is_refused(mug: Sku, w1: Location, home: Company) -> None:
    ExchangeRate.objects.create(currency="USD", base="EUR", day=date(2999, 1, 1), rate=Decimal("0.9"))
    with pytest.raises(CostError, match="no rate from USD to EUR"):
        buy(mug, w1, 10, "5", currency="USD")
    assert not CostFact.objects.exists()


def test_a_skus_own_cost_in_a_currency_without_a_rate_is_not_known(w1: Location, home: Company) -> None:
    cup = SkuFactory(code="CUP", unit_cost=Decimal("8"), currency="USD")
    buy(cup, w1, 2)
    assert worth(cup) == (2, "0.00", "0.00")
    ExchangeRate.objects.create(currency="USD", base="EUR", day=date(2020, 1, 1), rate=Decimal("0.5"))
    buy(cup, w1, 2)
    assert worth(cup) == (4, "8.00", "8.00")


def test_units_come_back_to_the_company_that_sold_them_at_what_they_left_with(
    mug: Sku, w1: Location, home: Company, abroad: Company
) -> None:
    there = LocationFactory(company=abroad)
    buy(mug, w1, 4, "5")
    buy(mug, there, 4, "9")
    ship(mug, w1, 2)
    come_back(mug, w1, 1)
    come_back(mug, there, 1)  # it never left there: what a unit is worth there
    assert (worth(mug, home), worth(mug, abroad)) == ((3, "15.00", "15.00"), (5, "45.00", "45.00"))


def test_what_books_are_kept_in_stays(mug: Sku, w1: Location, home: Company) -> None:
    buy(mug, w1, 1, "5")
    worth(mug)
    home.base_currency = "USD"
    with pytest.raises(CostError, match="its currency stays"):
        save_company(home)


def test_a_location_with_units_stays_with_its_company(mug: Sku, w1: Location, abroad: Company) -> None:
    buy(mug, w1, 1, "5")
    w1.company = abroad
    with pytest.raises(CostError, match="transfer them"):
        save_location(w1)
    w1.company = home_company()
    save_location(w1)
    empty = LocationFactory()
    empty.company = abroad
    assert save_location(empty).company == abroad


def test_a_kit_is_worth_its_parts_and_gives_them_back(mug: Sku, w1: Location) -> None:
    box, kit = SkuFactory(code="BOX"), SkuFactory(code="KIT")
    buy(mug, w1, 10, "5")
    buy(box, w1, 10, "1")

    def assembly(*steps: tuple[Sku, int]) -> None:
        postings = [
            Posting(
                sku.pk, w1.pk, *(("adjustment", "available") if units > 0 else ("available", "adjustment")), abs(units),
                reference="assembly:A-1",
            )
            for sku, units in steps
        ]  # fmt: skip
        post(postings, actor="test", cause="assembly")

    assembly((kit, 3), (mug, -6), (box, -3))
    assert (worth(kit), worth(mug), worth(box)) == ((3, "33.00", "33.00"), (4, "20.00", "20.00"), (7, "7.00", "7.00"))
    assembly((kit, -1), (mug, 2), (box, 1))
    assert (worth(kit), worth(mug), worth(box)) == ((2, "22.00", "22.00"), (6, "30.00", "30.00"), (8, "8.00", "8.00"))
    assert {row[0] for row in moves(kit)} == {"assembly"}
    before = list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after"))
    rebuild()
    assert list(CostMove.objects.order_by("pk").values_list("fifo_after", "average_after")) == before
    assert list(verify()) == []
