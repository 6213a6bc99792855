"""A small merchant: places, things, channels, by the verbs that the product uses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings

from channels import sync
from channels.models import Channel, Debt, Listing, PushLog, StockTarget, SyncLane
from channels.registration import create_channel, create_listing, create_listings
from inventory.adjustments import adjust, open_stock
from inventory.kernel import clock, workqueue
from inventory.models import Location, Product, Sku
from tests.channels.shop import Json, Shop

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two octets ok").decode()


def a_location(code: str = "W1", **fields: Any) -> Location:
    return Location.objects.get_or_create(code=code, defaults={"name": code, "priority": 1, **fields})[0]


def a_sku(code: str, *, available: int = 0, category: str = "", tags: list[str] | None = None) -> Sku:
    product = Product.objects.create(code=code, name=code, category=category)
    sku = Sku.objects.create(code=code, product=product, name=code, tags=tags or [])
    if available:
        adjust(sku=sku, location=a_location(), quantity=available, reason="opening", actor="test")
    return sku


def set_available(sku: Sku, units: int, *, location: Location | None = None) -> None:
    adjust(sku=sku, location=location or a_location(), set_to=units, actor="test")


def a_channel(shop: Shop | None = None, *, code: str = "web", base_url: str = "", **fields: Any) -> Channel:
    fields.setdefault("credentials", {"secret": SECRET})
    address = base_url or (shop.url if shop else "http://127.0.0.1:1")
    channel = create_channel(code=code, name=code, connector="http", base_url=address, actor="test", **fields)
    return Channel.objects.get(pk=channel.pk)


def a_listing(channel: Channel, sku: Sku, external_id: str = "", **fields: Any) -> Listing:
    return create_listing(channel=channel, sku=sku, external={"external_id": external_id or f"x-{sku.code}"}, **fields)


def many_listings(channel: Channel, count: int) -> list[Listing]:
    """Listings of S000, S001, ... with 1, 2, ... units, made in bulk."""
    product = Product.objects.create(code="many", name="Many")
    codes = [f"S{number:03}" for number in range(count)]
    skus = Sku.objects.bulk_create(Sku(code=code, product=product, name=code) for code in codes)
    open_stock([(sku.pk, a_location().pk, number) for number, sku in enumerate(skus, 1)], actor="test", reference="x")
    return create_listings(channel, [{"sku": sku, "external": {"external_id": f"x-{sku.code}"}} for sku in skus])


def target_of(listing: Listing, *, remote: str = "") -> StockTarget:
    return StockTarget.objects.get(listing=listing, remote=remote)


def owed(channel: Channel | None = None) -> set[str]:
    """External ids that are owed a number."""
    debts = Debt.objects.all() if channel is None else Debt.objects.filter(channel=channel)
    return set(debts.values_list("target__listing__external_key", flat=True))


def outcomes(listing: Listing) -> list[str]:
    """What became of each push of a listing, oldest first."""
    return list(PushLog.objects.filter(target__listing=listing).order_by("id").values_list("outcome", flat=True))


def signed(body: bytes, *, identity: str = "msg_1", at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    """Standard Webhooks headers by the specification, written apart from the product."""
    stamp = str(int((at or clock.now()).timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join([identity.encode(), stamp.encode(), body]), hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": signature}


def lane(channel: Channel) -> SyncLane:
    return SyncLane.objects.get(pk=channel.pk)


def drain(channel: Channel, hands: Hands, *, after: float = 2.0) -> int:
    """Pay what is owed, after so many seconds: longer than the pace."""
    hands.later(after)
    return sync.drain_channel(channel.pk)


def order(
    order_id: str, *lines: tuple[str, int], version: int = 1, placed_at: datetime | None = None, **fields: Any
) -> Json:
    placed = (placed_at or clock.now()).isoformat()
    rows = [
        {"id": str(number), "external_id": external_id, "quantity": units, "unit_price": "9.90"}
        for number, (external_id, units) in enumerate(lines, 1)
    ]
    return {
        "id": order_id,
        "version": version,
        "placed_at": placed,
        "currency": "EUR",
        "ship_to": {},
        "lines": rows,
        **fields,
    }


def event(document: Json, *, kind: str = "order.created") -> bytes:
    return json.dumps({"type": kind, "id": f"e-{document['id']}", "order": document}).encode()


class Alarms:
    """What was rung: the tasks that wait in the real broker, by queue name."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(settings.REDIS_URL)

    def sent(self, task: str) -> list[tuple[list[int], bool]]:
        """(ids, whether it is postponed) of each alarm sent for this task."""
        found = []
        for queue in ("sync", "intake", "default", "celery"):
            for raw in self.client.lrange(f"{settings.REDIS_PREFIX}celery:{queue}", 0, -1):
                message = json.loads(raw)
                if message["headers"]["task"] == task:
                    ids = json.loads(base64.b64decode(message["body"]))[0]
                    found.append((ids, message["headers"].get("eta") is not None))
        return found

    def flag_is_up(self, task: str) -> bool:
        """Whether a change now would ring nobody, since somebody is said to come."""
        return bool(self.client.exists(workqueue._flag(task, ())))

    def forget(self) -> None:
        self.client.flushdb()


class Hands:
    """A clock that stands still and is moved on by hand, so that a slow machine changes nothing."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def later(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
