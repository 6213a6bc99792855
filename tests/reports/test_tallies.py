"""Counted beside the rows: whatever is counted already and whatever is not, the figures are the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction

from channels.models import Channel, PushLog, StockTarget
from fulfillment.models import SalesOrder, SalesOrderLine
from inventory.kernel import clock
from reports import pulse, tallies
from reports.models import LagTally, SaleReach, SalesTally, TallyMark
from tests.channels.world import a_channel, a_listing, a_sku

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _still() -> Iterator[None]:
    """The clock stands still within a minute: windows of minutes do not move on between two looks."""
    with time_machine.travel(datetime.now(UTC).replace(second=30), tick=False):
        yield


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of other tests, in other databases of the same server, would hold up the counting."""
    waits = "seen_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    assert waits in tallies._TAKE
    monkeypatch.setattr(tallies, "_TAKE", tallies._TAKE.replace(waits, "TRUE"))


@pytest.fixture
def channels() -> list[Channel]:
    sku = a_sku("A", available=100)
    made = [a_channel(code=code) for code in ("one", "two")]
    for channel in made:
        a_listing(channel, sku, f"{channel.code}-A")
    return made


def push(channel: Channel, *, seconds: float, ago: float = 90.0, key: float = 0.0, outcome: str = "applied") -> None:
    """A number acknowledged so many seconds after its sale came, of which a tenth was intake and half the answer."""
    stored = clock.now().replace(second=0, microsecond=0) - timedelta(seconds=ago) + timedelta(microseconds=key)
    PushLog.objects.create(
        channel=channel, target=StockTarget.objects.get(channel=channel), quantity=1, outcome=outcome, stored_at=stored,
        owed_at=stored + timedelta(seconds=seconds * 0.1), computed_at=stored + timedelta(seconds=seconds * 0.5),
        sent_at=stored + timedelta(seconds=seconds * 0.5), acknowledged_at=stored + timedelta(seconds=seconds),
    )  # fmt: skip


def order(channel: Channel, number: int, *, ago: float = 90.0, lines: int = 2) -> SalesOrder:
    then = clock.now().replace(second=0, microsecond=0) - timedelta(seconds=ago)
    made = SalesOrder.objects.create(
        channel=channel, external_id=str(number), version=1, status="open", placed_at=then, recorded_at=then
    )
    for line in range(lines):
        SalesOrderLine.objects.create(order=made, external_id=str(line), position=line, quantity=3)
    return made


def near(seconds: float) -> object:
    return pytest.approx(seconds, rel=0.05)


def figures() -> tuple[object, ...]:
    taken = pulse.take()
    lag = {(part, window): value for part, windows in taken.lags.items() for window, value in windows.items()}
    each = [(one.code, one.orders, one.units, one.lag) for one in taken.channels]
    return lag, each, taken.orders, taken.units, taken.counts["lines_week"], taken.counts["lines_today"]


def count_all() -> None:
    """The first run sees the rows, the second counts them."""
    tallies.tally()
    tallies.tally()


def test_each_part_of_lag_by_its_definition(channels: list[Channel]) -> None:
    one, two = channels
    push(one, seconds=1.0)
    push(two, seconds=2.0)
    taken = pulse.take()
    parts = {part: windows["quarter"].p99 for part, windows in taken.lags.items()}
    assert parts == {
        "sale": near(2.0), "lag": near(2.0), "intake": near(0.1), "sync": near(1.8), "waiting": near(0.8), "answer": near(1.0),
    }  # fmt: skip
    assert taken.lags["lag"]["hour"].p50 == near(1.0), "half of two"
    assert taken.lags["sale"]["hour"].count == 1, "one sale, two channels"
    assert {channel.code: channel.lag.p50 for channel in taken.channels} == {"one": near(1.0), "two": near(2.0)}


def test_figures_are_the_same_before_and_after_counting(channels: list[Channel], alone: None) -> None:
    one, two = channels
    for number in range(40):
        push(one, seconds=0.1 + number / 20, ago=90 + number * 60, key=number)
        push(two, seconds=0.3 + number / 20, ago=90 + number * 60, key=number)
        order(one, number, ago=90 + number * 60)
    before = figures()
    count_all()
    assert LagTally.objects.exists() and SalesTally.objects.exists()
    assert TallyMark.objects.get(name="pushes").done_id == PushLog.objects.latest("id").pk
    assert figures() == before
    order(two, 99)
    push(two, seconds=1, key=99)
    half = figures()
    assert half != before
    count_all()
    tallies.tally()
    assert figures() == half


def test_a_sale_whose_last_channel_answers_late_moves_to_its_new_place(channels: list[Channel], alone: None) -> None:
    one, two = channels
    push(one, seconds=1.0)
    count_all()
    assert pulse.take().lags["sale"]["hour"] == pulse.Lag(near(1.0), near(1.0), 1)
    push(two, seconds=30.0)
    assert pulse.take().lags["sale"]["hour"] == pulse.Lag(near(30.0), near(30.0), 1), "read from the row"
    count_all()
    assert pulse.take().lags["sale"]["hour"] == pulse.Lag(near(30.0), near(30.0), 1), "read from the tally"
    assert SaleReach.objects.count() == 1


def test_only_numbers_applied_for_a_sale_within_the_hour_count(channels: list[Channel]) -> None:
    one, two = channels
    push(one, seconds=1.0)
    push(one, seconds=50.0, outcome="unknown", key=1)
    push(two, seconds=1.0, ago=3700.0, key=2)
    taken = pulse.take()
    assert (taken.lags["lag"]["hour"].count, taken.lags["lag"]["quarter"].count) == (1, 1)
    push(two, seconds=2.0, ago=1800.0, key=3)
    taken = pulse.take()
    assert (taken.lags["lag"]["hour"].count, taken.lags["lag"]["quarter"].count) == (2, 1)


def test_a_row_committed_late_is_not_lost(channels: list[Channel]) -> None:
    """Its id is lower than that of one that was seen before it appeared."""
    made, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            order(channels[0], 1)
            made.set()
            go_on.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert made.wait(20)
        order(channels[0], 2)
        count_all()
        count_all()
        assert not SalesTally.objects.exists(), "what might still appear before it holds it up"
        assert sum(pulse.take().orders) == 1
    finally:
        go_on.set()
        thread.join()
    assert sum(pulse.take().orders) == 2
    until = time.monotonic() + 90
    while not SalesTally.objects.exists() and time.monotonic() < until:  # transactions of other tests end by and by
        count_all()
        time.sleep(0.2)
    assert SalesTally.objects.filter(span="minute").get().orders == 2
    assert sum(pulse.take().orders) == 2


def test_what_nobody_asks_for_any_more_goes(channels: list[Channel], alone: None) -> None:
    order(channels[0], 1, ago=4 * 3600)
    order(channels[0], 2, ago=9 * 86400)
    push(channels[0], seconds=1, ago=2 * 3600)
    count_all()
    assert LagTally.objects.exists()
    assert list(SalesTally.objects.values_list("span", "orders")) == [("hour", 1)]
    LagTally.objects.update(slot=clock.now() - timedelta(hours=4))
    tallies.tally()
    assert not LagTally.objects.exists()


def test_percentiles_of_buckets() -> None:
    assert tallies.percentile({}, 0.5) is None
    assert tallies.percentile({0: 1}, 0.99) == near(0.001)
    thousand = dict.fromkeys(range(100), 10)
    assert tallies.percentile(thousand, 0.5) == tallies.seconds_of(49)
    assert tallies.percentile(thousand, 0.99) == tallies.seconds_of(98)
