"""The web process, ``python -m config.web``: granian's workers, forked from one that has the product in memory already.

Granian by itself loads the application once in every worker; a worker that shares what was loaded before the fork needs half
as much memory, and is there at once when one that died is replaced.
"""

import argparse
import copy
import gc
from typing import Any

from django.conf import settings
from django.urls import get_resolver
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from config import wsgi

APPLICATION = f"{wsgi.__name__}:application"


def serve(*, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until told to stop."""
    assert get_resolver().url_patterns  # loads every page
    gc.collect()
    gc.freeze()  # the collector must not write into what the workers share
    Granian(
        APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        respawn_failed_workers=True,
        workers_kill_timeout=3,
        log_level=LogLevels.warning,
        log_dictconfig=_logging(),
    ).serve()


def _logging() -> dict[str, Any]:
    """Ours, with granian's own logger in it: what it sets up by itself would take the place of ours."""
    found: dict[str, Any] = copy.deepcopy(settings.LOGGING)
    found["loggers"] |= {"_granian": {}, "granian.access": {}}
    return found


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m config.web")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4, help="of each worker; they mostly wait for commits")
    given = parser.parse_args()
    serve(host=given.host, port=given.port, workers=given.workers, threads=given.threads)


if __name__ == "__main__":
    main()
