"""A change finds its debt already there and writes nothing; the drain takes that debt before the change commits.

Each race is shown twice: as the product does it, and with one function replaced, whereupon the shop shows a wrong number
for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import pytest

from channels import publishing
from channels.models import AllocationRule, Channel, Debt
from channels.rules import save_rule
from inventory.locks import LockedLevel, SharedLevels
from inventory.models import StockLevel
from tests.concurrency.conftest import LEVEL_COLUMNS, World
from tests.concurrency.threads import Job, uncommitted, until_stuck
from tests.factories import LocationFactory, ManualChannelFactory, add_stock, request


@pytest.fixture
def phone(world: World) -> Channel:
    """Another channel, which sells by telephone."""
    channel: Channel = ManualChannelFactory(code="phone")
    return channel


def read_without_waiting(sku_ids: Collection[int]) -> SharedLevels:
    """What ``share_levels`` does, without its lock."""
    rows = StockLevel.objects.filter(sku__in=sku_ids).values_list(*LEVEL_COLUMNS)
    return SharedLevels(LockedLevel(*row[:10], hash=bytes(row[10])) for row in rows)


def is_owed(world: World) -> bool:
    return Debt.objects.filter(target=world.target).exists()


def drain_while_uncommitted(world: World, change: Callable[[], Any]) -> int:
    """What the shop shows in the end, where a drain runs between the change and its commit."""
    add_stock(world.mug, world.place, 5)
    assert is_owed(world)
    with uncommitted(change):
        drain = Job(world.drain)
        until_stuck(drain)
    drain.end()
    return world.shows()


def sell_elsewhere(world: World) -> None:
    channel = Channel.objects.get(code="phone")
    request(channel, (world.mug, 3), order="1")


def test_a_sale_that_finds_the_debt_there_is_in_the_number_that_pays_it(world: World, phone: Channel) -> None:
    assert drain_while_uncommitted(world, lambda: sell_elsewhere(world)) == 12


def test_control_without_the_share_lock_the_sale_is_never_shown(
    world: World, phone: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "share_levels", read_without_waiting)
    drain_while_uncommitted(world, lambda: sell_elsewhere(world))
    assert not is_owed(world)
    assert (world.level.available, world.shop.book["MUG"]) == (12, 15)


def stock_a_new_place(world: World) -> None:
    add_stock(world.mug, LocationFactory(code="W2"), 7)


def test_a_level_that_no_lock_can_wait_for_is_owed_firmly(world: World) -> None:
    assert drain_while_uncommitted(world, lambda: stock_a_new_place(world)) == 22


def test_control_a_new_level_that_is_owed_plainly_is_never_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owe_skus = publishing.owe_skus
    monkeypatch.setattr(publishing, "owe_skus", lambda sku_ids, *, firm=False: owe_skus(sku_ids))
    drain_while_uncommitted(world, lambda: stock_a_new_place(world))
    assert not is_owed(world)
    assert (sum(level.available for level in StockLevel.objects.all()), world.shop.book["MUG"]) == (22, 15)


def withhold_ten(world: World) -> None:
    save_rule(AllocationRule(kind="buffer", value=Decimal(10), channel=world.channel))


def test_a_rule_saved_while_a_drain_computes_is_shown(world: World) -> None:
    assert drain_while_uncommitted(world, lambda: withhold_ten(world)) == 5


def test_control_a_rule_that_is_owed_plainly_is_never_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owe = publishing._owe
    monkeypatch.setattr(publishing, "_owe", lambda which, values, *, firm: owe(which, values, firm=False))
    drain_while_uncommitted(world, lambda: withhold_ten(world))
    assert not is_owed(world)
    assert world.shop.book["MUG"] == 15


def test_a_rule_committed_between_the_claim_and_the_reading_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_levels = publishing.share_levels

    def rule_first(sku_ids: Collection[int]) -> list[LockedLevel]:
        monkeypatch.setattr(publishing, "share_levels", share_levels)
        Job(lambda: withhold_ten(world)).end()
        return share_levels(sku_ids)

    add_stock(world.mug, world.place, 5)
    monkeypatch.setattr(publishing, "share_levels", rule_first)
    world.drain()
    assert world.shows() == 5
