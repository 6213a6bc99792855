"""What transactional tests call at their end. The product's role may truncate nothing and its ledger refuses it."""

from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from config import servers

KEPT = ("django_migrations", "django_content_type", "auth_permission")


class Command(BaseCommand):
    """Empties all tables as the superuser, past the triggers."""

    stealth_options = ("reset_sequences", "allow_cascade", "inhibit_post_migrate")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--database", default="default")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive")

    def handle(self, *, database: str, **_options: Any) -> None:
        name = connections[database].settings_dict["NAME"]
        with psycopg.connect(servers.superuser_url(settings.LAYOUT, database=name), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)", [list(KEPT)]
            )
            filled = " UNION ALL ".join(
                f"(SELECT '{table}' FROM \"{table}\" LIMIT 1)" for (table,) in tables.fetchall()
            )
            # Each of them holds few rows: deleting those is far cheaper than new files for tables and indexes.
            for (table,) in connection.execute(filled).fetchall():
                connection.execute(f'DELETE FROM "{table}"')
