"""Listings: which SKU is offered on which channel, under which id of the channel's."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.codes import skus_by_code
from inventory.imports.cells import KEEP, Choice, Code, Document, Flag, Text
from inventory.imports.kind import Change, Context, Entry, Problem, Values
from inventory.imports.table import Held, Table
from inventory.kernel.areas import Area

from .. import registration
from ..connectors.base import ConnectorError
from ..credentials import connector_of
from ..models import Channel, FulfilledBy, Listing

#: A channel's code, and the id by which the channel knows a thing.
Key = tuple[str, str]


class Listings(Table[Key]):
    """What is offered where. The channel's ids come as one id, or as a JSON object of what its connector needs."""

    code = "listings"
    label = _("Listings")
    area = Area.CHANNELS
    spans = True
    model = "channels.listing"
    fields = (
        Code("channel", _("channel"), always=True, aliases=("channel code", "sub source", "shop"), most=50),
        Code("sku", _("SKU"), always=True, aliases=("sku code", "linnworks sku", "item number")),
        Text(
            "external_id",
            _("the channel's id"),
            aliases=("channel sku", "linked sku custom label", "external sku"),
            most=200,
        ),
        Document("external", _("the channel's ids")),
        Choice("fulfilled_by", _("fulfilled by"), blank=KEEP, choices=tuple(map(str, FulfilledBy.values))),
        Flag("is_active", _("active"), aliases=("active",)),
    )

    def key_of(self, values: Mapping[str, Any]) -> Key:
        return str(values["channel"]), str(values.get("external_id", ""))

    def key_columns(self) -> list[str]:
        return ["channel", "external_id"]

    def name_of(self, key: Key) -> str:
        return " · ".join(key)

    def held(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Held]:
        rows = Listing.objects.filter(
            channel__code__in={key[0] for key in keys}, external_key__in={key[1] for key in keys}
        )
        if lock:
            rows = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        found = ((row, (row.channel.code, row.external_key)) for row in rows.select_related("channel", "sku"))
        return {key: Held(row.pk, _values(row)) for row, key in found}

    def complaints(
        self, entries: Sequence[Entry], held: Mapping[Key, Held], context: Context
    ) -> dict[int, list[Problem]]:
        """Channels and SKUs that there are not, and ids that the channel's connector does not take."""
        found: dict[int, list[Problem]] = {}
        channels, skus = _named(entries)
        for entry in entries:
            channel, sku = channels.get(entry.values["channel"]), skus.get(entry.values["sku"])
            if channel is None:
                said = _now("There is no channel {code}.").format(code=entry.values["channel"])
                found[entry.number] = [Problem("unknown", said, "channel")]
            elif sku is None:
                said = _now("There is no SKU {code}.").format(code=entry.values["sku"])
                found[entry.number] = [Problem("unknown", said, "sku")]
            elif "refused" in entry.values:
                found[entry.number] = [Problem("bad_id", entry.values["refused"], "external_id")]
            else:
                entry.values["sku"] = sku.code
        return found

    def look(self, entries: Sequence[Entry], context: Context) -> Any:
        """Each channel's connector says by which id it knows a thing."""
        channels, skus = _named(entries)
        for entry in entries:
            channel, sku = channels.get(entry.values["channel"]), skus.get(entry.values["sku"])
            if channel is not None and sku is not None:
                _resolve(entry.values, channel, sku.code)
        return super().look(entries, context)

    def make(self, rows: Sequence[Values], context: Context) -> None:
        skus = skus_by_code({row["sku"] for row in rows})
        by_channel: dict[str, list[Values]] = defaultdict(list)
        for row in rows:
            named: Values = {name: row[name] for name in ("external", "fulfilled_by", "is_active") if name in row}
            by_channel[row["channel"]].append({**named, "sku": skus[row["sku"]]})
        for channel in Channel.objects.filter(code__in=by_channel).order_by("pk"):
            registration.create_listings(channel, by_channel[channel.code])

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        skus = skus_by_code({values["sku"] for _held, values in rows})
        listings = Listing.objects.select_related("channel", "sku").in_bulk([held.pk for held, _values in rows])
        for held, values in rows:
            given = {name: values[name] for name in ("external", "fulfilled_by", "is_active")}
            registration.update_listing(listings[held.pk], sku=skus[values["sku"]], **given)

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        """A channel may still show it: it is no longer fed, and stays as a record."""
        for listing in Listing.objects.filter(pk__in=[held.pk for _change, held in rows]).select_related(
            "channel", "sku"
        ):
            registration.update_listing(listing, is_active=False)

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        rows = Listing.objects.select_related("channel", "sku").order_by("channel__code", "sku__code", "pk")
        for row in rows.iterator(chunk_size=2000):
            yield _values(row)


def _values(row: Listing) -> Values:
    return {
        "channel": row.channel.code, "sku": row.sku.code, "external_id": row.external_key, "external": row.external,
        "fulfilled_by": row.fulfilled_by, "is_active": row.is_active,
    }  # fmt: skip


def _named(entries: Sequence[Entry]) -> tuple[dict[str, Channel], Mapping[str, Any]]:
    channels = Channel.objects.filter(code__in={entry.values["channel"] for entry in entries})
    return {channel.code: channel for channel in channels}, skus_by_code({entry.values["sku"] for entry in entries})


def _resolve(values: Values, channel: Channel, sku: str) -> None:
    """Put the channel's ids and the one that it is known by into a row's values."""
    external = dict(values.get("external") or {})
    if not external and values.get("external_id"):
        external = {"external_id": values["external_id"]}
    try:
        connector = connector_of(channel)
        values["external_id"] = connector.external_key(external, sku_code=sku)
        values["external"] = connector.kept_external(external)
    except ConnectorError as error:
        values["refused"] = str(error)
