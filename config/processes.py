"""Starting, finding and ending processes of ours, and the private folders they work in."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from config.binaries import Account

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SERVER_NAMES = ("postgres", "valkey")


class ServerError(Exception):
    """An embedded server cannot be started or used; the message carries the cure."""


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of our descendants whose own parent ends, so that they can be buried when they end."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Be told to stop when the process that started us ends, however it ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def bury(process: psutil.Process) -> None:
    """Take a dead child's place off the process table, where it is ours to take."""
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def bury_orphans() -> None:
    """Bury the servers' dead processes that came to us when their own parent ended."""
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if process.name().startswith(SERVER_NAMES) and process.status() == psutil.STATUS_ZOMBIE:
                bury(process)


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is gone. A zombie is, whoever should bury it."""
    bury(process)
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(process: psutil.Process, *, grace_seconds: float) -> None:
    """Wait for a process to end; kill it when it takes too long."""
    deadline = time.monotonic() + grace_seconds
    while not has_ended(process):
        if time.monotonic() > deadline:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.02)
    bury(process)


def end_groups(leaders: Iterable[int], *, grace_seconds: float) -> None:
    """End whole process groups: a polite signal to all, then a kill for what remains."""
    groups = [leader for leader in leaders if group_members(leader)]
    deadline = time.monotonic() + grace_seconds
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        while any(group_members(group) for group in groups) and time.monotonic() < deadline:
            time.sleep(0.05)
        deadline += 5


def group_members(leader: int) -> list[psutil.Process]:
    """The living processes of a group."""
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader and not has_ended(process):
                members.append(process)
    return members


def processes_in(folder: Path) -> list[psutil.Process]:
    """The servers working in a folder: surer than a pid file, whose number another program may have by now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name().startswith(SERVER_NAMES) and Path(process.cwd()) == folder.resolve():
                found.append(process)
    return found


def run(account: Account | None, command: list[str], *, see: Path | None = None) -> None:
    """Run a server's program to its end, in a session of its own: the terminal's Ctrl-C must not reach a server."""
    adopt_orphans()
    done = subprocess.run(
        command,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        **(account.popen_options if account else {}),
    )
    if done.returncode:
        tail = see.read_text()[-1000:] if see and see.exists() else ""
        raise ServerError(f"{Path(command[0]).name} failed: {done.stderr.strip()}\n{tail}".strip())


def make_private(folder: Path, account: Account | None) -> None:
    """Create a folder that only the servers' account can enter; refuse one that belongs to somebody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account and folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)
    owner = account.uid if account else os.geteuid()
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise ServerError(f"{folder} belongs to another account: remove it, or choose another DATA_DIR")
    folder.chmod(0o700)


def write_as(account: Account | None, file: Path, text: str) -> None:
    """Write a file that only the servers' account can read."""
    file.write_text(text)
    file.chmod(0o600)
    if account:
        os.chown(file, account.uid, account.gid)
