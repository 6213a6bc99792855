"""One process of the stack: its command, its log, its restarts."""

import logging
import logging.handlers
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.apps import WITHOUT_PAGES
from config.layout import PROJECT_DIR, READY
from config.processes import end_with_parent, group_members

LOG_BYTES = 10 * 1024 * 1024
LOG_COPIES = 3
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
STEADY_AFTER_SECONDS = 30.0
TOKEN_VARIABLE = "SELLONCE_STACK"  # marks our processes, so that a later launcher knows them  # noqa: S105

_LOUD = re.compile(r"^\S* ?\[(warning|error|critical)\s*\]", re.IGNORECASE)


@dataclass(frozen=True)
class Command:
    """What to run under a name, and with which additions to the environment."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    uses_redis: bool = True
    says_ready: bool = False


class Child:
    """A running (or dying) process with its log; restarts wait longer the more often it dies."""

    def __init__(self, command: Command, *, logs: Path, show: Callable[[str], None]) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.created = 0.0
        self.start_at = 0.0
        self._show = show
        self._rest = b""
        self._deaths = 0
        self._said_ready = False
        self._log = logging.handlers.RotatingFileHandler(
            logs / f"{command.name}.log", maxBytes=LOG_BYTES, backupCount=LOG_COPIES
        )

    @property
    def name(self) -> str:
        """What the process is called in logs and in stack.json."""
        return self.command.name

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it is; of one that does not say so, it is taken for granted."""
        return self._said_ready or not self.command.says_ready

    def start(self, *, token: str) -> None:
        """Start the process in a group of its own. It ends when the launcher does."""
        self._said_ready = False
        self.process = subprocess.Popen(
            self.command.arguments,
            cwd=PROJECT_DIR,
            env={**os.environ, **self.command.environment, TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # safe: the launcher has one thread
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.created = psutil.Process(self.process.pid).create_time()

    def has_died(self) -> bool:
        """Whether the process ran and is gone."""
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> float:
        """Note a death; answers the pause in seconds before the next start."""
        if time.time() - self.created > STEADY_AFTER_SECONDS:
            self._deaths = 0
        pause = min(FIRST_PAUSE_SECONDS * 2.0**self._deaths, LONGEST_PAUSE_SECONDS)
        self._deaths += 1
        self.start_at = time.monotonic() + pause
        return pause

    def forget(self) -> None:
        """Drop the dead process and its pipe."""
        if self.process is not None and self.process.stdout is not None:
            self.pump()
            self.process.stdout.close()
        self.process = None

    def remaining(self) -> list[psutil.Process]:
        """What still lives of the process and those it started."""
        return group_members(self.process.pid) if self.process else []

    def pump(self) -> None:
        """Move what the process has said into its log; warnings and worse also to the console."""
        assert self.process is not None and self.process.stdout is not None
        while chunk := self.process.stdout.read(65536):
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._write(line.decode(errors="replace"))

    def _write(self, line: str) -> None:
        self._said_ready = self._said_ready or READY in line
        self._log.emit(logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None))
        if _LOUD.search(line):  # its traceback, if any, is in the log
            self._show(f"{self.name:>7} | {line}")


#: Of each web worker. One thread may use a connection for pages while another is kept for webhooks, and PostgreSQL has 200.
MOST_THREADS = 12


def stack_commands(*, host: str, port: int, web_workers: int) -> list[Command]:
    """The processes of a stack beside the servers."""
    from channels.inbox import LANES

    cores = multiprocessing.cpu_count()
    threads = min(2 * cores + 1, MOST_THREADS)  # granian's own advice; they mostly wait for commits
    recorders = max(2, min(cores, LANES))  # more than the inbox has lanes would stand idle
    celery = (sys.executable, "-m", "celery", "-A", "config.celery")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    intake = ("worker", "-n", "intake@%h", "-Q", "intake", "-P", "prefork", "-c", str(recorders), *quiet)
    sync = ("worker", "-n", "sync@%h", "-Q", "sync,default", "-P", "threads", "-c", "40", *quiet)
    where = ("--host", host, "--port", str(port))
    web = (sys.executable, "-m", "config.web", *where, "--workers", str(web_workers), "--threads", str(threads))
    lean = {WITHOUT_PAGES: "1", "CELERY_SKIP_CHECKS": "1"}  # Celery's checks would load them
    return [
        Command("web", web, {"DATABASE_POOL_SIZE": str(2 * threads)}, uses_redis=False),
        Command(
            "intake", (*celery, *intake), {"DATABASE_POOL_SIZE": "4", "FEW_STATEMENTS": "true", **lean}, says_ready=True
        ),
        Command("sync", (*celery, *sync), {"DATABASE_POOL_SIZE": "24", **lean}, says_ready=True),
        Command("beat", (*celery, "beat", "--pidfile="), {"DATABASE_POOL_SIZE": "2", **lean}),
    ]
