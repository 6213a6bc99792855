"""Where a part is measured: a running stack of its own, seen from outside its processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from config import servers
from config.bench.size import Size
from config.layout import DATABASE, Layout

Show = Callable[[str], None]

#: The stack's parts that wait for work of others: they stand still where only the recording of sales is measured.
ASIDE = ("sync", "beat")
#: What a merchant must give memory to, beside the servers.
OURS = ("web", "intake", "sync", "beat")


@dataclass(frozen=True)
class Stage:
    """A stack that was started for one part of the bench."""

    layout: Layout
    stack: dict[str, Any]
    size: Size
    show: Show

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return str(self.stack["url"]).rstrip("/")

    @property
    def host(self) -> str:
        """Host and port of its web process."""
        return self.url.removeprefix("http://")

    def pids(self, *names: str) -> dict[str, int]:
        """Its processes' numbers by name; all without a name."""
        return {name: pid for name, pid in self.stack["pids"].items() if not names or name in names}

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection]:
        """A foreign connection to the product's database, with every right, each statement a transaction."""
        with psycopg.connect(servers.superuser_url(self.layout, database=DATABASE), autocommit=True) as connection:
            yield connection
