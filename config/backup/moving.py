"""Take the database to another server: saved into a file, restored there, verified there."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.utils.translation import gettext as _
from psycopg import sql

from config.backup import BackupError, aftermath, contents, restoring
from config.backup.place import Place, first_line
from config.layout import APPLICATION_ROLE


@dataclass(frozen=True)
class Destination:
    """Where to, and how the application will get in."""

    place: Place
    application_url: str
    owner_url: str
    made_role: str = ""

    def undo(self) -> None:
        """Remove the role that was made for a move that failed."""
        if self.made_role:
            with suppress(psycopg.Error, BackupError), self.place.maintenance() as connection:
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(self.made_role)))


def prepare(place: Place, *, application_url: str) -> Destination:
    """Who the application is there: the role of the given address, or one that is made here."""
    made = ""
    try:
        if application_url:
            application = Place.of_url(application_url)
            if application.role == place.role:
                raise BackupError(
                    _("The application needs a role of its own: the one that owns the tables could rewrite the ledger.")
                )
            place = Place(place.name, place.owner, application.role)
            if not place.has_role(application.role):
                made = _make_role(place, application.role, str(application.owner.get("PASSWORD") or ""))
        else:
            place = Place(place.name, place.owner, APPLICATION_ROLE)
            if place.has_role(APPLICATION_ROLE):
                raise BackupError(
                    _("The server has a role {role} already: give its address with --application.").format(
                        role=APPLICATION_ROLE
                    )
                )
            password = secrets.token_urlsafe(24)
            made = _make_role(place, APPLICATION_ROLE, password)
            application_url = place.url(role=APPLICATION_ROLE, password=password)
    except psycopg.Error as error:
        raise BackupError(_("The server refused: {error}").format(error=first_line(error))) from error
    owner_url = place.url(role=place.role, password=str(place.owner.get("PASSWORD") or ""))
    return Destination(place, application_url, owner_url, made)


def _make_role(place: Place, role: str, password: str) -> str:
    name, secret = sql.Identifier(role), sql.Literal(password)
    with place.maintenance() as connection:
        try:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, secret))
        except psycopg.errors.InsufficientPrivilege:
            raise BackupError(
                _(
                    "The role {owner} may not make the application's role.\n"
                    "Cure, as an administrator of the server: CREATE ROLE \"{role}\" LOGIN PASSWORD '...',"
                    " then give its address with --application."
                ).format(owner=place.role, role=role)
            ) from None
    return role


def refuse_filled(place: Place) -> None:
    """Refuse a database in which something is already."""
    if place.exists():
        with place.connect() as connection:
            if there := contents.tables(connection):
                raise BackupError(
                    _("The database {name} there has {count} tables: choose an empty one, or add --replace.").format(
                        name=place.name, count=len(there)
                    )
                )


def move(file: Path, destination: Destination, *, say: restoring.Say, meters: restoring.Meters) -> restoring.Restored:
    """Put the file in place there, and see that the application gets in and can do no more than it should."""
    restored = restoring.restore(
        file, into=destination.place, say=say, meters=meters, finish=lambda manifest: aftermath.settle_in()
    )
    application = Place.of_url(destination.application_url)
    try:
        with application.connect() as connection:
            connection.execute("SELECT count(*) FROM inventory_sku")
            row = connection.execute("SELECT has_table_privilege('inventory_ledgerentry', 'UPDATE')").fetchone()
    except psycopg.Error as error:
        raise BackupError(
            _("It is there, but the application does not get in: {error}").format(error=first_line(error))
        ) from error
    if row is None or row[0]:
        raise BackupError(_("It is there, but the role {role} may change the ledger.").format(role=application.role))
    return restored
