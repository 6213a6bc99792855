"""What the gate starts with, and the record that nobody can edit."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import ProgrammingError

from inventory.models import AccessEvent, EventKind
from inventory.people import events
from inventory.people.gate import check_settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECOND_FACTOR_ROLES", ["admin", "admins"], "names no role: admins"),
        ("SECOND_FACTOR_ROLES", ["Admin"], "names no role: Admin"),
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "my-proxy"], "my-proxy is no address"),
    ],
)
def test_a_misspelt_setting_is_refused_at_the_start(settings: object, name: str, value: list[str], said: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=said):
        check_settings()


def test_right_settings_are_taken(settings: object) -> None:
    settings.SECOND_FACTOR_ROLES = ["admin", "warehouse"]  # type: ignore[attr-defined]
    settings.TRUSTED_PROXIES = ["10.0.0.1/8", "::1"]  # type: ignore[attr-defined]
    check_settings()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory_accessevent SET actor = 'x'",
        "DELETE FROM inventory_accessevent",
        "TRUNCATE inventory_accessevent",
    ],
)
def test_the_record_of_access_is_only_added_to(statement: str) -> None:
    events.record(EventKind.LOGGED_IN, actor="user:ann")
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_record_keeps_what_is_too_long_to_keep_whole() -> None:
    events.record(EventKind.LOGGED_IN, actor="user:" + "a" * 500, detail="b" * 1000)
    event = AccessEvent.objects.get()
    assert (len(event.actor), len(event.detail), event.address) == (200, 500, "")
