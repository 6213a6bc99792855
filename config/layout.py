"""Where a copy of SellOnce keeps its files, and whether it uses servers of its own or given ones."""

import hashlib
import json
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from environ import Env

PROJECT_DIR = Path(__file__).resolve().parent.parent
READY = "ready for work"  # what a worker says when it listens
OWNER_ROLE = "sellonce_owner"  # owns the tables and runs the migrations
APPLICATION_ROLE = "sellonce_app"  # reads and writes rows, owns nothing
DATABASE = "sellonce"
SOCKET_PATH_LIMIT = 100  # the kernel allows 107 characters, and the servers append a suffix of their own
ROOT_HOME = Path("/var/tmp")  # noqa: S108 - each folder's owner is checked before it is used

if (PROJECT_DIR / ".env").is_file():
    Env.read_env(PROJECT_DIR / ".env")


class LayoutError(Exception):
    """The data folder cannot be used as it is; the message carries the cure."""


def short_hash(path: Path) -> str:
    """Eight hex digits that name a path."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def default_data_dir() -> Path:
    """A folder of the project that git ignores; as root one that an unprivileged server account can reach."""
    if os.geteuid() == 0:
        return ROOT_HOME / f"sellonce-{short_hash(PROJECT_DIR)}"
    return PROJECT_DIR / ".data"


def others_can_reach(path: Path) -> bool:
    """Whether an account without rights of its own can walk down to `path`, as far as it exists."""
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


@dataclass(frozen=True)
class Layout:
    """The folders of one copy. `home` differs from `data` only where the servers' account could not reach `data`."""

    data: Path
    home: Path

    @classmethod
    def of(cls, data: Path | str | None = None) -> "Layout":
        """The layout for a data folder: the one given, `DATA_DIR`, or the default."""
        chosen = Path(data or os.environ.get("DATA_DIR") or default_data_dir()).expanduser().absolute()
        home = chosen
        if os.geteuid() == 0 and not others_can_reach(chosen):
            home = ROOT_HOME / f"sellonce-{short_hash(chosen)}"
        return cls(data=chosen, home=home)

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        """The Redis server's append-only files."""
        return self.home / "valkey"

    @property
    def sockets(self) -> Path:
        """Where both servers listen."""
        folder = self.home / "run"
        if len(str(folder / ".s.PGSQL.5432")) > SOCKET_PATH_LIMIT:
            folder = Path(tempfile.gettempdir()) / f"sellonce-{os.geteuid()}-{short_hash(self.home)}"
        return folder

    @property
    def redis_socket(self) -> Path:
        """The Redis server's socket."""
        return self.sockets / "valkey.sock"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.data / "logs"

    @property
    def stack_file(self) -> Path:
        """What runs now: port, URL and processes."""
        return self.data / "stack.json"

    def redis_url(self, *, database: int = 0) -> str:
        """The embedded Redis server's address."""
        return f"unix://{self.redis_socket}?db={database}"

    def make_data_dir(self) -> None:
        """Create the data folder, or refuse one that belongs to somebody else."""
        for folder in {self.data, self.home}:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise LayoutError(f"{folder} belongs to another account: choose another folder with DATA_DIR")


def secret(name: str, *, layout: Layout) -> str:
    """A secret made once for this data folder and kept in it, readable by its owner only."""
    file = layout.data / "secrets.json"
    if not file.exists():
        layout.make_data_dir()
        fresh = {"secret_key": secrets.token_urlsafe(50), "encryption_salt": secrets.token_urlsafe(32)}
        descriptor, scratch = tempfile.mkstemp(dir=layout.data)  # 0600
        with os.fdopen(descriptor, "w") as stream:
            json.dump(fresh, stream)
        try:
            os.link(scratch, file)  # fails where another process was first: then its secrets count
        except FileExistsError:
            pass
        finally:
            Path(scratch).unlink()
    value: str = json.loads(file.read_text())[name]
    return value
