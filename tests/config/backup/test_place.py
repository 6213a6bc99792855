"""Addresses of databases, and the programs that work on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.backup import BackupError
from config.backup.clients import find_clients, reading_from, writing_to
from config.backup.place import Place


def test_an_address_is_read_and_written_alike() -> None:
    url = "postgres://boss:p%40ss%2Fword@db.example.com:5433/sales?sslmode=require"
    place = Place.of_url(url, application="clerk")
    assert (place.name, place.role, place.application) == ("sales", "boss", "clerk")
    assert place.url(role="boss", password="p@ss/word") == url


def test_a_sockets_folder_is_an_address_too() -> None:
    place = Place.of_url("postgresql://boss@%2Frun%2Fpg:5432/sales")
    assert place.owner["HOST"] == "/run/pg"
    assert place.url(role="boss", password="") == "postgres://boss@%2Frun%2Fpg:5432/sales"


def test_passwords_are_not_on_command_lines() -> None:
    place = Place.of_url("postgres://boss:secret@db/sales?sslmode=require&application_name=x")
    assert "secret" not in place.conninfo()
    assert "sslmode=require" in place.conninfo() and "dbname=sales" in place.conninfo()
    assert place.environment() == {"PGPASSWORD": "secret"}


@pytest.mark.parametrize("url", ["mysql://a@b/c", "sales", "postgres://db/sales", "postgres://boss@db"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BackupError, match="address"):
        Place.of_url(url)


def test_a_database_beside_has_a_name_that_fits() -> None:
    place = Place("x" * 63, {"USER": "boss"}, "boss")
    assert place.beside("_restoring").name == "x" * 53 + "_restoring"


def test_programs_that_are_new_enough_are_found_and_too_old_ones_named() -> None:
    clients = find_clients(server_major=15)
    assert clients.major >= 18 and Path(clients.dump).is_file()
    with pytest.raises(BackupError, match=r"version 99 or newer are needed; the newest here is \d+") as refused:
        find_clients(server_major=99)
    assert "apt install postgresql-client-99" in str(refused.value)


def test_a_program_that_fails_says_why() -> None:
    with (
        pytest.raises(BackupError, match="sh: a reason"),
        reading_from(["sh", "-c", "echo a reason >&2; exit 3"], environment={}) as stream,
    ):
        assert stream.read() == b""


def test_a_program_that_ends_early_says_why() -> None:
    with (
        pytest.raises(BackupError, match="sh: enough"),
        writing_to(["sh", "-c", "echo enough >&2; exit 3"], environment={}) as sink,
    ):
        for _ in range(100):
            sink.write(b"x" * 65536)


def test_only_what_is_forgiven_is_forgiven() -> None:
    script = "cat; echo 'p: error: harmless' >&2; {more} exit 1"
    with writing_to(["sh", "-c", script.format(more="")], environment={}, forgiven="harmless") as sink:
        sink.write(b"x")
    with (
        pytest.raises(BackupError, match="grave"),
        writing_to(
            ["sh", "-c", script.format(more="echo 'p: error: grave' >&2;")], environment={}, forgiven="harmless"
        ) as sink,
    ):
        sink.write(b"x")
