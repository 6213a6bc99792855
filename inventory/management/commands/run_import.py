"""`manage.py run_import ID`: what a worker starts for a large import."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from inventory.imports import process


class Command(BaseCommand):
    """Do what is asked of one import, behind everything else on the machine."""

    help = "Does what is asked of one import. Workers start it; there is no need to."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int)

    def handle(self, *, id: int, **options: Any) -> None:
        process.run_here(id)
