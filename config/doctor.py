"""What can be wrong with an installation, and the cure for each."""

import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from channels.credentials import account
from channels.models import Channel
from config.backup.health import state_of_backups
from config.celery import QUEUES, app
from config.launcher import read_stack
from config.tasks import HEARTBEAT_KEY
from inventory.kernel import workqueue
from reports.ledger_checks import state_of_ledger

OLDEST_POSTGRES = 15
HEARTBEAT_LATE_SECONDS = 60
QUEUE_LIMIT = 1000
DISK_LIMIT_BYTES = 1024**3
START = "start the stack: make up (with the same DATA_DIR)"


@dataclass(frozen=True)
class Finding:
    """One line of the report; a failed one has a cure."""

    name: str
    detail: str
    cure: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether nothing needs doing."""
        return not self.cure


def examine() -> Iterator[Finding]:
    """Every finding, as it is found. A check that cannot be made because of an earlier fault says so."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            yield Finding(_name(check), f"the database refused: {_first_line(error)}", START)
        except (redis.RedisError, OperationalError, OSError) as error:
            yield Finding(_name(check), f"Redis refused: {_first_line(error)}", START)


def check_settings() -> Iterator[Finding]:
    """Django's own checks and the settings that must not be as they are while developing."""
    faults = [fault for fault in checks.run_checks() if fault.level >= checks.ERROR]
    for fault in faults:
        yield Finding("settings", f"{fault.id}: {fault.msg}", fault.hint or "correct the setting or model it names")
    if settings.DEBUG:
        yield Finding("settings", "DEBUG is on: error pages show internals", "unset DEBUG")
    if not faults and not settings.DEBUG:
        where = "embedded servers" if settings.EMBEDDED_DATABASE else "given servers"
        yield Finding("settings", f"Python {sys.version.split()[0]}, {where}, data in {settings.DATA_DIR}")


def check_disk() -> Iterator[Finding]:
    """Room for the database to grow."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    cure = "" if free > DISK_LIMIT_BYTES else f"free some space on the disk of {settings.DATA_DIR}"
    yield Finding("disk", f"{free / 1024**3:.1f} GiB free", cure)


def check_database() -> Iterator[Finding]:
    """Reachable, new enough, and durable."""
    major, minor = divmod(int(_ask("SHOW server_version_num")), 10000)
    cure = "" if major >= OLDEST_POSTGRES else f"use PostgreSQL {OLDEST_POSTGRES} or newer"
    yield Finding("database", f"PostgreSQL {major}.{minor}", cure)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if _ask(f"SHOW {setting}") == "off":
            yield Finding("database", f"{setting} is off: a crash loses sales", f"ALTER SYSTEM SET {setting} = on")
    if _ask("SHOW server_encoding") != "UTF8":
        yield Finding("database", "the encoding is not UTF8", "create the database anew with ENCODING 'UTF8'")


def check_roles() -> Iterator[Finding]:
    """The application's role must not be able to rewrite the ledger: no superuser, owner of nothing."""
    role = _ask("SELECT current_user")
    cure = "give DATABASE_URL a role of its own, and DATABASE_OWNER_URL the one that owns the tables (docs: roles)"
    if _ask("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"):
        yield Finding("roles", f"{role} is a superuser", cure)
    elif owned := _ask("SELECT count(*) FROM pg_tables WHERE tableowner = current_user"):
        yield Finding("roles", f"{role} owns {owned} tables, so it could change the ledger", cure)
    else:
        yield Finding("roles", f"{role} owns no table and is no superuser")


def check_migrations() -> Iterator[Finding]:
    """The schema is the code's."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    cure = "run: python manage.py migrate" if waiting else ""
    yield Finding("migrations", f"{len(waiting)} waiting" if waiting else "all applied", cure)


def check_redis() -> Iterator[Finding]:
    """Reachable, and not one that throws alarms away."""
    client = workqueue.client()
    version = client.info("server")
    yield Finding("redis", str(version.get("valkey_version") or version.get("redis_version")))
    policy = client.info("memory").get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding("redis", f"evicts keys ({policy}): alarms get lost", "set maxmemory-policy noeviction")


def check_workers() -> Iterator[Finding]:
    """Somebody works on each queue."""
    answers = app.control.inspect(timeout=2).active_queues() or {}
    served = {queue["name"]: worker for worker, queues in answers.items() for queue in queues}
    for queue in QUEUES:
        if queue in served:
            yield Finding("workers", f"queue {queue} is served by {served[queue]}")
        else:
            yield Finding("workers", f"nobody works on the queue {queue}", START)


def check_beat() -> Iterator[Finding]:
    """The schedule runs: beat leaves a mark by way of a worker."""
    marked = workqueue.client().get(HEARTBEAT_KEY)
    if marked is None:
        yield Finding("beat", "no sign of life", START)
        return
    age = int(time.time()) - int(marked)
    cure = "" if age < HEARTBEAT_LATE_SECONDS else f"{START}; see logs/beat.log and logs/intake.log in the data folder"
    yield Finding("beat", f"last sign of life {age} s ago", cure)


def check_queues() -> Iterator[Finding]:
    """No queue grows without end."""
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    for queue in QUEUES:
        length = workqueue.client().llen(f"{prefix}{queue}")
        cure = "" if length < QUEUE_LIMIT else "look at that worker's log, or run more workers for it"
        yield Finding("queues", f"{length} waiting in {queue}", cure)


def check_web() -> Iterator[Finding]:
    """The web process of the stack on this data folder answers."""
    stack = read_stack(settings.LAYOUT)
    if stack is None:
        if settings.EMBEDDED_DATABASE:
            yield Finding("web", "no stack runs on this data folder", START)
        return
    try:
        with urllib.request.urlopen(f"{stack['url']}admin/login/", timeout=5) as answer:  # noqa: S310 - our own
            yield Finding("web", f"{stack['url']} answers {answer.status}")
    except urllib.error.HTTPError as error:
        yield Finding("web", f"{stack['url']} answers {error.code}", "see logs/web.log in the data folder")
    except OSError as error:
        yield Finding("web", f"{stack['url']} does not answer: {error}", START)


def check_channels() -> Iterator[Finding]:
    """Each channel's stored credentials can be read with the key that is set."""
    unreadable = []
    for channel in Channel.objects.all():
        try:
            account(channel)
        except ValueError:  # the field hands out the cipher text where the key does not fit
            unreadable.append(channel.code)
    if unreadable:
        cure = "restore SECRET_KEY and ENCRYPTION_SALTS (secrets.json in the data folder), or enter them anew"
        yield Finding("channels", f"credentials cannot be decrypted: {', '.join(unreadable)}", cure)
    else:
        yield Finding("channels", f"{Channel.objects.count()} channels, credentials readable")


def check_backup() -> Iterator[Finding]:
    """There is a backup, it is recent, and it restores."""
    yield Finding("backup", *state_of_backups())


def check_ledger() -> Iterator[Finding]:
    """Entries, levels and promises were compared not long ago, and fit."""
    yield Finding("ledger", *state_of_ledger())


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(check_settings, check_disk, check_database, check_roles, check_migrations, check_redis),
    *(check_workers, check_beat, check_queues, check_web, check_channels, check_backup, check_ledger),
)


def _ask(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        answer: str = cursor.fetchone()[0]
        return answer


def _name(check: Callable[[], Iterator[Finding]]) -> str:
    return check.__name__.removeprefix("check_")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
