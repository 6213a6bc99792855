"""The sale that crosses the reorder point raises one alert."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.conf import settings

from channels.models import Channel
from inventory.adjustments import adjust, move
from inventory.manifest import Units
from inventory.models import Location, Sku
from inventory.transfers import create_transfer, dispatch, report_lost
from purchasing import replenishment
from purchasing.models import ReorderAlert, ReorderCheck, ReorderRule
from purchasing.replenishment import check_reorder, close_alert
from purchasing.rules import save_rule
from reports.models import Alert
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    ReorderRuleFactory,
    add_stock,
    request,
    sell,
    stocked,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory()
    return place


@pytest.fixture
def mug(place: Location) -> Sku:
    """12 mugs; nobody has a rule yet."""
    return stocked(12, place=place)


@pytest.fixture
def phone() -> Channel:
    channel: Channel = ManualChannelFactory()
    return channel


def raised() -> list[tuple[int, int, int]]:
    """Position, point and suggestion of the alerts that a check raises now."""
    found = ReorderAlert.objects.filter(pk__in=check_reorder()).order_by("pk")
    return list(found.values_list("position", "reorder_point", "suggested_quantity"))


def test_the_sale_that_crosses_the_point_raises_one_alert_and_one_only(mug: Sku, phone: Channel) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=5)
    assert raised() == []
    request(phone, (mug, 6), order="1")
    assert raised() == []
    request(phone, (mug, 1), order="2")
    assert raised() == [(5, 5, 5)]
    request(phone, (mug, 2), order="3")
    assert raised() == []
    alert = Alert.objects.get(kind="reorder")
    assert (alert.subject, alert.count, alert.message) == ("MUG", 1, "MUG: 5 units left, reorder point 5")


def test_once_dealt_with_the_next_crossing_raises_a_new_one(mug: Sku, phone: Channel) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=5, quantity=40)
    request(phone, (mug, 8), order="1")
    assert raised() == [(4, 5, 40)]
    closed = close_alert(ReorderAlert.objects.get(), actor="user:ann")
    assert closed.closed_by == "user:ann"
    assert close_alert(closed, actor="user:bob").closed_by == "user:ann"
    assert raised() == []
    request(phone, (mug, 1), order="2")
    assert raised() == [(3, 5, 40)]


def test_an_alert_closes_by_itself_when_stock_is_above_the_point_again(
    mug: Sku, phone: Channel, place: Location
) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=5)
    request(phone, (mug, 8), order="1")
    check_reorder()
    add_stock(mug, place, 20)
    assert raised() == []
    assert ReorderAlert.objects.get().closed_by == "system"
    adjust(sku=mug, location=place, quantity=-20, actor="test")
    assert raised() == [(4, 5, 6)]


def test_without_a_quantity_twice_the_point_less_the_position_is_suggested(mug: Sku, place: Location) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=30)
    assert raised() == [(12, 30, 48)]


def test_what_cannot_be_sold_is_not_in_the_position(mug: Sku, place: Location) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=5)
    move(sku=mug, location=place, from_state="available", to_state="damaged", quantity=8, actor="test")
    assert raised() == [(4, 5, 6)]


def test_what_is_short_counts_against_the_position(mug: Sku, phone: Channel) -> None:
    channel = ChannelFactory()
    ListingFactory(channel=channel, sku=mug)
    ReorderRuleFactory(sku=mug, reorder_point=0)
    sell(channel, (mug, 15))
    assert raised() == [(-3, 0, 3)]


def test_a_rule_for_one_place_looks_at_that_place_alone(mug: Sku, place: Location) -> None:
    other = LocationFactory()
    add_stock(mug, other, 3)
    ReorderRuleFactory(sku=mug, location=other, reorder_point=4)
    ReorderRuleFactory(sku=mug, reorder_point=4)
    assert raised() == [(3, 4, 5)]


def test_places_that_are_closed_do_not_count(mug: Sku, place: Location) -> None:
    Location.objects.filter(pk=place.pk).update(is_active=False)
    ReorderRuleFactory(sku=mug, reorder_point=4)
    assert raised() == [(0, 4, 8)]


def test_a_rule_that_is_off_raises_nothing(mug: Sku) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=50, is_active=False)
    assert not ReorderCheck.objects.exists()
    assert raised() == []


def test_a_rule_saved_over_its_point_raises_at_once(mug: Sku) -> None:
    rule = ReorderRuleFactory(sku=mug, reorder_point=5)
    assert raised() == []
    rule.reorder_point = 12
    save_rule(rule)
    assert raised() == [(12, 12, 12)]


def test_a_sku_that_was_never_in_stock_has_a_position_of_nothing() -> None:
    ReorderRuleFactory(reorder_point=3)
    assert raised() == [(0, 3, 6)]


def test_skus_without_a_rule_leave_no_mark(mug: Sku, place: Location) -> None:
    add_stock(mug, place, 1)
    assert not ReorderCheck.objects.exists()


def test_marks_of_a_check_that_fails_are_put_back(mug: Sku, monkeypatch: pytest.MonkeyPatch) -> None:
    ReorderRuleFactory(sku=mug, reorder_point=50)

    def fail(skus: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(replenishment, "share_levels", fail)
        with pytest.raises(RuntimeError):
            check_reorder()
    assert raised() == [(12, 50, 88)]


def test_many_marks_are_worked_off_in_batches(place: Location) -> None:
    for number in range(7):
        ReorderRuleFactory(sku=stocked(number, code=f"S{number}", place=place) if number else stocked(1, code="S0"))
    assert len(check_reorder(batch=2)) == 6
    assert not ReorderCheck.objects.exists()


def test_the_sweep_rings_where_marks_wait_and_nowhere_else(mug: Sku) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    queue = f"{settings.REDIS_PREFIX}celery:default"
    replenishment.sweep()
    assert client.llen(queue) == 0
    ReorderRuleFactory(sku=mug)
    replenishment.sweep()
    replenishment.sweep()
    assert client.llen(queue) == 2
    assert ReorderRule.objects.count() == 1


def test_what_is_in_transit_is_in_the_position_of_where_it_goes(mug: Sku, place: Location) -> None:
    shop = LocationFactory()
    for where, point in ((None, 11), (place, 5), (shop, 5)):
        ReorderRuleFactory(sku=mug, location=where, reorder_point=point)
    moved = create_transfer(from_location=place, to_location=shop, lines=[Units(mug, 8)], actor="test")
    assert raised() == [(0, 5, 10)]
    dispatch(moved, actor="test")
    assert raised() == [(4, 5, 6)], "12 everywhere as before, 4 left here, 8 on their way to the shop"
    report_lost(moved, lines=[Units(mug, 4)], actor="test")
    replenishment.mark_all()
    assert raised() == [(8, 11, 14), (4, 5, 6)]
