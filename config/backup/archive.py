"""The file: a ZIP that any tool opens, with the database as pg_dump writes it, the keys, and a manifest about both.

It is written aside and renamed at its end, so what has a backup's name is whole. Whoever has the file has the keys in it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from config.backup import BackupError, BusyError
from config.layout import PROJECT_DIR

FORMAT = 1
DATABASE_PART, KEYS_PART, MANIFEST_PART = "database.dump", "keys.json", "manifest.json"
CHUNK = 1024 * 1024
PARTIAL = ".partial"

#: What reading a damaged ZIP may end in; RuntimeError is for encryption, methods and depths that none of ours has.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError)

#: Told how many bytes have gone by so far.
Meter = Callable[[int], None]


@dataclass(frozen=True)
class Manifest:
    """What is in a backup, and what it needs."""

    product: str
    taken_at: str
    server_major: int
    client_major: int
    migrations: dict[str, list[str]]
    rows: dict[str, int]
    grants: dict[str, list[str]] | None  # of the application's role by table; None where it owned the tables
    database_bytes: int
    format: int = FORMAT
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def instant(self) -> datetime:
        """The instant that the backup shows."""
        return datetime.fromisoformat(self.taken_at)

    @property
    def row_count(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())

    @property
    def has_keys(self) -> bool:
        """Whether the keys are in it."""
        return KEYS_PART in self.parts


def product_version() -> str:
    """The version of this copy."""
    version: str = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]["version"]
    return version


class Writer:
    """Adds parts to a file that has no name yet."""

    def __init__(self, archive: zipfile.ZipFile, folder: Path, meter: Meter) -> None:
        self._archive = archive
        self._folder = folder
        self._meter = meter
        self._parts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, source: IO[bytes]) -> None:
        """Copy a stream into a part."""
        digest, size = hashlib.sha256(), 0
        with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as part:
            while chunk := source.read(CHUNK):
                self._leave_room()
                part.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                self._meter(size)
        self._parts[name] = {"bytes": size, "sha256": digest.hexdigest()}

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest, the last part."""
        whole = Manifest(**{**asdict(manifest), "parts": self._parts})
        self._archive.writestr(MANIFEST_PART, json.dumps(asdict(whole), indent=1))
        return whole

    def _leave_room(self) -> None:
        """A full disk would stop the database, if it is the same one."""
        free = shutil.disk_usage(self._folder).free
        if free < settings.BACKUP_LEAVES_FREE_MB * CHUNK:
            raise BackupError(
                _(
                    "Only {free} MiB are free on the disk of {folder}, and {reserve} are left for the database.\n"
                    "Cure: free some space, or write elsewhere (--to FOLDER, BACKUP_DIR). Older backups were not touched."
                ).format(free=free // CHUNK, folder=self._folder, reserve=settings.BACKUP_LEAVES_FREE_MB)
            )


@contextmanager
def new(file: Path, *, meter: Meter = lambda size: None) -> Iterator[Writer]:
    """A backup under way. It gets its name when the block ends well, and leaves nothing behind when it does not."""
    if file.exists():
        raise BackupError(_("{file} is there already: choose another name.").format(file=file))
    partial = file.with_name(f".{file.name}{PARTIAL}")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                yield Writer(archive, file.parent, meter)
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(file)
        _sync_folder(file.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BackupError(
            _("{file} cannot be written ({reason}). Older backups were not touched.").format(file=file, reason=reason)
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """A backup that is read."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def check(self, *, meter: Meter = lambda size: None) -> None:
        """Compare every part with its checksum."""
        for name, told in self.manifest.parts.items():
            digest, size = hashlib.sha256(), 0
            with self.open(name) as part:
                while chunk := _read(part):
                    digest.update(chunk)
                    size += len(chunk)
                    meter(size)
            if (size, digest.hexdigest()) != (told["bytes"], told["sha256"]):
                raise BackupError(_("The file is damaged: {part} is not what was written.").format(part=name))

    def open(self, name: str) -> IO[bytes]:
        """A part, to be read once from its beginning."""
        try:
            return self._archive.open(name)
        except _BROKEN as error:
            raise BackupError(_("The file is damaged: {part} is missing.").format(part=name)) from error

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part, piece by piece."""
        with self.open(name) as part:
            while chunk := _read(part):
                yield chunk

    def read(self, name: str) -> bytes:
        """A small part."""
        return b"".join(self.chunks(name))


def _read(part: IO[bytes]) -> bytes:
    try:
        return part.read(CHUNK)
    except _BROKEN as error:
        raise BackupError(_("The file is damaged: {error}.").format(error=error or "it ends too early")) from error


@contextmanager
def reading(file: Path) -> Iterator[Archive]:
    """Open a backup and understand its manifest, or refuse it."""
    with ExitStack() as opened:
        try:
            stream = opened.enter_context(file.open("rb"))
            archive = opened.enter_context(zipfile.ZipFile(stream))
        except OSError as error:
            raise BackupError(_("{file} cannot be read: {error}").format(file=file, error=error.strerror)) from error
        except _BROKEN as error:
            raise BackupError(_("{file} is no backup, or cut off: {error}").format(file=file, error=error)) from error
        yield Archive(archive, _manifest(archive, file))


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        told = msgspec.json.decode(archive.read(MANIFEST_PART))
        if int(told["format"]) > FORMAT:
            raise BackupError(_("{file} was written by a newer version: update SellOnce first.").format(file=file))
        manifest = msgspec.convert(told, Manifest)
        _check_values(manifest)
    except (*_BROKEN, TypeError, msgspec.MsgspecError) as error:
        raise BackupError(_("{file} is no backup of SellOnce, or damaged.").format(file=file)) from error
    return manifest


def _check_values(manifest: Manifest) -> None:
    """Raise ValueError, TypeError or KeyError where the manifest lacks what we go by."""
    if manifest.instant.tzinfo is None or DATABASE_PART not in manifest.parts:
        raise ValueError("no instant, or no database")
    for part in manifest.parts.values():
        msgspec.convert((part["bytes"], part["sha256"]), tuple[int, str])


def sweep(folder: Path) -> None:
    """Remove what backups that were killed have left. To be called by whoever holds ``alone``."""
    for left in folder.glob(f".*{PARTIAL}"):
        left.unlink(missing_ok=True)


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """One backup at a time; the kernel gives the lock free if we are killed."""
    with (data / "backup.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(_("Another backup is being made or put back. Wait for its end.")) from None
        yield
