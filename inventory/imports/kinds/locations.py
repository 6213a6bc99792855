"""Locations, by their code."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import time
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ...catalogue import save_location
from ...kernel.areas import Area
from ...models import Location, LocationKind
from ..cells import KEEP, Capitals, Choice, Code, Days, Degrees, Flag, Hour, Text, Units, Zone
from ..kind import Change, Context, Entry, Problem, Values
from ..table import Held, Table

_COLUMNS = (
    "code", "name", "kind", "country", "postal_code", "latitude", "longitude", "time_zone", "cut_off", "working_days",
    "priority", "is_active",
)  # fmt: skip
_MOST = 2_147_483_647


class Locations(Table[str]):
    """Places that hold stock."""

    code = "locations"
    label = _("Locations")
    area = Area.CATALOG
    model = "inventory.location"
    fields = (
        Code("code", _("code"), always=True, aliases=("location", "location code", "warehouse"), most=50),
        Text("name", _("name"), required=True, blank=KEEP, aliases=("location name", "warehouse name"), most=200),
        Choice("kind", _("kind"), blank=KEEP, aliases=("type",), choices=tuple(LocationKind.values)),
        Capitals("country", _("country"), aliases=("country code",), most=2),
        Text("postal_code", _("postal code"), aliases=("zip", "zip code", "postcode"), most=20),
        Degrees("latitude", _("latitude"), aliases=("lat",), most=90),
        Degrees("longitude", _("longitude"), aliases=("lon", "lng"), most=180),
        Zone("time_zone", _("time zone"), aliases=("timezone",)),
        Hour("cut_off", _("cut-off"), aliases=("cutoff",)),
        Days("working_days", _("working days")),
        Units("priority", _("priority"), blank=KEEP, least=-_MOST, most=_MOST),
        Flag("is_active", _("active"), aliases=("active",)),
    )

    def key_of(self, values: Mapping[str, Any]) -> str:
        return str(values["code"])

    def held(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Held]:
        rows = Location.objects.filter(code__in=keys).order_by("pk")
        if lock:
            rows = rows.select_for_update(no_key=True)
        return {row[1]: Held(row[0], _values(row[1:])) for row in rows.values_list("pk", *_COLUMNS)}

    def complaints(
        self, entries: Sequence[Entry], held: Mapping[str, Held], context: Context
    ) -> dict[int, list[Problem]]:
        """Who is limited to locations changes those alone."""
        if context.places is None:
            return {}
        said = Problem("other_location", _now("You are limited to other locations."), "code")
        there = {entry.number: held.get(entry.values["code"]) for entry in entries}
        return {number: [said] for number, row in there.items() if row is None or row.pk not in context.places}

    def make(self, rows: Sequence[Values], context: Context) -> None:
        for row in rows:
            save_location(Location(**_typed(row)))

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        for held, values in rows:
            save_location(Location(pk=held.pk, **_typed(values)))

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        Location.objects.filter(pk__in=[held.pk for _change, held in rows]).delete()

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        rows = Location.objects.order_by("priority", "code")
        for row in (rows if places is None else rows.filter(pk__in=places)).values_list(*_COLUMNS):
            yield _values(row)


def _values(row: Sequence[Any]) -> Values:
    found = dict(zip(_COLUMNS, row, strict=True))
    return {**found, "cut_off": found["cut_off"].isoformat() if found["cut_off"] else None}


def _typed(values: Values) -> Values:
    cut_off = values.get("cut_off")
    return {**values, **({"cut_off": time.fromisoformat(cut_off)} if cut_off else {})}
