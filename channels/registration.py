"""Channels and listings come into being and change through these verbs, so that ids are checked and numbers are owed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from inventory.models import Location, Sku

from . import publishing
from .connectors.base import ConnectorError
from .credentials import account, connector_of, store
from .models import Channel, ChannelLocation, FulfilledBy, Listing, StockTarget, SyncLane
from .signals import listings_mapped

#: What of a channel says which shop it is; and what decides about its numbers, or about whether they can be sent.
_ELSEWHERE = ("connector", "base_url", "settings")
_MOVING = (*_ELSEWHERE, "mode", "is_active", "priority")


@transaction.atomic
def create_channel(
    *,
    code: str,
    name: str,
    connector: str,
    credentials: Mapping[str, Any] | None = None,
    locations: Sequence[tuple[Location, str]] = (),
    actor: str,
    **fields: Any,
) -> Channel:
    """A new channel. Raises ConnectorError where its settings or credentials cannot work."""
    channel = Channel(code=code, name=name, connector=connector, **fields)
    store(channel, credentials or {})
    connector_of(channel).check(account(channel))
    channel.settings = connector_of(channel).kept_settings(channel.settings or {})
    channel.save()
    SyncLane.objects.create(channel=channel)
    _map_locations(channel, locations)
    return channel


@transaction.atomic
def update_channel(
    channel: Channel,
    *,
    actor: str,
    credentials: Mapping[str, Any] | None = None,
    locations: Sequence[tuple[Location, str]] | None = None,
    **fields: Any,
) -> Channel:
    """Change a channel; where that may move a number, all that it shows are owed again. Raises ConnectorError.

    Only what is given is written: a worker may have renewed its token, or somebody stopped it, since the row was read.
    """
    held = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
    before = {name: getattr(held, name) for name in _MOVING}
    for name, value in fields.items():
        setattr(held, name, value)
    if credentials:
        store(held, credentials)
    connector_of(held).check(account(held))
    held.settings = connector_of(held).kept_settings(held.settings or {})
    held.save(update_fields=[*fields, "settings", "credentials_text"])
    channel.refresh_from_db()
    if locations is not None:
        _map_locations(channel, locations)
    moved = {name for name in _MOVING if before[name] != getattr(channel, name)}
    if moved or credentials or locations is not None:
        publishing.owe_channel(channel.pk)
        if moved.intersection(_ELSEWHERE):
            _forget_shown(channel)
        publishing.align_targets(channel)
    return channel


def _forget_shown(channel: Channel) -> None:
    """It may be another shop by now: what it shows is unknown, and a number in flight lands where nobody looks any more."""
    targets = StockTarget.objects.filter(channel=channel).order_by("pk").select_for_update(no_key=True)
    ids = list(targets.values_list("pk", flat=True))
    StockTarget.objects.filter(pk__in=ids).update(shown=None, disturbed=True)


def create_listing(
    *,
    channel: Channel,
    sku: Sku,
    external: Mapping[str, Any] | None = None,
    fulfilled_by: str = FulfilledBy.US,
    is_active: bool = True,
) -> Listing:
    """Offer a SKU on a channel. Raises ConnectorError where the channel's id is missing or offered already."""
    row = {"sku": sku, "external": external, "fulfilled_by": fulfilled_by, "is_active": is_active}
    return create_listings(channel, [row])[0]


@transaction.atomic
def create_listings(channel: Channel, rows: Iterable[Mapping[str, Any]]) -> list[Listing]:
    """Offer many SKUs on one channel: rows of sku, external, fulfilled_by, is_active as in ``create_listing``."""
    connector = connector_of(channel)
    listings = []
    for row in rows:
        external = dict(row.get("external") or {})
        key = connector.external_key(external, sku_code=row["sku"].code)
        listings.append(
            Listing(
                channel=channel,
                sku=row["sku"],
                external=connector.kept_external(external),
                external_key=_checked(key),
                fulfilled_by=row.get("fulfilled_by", FulfilledBy.US),
                is_active=row.get("is_active", True),
            )
        )
    _refuse_taken(channel, listings)
    Listing.objects.bulk_create(listings, batch_size=2000)
    _follow(channel, [listing.pk for listing in listings])
    return listings


@transaction.atomic
def update_listing(listing: Listing, **changes: Any) -> Listing:
    """Change a listing: its SKU, the channel's ids, who fulfils it, whether it is active. Raises ConnectorError."""
    before = Listing.objects.get(pk=listing.pk)
    for name, value in changes.items():
        setattr(listing, name, value)
    connector = connector_of(listing.channel)
    listing.external_key = _checked(connector.external_key(listing.external, sku_code=listing.sku.code))
    listing.external = connector.kept_external(listing.external)
    if listing.external_key != before.external_key:
        _refuse_taken(listing.channel, [listing])
    listing.save()
    publishing.owe_listings([listing.pk])  # debts before targets
    if (listing.external_key, listing.external) != (before.external_key, before.external):
        listing.targets.update(shown=None, disturbed=True)  # a number in flight lands under the old id
    _follow(listing.channel, [listing.pk])
    return listing


def _follow(channel: Channel, listing_ids: list[int]) -> None:
    publishing.owe_listings(listing_ids)
    publishing.align_targets(channel, listing_ids=listing_ids)
    listings_mapped.send(create_listings, channel_id=channel.pk, listing_ids=listing_ids)


def _map_locations(channel: Channel, locations: Sequence[tuple[Location, str]]) -> None:
    connector = connector_of(channel)
    places = sorted({remote for _, remote in locations})
    if len(places) > 1 and not connector.capabilities(channel.settings).has_places:
        named = ", ".join(places)
        raise ConnectorError(f"this channel keeps one number for all locations; it cannot tell apart: {named}")
    channel.location_map.all().delete()
    ChannelLocation.objects.bulk_create(
        ChannelLocation(channel=channel, location=location, remote=connector.kept_remote(remote))
        for location, remote in locations
    )


def _checked(key: str) -> str:
    if not key or len(key) > 200 or "\x00" in key:
        raise ConnectorError("the channel's id has 1 to 200 characters")
    return key


def _refuse_taken(channel: Channel, listings: Sequence[Listing]) -> None:
    keys = [listing.external_key for listing in listings]
    seen: set[str] = set()
    twice = {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]
    own = [listing.pk for listing in listings if listing.pk]
    taken = Listing.objects.filter(channel=channel, external_key__in=keys).exclude(pk__in=own)
    twice.update(taken.values_list("external_key", flat=True)[:5])
    if twice:
        raise ConnectorError(f"{channel.code} has a listing of {', '.join(sorted(twice)[:5])} already")
