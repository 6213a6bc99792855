"""News of parcels that left: each channel is told once, however long that takes and whoever dies meanwhile.

The shipment's row is the debt. One worker tells it at a time: its claim starts anew before each request, and who lost the claim
stops.
"""

from collections.abc import Collection, Generator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Greatest

from channels import calls
from channels.connectors.base import (
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    OutboundRequest,
    Response,
    ShipmentNews,
)
from channels.credentials import connector_of
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, back_off, ring

from .models import Shipment
from .models.shipment import NewsStatus

TELL = "fulfillment.tasks.tell_channels"

#: After so many failed attempts the news waits for a person.
MOST_ATTEMPTS = 20

#: Longer than one request takes: a worker that dies with news is followed by another.
NEWS_LEASE = timedelta(minutes=1)

#: After a failed attempt the channel's other news waits for so long at most, so that it holds up nobody else's.
OTHERS_WAIT_SECONDS = 30.0


def tell_channels(*, limit: int = 100) -> int:
    """Tell channels of shipments that they do not know yet; how many took the news. One request at a time, each once."""
    answer(TELL)
    told = 0
    for _ in range(limit):
        shipment = _claim_news()
        if shipment is None:
            break
        told += _tell(shipment)
    return told


@transaction.atomic
def tell_again(shipment_ids: Collection[int]) -> int:
    """Owe parked news again: a person has mended what was wrong; how many."""
    parked = Shipment.objects.filter(pk__in=shipment_ids, news=NewsStatus.PARKED)
    count = parked.update(news=NewsStatus.OWED, news_attempts=0, news_next_at=clock.now())
    if count:
        ring(TELL)
    return count


def doubt_news() -> int:
    """An older database was put back: whether news that is owed was told since is not known; how many."""
    return Shipment.objects.filter(news=NewsStatus.OWED).update(news_attempts=Greatest("news_attempts", 1))


@transaction.atomic
def _claim_news() -> Shipment | None:
    """Take over the news that is due; None where none is. That of one order goes in the order of its shipments."""
    now = clock.now()
    before = Shipment.objects.filter(order=OuterRef("order"), pk__lt=OuterRef("pk"), news=NewsStatus.OWED)
    owed = Shipment.objects.filter(
        ~Exists(before), news=NewsStatus.OWED, news_next_at__lte=now, order__channel__is_active=True,
        order__channel__disconnected_at=None, order__channel__mode="live",
    )  # fmt: skip
    first = owed.select_for_update(of=("self",), skip_locked=True).order_by("news_attempts", "news_next_at", "pk")
    shipment = first.select_related("order__channel").first()
    if shipment is not None:
        shipment.news_attempts += 1
        shipment.news_next_at = now + NEWS_LEASE
        shipment.save(update_fields=["news_attempts", "news_next_at"])
    return shipment


class _TakenOver(Exception):
    """Another worker has taken over this news: it was thought to be lost."""


def _tell(shipment: Shipment) -> bool:
    channel = shipment.order.channel
    connector, told_of = connector_of(channel), _news(shipment)
    change: dict[str, object]
    try:
        calls.converse(channel, lambda shop: _holding(shipment, connector.ship(told_of, shop, now=clock.now())))
        change = {"news": NewsStatus.TOLD, "news_error": "", "news_next_at": None}
    except _TakenOver:
        return False
    except (ChannelRefused, ConnectorError) as error:
        change = {"news": NewsStatus.PARKED, "news_error": str(error)[:500]}
    except (ChannelBusy, ChannelUnclear) as error:
        change = _put_off(shipment, error)
    _held(shipment).update(**change)
    return change.get("news") == NewsStatus.TOLD


def _news(shipment: Shipment) -> ShipmentNews:
    """What the channel is told, and what else of the order it was told of."""
    assert shipment.news_key is not None
    told = Shipment.objects.filter(order=shipment.order_id, news=NewsStatus.TOLD).exclude(pk=shipment.pk)
    return ShipmentNews(
        shipment.order.external_id, shipment.carrier, shipment.tracking_number, _units(shipment), shipment.news_key,
        others=[(other.tracking_number, _units(other)) for other in told.order_by("pk")],
        is_repeat=shipment.news_attempts > 1,
    )  # fmt: skip


def _units(shipment: Shipment) -> list[tuple[str, int]]:
    """The channel's id of each line, and its units."""
    return list(shipment.lines.order_by("pk").values_list("line__external_id", "quantity"))


def _holding(
    shipment: Shipment, talk: Generator[OutboundRequest, Response, None]
) -> Generator[OutboundRequest, Response, None]:
    """The conversation; before each request the claim starts anew, so that nobody else tells the same meanwhile."""
    response: Any = None
    with suppress(StopIteration):
        while True:
            request = talk.send(response)
            if not _held(shipment).update(news_next_at=clock.now() + NEWS_LEASE):
                raise _TakenOver
            response = yield request


def _held(shipment: Shipment) -> QuerySet[Shipment]:
    """The shipment's row, as long as its news is ours to tell."""
    return Shipment.objects.filter(pk=shipment.pk, news=NewsStatus.OWED, news_attempts=shipment.news_attempts)


def _put_off(shipment: Shipment, error: ChannelBusy | ChannelUnclear) -> dict[str, object]:
    """What becomes of news that a channel has no time for; the channel's other news waits a while too."""
    wait = getattr(error, "retry_after_seconds", None) or back_off(shipment.news_attempts, first=2)
    now = clock.now()
    soon = now + timedelta(seconds=min(wait, OTHERS_WAIT_SECONDS))
    others = Shipment.objects.filter(order__channel=shipment.order.channel_id, news=NewsStatus.OWED)
    due = others.filter(news_next_at__lte=now).exclude(pk=shipment.pk).order_by("pk").select_for_update(of=("self",))
    with transaction.atomic():
        Shipment.objects.filter(pk__in=list(due.values_list("pk", flat=True))).update(news_next_at=soon)
    change = {"news_error": str(error)[:500], "news_next_at": now + timedelta(seconds=wait)}
    return change | ({"news": NewsStatus.PARKED} if shipment.news_attempts >= MOST_ATTEMPTS else {})
