"""Stop selling and disconnect: two different things.

*Stop selling* makes every listing show 0, and is shown as under way until each of them has acknowledged it. *Disconnect* sends
nothing any more: what the channel showed last stays on sale there, and a warning stays here.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet

from inventory.kernel import clock

from . import publishing
from .models import Channel, StockTarget, SyncLane
from .signals import channel_switched


@transaction.atomic
def stop_selling(channels: Iterable[Channel], *, actor: str) -> None:
    """Show 0 on every listing of these channels; what was refused before is tried again: 0 may be taken."""
    for channel in channels:
        channel.stopped_at = channel.stopped_at or clock.now()
        channel.save(update_fields=["stopped_at"])
        publishing.owe_channel(channel.pk)
        _unpark(channel)
        channel_switched.send(stop_selling, channel=channel, state="stopped", actor=actor)


def _unpark(channel: Channel) -> None:
    parked = StockTarget.objects.filter(channel=channel).exclude(parked_reason="").order_by("pk")
    ids = list(parked.select_for_update(no_key=True).values_list("pk", flat=True))
    StockTarget.objects.filter(pk__in=ids).update(parked_reason="", attempts=0)


@transaction.atomic
def disconnect(channel: Channel, *, actor: str) -> None:
    """Send nothing to this channel any more. Its sales are still recorded: they are facts."""
    channel.disconnected_at = channel.disconnected_at or clock.now()
    channel.save(update_fields=["disconnected_at"])
    channel_switched.send(disconnect, channel=channel, state="disconnected", actor=actor)


@transaction.atomic
def resume(channel: Channel, *, actor: str) -> None:
    """Sell again, send again."""
    channel.stopped_at = None
    channel.disconnected_at = None
    channel.save(update_fields=["stopped_at", "disconnected_at"])
    SyncLane.objects.filter(channel=channel).update(failures=0)
    publishing.owe_channel(channel.pk)
    channel_switched.send(resume, channel=channel, state="resumed", actor=actor)


def unacknowledged(channel: Channel) -> QuerySet[StockTarget]:
    """Targets of a stopped channel that may still show more than 0."""
    live = StockTarget.objects.filter(channel=channel, is_active=True, listing__is_active=True)
    return live.filter(Q(shown__gt=0) | Q(shown=None))
