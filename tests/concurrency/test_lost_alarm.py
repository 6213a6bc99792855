"""The flag says "rung", and nobody comes. Rows owe the work; an alarm that was lost costs seconds.

Three cures, each with its control: the task clears the flag before its first claim; the flag expires; the sweep ignores it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis

from channels import outbox, sync, transport
from channels.connectors.base import OutboundRequest, Response
from channels.models import Debt, StockTarget, SyncLane
from channels.publishing import DRAIN
from inventory.kernel import clock, workqueue
from inventory.kernel.workqueue import ring_now
from tests.concurrency.conftest import World, forget_alarms
from tests.concurrency.threads import until
from tests.factories import ListingFactory, add_stock, stocked

Alarms = Callable[[str], int]


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


def die(request: OutboundRequest, *, timeout_seconds: float) -> Response:
    raise Killed


def sell_while_the_worker_dies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain is rung for, starts and dies over its request; a second change comes while it runs."""

    def change_and_die(request: OutboundRequest, *, timeout_seconds: float) -> Response:
        add_stock(world.mug, world.place, 1)
        die(request, timeout_seconds=timeout_seconds)
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(transport, "send", change_and_die)
        add_stock(world.mug, world.place, 1)
        with pytest.raises(Killed):
            world.drain()


def test_a_change_while_the_task_runs_rings_anew_though_the_task_dies(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_while_the_worker_dies(world, monkeypatch)
    assert alarms("sync") == 2


def test_control_a_task_that_leaves_the_flag_swallows_the_alarm_of_that_change(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "answer", lambda name, *ids: None)
    sell_while_the_worker_dies(world, monkeypatch)
    assert alarms("sync") == 1


def flag_is_up(world: World) -> bool:
    return bool(workqueue.client().exists(workqueue._flag(DRAIN, ())))


def test_a_flag_whose_task_never_came_expires_within_two_seconds(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workqueue.FLAG_MILLISECONDS <= 2000
    monkeypatch.setattr(workqueue, "FLAG_MILLISECONDS", 100)
    assert [ring_now(DRAIN) for _ in range(3)] == [True, False, False]
    until(lambda: not flag_is_up(world))
    assert ring_now(DRAIN)
    assert alarms("sync") == 2


def test_control_a_flag_that_does_not_expire_swallows_every_later_alarm(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = redis.Redis.set

    def set_for_good(self: Any, name: Any, value: Any, *, px: int, **options: Any) -> Any:
        return keep(self, name, value, **options)

    monkeypatch.setattr(redis.Redis, "set", set_for_good)
    assert [ring_now(DRAIN) for _ in range(3)] == [True, False, False]
    assert workqueue.client().pttl(workqueue._flag(DRAIN, ())) == -1
    assert alarms("sync") == 1


def lose_the_message(world: World) -> None:
    """A debt is rung for; the broker loses the message and keeps the flag; time passes."""
    add_stock(world.mug, world.place, 1)
    forget_alarms()
    workqueue.client().set(workqueue._flag(DRAIN, ()), b"1", px=60_000)
    Debt.objects.update(owed_at=clock.now() - timedelta(seconds=10))
    SyncLane.objects.update(not_before=None)


def test_the_sweep_ignores_the_flag(world: World, alarms: Alarms) -> None:
    lose_the_message(world)
    assert sync.sweep() == 1
    assert alarms("sync") == 1


def test_control_a_sweep_that_obeys_the_flag_rings_for_nobody(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "ring_now", lambda name, *, even_if_rung: ring_now(name))
    lose_the_message(world)
    sync.sweep()
    assert alarms("sync") == 0


def test_the_sweep_finds_nothing_to_repair_where_no_alarm_was_lost(world: World, alarms: Alarms) -> None:
    add_stock(world.mug, world.place, 1)
    assert sync.sweep() == 0
    assert alarms("sync") == 1


def test_a_postponed_alarm_for_later_does_not_swallow_one_for_sooner(world: World, alarms: Alarms) -> None:
    assert ring_now(DRAIN, delay=300)
    assert ring_now(DRAIN, delay=0.4)
    assert not ring_now(DRAIN, delay=0.4)
    assert not ring_now(DRAIN, delay=60)
    assert alarms("sync") == 2


def test_a_debt_due_now_is_not_hidden_behind_one_that_is_backed_off(world: World) -> None:
    cup = stocked(3, code="CUP", place=world.place)
    ListingFactory(channel=world.channel, sku=cup)
    add_stock(world.mug, world.place, 1)
    SyncLane.objects.update(not_before=None)
    StockTarget.objects.filter(listing__sku=cup).update(next_attempt_at=clock.now() + timedelta(minutes=5))
    assert outbox.next_due_in(world.channel.pk) == 0


def test_with_the_broker_away_the_change_is_committed_and_owed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(redis.Redis, "set", away)
    monkeypatch.setattr(redis.Redis, "delete", away)
    add_stock(world.mug, world.place, 1)
    assert world.shows() == 11
