"""`manage.py doctor`: what is wrong, and the cure."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.doctor import examine


class Command(BaseCommand):
    """Check settings, services, roles, migrations, workers, beat and channel credentials."""

    help = "Checks the installation. Exit status 1, with the cure, when something is wrong."
    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        failed = 0
        for finding in examine():
            mark = self.style.SUCCESS("ok  ") if finding.is_ok else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark}  {finding.name:<10}  {finding.detail}")
            if not finding.is_ok:
                failed += 1
                self.stdout.write(f"{'':<18}cure: {finding.cure}")
        if failed:
            sys.exit(1)
