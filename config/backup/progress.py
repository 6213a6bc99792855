"""How far a long step is: a line that counts on a terminal, one every few seconds elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.template.defaultfilters import filesizeformat

from config.backup.archive import Meter

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 10.0


@contextmanager
def progress(stream: IO[str], text: str, *, total: int = 0) -> Iterator[Meter]:
    """A meter for one step; ``total`` bytes are 100 %."""
    is_terminal = stream.isatty()
    shown_at, every = time.monotonic(), TERMINAL_SECONDS if is_terminal else LOG_SECONDS

    def show(size: int) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at < every:
            return
        shown_at = time.monotonic()
        share = f" ({min(100, size * 100 // total)} %)" if total else ""
        line = f"{text}: {filesizeformat(size)}{share}".replace("\xa0", " ")
        stream.write(f"\r\x1b[K{line}" if is_terminal else f"{line}\n")
        stream.flush()

    try:
        yield show
    finally:
        if is_terminal:
            stream.write("\r\x1b[K")
            stream.flush()
