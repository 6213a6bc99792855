"""Alarms for work that rows owe.

The row is the debt; an alarm only hastens it. ``ring`` may be called a hundred times for one queue: one alarm is sent until
its task starts. The flag that says "rung" is cleared by the task before its claim (``answer``), expires by itself within
two seconds, and the sweep by beat ignores it; so a lost message or a dead worker costs seconds, never work.
"""

import logging
import os
import random
import socket
import time
from collections.abc import Sequence
from functools import partial

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from . import clock

logger = logging.getLogger(__name__)

FLAG_MILLISECONDS = 2000

#: An alarm that is on its way and comes within so long makes another one needless.
SOON_SECONDS = 0.3

#: The same of one that was postponed because its work is paced.
LONGEST_PACE_SECONDS = 1.0

#: Two postponed alarms that come within so long of one another are one: channels share their instants, but for rounding.
SAME_SECONDS = 0.05

#: A postponed alarm that is so near may be the one whose task is asking.
EARLY_SECONDS = 0.02

#: After an alarm that could not be sent none is tried for so long: thirty time-outs in a row would hold up a sale's commit.
MUTE_SECONDS = 1.0

_client: redis.Redis | None = None
_mute_until = 0.0
#: Until when nobody need ring, by flag and this process's monotonic clock: the worker rests, and claims after it.
_rests: dict[str, float] = {}
_worker_name = f"{socket.gethostname()}:{os.getpid()}"


def ring(name: str, *ids: int, delay: float = 0.0) -> None:
    """Send the Celery task ``name`` with ``ids`` after this transaction commits, once however often it is called.

    ``delay`` in seconds postpones the task; postponed alarms have a flag of their own, so that they never swallow one for now.
    Never raises: with the broker away, the sweep finds the work.
    """
    transaction.on_commit(partial(ring_now, name, ids, delay=delay))


def ring_now(
    name: str, ids: Sequence[int] = (), *, delay: float = 0.0, even_if_rung: bool = False, paced: bool = False
) -> bool:
    """``ring`` without waiting for a commit. True where an alarm was sent; the sweep passes ``even_if_rung``.

    A ``paced`` alarm is postponed because nothing can be done before; until it comes no other one is needed.
    """
    global _mute_until
    if time.monotonic() < _mute_until and not even_if_rung:
        return False
    try:
        if delay:
            rung = _postponed_before(name, ids, delay, paced)
        elif even_if_rung:
            rung = not _raise_flag(name, ids)
        else:
            rung = _rests_still(name, ids) or not _raise_flag_unless_resting(name, ids) or _comes_soon(name, ids)
        if rung and not even_if_rung:
            return False
        current_app.send_task(name, args=list(ids), countdown=delay or None, retry=False, ignore_result=True)
    except (redis.RedisError, OperationalError, OSError) as error:
        _mute_until = time.monotonic() + MUTE_SECONDS
        logger.warning("alarm %s%s not sent (%s); the sweep will ring it", name, tuple(ids), error)
        return False
    return True


def _comes_soon(name: str, ids: Sequence[int]) -> bool:
    """Whether a postponed alarm is on its way that comes so soon that another now would find its work paced anyway."""
    comes_at, paced = _postponed(_flag(name, ids) + ":later")
    return 0 < comes_at - clock.now().timestamp() <= (LONGEST_PACE_SECONDS if paced else SOON_SECONDS)


def _postponed(flag: str) -> tuple[float, bool]:
    """The instant of the postponed alarm (0 for none), and whether it is paced."""
    held = client().get(flag)
    if not isinstance(held, bytes):
        return 0.0, False
    comes_at, _, paced = held.partition(b" ")
    return float(comes_at), bool(paced)


def _rests_still(name: str, ids: Sequence[int]) -> bool:
    return time.monotonic() < _rests.get(_flag(name, ids), 0.0)


def _raise_flag_unless_resting(name: str, ids: Sequence[int]) -> bool:
    """Raise the flag; where it is up already, learn for how long there is no need to ask again."""
    if _raise_flag(name, ids):
        return True
    flag, asked = _flag(name, ids), time.monotonic()
    _rests[flag] = asked + rest_left(name, *ids)
    return False


def _raise_flag(name: str, ids: Sequence[int]) -> bool:
    # the command itself: redis-py's method for it takes as long again, a thousand times a second
    expires = ("PX", FLAG_MILLISECONDS)
    return bool(client().execute_command("SET", _flag(name, ids), b"1", "NX", *expires))  # type: ignore[no-untyped-call]


def _postponed_before(name: str, ids: Sequence[int], delay: float, paced: bool) -> bool:
    """Whether an alarm is on its way that comes about as soon as this one; if not, this one is noted in its place."""
    flag = _flag(name, ids) + ":later"
    now = clock.now().timestamp()
    comes_at, _ = _postponed(flag)
    if now + EARLY_SECONDS < comes_at <= now + delay + SAME_SECONDS:
        return True
    client().set(flag, f"{now + delay:.3f}{' paced' if paced else ''}", px=max(int(delay * 1000), 1))
    return False


def answer(name: str, *ids: int) -> None:
    """Clear the flag. A task calls it before its first claim, so that work committed from now on rings anew."""
    try:
        client().delete(_flag(name, ids))
    except (redis.RedisError, OSError):
        logger.warning("flag of %s%s not cleared; it expires within %s ms", name, ids, FLAG_MILLISECONDS)


def hold_off(name: str, *ids: int) -> None:
    """Raise the flag without an alarm: the caller is at work and claims again when it is done, clearing the flag before."""
    try:
        _raise_flag(name, ids)
    except (redis.RedisError, OSError):
        logger.warning("flag of %s%s not raised; alarms come that are not needed", name, ids)


def rest(name: str, *ids: int, seconds: float) -> float:
    """``hold_off`` by one who claims again after so many seconds: until then nobody need ask about the flag.

    When they are over, by ``time.monotonic``. An empty claim before that is not the last one, whoever makes it (``rest_left``).
    """
    hold_off(name, *ids)
    try:
        client().set(f"{_flag(name, ids)}:rest", b"1", px=int(seconds * 1000))
    except (redis.RedisError, OSError):
        logger.warning("rest of %s%s not told; alarms come that are not needed", name, ids)
    return time.monotonic() + seconds


def rest_left(name: str, *ids: int) -> float:
    """For how many seconds still nobody rings, because somebody rests. Ask before a claim: that claim may be too early."""
    try:
        return max(0, int(client().pttl(f"{_flag(name, ids)}:rest"))) / 1000
    except (redis.RedisError, OSError):
        return 0.0


def back_off(attempts: int, *, first: float = 0.5, most: float = 300.0) -> float:
    """Seconds to wait after that many failed attempts: doubling from ``first`` to ``most``, with full jitter's upper half.

    Jitter after "Exponential Backoff And Jitter" (M. Brooker, 2015): equal jitter, half fixed and half random.
    """
    ceiling = min(most, first * 2.0 ** min(max(attempts - 1, 0), 30))
    return ceiling / 2 + random.uniform(0, ceiling / 2)


def worker_name() -> str:
    """The name under which this process holds leases; the same after a restart, where the process was given one."""
    return _worker_name


def name_worker(name: str) -> None:
    """Give this process the name of its place among the workers."""
    global _worker_name
    _worker_name = name


def client() -> redis.Redis:
    """The Redis client of this process: short time-outs, since an alarm is never worth waiting for."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
    return _client


def _flag(name: str, ids: Sequence[int]) -> str:
    return f"{settings.REDIS_PREFIX}alarm:{name}:{','.join(map(str, ids))}"
