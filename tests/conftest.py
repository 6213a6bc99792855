"""Real servers for the tests that need them; tests run as the application's role, the owner makes the database."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connections
from django.test.utils import setup_databases

from config import servers
from config.layout import Layout
from config.management.commands.migrate import as_owner
from inventory.kernel import workqueue

_started = False


def pytest_configure(config: pytest.Config) -> None:
    """A run that is told to stop stops as by Ctrl-C, so that its servers end with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a stack of their own run one after the other in one worker; two cores would not carry two."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("stack", "browser", "faults")):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def embedded_servers() -> Iterator[Layout]:
    """Both servers, shared by all workers of the run. The tests' data may be lost, so it need not reach the disk."""
    global _started
    layout: Layout = settings.LAYOUT
    with servers.running(layout):
        with psycopg.connect(servers.superuser_url(layout), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        _started = True
        yield layout
        _started = False


@pytest.fixture(scope="session")
def django_db_setup(
    embedded_servers: Layout, django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker
) -> Iterator[None]:
    """A migrated test database, made by the owner; it goes with the run's folder."""
    with django_db_blocker.unblock():
        with as_owner():
            setup_databases(verbosity=0, interactive=False)
        yield
        for connection in connections.all(initialized_only=True):
            connection.close()
            connection.close_pool()


@pytest.fixture(autouse=True)
def _clean_redis() -> Iterator[None]:
    """No alarm, flag or queue outlives its test."""
    yield
    if _started:
        client = redis.Redis.from_url(settings.REDIS_URL)
        client.flushdb()
        client.close()
        workqueue._mute_until = 0.0


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder for a stack or servers of a test's own, short enough for sockets and open to the servers' account."""
    folder = Path(tempfile.mkdtemp(prefix="so-"))
    folder.chmod(0o755)
    yield folder
    servers.stop(Layout.of(folder))
    shutil.rmtree(folder, ignore_errors=True)
