"""`manage.py verify_ledger`: are levels, entries and reservations in agreement?"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from inventory import rebuild


class Command(BaseCommand):
    """Silent and 0 where nothing differs; else a line for each difference and 1."""

    help = "Compares levels with entries; prints each difference; exits with 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="then set every level to what its entries say (entries are never touched)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        differences = 0
        for difference in rebuild.verify():
            differences += 1
            self.stdout.write(f"{difference.kind}: {difference.message}")
        if not differences:
            return
        if options["repair"]:
            mended = rebuild.repair()
            self.stderr.write(_("{count} levels set to what their entries say.").format(count=mended))
        sys.exit(1)
