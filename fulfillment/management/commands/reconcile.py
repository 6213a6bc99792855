"""`manage.py reconcile`: read channels back now."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from channels.credentials import connector_of
from channels.models import Channel
from channels.reconcile import reconcile
from fulfillment.polling import poll_orders


class Command(BaseCommand):
    """A line for each drift; nothing where every channel shows our numbers. Exit 1 where not all could be read."""

    help = "Reads channels back now: records orders that never came, and prints numbers shown that are not ours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--channel", metavar="CODE", help="only this channel")

    def handle(self, *args: Any, **options: Any) -> None:
        channels = Channel.objects.connected().order_by("code")
        if options["channel"]:
            channels = channels.filter(code=options["channel"])
            if not channels:
                raise CommandError(_("There is no connected channel {code}.").format(code=options["channel"]))
        troubles: dict[str, None] = {}

        def report(channel: Channel, trouble: str) -> None:
            troubles[f"{channel.code}: {trouble}"] = None  # both reads may say the same

        readable = [one for one in channels if connector_of(one).capabilities(one.settings).has_stock]
        for channel in channels:
            if connector_of(channel).capabilities(channel.settings).has_orders:
                poll_orders(channel.pk, grace=timedelta(0), report=report)
        for drift in reconcile(readable, report=report):
            listing = drift.target.listing
            self.stdout.write(
                f"{listing.channel.code} {listing.sku.code}: expected {drift.expected}, found {drift.found}, "
                f"excess {drift.excess}"
            )
        if troubles:
            raise CommandError(_("Not everything could be read:") + "".join(f"\n{each}" for each in troubles))
