"""Where a database is and as whom we work in it: connections, and databases made, dropped and renamed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import quote, unquote

import psycopg
from django.conf import settings
from django.db import connections
from django.utils.translation import gettext as _
from environ import Env
from psycopg import sql
from psycopg.conninfo import make_conninfo

from config.backup import BackupError

#: Databases from which others are made and renamed; the first that lets us in.
MAINTENANCE = ("postgres", "template1", "defaultdb")
CONNECT_SECONDS = 10
LONGEST_NAME = 63


_OWNED_BY_OTHERS = """
SELECT 1 FROM pg_database WHERE datname = %s AND NOT pg_has_role(current_user, datdba, 'USAGE')
"""

# Lists of names are kept quoted as they have to be written.
_SETTINGS = """
SELECT format('ALTER DATABASE %%I SET %%s TO %%s', %(new)s::text,
    split_part(one, '=', 1),
    CASE WHEN split_part(one, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries',
        'local_preload_libraries') THEN substr(one, strpos(one, '=') + 1)
        ELSE quote_literal(substr(one, strpos(one, '=') + 1)) END)
FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid, unnest(s.setconfig) one
WHERE d.datname = %(present)s AND s.setrole = 0
"""

_RIGHTS = """
SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', %(new)s::text)
FROM pg_database WHERE datname = %(present)s AND datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %%s ON DATABASE %%I TO %%s', a.privilege_type, %(new)s::text,
    CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %(present)s AND a.grantee <> d.datdba
