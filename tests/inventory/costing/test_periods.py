"""Past instants, closed months, journals and switches of method."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from inventory.companies import home_company
from inventory.costing.journal import journal, statement
from inventory.costing.landed import create_landed
from inventory.costing.periods import bounds, close
from inventory.costing.projection import catch_up, rebuild
from inventory.costing.switching import switch_costing
from inventory.costing.values import Worths
from inventory.errors import CostError
from inventory.kernel import clock
from inventory.models import AccountMap, Company, CostingChange, Location, Period, Sku, Valuation
from inventory.rebuild import verify
from tests.factories import LocationFactory, SkuFactory
from tests.inventory.costing.shop import buy, come_back, ship

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))


class Calendar:
    """The clock of the house, set by the test."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def turn(self, month: int, day: int, hour: int = 0) -> None:
        self.at = datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calendar]:
    made = Calendar()
    monkeypatch.setattr(clock, "now", made)
    yield made


@pytest.fixture
def w1(calendar: Calendar) -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def w2(calendar: Calendar) -> Location:
    return LocationFactory(code="W2")


@pytest.fixture
def mug() -> Sku:
    return SkuFactory(code="MUG")


@pytest.fixture
def story(calendar: Calendar, mug: Sku, w1: Location, w2: Location) -> Sku:
    """January: 10 at 5 in W1, 10 at 7 in W2. February: 8 sold, 1 came back, 1 lost, 30 of freight on the second."""
    buy(mug, w1, 10, "5")
    second = buy(mug, w2, 10, "7")
    calendar.turn(2, 5)
    ship(mug, w1, 8)
    calendar.turn(2, 6)
    come_back(mug, w1, 1)
    buy(mug, w1, -1, reason="theft")
    create_landed(method="equal", amount=Decimal(30), receipts=[second], actor="test")
    calendar.turn(3, 2)
    catch_up()
    return mug


def amounts(company: Company, month: date) -> dict[str, str]:
    start, end = bounds(company, month)
    said = statement(company, starts_at=start, ends_at=end)
    assert said.adds_up
    found = {str(kind): str(amount) for kind, amount in said.amounts.items() if amount}
    return {"opening": str(said.opening), **found, "closing": str(said.closing)}


def at(*when: int, **given: object) -> list[tuple[str, int, str]]:
    found = Worths(at=datetime(*when, tzinfo=UTC), **given)  # type: ignore[arg-type]
    return [(row.sku, row.quantity, str(row.value)) for row in found[0:50]]


def test_the_value_of_any_instant(story: Sku) -> None:
    assert at(2026, 1, 9) == []
    assert at(2026, 1, 10) == [("MUG", 20, "120.00")]
    assert at(2026, 2, 5) == [("MUG", 12, "80.00")]
    assert at(2026, 3, 1) == [("MUG", 12, "110.00")]
    (total,) = Worths(at=datetime(2026, 2, 5, tzinfo=UTC)).totals()
    assert (total.company, total.skus, total.quantity, total.value) == ("MAIN", 1, 12, 80)
    assert at(2026, 3, 1, company="NONE") == []
    assert len(Worths(sku_id=story.pk)) == 1


def test_a_months_statement_adds_up(story: Sku) -> None:
    company = home_company()
    assert amounts(company, JANUARY) == {"opening": "0.00", "receipts": "120.00", "closing": "120.00"}
    assert amounts(company, FEBRUARY) == {
        "opening": "120.00", "landed": "30.00", "cogs": "-35.00", "adjustments": "-5.00", "closing": "110.00",
    }  # fmt: skip


def test_a_journal_balances_and_goes_by_the_chosen_accounts(story: Sku) -> None:
    AccountMap.objects.create(kind="cogs", account="4000", name="Sold")
    start, end = bounds(home_company(), FEBRUARY)
    lines = journal(statement(home_company(), starts_at=start, ends_at=end).amounts)
    assert [(line.account, str(line.debit), str(line.credit)) for line in lines] == [
        ("1200", "30.00", "0.00"), ("2110", "0.00", "30.00"), ("1200", "0.00", "35.00"), ("4000", "35.00", "0.00"),
        ("1200", "0.00", "5.00"), ("5100", "5.00", "0.00"),
    ]  # fmt: skip
    assert sum(line.debit for line in lines) == sum(line.credit for line in lines)


def test_a_closed_month_is_written_down_by_sku_and_location(story: Sku) -> None:
    january = close(home_company(), first_day=JANUARY, actor="user:ann", note="first")
    rows = Valuation.objects.filter(period=january).values_list("location__code", "quantity", "value", "costing")
    assert list(rows) == [("W1", 10, Decimal("60.00"), "fifo"), ("W2", 10, Decimal("60.00"), "fifo")]
    february = close(home_company(), first_day=FEBRUARY, actor="user:ann")
    assert (february.opening, february.closing) == (Decimal("120.00"), Decimal("110.00"))
    rows = Valuation.objects.filter(period=february).values_list("location__code", "quantity", "value", "costing")
    assert list(rows) == [("W1", 2, Decimal("18.33"), "fifo"), ("W2", 10, Decimal("91.67"), "fifo")]
    assert dict(february.amounts.exclude(amount=0).values_list("kind", "amount")) == {
        "landed": 30, "cogs": -35, "adjustments": -5,
    }  # fmt: skip
    assert list(verify()) == []
    rebuild()
    assert list(verify()) == []


