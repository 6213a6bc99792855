"""Threads with transactions of their own, and ways to know where they stand without sleeping for luck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

PATIENCE_SECONDS = 30.0


class Job(threading.Thread):
    """A deed in a thread of its own. ``outcome`` is what it returned, ``error`` what it raised."""

    def __init__(self, deed: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.deed = deed
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self.deed()
        except BaseException as error:  # the thread's end is the test's to judge
            self.error = error
        finally:
            connections.close_all()

    @property
    def ended(self) -> bool:
        return not self.is_alive()

    def end(self) -> Any:
        """Wait for the end; what came of it, or its error raised here."""
        self.join(PATIENCE_SECONDS)
        assert self.ended, "a thread hangs"
        if self.error is not None:
            raise self.error
        return self.outcome


def together(*deeds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> list[Any]:
    """Do all of them at once; what each returned, or the exception that it raised. None may take longer than so many seconds."""
    start = threading.Barrier(len(deeds))

    def at_once(deed: Callable[[], Any]) -> Any:
        start.wait(PATIENCE_SECONDS)
        return deed()

    jobs = [Job(lambda deed=deed: at_once(deed)) for deed in deeds]  # type: ignore[misc]
    for job in jobs:
        job.join(seconds)
        assert job.ended, "a thread hangs"
    return [job.outcome if job.error is None else job.error for job in jobs]


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so; fail where it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def waiting_for_locks() -> int:
    """How many of this database's connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def until_stuck(job: Job) -> None:
    """Wait until the job waits for a lock, or has ended without."""
    until(lambda: job.ended or waiting_for_locks())


class Gate:
    """A place where a thread stops until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def stop(self) -> None:
        """Called by the thread that is to wait here."""
        self.reached.set()
        assert self.opened.wait(PATIENCE_SECONDS), "nobody opened the gate"

    def arrival(self) -> None:
        """Wait until somebody stands at the gate."""
        assert self.reached.wait(PATIENCE_SECONDS), "nobody came to the gate"

    def open(self) -> None:
        self.opened.set()


@contextmanager
def uncommitted(deed: Callable[[], Any]) -> Iterator[None]:
    """Inside, another transaction has done the deed and has not committed; it commits at the end."""
    from django.db import transaction

    gate = Gate()

    def hold() -> None:
        with transaction.atomic():
            deed()
            gate.stop()

    job = Job(hold)
    until(lambda: gate.reached.is_set() or job.ended)
    try:
        if not job.ended:
            yield
    finally:
        gate.open()
        job.end()
