"""`manage.py invite`: a link by which somebody comes in, as the first administrator."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.urls import reverse
from django.utils.translation import gettext as _

from config.launcher import read_stack
from inventory.models import AccessLink, LinkKind, Location, Role
from inventory.people import links
from inventory.people.acting import acting
from inventory.people.membership import PeopleError


class Command(BaseCommand):
    """The link alone is the last line on stdout; only its hash is stored."""

    help = "Invites somebody and prints the link, which works once and for seven days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="the person logs in with it")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--location",
            action="append",
            default=[],
            metavar="CODE",
            help="limit the person to this location (repeatable)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(_("{email} is no email address.").format(email=email)) from error
        places = locations(options["location"])
        try:
            link, token = self._invite(email, role=Role(options["role"]), places=places)
        except PeopleError as error:
            raise CommandError(str(error)) from error
        address = public_url() + reverse("account:link", args=(token,)).lstrip("/")
        if links.mail(link, address):
            self.stderr.write(_("The link was mailed to {email}.").format(email=email))
        until = _("Open this link to choose a password. It works once, until {when} UTC.")
        self.stderr.write(until.format(when=f"{link.expires_at:%Y-%m-%d %H:%M}"))
        self.stdout.write(address)

    def _invite(self, email: str, *, role: Role, places: list[Location]) -> tuple[AccessLink, str]:
        """A new invitation instead of one that waits: whoever types this has forgotten its link."""
        actor, standing = acting()
        waiting = AccessLink.objects.filter(kind=LinkKind.INVITATION, email=email, used_at=None, revoked_at=None)
        for link in waiting:
            links.revoke(link, actor=actor)
        return links.invite(email=email, role=role, locations=places, actor=actor, by=standing)


def public_url() -> str:
    """How people reach the back office, with a slash at its end."""
    stack = read_stack(settings.LAYOUT)
    found = (
        settings.PUBLIC_URL or (stack["url"] if stack else "") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    )
    return str(found).rstrip("/") + "/"


def locations(codes: list[str]) -> list[Location]:
    """The locations of these codes; a code that names none is an error."""
    found = {location.code: location for location in Location.objects.filter(code__in=codes)}
    missing = [code for code in codes if code not in found]
    if missing:
        raise CommandError(_("There is no location {codes}.").format(codes=", ".join(missing)))
    return list(found.values())
