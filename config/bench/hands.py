"""Processes that do the work of a load: they get ready, begin at a word, and say what they did."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from config.layout import PROJECT_DIR
from config.processes import end_with_parent


class HandError(Exception):
    """A process of the load failed; what it said is on the terminal."""


class Hand:
    """``python -m MODULE``: prints ``ready``, waits for a line, prints a line of JSON and ends."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        self._module = module
        self._child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,
        )

    def wait_until_ready(self) -> None:
        """Until it has everything that it needs to begin."""
        if self._line() != "ready":
            raise HandError(f"{self._module} did not get ready")

    def begin(self) -> None:
        """The word."""
        assert self._child.stdin is not None
        self._child.stdin.write("go\n")
        self._child.stdin.flush()

    def result(self) -> dict[str, Any]:
        """What it did; waits for its end."""
        line = self._line()
        if self._child.wait() or not line:
            raise HandError(f"{self._module} failed")
        found: dict[str, Any] = json.loads(line)
        return found

    def _line(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()

    def __enter__(self) -> "Hand":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream:
                stream.close()
