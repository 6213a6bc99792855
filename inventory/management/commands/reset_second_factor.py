"""`manage.py reset_second_factor USER`: as when the only administrator's phone is lost."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from inventory.people import second_factor
from inventory.people.acting import acting


class Command(BaseCommand):
    """Forgets a person's second factor and ends their sessions."""

    help = "Forgets a person's second factor and recovery codes, and ends their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="email address or user name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(_("There is no {name}.").format(name=options["user"]))
        second_factor.reset(user, actor=acting()[0])
        self.stdout.write(_("{name} has no second factor any more.").format(name=user))
