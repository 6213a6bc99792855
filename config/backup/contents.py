"""What a database holds, seen from outside: its tables' rows, its migrations, and what the application may do."""

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _
from psycopg import sql

from config.backup import BackupError
from config.backup.archive import Manifest, product_version

Connection = psycopg.Connection[tuple[Any, ...]]

TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
SEQUENCE_RIGHTS = ("USAGE", "SELECT", "UPDATE")

_RELATIONS = """
SELECT c.relname, c.relkind = 'S' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = ANY('{r,p,S}') ORDER BY c.relname
"""

_RIGHTS = """
SELECT c.relname, array_agg(wanted.name ORDER BY wanted.name)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN (
    SELECT 'S' AS kind, unnest(%s::text[]) AS name
    UNION ALL SELECT kind, name FROM unnest('{r,p}'::text[]) kind, unnest(%s::text[]) name
) wanted ON wanted.kind = c.relkind::text
WHERE n.nspname = 'public' AND CASE WHEN c.relkind = 'S'
    THEN has_sequence_privilege(%s, c.oid, wanted.name) ELSE has_table_privilege(%s, c.oid, wanted.name) END
GROUP BY c.relname
"""

# A table that a trigger keeps from being emptied takes new rows and nothing else (bit 32 of the type: TRUNCATE).
_APPEND_ONLY = """
SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgtype & 32 <> 0
"""


def tables(connection: Connection) -> list[str]:
    """Every table of ours."""
    return [name for name, is_sequence in connection.execute(_RELATIONS) if not is_sequence]


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    counted = {}
    for name in tables(connection):
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
        assert row is not None
        counted[name] = int(row[0])
    return counted


def migrations(connection: Connection) -> dict[str, list[str]]:
    """The migrations that were applied, by app."""
    applied: dict[str, list[str]] = {}
    for app, name in connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name"):
        applied.setdefault(app, []).append(name)
    return applied


def refuse_newer(manifest: Manifest) -> None:
    """Refuse a backup that a newer version made: its rows would not fit the code."""
    known: dict[str, set[str]] = {}
    for app, name in MigrationLoader(None).disk_migrations:
        known.setdefault(app, set()).add(name)
    foreign = [
        f"{app}.{name}"
        for app, names in sorted(manifest.migrations.items())
        for name in names
        if app in known and name not in known[app] and _number(name) >= max(map(_number, known[app]))
    ]  # a lower number is one that was folded into another since
    if foreign or _version(manifest.product) > _version(product_version()):
        raise BackupError(
            _(
                "The backup was made by a newer version of SellOnce ({theirs}; this is {ours}){what}.\n"
                "Cure: update SellOnce to the version that made it, then restore."
            ).format(
                theirs=manifest.product, ours=product_version(), what=f": {', '.join(foreign[:3])}" if foreign else ""
            )
        )


def _number(migration: str) -> int:
    digits = migration.partition("_")[0]
    return int(digits) if digits.isdigit() else 0


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", text))


def rights(connection: Connection, role: str) -> dict[str, list[str]] | None:
    """What a role may do with each table and sequence; None where it owns them."""
    row = connection.execute("SELECT current_user = %s", [role]).fetchone()
    if row and row[0]:
        return None
    found = connection.execute(_RIGHTS, [list(SEQUENCE_RIGHTS), list(TABLE_RIGHTS), role, role])
    return {name: list(held) for name, held in found}


def grant(connection: Connection, role: str, *, recorded: Mapping[str, list[str]] | None) -> None:
    """Give a role what the application's role had, and what migrations would give it; never more than adding to a ledger."""
    append_only = {row[0] for row in connection.execute(_APPEND_ONLY)}
    named = sql.Identifier(role)
    for name, is_sequence in connection.execute(_RELATIONS).fetchall():
        usual = SEQUENCE_RIGHTS if is_sequence else TABLE_RIGHTS
        held = set(usual) if recorded is None else set(recorded.get(name, ()))
        if name in append_only:
            held -= {"UPDATE", "DELETE"}
        kind, thing = sql.SQL("SEQUENCE" if is_sequence else "TABLE"), sql.Identifier(name)
        connection.execute(sql.SQL("REVOKE ALL ON {} {} FROM {}").format(kind, thing, named))
        if given := [right for right in usual if right in held]:
            what = sql.SQL(", ").join(map(sql.SQL, given))
            connection.execute(sql.SQL("GRANT {} ON {} {} TO {}").format(what, kind, thing, named))
    for usual, things in ((TABLE_RIGHTS, "TABLES"), (SEQUENCE_RIGHTS, "SEQUENCES")):
        what = sql.SQL(", ").join(map(sql.SQL, usual))
        statement = sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} ON {} TO {}")
        connection.execute(statement.format(what, sql.SQL(things), named))
