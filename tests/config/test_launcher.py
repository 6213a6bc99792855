"""The launcher: one command starts a whole stack, mends it, and leaves nothing behind however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.layout import PROJECT_DIR

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
PARTS = {"launcher", "web", "intake", "sync", "beat", "postgres", "redis"}


class Stack:
    """`manage.py up` on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        outside = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "DATABASE_POOL_SIZE")
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        self.environment = {**kept, "DATA_DIR": str(folder), "WEB_WORKERS": "1"}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        process = self.process = self.manage("up", "--port", "0")
        eventually(lambda: self.file["ready"] and self.pids["launcher"] == process.pid, seconds=90)

    def manage(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def file(self) -> dict[str, Any]:
        return json.loads((self.folder / "stack.json").read_text())

    @property
    def pids(self) -> dict[str, int]:
        return self.file["pids"]

    def page(self) -> int:
        with urllib.request.urlopen(f"{self.file['url']}admin/login/", timeout=10) as answer:
            return answer.status

    def living(self) -> list[str]:
        """Every process that carries our folder in its environment or command line."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                words = " ".join(process.cmdline())
                ours = process.environ().get("DATA_DIR") == str(self.folder) or str(self.folder) in words
                if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(f"{process.pid} {words}")
        return found

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


def eventually(condition: Callable[[], Any], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, ValueError, KeyError):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def stack(data_dir: Path) -> Iterator[Stack]:
    made = Stack(data_dir)
    yield made
    if made.process and made.process.poll() is None:
        made.end(signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stack_starts_is_healthy_and_leaves_nothing(stack: Stack, number: signal.Signals) -> None:
    stack.start()
    assert set(stack.pids) == PARTS
    assert stack.page() == 200
    doctor = None

    def is_healthy() -> bool:  # beat needs a moment to leave its mark
        nonlocal doctor
        doctor = stack.manage("doctor")
        return doctor.wait(60) == 0

    eventually(is_healthy, seconds=60)
    assert stack.end(number) == 0
    assert stack.living() == []
    assert not (stack.folder / "stack.json").exists()
    doctor = stack.manage("doctor")
    assert doctor.wait(60) == 1
    assert "cure: start the stack" in doctor.communicate()[0]


@pytest.mark.faults
def test_what_dies_is_started_again(stack: Stack) -> None:
    stack.start()
    for name in ("web", "sync", "beat", "intake", "postgres", "redis"):
        before = stack.pids[name]
        os.kill(before, signal.SIGKILL)
        eventually(lambda name=name, before=before: stack.pids.get(name, before) != before)
    eventually(lambda: stack.page() == 200)
    eventually(lambda: stack.manage("doctor").wait(60) == 0, seconds=60)
    assert stack.end(signal.SIGTERM) == 0
    assert stack.living() == []


@pytest.mark.faults
def test_a_killed_launcher_starts_again_on_the_same_data(stack: Stack) -> None:
    stack.start()
    os.kill(stack.pids["sync"], signal.SIGSTOP)  # one that cannot hear that it should stop
    frozen, servers = stack.pids["sync"], {name: stack.pids[name] for name in ("postgres", "redis")}
    stack.end(signal.SIGKILL)
    stack.start()
    assert not psutil.pid_exists(frozen) or psutil.Process(frozen).status() == psutil.STATUS_ZOMBIE
    assert {name: stack.pids[name] for name in servers} == servers, "the servers were there and are taken over"
    assert stack.page() == 200
    assert stack.end(signal.SIGINT) == 0
    assert stack.living() == []


def test_two_copies_run_side_by_side_but_not_on_one_folder(stack: Stack, tmp_path_factory: Any, data_dir: Path) -> None:
    other = Stack(data_dir / "other")
    stack.folder = data_dir / "one"
    stack.environment["DATA_DIR"] = str(stack.folder)
    try:
        stack.start()
        other.start()
        assert stack.page() == other.page() == 200
        assert not set(stack.pids.values()) & set(other.pids.values())
        second = stack.manage("up", "--port", "0")
        assert second.wait(60) == 1
        assert "runs on" in second.communicate()[0]
    finally:
        if other.process:
            assert other.end(signal.SIGTERM) == 0
    assert stack.page() == 200, "the other's end is not this one's"
    assert other.living() == []


def test_a_port_in_use_is_refused_with_the_cure(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = stack.manage("up", "--port", str(taken.getsockname()[1]))
        assert refused.wait(60) == 1
        said = refused.communicate()[0]
    assert "cannot be used" in said and "PORT=" in said
    assert "Traceback" not in said
    assert stack.living() == []
