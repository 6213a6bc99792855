"""The reorder point is crossed by many sales at once; and by one that finds its mark already there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from channels.models import Channel
from inventory.models import Location, Sku
from purchasing import replenishment
from purchasing.models import ReorderAlert, ReorderCheck
from purchasing.replenishment import check_reorder
from tests.concurrency.threads import Job, together, uncommitted, until_stuck
from tests.factories import (
    LocationFactory,
    ManualChannelFactory,
    ReorderRuleFactory,
    add_stock,
    request,
    stocked,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> Location:
    place: Location = LocationFactory()
    return place


@pytest.fixture
def mug(place: Location) -> Sku:
    """20 mugs, to be bought again at 10."""
    mug = stocked(20, place=place)
    ReorderRuleFactory(sku=mug, reorder_point=10)
    check_reorder()
    assert not ReorderAlert.objects.exists()
    return mug


@pytest.fixture
def phone() -> Channel:
    channel: Channel = ManualChannelFactory()
    return channel


def test_parallel_sales_across_the_point_raise_one_alert(mug: Sku, phone: Channel) -> None:
    def buy(number: int) -> None:
        request(phone, (mug, 1), order=str(number))
        check_reorder()

    outcomes = together(*(lambda n=n: buy(n) for n in range(14)))  # type: ignore[misc]
    assert [outcome for outcome in outcomes if outcome is not None] == []
    check_reorder()
    alert = ReorderAlert.objects.get()
    assert 6 <= alert.position <= 10
    assert not ReorderCheck.objects.exists()


def cross_the_point_behind_a_mark(mug: Sku, phone: Channel, place: Location) -> None:
    """A sale finds the mark there; the check takes the mark before the sale commits."""
    add_stock(mug, place, 1)
    assert ReorderCheck.objects.filter(sku=mug).exists()
    with uncommitted(lambda: request(phone, (mug, 15), order="1")):
        check = Job(check_reorder)
        until_stuck(check)
    check.end()
    replenishment.sweep()
    check_reorder()


def test_a_sale_that_finds_the_mark_there_raises_its_alert(mug: Sku, phone: Channel, place: Location) -> None:
    cross_the_point_behind_a_mark(mug, phone, place)
    assert ReorderAlert.objects.get().position == 6


def test_control_without_the_share_lock_its_alert_is_never_raised(
    mug: Sku, phone: Channel, place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replenishment, "share_levels", lambda sku_ids: [])
    cross_the_point_behind_a_mark(mug, phone, place)
    assert not ReorderAlert.objects.exists()


def stock_behind_a_mark(mug: Sku, phone: Channel, place: Location) -> None:
    """A new level brings the position above the point; the alert that is open is to be closed."""
    request(phone, (mug, 15), order="1")
    check_reorder()
    assert ReorderAlert.objects.filter(closed_at=None).exists()
    add_stock(mug, place, 1)
    with uncommitted(lambda: add_stock(mug, LocationFactory(), 50)):
        Job(check_reorder).end()
    check_reorder()


def test_a_new_level_is_marked_firmly(mug: Sku, phone: Channel, place: Location) -> None:
    stock_behind_a_mark(mug, phone, place)
    assert not ReorderAlert.objects.filter(closed_at=None).exists()


def test_control_a_new_level_that_is_marked_plainly_is_never_seen(
    mug: Sku, phone: Channel, place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = replenishment.mark

    def plainly(sku_ids: Collection[int], **given: Any) -> bool:
        return mark(sku_ids)

    monkeypatch.setattr(replenishment, "mark", plainly)
    stock_behind_a_mark(mug, phone, place)
    assert ReorderAlert.objects.filter(closed_at=None).exists()
