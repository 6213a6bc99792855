"""A merchant with something to lose, on the test run's own server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.backup.place import Place
from tests.factories import ChannelFactory, ListingFactory, sell, stocked


@pytest.fixture(autouse=True)
def backups(settings: Any, tmp_path: Path) -> Path:
    """Where this test's backups go; the lock that allows one at a time is its own too."""
    settings.LAYOUT = replace(settings.LAYOUT, data=tmp_path)
    settings.BACKUP_DIR = tmp_path / "backups"
    return settings.BACKUP_DIR


@pytest.fixture
def merchant(transactional_db: None) -> Place:
    """Ten mugs, of which a shop sold three; the database that they are in."""
    sku = stocked(10)
    channel = ChannelFactory(code="shop")
    ListingFactory(channel=channel, sku=sku)
    sell(channel, (sku, 3), order="A-1")
    return Place.of_settings()


@pytest.fixture
def target() -> Iterator[Place]:
    """Another database of the server, which is not there yet."""
    place = Place.of_settings().beside("_target")
    place.drop()
    yield place
    place.drop()


def ask(place: Place, question: str) -> Any:
    """What a database answers its owner."""
    with place.connect() as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return row[0]


def oid(place: Place) -> int:
    """A database keeps its number when it is renamed."""
    with place.maintenance() as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [place.name]).fetchone()
        assert row is not None, f"there is no {place.name}"
        return row[0]


def databases_beside(place: Place) -> list[str]:
    """What else there is whose name begins like this one's."""
    with place.maintenance() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{place.name}\\_%"])
        return sorted(name for (name,) in found)


def as_application(place: Place) -> psycopg.Connection:
    """A connection of the application's role."""
    return Place(place.name, {**place.owner, "USER": place.application}, place.application).connect()