def test_months_are_closed_once_in_their_order_and_when_they_are_over(story: Sku, calendar: Calendar) -> None:
    company = home_company()
    with pytest.raises(CostError, match="2026-03 is not over yet"):
        close(company, first_day=MARCH, actor="test")
    close(company, first_day=JANUARY, actor="test")
    for wrong in (JANUARY, date(2025, 12, 1)):
        with pytest.raises(CostError, match="the next one of MAIN is 2026-02"):
            close(company, first_day=wrong, actor="test")
    calendar.turn(2, 28, 23)
    with pytest.raises(CostError, match="2026-02 is not over yet"):
        close(company, first_day=FEBRUARY, actor="test")


def test_a_month_ends_by_the_companys_own_clock(calendar: Calendar, w1: Location, mug: Sku) -> None:
    Company.objects.update(time_zone="America/Chicago")
    calendar.turn(2, 1, 5)  # an hour before February begins there
    buy(mug, w1, 1, "5")
    calendar.turn(2, 1, 6)
    buy(mug, w1, 1, "7")
    calendar.turn(3, 2)
    assert close(home_company(), first_day=JANUARY, actor="test").closing == 5


def test_nothing_is_closed_while_entries_wait(story: Sku, w1: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.costing.periods.catch_up", lambda **_how: False)
    ship(story, w1, 1)
    with pytest.raises(CostError, match="1 entries are not valued yet"):
        close(home_company(), first_day=JANUARY, actor="test")
    assert not Period.objects.exists()


def test_what_becomes_known_late_is_booked_after_the_closed_month(calendar: Calendar, story: Sku, w1: Location) -> None:
    close(home_company(), first_day=JANUARY, actor="test")
    close(home_company(), first_day=FEBRUARY, actor="test")
    calendar.turn(2, 27)  # recorded before the end of February, seen after it was closed
    ship(story, w1, 1)
    calendar.turn(3, 9)
    assert amounts(home_company(), MARCH) == {"opening": "110.00", "closing": "110.00"}
    catch_up()
    assert amounts(home_company(), FEBRUARY)["closing"] == "110.00"
    assert amounts(home_company(), MARCH) == {"opening": "110.00", "cogs": "-5.00", "closing": "105.00"}
    calendar.turn(4, 2)
    close(home_company(), first_day=MARCH, actor="test")
    assert list(verify()) == []


def test_a_method_is_switched_from_the_start_of_the_first_open_month(
    calendar: Calendar, story: Sku, w1: Location
) -> None:
    close(home_company(), first_day=JANUARY, actor="test")
    change = switch_costing(story, "average", reason="as our auditor asks", actor="user:ann")
    assert change is not None and change.from_day == FEBRUARY
    assert amounts(home_company(), JANUARY)["closing"] == "120.00"
    # by average: 8 sold at 6, 1 back at 6, 1 lost at 6
    assert amounts(home_company(), FEBRUARY) == {
        "opening": "120.00", "landed": "30.00", "cogs": "-42.00", "adjustments": "-6.00", "closing": "102.00",
    }  # fmt: skip
    close(home_company(), first_day=FEBRUARY, actor="test")
    switch_costing(story, "fifo", reason="back", actor="user:ann")
    assert amounts(home_company(), FEBRUARY)["closing"] == "102.00"
    assert amounts(home_company(), MARCH) == {"opening": "102.00", "revaluation": "8.00", "closing": "110.00"}
    assert at(2026, 2, 28) == [("MUG", 12, "102.00")]
    assert at(2026, 3, 1) == [("MUG", 12, "110.00")]
    assert list(verify()) == []


def test_a_switch_needs_a_reason_and_is_one_only_where_something_changes(story: Sku) -> None:
    with pytest.raises(CostError, match="say why"):
        switch_costing(story, "average", reason=" ", actor="test")
    assert switch_costing(Sku.objects.get(), "fifo", reason="", actor="test") is None
    switch_costing(Sku.objects.get(), "average", reason="from the first day", actor="test")
    assert CostingChange.objects.get().from_day is None
    assert at(2026, 2, 5) == [("MUG", 12, "72.00")]


def test_what_was_written_down_cannot_be_edited(story: Sku) -> None:
    close(home_company(), first_day=JANUARY, actor="test")
    for table in ("valuation", "period", "periodamount", "costposition", "costfact"):
        for statement_ in (
            f"UPDATE inventory_{table} SET id = id",
            f"DELETE FROM inventory_{table}",
            f"TRUNCATE inventory_{table}",
        ):
            with pytest.raises((ProgrammingError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement_)


def test_two_companies_close_their_own_books(calendar: Calendar, story: Sku) -> None:
    other = Company.objects.create(code="INC", name="Inc.", base_currency="USD")
    calendar.turn(2, 7)
    buy(story, LocationFactory(company=other), 3, "10")
    calendar.turn(3, 2)
    catch_up()
    close(home_company(), first_day=FEBRUARY, actor="test")
    assert close(other, first_day=FEBRUARY, actor="test").closing == 30
    assert [(total.company, total.value) for total in Worths().totals()] == [("MAIN", 110), ("INC", 30)]
    assert list(verify()) == []
