"""A stack for one run: fresh data in a temporary folder, the real launcher, everything removed at the end."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.launcher import read_stack
from config.layout import PROJECT_DIR, Layout
from config.processes import ServerError, end_with_parent

START_SECONDS = 120.0
STOP_SECONDS = 60.0
#: What would point a scratch stack at somebody's own servers or settings.
SURROUNDINGS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PORT", "HOST", "DATA_DIR")


@dataclass(frozen=True)
class ScratchStack:
    """A running stack of its own. Commands with this environment talk to it."""

    layout: Layout
    url: str
    environment: dict[str, str]

    def manage(self, arguments: Sequence[str]) -> int:
        """Run a command of the project against this stack, on our own terminal; its exit status."""
        command = [sys.executable, str(PROJECT_DIR / "manage.py"), *arguments]
        with subprocess.Popen(command, env=self.environment, preexec_fn=end_with_parent) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                return process.wait()


@contextmanager
def scratch_stack(*, show: Callable[[str], None], keep: bool = False) -> Iterator[ScratchStack]:
    """Start ``manage.py up`` on fresh data and a free port; stop and remove it at the end."""
    folder = Path(tempfile.gettempdir()) / f"sellonce-scratch-{secrets.token_hex(4)}"
    environment = {name: value for name, value in os.environ.items() if name not in SURROUNDINGS}
    # An empty value keeps a `.env` file from naming servers again.
    environment |= {"DATA_DIR": str(folder), "DATABASE_URL": "", "REDIS_URL": ""}
    layout = Layout.of(folder)
    layout.make_data_dir()
    output = (folder / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(PROJECT_DIR / "manage.py"), "up", "--port", "0"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=end_with_parent,  # safe: commands start it before they have threads
    )
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end takes it down as Ctrl-C does
    try:
        url = _wait_until_ready(process, layout=layout)
        show(f"A stack of its own runs at {url} (data: {folder}).")
        yield ScratchStack(layout, url, environment)
    finally:
        _stop(process)
        signal.signal(signal.SIGTERM, former)
        output.close()
        if not keep:
            for each in {layout.data, layout.home}:
                shutil.rmtree(each, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], *, layout: Layout) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (layout.data / "up.log").read_text(errors="replace")[-3000:]
            raise ServerError(f"The stack ended with status {process.returncode}:\n{said}")
        stack = read_stack(layout)
        if stack and stack["ready"]:
            return str(stack["url"])
        time.sleep(0.1)
    raise ServerError(f"The stack is not ready after {START_SECONDS:.0f} s; see {layout.logs}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
