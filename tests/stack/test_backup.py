"""Backups on the real stack: made while it sells, put back after everything was destroyed, taken to another server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from config import servers
from config.layout import DATABASE, OWNER_ROLE, Layout
from tests.stack.client import Api, eventually
from tests.stack.conftest import make_key
from tests.stack.product import ROOT, Product, _python, wait_gone
from tests.stack.shop import Shop
from tests.stack.world import World, external

pytestmark = pytest.mark.timeout(300, func_only=True)


@pytest.fixture
def shelf() -> Iterator[Path]:
    """Somewhere else, where backups survive."""
    with a_shelf() as folder:
        yield folder


@contextlib.contextmanager
def a_shelf() -> Iterator[Path]:
    """A folder that the servers' account can reach, with a name short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="so-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def doomed() -> Iterator[Product]:
    """A copy of the product that the test may destroy."""
    running = Product()
    try:
        yield running
        if running.process is not None:
            running.interrupt()
            wait_gone(running)
    finally:
        running.kill_leftovers()
        running.remove()


def test_everything_is_destroyed_and_comes_back(doomed: Product, shelf: Path) -> None:
    """Backed up while selling; sold on; lost; put back: the ledger is whole and every book gets its number again."""
    doomed.start()
    api = Api(doomed.base_url, key=make_key(doomed, role="admin"))
    world = World(doomed, api=api)
    sku = world.sku(on_hand=60)
    shop, other = world.shop(sku), world.shop(sku)
    world.settle(sku)
    with selling(world, shop, sku):
        backed_up = doomed.manage("backup", str(shelf / "all.zip"), "--check")
    assert backed_up.returncode == 0, backed_up.stderr
    assert "ledger verified: no differences" in backed_up.stdout
    world.settle(sku)
    world.bought(other, (sku, 5))  # after the backup: only the shop knows of these
    world.settle(sku)
    left = shop.book[external(sku)]
    sold = {order for one in (shop, other) for order in one.orders}
    doomed.interrupt()
    shutil.rmtree(doomed.data_dir)
    before = {one.code: len(one.calls) for one in (shop, other)}

    restored = doomed.manage("restore", str(shelf / "all.zip"))
    assert restored.returncode == 0, restored.stderr
    assert "2 encrypted credentials can be read" in restored.stdout
    verified = doomed.manage("verify_ledger")
    assert (verified.returncode, verified.stdout) == (0, "")

    doomed.start()
    eventually(lambda: {row["external_id"] for row in api.rows("sales-orders/")} == sold, seconds=40)
    eventually(lambda: pushed_since(shop, before, sku) and pushed_since(other, before, sku), seconds=30)
    world.settle(sku)
    assert {one.book[external(sku)] for one in (shop, other)} == {left}
    # No number left before the orders since the backup were known: one would have offered units that are sold.
    assert {*pushed_since(shop, before, sku), *pushed_since(other, before, sku)} == {left}
    assert shop.unsigned == [] and other.unsigned == []
    world.bought(shop, (sku, 1))
    world.shows(other, sku=sku, number=left - 1)
    said = doomed.manage("doctor").stdout
    assert "it restores" in said, said
    world.close()
    api.close()


@contextlib.contextmanager
def selling(world: World, shop: Shop, sku: str) -> Iterator[None]:
    """Sales go on meanwhile, and some are made at least."""
    stop = threading.Event()
    made: list[str] = []

    def sell() -> None:
        while not stop.wait(0.1) and shop.book[external(sku)] > 20:
            made.append(world.buy(shop, (sku, 1))["id"])

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        yield
    finally:
        stop.set()
        seller.join()
    assert len(made) > 3


def pushed_since(shop: Shop, before: dict[str, int], sku: str) -> list[int]:
    """The numbers that a shop was sent since then."""
    with shop.lock:
        calls = [call for call in shop.calls[before[shop.code] :] if call.method == "PUT"]
        items = [item for call in calls for item in call.body["items"]]
    return [item["quantity"] for item in items if item["external_id"] == external(sku)]


@pytest.fixture(scope="module")
def servers_only() -> Iterator[Still]:
    """A copy with a migrated database and a backup of it; its servers run, its stack does not."""
    with a_shelf() as shelf:
        try:
            with servers.running(Layout.of(shelf / "data")) as layout:
                copy = Still(layout, shelf)
                assert copy.manage("migrate").returncode == 0
                assert copy.manage("backup", str(copy.file)).returncode == 0
                yield copy
        finally:
            servers.stop(Layout.of(shelf / "data"))  # a command that was killed may have started one anew


@pytest.fixture
def still(servers_only: Still) -> Still:
    """The same, with no backup but that one."""
    shutil.rmtree(servers_only.backups, ignore_errors=True)
    return servers_only


