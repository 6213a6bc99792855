"""People at their browsers."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.contrib.auth.models import User

from inventory.models import Location, Role
from tests.people.phone import PASSWORD, person

START = datetime.datetime(2026, 3, 2, 9, 0, 5, tzinfo=datetime.UTC)


@pytest.fixture
def now(db: None) -> time_machine.Coordinates:
    """A clock that the test moves."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def strict(settings: object) -> None:
    """As merchants have it: administrators need a second factor."""
    settings.SECOND_FACTOR_ROLES = ["admin"]  # type: ignore[attr-defined]


@pytest.fixture
def boss(db: None) -> User:
    """The first administrator."""
    return User.objects.create_superuser("boss", password=PASSWORD)


@pytest.fixture
def second(db: None) -> User:
    """An administrator by role."""
    return person("second@example.com", Role.ADMIN)


@pytest.fixture
def w1(db: None) -> Location:
    return Location.objects.create(code="W1", name="First", priority=1)


@pytest.fixture
def w2(db: None) -> Location:
    return Location.objects.create(code="W2", name="Second", priority=2)
