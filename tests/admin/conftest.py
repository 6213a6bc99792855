"""People who open the back office, and a house to open it in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inventory.models import Person, Role
from tests.admin.house import House, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db: None) -> House:
    """Three of everything."""
    return build(3)


@pytest.fixture
def boss(db: None) -> Client:
    """May do everything."""
    return _login(User.objects.create_superuser("boss"))


@pytest.fixture
def viewer(db: None) -> Client:
    """May look at the trade and do nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    Person.objects.create(user=user, role=Role.VIEWER)
    return _login(user)


@pytest.fixture
def stranger(db: None) -> Client:
    """May come in and see nothing."""
    return _login(User.objects.create_user("stranger", is_staff=True))


def _login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
