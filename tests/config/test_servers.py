"""The embedded servers: started once, found again, stopped by the last who uses them, never started on foreign data."""

import json
import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config import servers
from config.layout import APPLICATION_ROLE, DATABASE, Layout
from config.processes import ServerError, processes_in

pytestmark = pytest.mark.stack


@pytest.fixture
def layout(data_dir: Path) -> Layout:
    return Layout.of(data_dir)


def ask(layout: Layout, question: str, *, database: str = DATABASE) -> str:
    with psycopg.connect(servers.superuser_url(layout, database=database)) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def set_key(layout: Layout, value: str) -> None:
    with redis.Redis(unix_socket_path=str(layout.redis_socket)) as client:
        client.set("key", value)


def test_a_first_start_is_durable_private_and_utf8(layout: Layout) -> None:
    parents = {folder: folder.stat().st_mode for folder in layout.data.parents}
    servers.start(layout)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert ask(layout, f"SHOW {setting}") == "on"
    assert ask(layout, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"
    assert ask(layout, "SHOW listen_addresses") == ""
    for folder in (layout.postgres, layout.valkey, layout.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {folder: folder.stat().st_mode for folder in layout.data.parents} == parents
    assert all(process.uids().effective != 0 for process in processes_in(layout.postgres))
    with redis.Redis(unix_socket_path=str(layout.redis_socket)) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert ask(layout, f"SELECT rolsuper FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}'") is False


def test_a_second_start_finds_both_and_a_stop_leaves_nothing(layout: Layout) -> None:
    servers.start(layout)
    first = servers.pids(layout)
    servers.start(layout)
    assert servers.pids(layout) == first
    servers.stop(layout)
    assert servers.pids(layout) == {}
    assert not any(psutil.pid_exists(pid) for pid in first.values())


def test_data_survives_a_kill_of_both(layout: Layout) -> None:
    servers.start(layout)
    with psycopg.connect(servers.superuser_url(layout, database=DATABASE)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    set_key(layout, "here")
    time.sleep(1.2)  # appendfsync everysec
    for pid in servers.pids(layout).values():
        os.kill(pid, signal.SIGKILL)
    servers.start(layout)
    assert ask(layout, "SELECT number FROM kept") == 42
    with redis.Redis(unix_socket_path=str(layout.redis_socket)) as client:
        assert client.get("key") == b"here"


def test_pid_files_that_name_other_programs_are_stale(layout: Layout) -> None:
    servers.start(layout)
    pid_file = layout.postgres / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    servers.stop(layout)
    bystander = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    bystander.start()
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]))
        (layout.valkey / "valkey.pid").write_text(f"{bystander.pid}\n")
        servers.start(layout)
        assert servers.pids(layout)["postgres"] != bystander.pid
        servers.stop(layout)
        assert bystander.is_alive()
    finally:
        bystander.kill()
        bystander.join()


def test_an_unreadable_redis_folder_is_set_aside(layout: Layout) -> None:
    servers.start(layout)
    set_key(layout, "gone")
    servers.stop(layout)
    for file in (layout.valkey / "appendonlydir").glob("*.manifest"):
        file.write_text("this is no manifest\n")
    servers.start(layout)
    assert servers.is_redis_alive(layout)
    assert list(layout.home.glob("valkey.unreadable-*"))


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_data_of_another_major_version_is_refused_with_the_cure(layout: Layout, server: str) -> None:
    servers.start(layout)
    servers.stop(layout)
    versions = json.loads((layout.home / "versions.json").read_text())
    if server == "postgres":
        (layout.postgres / "PG_VERSION").write_text("15\n")
    else:
        (layout.home / "versions.json").write_text(json.dumps({**versions, "valkey": 7}))
    with pytest.raises(ServerError, match=rf"written by {server} .*\n?.*Cure"):
        servers.start(layout)
    assert servers.pids(layout) == {}


def use_for_a_while(folder: str, ready: str, seconds: float) -> None:
    with servers.running(Layout.of(folder)) as layout:
        Path(ready).write_text(json.dumps(servers.pids(layout)))
        time.sleep(seconds)


def wait_for(file: Path) -> dict[str, int]:
    deadline = time.monotonic() + 30
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.05)
    return json.loads(file.read_text())


def test_parallel_users_share_one_pair_and_the_last_stops_it(layout: Layout) -> None:
    context = multiprocessing.get_context("spawn")
    ready = [layout.data / f"ready-{number}" for number in range(2)]
    users = [
        context.Process(target=use_for_a_while, args=(str(layout.data), str(file), seconds))
        for file, seconds in zip(ready, (0.5, 2.5), strict=True)
    ]
    for user in users:
        user.start()
    found = [wait_for(file) for file in ready]
    assert found[0] == found[1]
    users[0].join()
    assert servers.is_postgres_alive(layout) and servers.is_redis_alive(layout)
    users[1].join()
    assert servers.pids(layout) == {}


def test_servers_of_a_killed_user_are_found_and_stopped_by_the_next(layout: Layout) -> None:
    ready = layout.data / "ready"
    user = multiprocessing.get_context("spawn").Process(
        target=use_for_a_while, args=(str(layout.data), str(ready), 60.0)
    )
    user.start()
    before = wait_for(ready)
    user.kill()
    user.join()
    with servers.running(layout):
        assert servers.pids(layout) == before
    assert servers.pids(layout) == {}


def test_a_long_path_gets_its_sockets_elsewhere(data_dir: Path) -> None:
    deep = data_dir / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    layout = Layout.of(deep)
    with servers.running(layout):
        assert len(str(layout.redis_socket)) < 100
        assert servers.is_postgres_alive(layout) and servers.is_redis_alive(layout)
    assert not layout.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand its servers to another account")
def test_root_keeps_servers_of_a_closed_folder_where_their_account_can_go(data_dir: Path) -> None:
    data_dir.chmod(0o700)
    layout = Layout.of(data_dir / "inside")
    assert layout.home.parent == Path("/var/tmp")
    try:
        with servers.running(layout):
            assert servers.is_postgres_alive(layout)
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    finally:
        import shutil

        shutil.rmtree(layout.home)
