"""Database connections: those that stay open from one webhook to the next, and how a process lets go of all."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

#: A connection is given back to the pool after so long, so that the pool can renew it.
KEPT_SECONDS = 60.0

#: Those that nobody uses at the moment, with the time since which they are kept; the one used last is taken first.
_idle: list[tuple[BaseDatabaseWrapper, float]] = []


def let_go() -> None:
    """Close this process's connections and their pools: a pool brings threads, and none of both survives a fork."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]


@contextmanager
def kept() -> Iterator[None]:
    """Work with a connection that stays open, instead of one that is given back and tested each time.

    It is lent for one request and belongs to no thread: the web server ends threads that have nothing to do, and a connection
    that a thread had kept would be missing in the pool for ever.
    """
    own = connections[DEFAULT_DB_ALIAS]
    lent, since = _take(own)
    connections[DEFAULT_DB_ALIAS] = lent
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = own
        _idle.append((lent, since))


def _take(own: BaseDatabaseWrapper) -> tuple[BaseDatabaseWrapper, float]:
    now = time.monotonic()
    try:
        lent, since = _idle.pop()
    except IndexError:
        lent = own.copy()
        lent.inc_thread_sharing()
        return lent, now
    if now - since > KEPT_SECONDS:
        lent.close()
        since = now
    return lent, since
