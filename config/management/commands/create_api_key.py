"""`manage.py create_api_key`: a key for a program, printed once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from config.management.commands.invite import locations
from inventory.kernel import clock
from inventory.models import ApiKey, EventKind, Role
from inventory.people import events
from inventory.people.acting import acting
from inventory.people.links import granted


class Command(BaseCommand):
    """The key alone is the last line on stdout; only its hash is stored."""

    help = "Makes an API key and prints it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", required=True, help="who uses it; the ledger names the key by it")
        parser.add_argument(
            "--location",
            action="append",
            default=[],
            metavar="CODE",
            help="limit the key to this location (repeatable)",
        )
        parser.add_argument("--days", type=int, help="the key expires after so many days")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= 50 or not name.isprintable():
            raise CommandError(_("A name has 1 to 50 printable characters."))
        days = options["days"]
        if days is not None and not 0 < days <= 36500:
            raise CommandError(_("A key lives 1 to 36500 days."))
        with transaction.atomic():
            expiry = None if days is None else clock.now() + timedelta(days=days)
            made, key = ApiKey.objects.create_key(name=name, role=options["role"], expiry_date=expiry)
            places = locations(options["location"])
            ApiKey.objects.get(pk=made.pk).locations.set(places)
            actor, _standing = acting()
            events.record(
                EventKind.KEY_MADE, actor=actor, subject=f"key:{name}", detail=granted(options["role"], places)
            )
        self.stderr.write(_("Keep it: it is shown this once and stored as a hash only."))
        self.stdout.write(key)
