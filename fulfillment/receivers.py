"""What this app does when an app below it tells news."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver

from channels.connectors.base import PolledOrder
from channels.models import Channel, Listing
from channels.signals import deliveries_stored, listings_mapped, orders_listed
from inventory.kernel.workqueue import ring
from inventory.losses import Loss
from inventory.signals import promises_concerned, promises_lost, stock_changed

from . import intake, polling, shortfalls
from .models import SalesOrderLine
from .recording import HOLDER


@receiver(deliveries_stored, dispatch_uid="fulfillment.ring")
def ring_intake(sender: Any, *, lanes: set[int], **news: Any) -> None:
    """Deliveries wait: ring for their lanes."""
    for lane in sorted(lanes):
        ring(intake.DRAIN, lane)


@receiver(orders_listed, dispatch_uid="fulfillment.listed")
def store_listed(sender: Any, *, channel: Channel, orders: Sequence[PolledOrder], **news: Any) -> None:
    """A channel listed orders: those that we do not know go into the inbox."""
    polling.store_unknown(channel, orders)


@receiver(listings_mapped, dispatch_uid="fulfillment.resolve")
def resolve_lines(sender: Any, *, channel_id: int, listing_ids: list[int], **news: Any) -> None:
    """Listings were mapped: lines that waited for them find their SKU."""
    waiting = SalesOrderLine.objects.filter(parked_reason="unknown_listing", order__channel=channel_id)
    if waiting.exists():
        keys = Listing.objects.filter(pk__in=listing_ids).values_list("external_key", flat=True)
        intake.resolve_listings(channel_id, list(keys))


@receiver(stock_changed, dispatch_uid="fulfillment.fill")
def ring_shortfalls(sender: Any, *, sku_ids: list[int], cause: str, **news: Any) -> None:
    """Stock may have come: ring for the lines that wait for it. A sale brings none."""
    if cause not in ("sale", "shortfall") and shortfalls.wait_for(sku_ids):
        ring(shortfalls.FILL)


@receiver(promises_concerned, dispatch_uid="fulfillment.lock")
def lock_holders(sender: Any, *, holders: Sequence[tuple[str, int]], **news: Any) -> None:
    """Promises may be taken back: their orders are locked before stock is."""
    shortfalls.lock_orders([holder_id for kind, holder_id in holders if kind == HOLDER])


@receiver(promises_lost, dispatch_uid="fulfillment.lost")
def take_losses(sender: Any, *, losses: Sequence[Loss], **news: Any) -> None:
    """Promised units are gone: lines wait for others."""
    shortfalls.take_losses([loss for loss in losses if loss.holder_kind == HOLDER])