"""


@dataclass(frozen=True)
class Place:
    """One database. ``owner`` are Django's settings of the role that owns the tables; ``application`` is the other's name."""

    name: str
    owner: dict[str, Any]
    application: str

    @classmethod
    def of_settings(cls) -> "Place":
        """The database that this installation uses."""
        ours = connections["default"].settings_dict
        return cls(name=ours["NAME"], owner=settings.OWNER_DATABASE, application=ours["USER"])

    @classmethod
    def of_url(cls, url: str, *, application: str = "") -> "Place":
        """The database at an address; the role in it owns the tables."""
        if not re.match(r"postgres(ql)?://", url):
            raise BackupError(_("The address of a database looks like postgres://role:password@host:5432/name"))
        given = Env.db_url_config(url)
        owner = {**given, "HOST": unquote(given["HOST"] or "")}  # a socket's folder is written with %2F
        if not owner["NAME"] or not owner["USER"]:
            raise BackupError(_("The address names no database or no role: postgres://role:password@host:5432/name"))
        return cls(name=owner["NAME"], owner=owner, application=application or owner["USER"])

    @property
    def role(self) -> str:
        """The role that owns the tables."""
        return str(self.owner["USER"])

    def beside(self, suffix: str) -> "Place":
        """Another database of the same server, named after this one."""
        return Place(
            name=f"{self.name[: LONGEST_NAME - len(suffix)]}{suffix}", owner=self.owner, application=self.application
        )

    def conninfo(self) -> str:
        """How the owner reaches the database, without the password: other people can see command lines."""
        known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
        extra = {key: str(value) for key, value in self.owner.get("OPTIONS", {}).items() if key in known}
        given = {"host": self.owner.get("HOST"), "port": self.owner.get("PORT"), "user": self.role, "dbname": self.name}
        extra.setdefault("connect_timeout", str(CONNECT_SECONDS))
        return make_conninfo(**extra, **{key: str(value) for key, value in given.items() if value})

    def environment(self) -> dict[str, str]:
        """What PostgreSQL's programs need besides."""
        password = self.owner.get("PASSWORD")
        return {"PGPASSWORD": str(password)} if password else {}

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the owner."""
        password = self.owner.get("PASSWORD") or None
        return psycopg.connect(self.conninfo(), password=password, autocommit=autocommit)

    @contextmanager
    def maintenance(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection to the same server outside of this database."""
        failure: psycopg.Error | None = None
        for name in MAINTENANCE:
            try:
                connection = Place(name, self.owner, self.application).connect()
            except psycopg.OperationalError as error:
                failure = failure or error
                continue
            with connection:
                yield connection
            return
        raise BackupError(_("The database server does not let us in: {error}").format(error=first_line(failure)))

    def url(self, *, role: str, password: str) -> str:
        """The address as `.env` takes it."""
        secret = f":{quote(password, safe='')}" if password else ""
        host, port = quote(str(self.owner.get("HOST") or ""), safe=""), self.owner.get("PORT")
        options = "&".join(
            f"{key}={quote(str(value), safe='')}" for key, value in self.owner.get("OPTIONS", {}).items()
        )
        where = f"{host}:{port}" if port else host
        return f"postgres://{quote(role, safe='')}{secret}@{where}/{quote(self.name, safe='')}{f'?{options}' if options else ''}"

    # Databases as wholes

    def exists(self) -> bool:
        """Whether there is such a database."""
        return bool(self._ask("SELECT 1 FROM pg_database WHERE datname = %s", self.name))

    def server_major(self) -> int:
        """The server's major version."""
        return int(self._ask("SHOW server_version_num")) // 10000

    def size(self) -> int:
        """Bytes that the database takes on the server's disk."""
        return int(self._ask("SELECT pg_database_size(%s)", self.name))

    def has_role(self, role: str) -> bool:
        """Whether the server knows a role."""
        return bool(self._ask("SELECT 1 FROM pg_roles WHERE rolname = %s", role))

    def check_rights(self) -> None:
        """Refuse in plain words where the owner may not make databases."""
        if not self._ask("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"):
            raise BackupError(
                _(
                    "The role {role} may not make databases, and the backup is put back into one beside the present one.\n"
                    'Cure, as an administrator of the server: ALTER ROLE "{role}" CREATEDB'
                ).format(role=self.role)
            )
        if self._ask(_OWNED_BY_OTHERS, self.name):
            raise BackupError(
                _(
                    "The database {name} belongs to another role than {role}, and only its owner can rename it.\n"
                    'Cure, as an administrator of the server: ALTER DATABASE "{name}" OWNER TO "{role}"'
                ).format(name=self.name, role=self.role)
            )

    def make(self) -> None:
        """Make the database anew, empty; what an interrupted run left under its name goes."""
        with self.maintenance() as connection:
            _drop(connection, self.name)
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
            connection.execute(statement.format(sql.Identifier(self.name)))

    def drop(self) -> None:
        """Remove the database, if it is there."""
        with self.maintenance() as connection:
            _drop(connection, self.name)

    def others(self) -> list[str]:
        """Who else is connected to the database."""
        with self.maintenance() as connection:
            rows = connection.execute(
                "SELECT DISTINCT coalesce(usename, '?') || coalesce(' (' || nullif(application_name, '') || ')', '')"
                " || coalesce(' from ' || client_addr::text, '') FROM pg_stat_activity"
                " WHERE datname = %s AND usesysid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY 1",
                [self.name],
            )
            return [row[0] for row in rows]

    def take_the_place_of(self, present: "Place", *, former: "Place") -> None:
        """Swap names in one transaction: at every instant there is one database of the name, the old or the new."""
        with self.maintenance() as connection:
            _drop(connection, former.name)
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [present.name]).fetchone()
            if there:
                _make_alike(connection, present.name, self.name)
            with connection.transaction():
                if there:
                    connection.execute(rename.format(sql.Identifier(present.name), sql.Identifier(former.name)))
                connection.execute(rename.format(sql.Identifier(self.name), sql.Identifier(present.name)))

    def _ask(self, question: LiteralString, *values: Any) -> Any:
        with self.maintenance() as connection:
            row = connection.execute(question, values or None).fetchone()
            return row[0] if row else None


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _make_alike(connection: psycopg.Connection[Any], present: str, new: str) -> None:
    """Who may connect, and what is set for everybody who does, belong to the database and are in no dump."""
    for question in (_SETTINGS, _RIGHTS):
        for (statement,) in connection.execute(question, {"present": present, "new": new}).fetchall():
            connection.execute(statement)


def first_line(error: BaseException | None) -> str:
    """What an error says, in short."""
    return str(error or "").strip().partition("\n")[0]


@contextmanager
def speaking_to(place: Place) -> Iterator[None]:
    """Let Django speak to this database as its owner for a while: migrations, the ledger's checker, verbs."""
    connection = connections["default"]
    former = connection.settings_dict
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    identity = {key: place.owner.get(key) or "" for key in ("USER", "PASSWORD", "HOST", "PORT")}
    options = {**place.owner.get("OPTIONS", {}), "connect_timeout": CONNECT_SECONDS}
    connection.settings_dict = {**former, **identity, "NAME": place.name, "OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = former
