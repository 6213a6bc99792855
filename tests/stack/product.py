"""The real product as a child process: started by its own command, asked by its own commands, stopped by Ctrl-C."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx

from tests.stack.client import eventually

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
START_SECONDS = 180
STOP_SECONDS = 40
# What the surroundings of the tests may have set and what a merchant's first start has not.
STRANGE = ("DJANGO_SETTINGS_MODULE", "SELLONCE_TEST_DATA_DIR")
MARK = "STACK_TEST_MARK"


class Product:
    """One running copy of the whole product with fresh data."""

    def __init__(self) -> None:
        # The folder itself is made by the product; a Unix socket's path has to be short.
        self.data_dir = Path(tempfile.gettempdir()) / f"so-{uuid.uuid4().hex[:8]}"
        self.log = Path(f"{self.data_dir}.log")
        self.port = _free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.mark = uuid.uuid4().hex
        self.process: subprocess.Popen[bytes] | None = None
        self.env = {name: value for name, value in os.environ.items() if name not in STRANGE} | {
            "DATABASE_URL": "",
            "DATABASE_OWNER_URL": "",
            "REDIS_URL": "",
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            MARK: self.mark,
        }

    def start(self) -> None:
        """Start ``manage.py up``, anew if need be, and wait until the API answers, refusing an unknown caller."""
        if self.process is not None:
            self.process.wait(timeout=STOP_SECONDS)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [_python(), "manage.py", "up"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self.answers, seconds=START_SECONDS, every=0.25)

    def answers(self) -> bool:
        """Whether the web server answers the API."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"manage.py up ended with {self.process.returncode}:\n{self.tail()}")
        try:
            return httpx.get(f"{self.base_url}/api/v1/skus/", timeout=5).status_code in (200, 401, 403)
        except httpx.TransportError:
            return False

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the end; the exit status is returned."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {STOP_SECONDS} s after SIGINT:\n{self.tail()}") from None

    def kill_leftovers(self) -> list[str]:
        """Name every process of this copy that is still there, and end it."""
        left = self.processes()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return [f"{pid}: {command}" for pid, command in left.items()]

    def remove(self) -> None:
        """Remove the data and the log."""
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def processes(self) -> dict[int, str]:
        """Every process of this copy: its environment has our mark, or its command line the data folder."""
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and (command := self._ours(entry)):
                found[int(entry.name)] = command
        return found

    def pids(self) -> dict[str, int]:
        """Every part that the launcher has written down, with its process id."""
        return dict(json.loads((self.data_dir / "stack.json").read_text())["pids"])

    def manage(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one management command against this copy."""
        return self._run([_python(), "manage.py", *words], seconds=seconds)

    @functools.cached_property
    def superuser(self) -> str:
        """Where the database is for its superuser, a person behind the product's back."""
        return self.database("SUPERUSER")

    def database(self, role: str) -> str:
        """Where the product's database is, for the role ``SUPERUSER``, ``OWNER_ROLE`` or ``APPLICATION_ROLE``."""
        question = (
            "from config import servers; from config.layout import Layout; "
            "url = servers.superuser_url(Layout.of(), database=servers.DATABASE); "
            f"print(url.replace('user=' + servers.SUPERUSER, 'user=' + servers.{role}))"
        )
        answer = self._run([_python(), "-c", question], seconds=60)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip().splitlines()[-1]

    def tail(self) -> str:
        """The end of what the product has printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])

    def _run(self, words: list[str], *, seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=seconds, check=False
        )

    def _ours(self, entry: Path) -> str:
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            environment = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return ""
        ours = f"{MARK}={self.mark}".encode() in environment or str(self.data_dir) in command
        return (command or "?") if ours and state != "Z" else ""


def _python() -> str:
    return str(PYTHON) if PYTHON.exists() else sys.executable


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_gone(product: Product, *, seconds: float = 5.0) -> list[str]:
    """Give stopped processes a moment to vanish and name those that have not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and product.processes():
        time.sleep(0.1)
    return product.kill_leftovers()
