"""`manage.py migrate` as the role that owns the tables: the application's own role could not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections


@contextmanager
def as_owner(alias: str = "default") -> Iterator[None]:
    """Let a connection speak as the owner for a while. Pools are keyed by alias, so the owner goes without one."""
    connection = connections[alias]
    former = connection.settings_dict
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    identity = {key: settings.OWNER_DATABASE.get(key, "") for key in ("USER", "PASSWORD", "HOST", "PORT")}
    options = {key: value for key, value in former["OPTIONS"].items() if key != "pool"}
    connection.settings_dict = {**former, **identity, "OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = former


class Command(migrate.Command):
    """Django's command, run as the owner."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        with as_owner(options["database"]):
            return super().handle(*args, **options)
