"""The walk of a sale: its hops and its lag, on a history worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from channels.models import Channel, Outcome, PushLog, StockTarget
from fulfillment.models import SalesOrder
from fulfillment.walk import Reach, reaches, sale_lag, walk
from tests.admin.house import House, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db: None) -> House:
    """A house whose pushes were never sent."""
    built = build(3)
    PushLog.objects.all().delete()
    StockTarget.objects.update(parked_reason="")
    return built


@pytest.fixture
def order(house: House) -> SalesOrder:
    """Two mugs sold on the first channel, and something unknown."""
    return SalesOrder.objects.select_related("delivery", "channel").get(
        channel=house.channels[0], external_id="order-0"
    )


def push(
    order: SalesOrder, channel: Channel, computed: float, acknowledged: float | None, outcome: str = "applied"
) -> None:
    """A push of the order's SKU; seconds after the recording, and after the storing."""
    assert order.delivery is not None

    def at(start: datetime, seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    sku = order.lines.exclude(sku=None).get().sku
    target = StockTarget.objects.get(channel=channel, listing__sku=sku)
    PushLog.objects.create(
        channel=channel, target=target, quantity=5, outcome=outcome, owed_at=order.recorded_at,
        stored_at=order.delivery.stored_at,
        computed_at=at(order.recorded_at, computed), sent_at=at(order.recorded_at, computed),
        acknowledged_at=None if acknowledged is None else at(order.delivery.stored_at, acknowledged),
    )  # fmt: skip


def by_channel(found: list[Reach]) -> dict[str, Reach]:
    return {reach.channel: reach for reach in found}


def test_the_lag_runs_to_the_last_channels_first_number_after_the_recording(house: House, order: SalesOrder) -> None:
    one, two = house.channels[1:]
    push(order, one, -0.5, 0.1)  # computed before the recording: says nothing of this sale
    push(order, one, 0.1, 0.9)
    push(order, one, 0.2, 5.0)  # a later number
    push(order, two, 0.1, None, Outcome.RETRY_LATER)
    push(order, two, 0.5, 2.5)
    found = reaches(order)
    assert [reach.channel for reach in found] == ["channel-0", "channel-2", "channel-1"]
    assert by_channel(found)["channel-1"].lag_seconds == pytest.approx(0.9)
    assert by_channel(found)["channel-2"].lag_seconds == pytest.approx(2.5)
    assert sale_lag(order, found) == pytest.approx(2.5)  # the selling channel lowers its own number
    hops = walk(order)
    assert [hop.ok for hop in hops] == [True] * 7
    assert hops[-1].seconds_since_start == pytest.approx(2.5) and "channel-2" in hops[-1].detail
    assert hops[3].detail == "2 at W1"


def test_a_channel_that_showed_it_already_counts_from_the_computing(house: House, order: SalesOrder) -> None:
    assert order.delivery is not None
    push(order, house.channels[1], 0.1, None, Outcome.UNCHANGED)
    push(order, house.channels[2], 0.1, 0.2)
    intake = (order.recorded_at - order.delivery.stored_at).total_seconds()
    found = reaches(order)
    assert by_channel(found)["channel-1"].lag_seconds == pytest.approx(intake + 0.1)
    assert sale_lag(order, found) == pytest.approx(max(intake + 0.1, 0.2))


def test_a_channel_that_has_not_answered_leaves_the_lag_open(house: House, order: SalesOrder) -> None:
    push(order, house.channels[1], 0.1, 0.9)
    StockTarget.objects.filter(channel=house.channels[2]).update(parked_reason="unknown_item")
    found = reaches(order)
    assert sale_lag(order, found) is None
    assert by_channel(found)["channel-2"].waiting_for == "parked: unknown_item"
    last = walk(order)[-1]
    assert last.ok is None and "1 target still waits" in last.detail


def test_a_sale_of_what_is_not_there_shows_its_shortfall(house: House) -> None:
    short = SalesOrder.objects.filter(lines__short__gt=0).order_by("-pk").first()
    assert short is not None
    hop = walk(short)[4]
    assert hop.ok is False and "oversell" in hop.detail


def test_an_order_typed_in_here_has_no_delivery(house: House) -> None:
    typed = SalesOrder.objects.get(channel=house.manual)
    hops = walk(typed)
    assert hops[1].at is None and hops[2].seconds_since_start == 0
    assert {reach.channel for reach in reaches(typed)} == {"channel-0", "channel-1", "channel-2"}
