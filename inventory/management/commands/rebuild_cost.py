"""`manage.py rebuild_cost`: value every entry anew, in the order that was given once."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from inventory.costing import projection


class Command(BaseCommand):
    """Facts, the order and closed periods stay as they are; values and layers are made anew, the same to the cent."""

    help = "Drops what was valued and values all entries anew in their order; sales go on meanwhile."

    def handle(self, *args: Any, **options: Any) -> None:
        count = projection.rebuild()
        said = ngettext("%(count)d entry valued anew.", "%(count)d entries valued anew.", count)
        self.stdout.write(said % {"count": count})
