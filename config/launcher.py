"""Runs a whole stack in the foreground: servers, web, workers, beat. Restarts what dies, stops everything at the end.

One thread only: children are told by the kernel to stop when the launcher ends in whatever way, and setting that up
between fork and exec is not safe with threads.
"""

import json
import os
import secrets
import selectors
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import psutil

from config import servers
from config.children import TOKEN_VARIABLE, Child, Command
from config.layout import Layout
from config.processes import ServerError, adopt_orphans, bury_orphans, end, end_groups

READY_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 8.0
RESTART_GRACE_SECONDS = 2.0
TICK_SECONDS = 0.2


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Nobody on the way up may take it for an error of his own."""


class Launcher:
    """A stack on one data folder."""

    def __init__(
        self,
        layout: Layout,
        *,
        url: str,
        commands: Sequence[Command],
        show: Callable[[str], None],
        embedded_database: bool = True,
        embedded_redis: bool = True,
    ) -> None:
        self.layout = layout
        self.url = url
        self._show = show
        self._database = embedded_database
        self._redis = embedded_redis
        self._token = secrets.token_hex(8)
        self._ready = False
        self._selector = selectors.DefaultSelector()
        layout.make_data_dir()
        layout.logs.mkdir(exist_ok=True)
        self._children = [Child(command, logs=layout.logs, show=show) for command in commands]
        self._look_again_at = 0.0
        self._is_asked_to_stop = False

    def run(self, *, prepare: Callable[[], None], when_ready: Callable[[], None]) -> None:
        """Start everything, call `when_ready` once all of it is at work, and watch until somebody says stop."""
        with servers.held(self.layout), self._signals_as_exceptions():
            try:
                self._end_predecessors()
                adopt_orphans()
                self._start_servers()
                prepare()
                self._stop_if_asked()
                for child in self._children:
                    self._start(child)
                self._wait_until_ready()
                when_ready()
                while True:
                    self._tick()
            except Stopped:
                self._show("Stopping ...")
            finally:
                self._stop()

    def _start_servers(self) -> None:
        if self._database or self._redis:
            servers.start(self.layout, postgres=self._database, redis_server=self._redis)

    def _start(self, child: Child) -> None:
        child.start(token=self._token)
        assert child.process is not None and child.process.stdout is not None
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        self._write_stack_file()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not _answers(self.url):
            if time.monotonic() > deadline:
                raise ServerError(f"The web process does not answer; see {self.layout.logs / 'web.log'}")
            self._tick()
        while waiting := [child for child in self._children if not child.is_ready]:
            if time.monotonic() > deadline:
                raise ServerError(f"{waiting[0].name} does not begin to work; see {self.layout.logs}")
            self._tick()
        self._ready = True
        self._write_stack_file()

    @contextmanager
    def _signals_as_exceptions(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._is_asked_to_stop = True
            raise Stopped

        former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _stop_if_asked(self) -> None:
        """An exception that is raised while Python cleans an object up goes nowhere: the signal is remembered."""
        if self._is_asked_to_stop:
            raise Stopped

    def _tick(self) -> None:
        self._stop_if_asked()
        for key, _ in self._selector.select(timeout=TICK_SECONDS):
            key.data.pump()
        if time.monotonic() < self._look_again_at:  # a line was logged: that is no reason to look at every process
            return
        self._look_again_at = time.monotonic() + TICK_SECONDS
        self._mend_servers()
        for child in self._children:
            if child.has_died():
                self._bury(child)
            elif child.process is None and time.monotonic() >= child.start_at:
                self._start(child)

    def _mend_servers(self) -> None:
        bury_orphans()
        if self._database and not servers.has_postgres_process(self.layout):
            self._show("PostgreSQL ended: starting it again")
            servers.start(self.layout, redis_server=False)
            self._write_stack_file()
        if self._redis and not servers.has_redis_process(self.layout):
            self._show("Redis ended: starting it again, and the workers, whose connections went with it")
            servers.start(self.layout, postgres=False)
            self._restart([child for child in self._children if child.command.uses_redis])

    def _restart(self, children: Sequence[Child]) -> None:
        self._end(children, grace_seconds=RESTART_GRACE_SECONDS)
        for child in children:
            self._start(child)

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        status = child.process.returncode
        self._end([child], grace_seconds=0)  # what it started must not go on without it
        pause = child.plan_restart()
        self._show(f"{child.name} ended with status {status}: starting it again in {pause:.1f} s")

    def _end(self, children: Sequence[Child], *, grace_seconds: float) -> None:
        """Ask each leader, which asks those it started; then end whole groups."""
        running = [child for child in children if child.process is not None]
        for child in running:
            with suppress(ProcessLookupError):
                os.kill(child.process.pid, signal.SIGTERM)  # type: ignore[union-attr]
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline and any(child.process.poll() is None for child in running):  # type: ignore[union-attr]
            for child in running:
                child.pump()  # a full pipe would keep it from ending
            time.sleep(0.05)
        end_groups([child.process.pid for child in running], grace_seconds=0.5)  # type: ignore[union-attr]
        for child in running:
            child.process.wait()  # type: ignore[union-attr]
            self._selector.unregister(child.process.stdout)  # type: ignore[union-attr, arg-type]
            child.forget()

    def _stop(self) -> None:
        try:
            _ignore_signals()
            self._end(self._children, grace_seconds=STOP_GRACE_SECONDS)
        finally:
            if self._database or self._redis:
                servers.stop(self.layout)
            stack = read_stack(self.layout)
            if stack and stack["token"] == self._token:  # else a killed predecessor's, still to be ended by the next
                self.layout.stack_file.unlink()

    def _write_stack_file(self) -> None:
        running = {child.name: child.process.pid for child in self._children if child.process}
        content = {
            "url": self.url,
            "port": int(self.url.rstrip("/").rpartition(":")[2]),
            "ready": self._ready,
            "token": self._token,
            "pids": {"launcher": os.getpid(), **running, **servers.pids(self.layout)},
            "created": {child.name: child.created for child in self._children if child.process},
        }
        scratch = self.layout.stack_file.with_suffix(".new")
        scratch.write_text(json.dumps(content, indent=1) + "\n")
        scratch.replace(self.layout.stack_file)

    def _end_predecessors(self) -> None:
        """End what a killed launcher left behind: its processes by number and start, theirs by the mark they carry."""
        stack = read_stack(self.layout)
        if stack is None:
            return
        recorded = {(stack["pids"][name], created) for name, created in stack["created"].items()}
        left = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                ours = (process.pid, process.create_time()) in recorded
                if ours or process.environ().get(TOKEN_VARIABLE) == stack["token"]:
                    left.append(process)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in left:
            end(process, grace_seconds=RESTART_GRACE_SECONDS)


def read_stack(layout: Layout) -> dict[str, Any] | None:
    """What runs on a data folder according to its launcher, or None."""
    try:
        stack: dict[str, Any] = json.loads(layout.stack_file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return stack


def free_port(host: str, *, wanted: int) -> int:
    """The wanted port, or any free one for 0; refused in plain words where another program has it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise ServerError(
                f"Port {wanted} on {host} cannot be used ({error.strerror}). "
                f"Cure: stop the program that has it, or choose another: PORT={wanted + 1}."
            ) from None
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}admin/login/", timeout=5):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _ignore_signals() -> None:
    """Stopping is under way and bounded in time: an impatient second Ctrl-C must not leave processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
