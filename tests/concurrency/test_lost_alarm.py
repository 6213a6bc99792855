"""The flag says "rung", and nobody comes. Rows owe the work; an alarm that was lost costs seconds.

Four cures, each with its control: the task clears the flag before each claim and before it looks for the last time what is owed;
a round that breaks off leaves an alarm behind; the flag expires; the sweep ignores it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError

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


def change_after_the_last_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain has paid and has seen that nothing is owed; a change comes before its task has ended."""
    look = outbox.next_due_in

    def look_then_change(channel_id: int | None = None) -> float | None:
        found = look(channel_id)
        add_stock(world.mug, world.place, 1)
        return found

    add_stock(world.mug, world.place, 1)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "next_due_in", look_then_change)
        world.drain()


def test_a_change_after_the_last_look_rings_anew(world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    change_after_the_last_look(world, monkeypatch)
    assert alarms("sync") == 2


def test_control_a_task_that_leaves_the_flag_swallows_the_alarm_of_that_change(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "answer", lambda name, *ids: None)
    change_after_the_last_look(world, monkeypatch)
    assert alarms("sync") == 1


def test_a_change_while_a_round_is_under_way_needs_no_alarm_and_is_paid(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = transport.send

    def change_and_send(request: OutboundRequest, *, timeout_seconds: float) -> Response:
        with monkeypatch.context() as once:
            once.setattr(transport, "send", send)
            add_stock(world.mug, world.place, 1)
        return send(request, timeout_seconds=timeout_seconds)

    add_stock(world.mug, world.place, 1)
    forget_alarms()
    with monkeypatch.context() as patch:
        patch.setattr(transport, "send", change_and_send)
        world.drain()
    assert alarms("sync") == 1, "the drain's own, for when the channel may be called again"
    assert world.shows() == 12


def change_in_a_round_that_breaks_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away between the answer and the landing; a change came while the round was under way."""

    def change_and_fail(*_args: Any, **_given: Any) -> None:
        add_stock(world.mug, world.place, 1)
        raise OperationalError("the server closed the connection")

    add_stock(world.mug, world.place, 1)
    forget_alarms()
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "land", change_and_fail)
        with pytest.raises(OperationalError):
            world.drain()


def test_a_round_that_breaks_off_leaves_an_alarm_behind(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_in_a_round_that_breaks_off(world, monkeypatch)
    assert alarms("sync") == 1


def test_control_without_that_alarm_nobody_rings_for_the_change(
    world: World, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_come_back", lambda: None)
    change_in_a_round_that_breaks_off(world, monkeypatch)
    assert alarms("sync") == 0


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
    keep = redis.Redis.execute_command

    def set_for_good(self: Any, *words: Any, **options: Any) -> Any:
        return keep(self, *(words[: words.index("PX")] if "PX" in words else words), **options)

    monkeypatch.setattr(redis.Redis, "execute_command", set_for_good)
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

    with monkeypatch.context() as patch:
        patch.setattr(redis.Redis, "execute_command", away)
        add_stock(world.mug, world.place, 1)
        assert world.shows() == 11