class Still:
    """A stack that stands still."""

    def __init__(self, layout: Layout, shelf: Path) -> None:
        self.layout, self.file, self.shelf = layout, shelf / "all.zip", shelf
        self.backups = layout.data / "backups"
        self.product = Product()
        self.product.data_dir = layout.data
        self.product.env |= {"DATA_DIR": str(layout.data), "BACKUP_CHECK_DAYS": "0"}

    def manage(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command against it."""
        usual = self.product.env
        self.product.env = usual | environment
        try:
            return self.product.manage(*words)
        finally:
            self.product.env = usual

    def databases(self) -> dict[str, int]:
        """Every database of ours with its number, which it keeps when it is renamed."""
        with psycopg.connect(servers.superuser_url(self.layout)) as connection:
            found = connection.execute("SELECT datname, oid FROM pg_database WHERE datname LIKE %s", [f"{DATABASE}%"])
            return dict(found.fetchall())


def test_a_restore_that_is_killed_leaves_the_old_database_and_the_next_one_works(still: Still) -> None:
    before = still.databases()
    refused = still.manage("restore", str(still.file))
    assert refused.returncode == 1 and "add --replace" in refused.stderr
    words = [_python(), "manage.py", "restore", str(still.file), "--replace", "--yes", "--without-saving"]
    killed = subprocess.Popen(
        words, cwd=ROOT, env=still.product.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually(lambda: f"{DATABASE}_restoring" in still.databases(), seconds=60, every=0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert still.databases()[DATABASE] == before[DATABASE]
    assert still.manage("verify_ledger").returncode == 0

    eventually(lambda: no_one_is_in(still, f"{DATABASE}_restoring"), seconds=30)
    again = still.manage("restore", str(still.file), "--replace", "--yes")
    assert again.returncode == 0, again.stderr
    after = still.databases()
    assert list(after) == [DATABASE] and after[DATABASE] != before[DATABASE]
    saved = [path.name for path in still.backups.iterdir()]
    assert len(saved) == 1 and saved[0].startswith("sellonce-before-restore-")


def no_one_is_in(still: Still, database: str) -> bool:
    """Whether what a killed process had started has noticed."""
    with psycopg.connect(servers.superuser_url(still.layout)) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]).fetchone()
        return row == (0,)


@pytest.mark.long
def test_a_running_stack_and_a_wrong_answer_stop_a_restore(still: Still) -> None:
    before = still.databases()
    with servers.held(still.layout):
        refused = still.manage("restore", str(still.file), "--replace", "--yes")
    assert refused.returncode == 1 and "A stack runs on" in refused.stderr
    asked = still.manage("restore", str(still.file), "--replace")  # nobody answers
    assert asked.returncode == 1 and "Nothing was changed" in asked.stderr
    assert still.databases() == before


@pytest.mark.long
def test_nightly_backups_are_made_by_the_command_and_the_last_ones_kept(still: Still) -> None:
    for _ in range(3):
        began = time.time()
        made = still.manage("backup", "--nightly", BACKUPS_KEPT="2")
        assert made.returncode == 0, made.stderr
        time.sleep(max(0.0, 1.01 - (time.time() - began)))  # names tell seconds
    kept = sorted(path.name for path in still.backups.iterdir())
    assert len(kept) == 2 and all(name.startswith("sellonce-nightly-") for name in kept)
    assert "is removed: 2 are kept" in made.stdout


@pytest.mark.long
def test_the_database_moves_to_another_server_in_one_command(still: Still) -> None:
    elsewhere = Layout.of(still.shelf / "elsewhere")
    servers.start(elsewhere, redis_server=False)
    try:
        there = f"@{quote(str(elsewhere.sockets), safe='')}:5432/sales"
        with psycopg.connect(servers.superuser_url(elsewhere), autocommit=True) as superuser:
            superuser.execute(f"ALTER ROLE {OWNER_ROLE} CREATEROLE")
        application = f"postgres://clerk:secret{there}"
        moved = still.manage("move_database", "--to", f"postgres://{OWNER_ROLE}{there}", "--application", application)
        assert moved.returncode == 0, moved.stderr
        told = dict(line.split("=", 1) for line in moved.stdout.splitlines() if line.startswith("DATABASE_"))
        assert told == {"DATABASE_URL": application, "DATABASE_OWNER_URL": f"postgres://{OWNER_ROLE}{there}"}
        assert still.manage("verify_ledger", **told).returncode == 0
        with psycopg.connect(application) as clerk:
            assert clerk.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                clerk.execute("DELETE FROM inventory_ledgerentry")
        again = still.manage("move_database", "--to", f"postgres://{OWNER_ROLE}{there}")
        assert again.returncode == 1 and "add --replace" in again.stderr
    finally:
        servers.stop(elsewhere)
