"""Stock: units of one state at one location, set to a number, added or removed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ...codes import find_skus
from ...costing.facts import UnitCost, check_fact, keep_fact
from ...kernel.areas import Area
from ...ledger import Entry as Posted
from ...ledger import Posting, post
from ...locks import lock_levels
from ...models import Location, Sku, State, StockLevel
from ...models.ledger import BY_HAND
from ...reasons import parse_reason
from ..cells import Amount, Choice, Code, Units
from ..kind import Change, Context, Entry, Finding, Kind, Outcome, Preset, Problem, Values

SET, ADD, REMOVE = "set", "add", "remove"
_STATES = tuple(state.value for state in BY_HAND)

#: SKU's id, location's id, state.
Spot = tuple[int, int, str]


@dataclass(slots=True)
class _Named:
    """What the codes of some rows stand for."""

    skus: Mapping[str, int]
    locations: Mapping[str, int]
    names: Mapping[int, str]
    units: Mapping[Spot, int] = field(default_factory=dict)


class Stock(Kind):
    """How many units there are. SKUs and locations may be named by any of their codes, locations also by name."""

    code = "stock"
    label = _("Stock")
    area = Area.STOCK
    model = "inventory.stocklevel"
    chunk = 200
    modes = ((SET, _("Set to this number")), (ADD, _("Add these units")), (REMOVE, _("Remove these units")))
    adding = frozenset({ADD, REMOVE})
    fields = (
        Code("sku", _("SKU"), always=True, aliases=("sku code", "code", "item number", "product code", "barcode"), most=100),
        Code("location", _("location"), always=True, aliases=("location code", "warehouse", "location name"), most=200),
        Units(
            "quantity", _("quantity"), always=True,
            aliases=("available", "units", "stock level", "stock", "qty", "on hand", "set to", "in stock"),
        ),
        Choice("state", _("state"), blank=State.AVAILABLE.value, choices=_STATES),
        Amount("unit_cost", _("unit cost"), blank=None, is_cost=True, aliases=("cost", "purchase price")),
    )  # fmt: skip
    presets = (
        Preset(
            "linnworks", _("Linnworks inventory"),
            {
                "sku": ("SKU", "ItemNumber", "Item Number"), "location": ("Location", "StockLocation"),
                "quantity": ("Stock Level", "StockLevel", "Level", "Available"), "unit_cost": ("Unit Cost", "UnitCost"),
            },
            marks=("Stock Level", "StockLevel", "Bin Rack", "BinRack", "Minimum Level"),
        ),
        Preset(
            "shopify", _("Shopify inventory CSV"),
            {
                "sku": ("SKU",), "location": ("Location",),
                "quantity": ("Available", "Available (not editable)", "On hand", "On hand (new)", "On hand (current)"),
            },
            skip=("not stocked",), marks=("Handle", "HS Code", "COO", "Committed", "Incoming"),
        ),
    )  # fmt: skip

    def look(self, entries: Sequence[Entry], context: Context) -> list[Finding]:
        """What each row would do to the units that are there now."""
        named = _resolve(entries)
        spots = {}
        found: list[Finding] = []
        for entry in entries:
            problem = _unknown(entry.values, named, context)
            if problem is None:
                values = entry.values
                spots[entry.number] = (
                    named.skus[values["sku"]], named.locations[values["location"].casefold()],
                    values.get("state", State.AVAILABLE.value),
                )  # fmt: skip
        named.units = _units_now(set(spots.values()))
        for entry in entries:
            if entry.number in spots:
                found.append(_finding(entry, spots[entry.number], named, context))
            else:
                key = f"{entry.values['sku']} @ {entry.values['location']}"
                problem = _unknown(entry.values, named, context)
                found.append(Finding(entry.number, key, problems=(problem,) if problem else ()))
        return found

    def apply(self, changes: Sequence[Change], context: Context) -> list[Outcome]:
        """Post what still fits, all of it at once; what moved since the check is told, not overwritten."""
        levels = lock_levels((change.target["sku"], change.target["location"]) for change in changes)
        reason, note = parse_reason(context.reason)
        now: dict[Spot, int] = {}
        postings: list[Posting] = []
        outcomes: list[Outcome] = []
        for change in changes:
            spot = (change.target["sku"], change.target["location"], change.target["state"])
            if spot not in now:
                now[spot] = getattr(levels[spot[:2]], spot[2])
            outcome = _outcome(change, now[spot], spot[2], undoing=context.undoing)
            outcomes.append(outcome)
            if outcome.done is not None:
                units = int(outcome.done.target["units"])
                now[spot] += units
                key = f"{context.reference}:{change.number}"
                postings.append(_posting(spot, units, reason=reason, note=note, reference=context.reference, key=key))
        entries = post(postings, actor=context.actor, cause="import", reference=context.reference, levels=levels)
        if not context.undoing:
            _keep_costs([outcome.done for outcome in outcomes if outcome.done], entries)
        return outcomes

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        """What is available at every level, and what is in another state where there is any."""
        rows = StockLevel.objects.order_by("location__priority", "location__code", "sku__code")
        if places is not None:
            rows = rows.filter(location__in=places)
        for sku, location, *units in rows.values_list("sku__code", "location__code", *_STATES).iterator(
            chunk_size=2000
        ):
            for state, quantity in zip(_STATES, units, strict=True):
                if quantity or state == State.AVAILABLE:
                    yield {"sku": sku, "location": location, "quantity": quantity, "state": state}


def _resolve(entries: Sequence[Entry]) -> _Named:
    skus = {code: named.sku_id for code, named in find_skus([entry.values["sku"] for entry in entries]).items()}
    rows = list(Location.objects.values_list("pk", "code", "name"))  # a few, and people write them as they like
    places = {name.casefold(): pk for pk, _code, name in rows}
    places |= {code.casefold(): pk for pk, code, _name in rows}
    names: dict[int, str] = {pk: code for pk, code, _name in rows}
    own = dict(Sku.objects.filter(pk__in=set(skus.values())).values_list("pk", "code"))
    return _Named(skus, places, {**{-pk: name for pk, name in names.items()}, **own})


def _units_now(spots: set[Spot]) -> dict[Spot, int]:
    if not spots:
        return {}
    skus, places = {spot[0] for spot in spots}, {spot[1] for spot in spots}
    rows = StockLevel.objects.filter(sku__in=skus, location__in=places).values_list("sku", "location", *_STATES)
    return {
        (sku, place, state): quantity
        for sku, place, *units in rows
        for state, quantity in zip(_STATES, units, strict=True)
    }


def _unknown(values: Values, named: _Named, context: Context) -> Problem | None:
    if values["sku"] not in named.skus:
        return Problem("unknown", _now("There is no SKU {code}.").format(code=values["sku"]), "sku")
    place = named.locations.get(values["location"].casefold())
    if place is None:
        return Problem("unknown", _now("There is no location {code}.").format(code=values["location"]), "location")
    if context.places is not None and place not in context.places:
        return Problem("other_location", _now("You are limited to other locations."), "location")
    return None


def _finding(entry: Entry, spot: Spot, named: _Named, context: Context) -> Finding:
    sku, place, state = spot
    key = f"{named.names[sku]} @ {named.names[-place]}" + ("" if state == State.AVAILABLE else f" ({state})")
    quantity, there = entry.values["quantity"], named.units.get(spot, 0)
    after = {SET: quantity, ADD: there + quantity, REMOVE: there - quantity}[context.mode or SET]
    if after < 0:
        said = _now("{units} are to be removed, {there} are there.").format(units=quantity, there=there)
        return Finding(entry.number, key, problems=(Problem("insufficient_stock", said, "quantity"),))
    if after == there:
        return Finding(entry.number, key)
    target = {
        "sku": sku, "location": place, "state": state, "units": after - there, "sets": (context.mode or SET) == SET,
    }  # fmt: skip
    if after > there and entry.values.get("unit_cost") is not None:  # what is there already has its cost
        target["unit_cost"] = entry.values["unit_cost"]
    return Finding(entry.number, key, Change(entry.number, key, {state: there}, {state: after}, target, position=sku))


def _outcome(change: Change, now: int, state: str, *, undoing: bool) -> Outcome:
    """Whether the change still fits what is there."""
    units = int(change.target["units"])
    if change.target["sets"] and not undoing:
        before, after = (change.before or {}).get(state), (change.after or {}).get(state)
        if now == after:
            return Outcome(change.number)
        if now != before:
            said = _now("{before} were there at the check, {now} are there now: they were not overwritten.")
            return Outcome(change.number, problem=Problem("moved_on", said.format(before=before, now=now), "quantity"))
    if now + units < 0:
        said = _now("{units} are to be taken off, {now} are left.").format(units=-units, now=now)
        return Outcome(change.number, problem=Problem("insufficient_stock", said, "quantity"))
    done = Change(change.number, change.key, {state: now}, {state: now + units}, change.target, change.position)
    return Outcome(change.number, done)


def _posting(spot: Spot, units: int, *, reason: str, note: str, reference: str, key: str) -> Posting:
    sku, place, state = spot
    source, target = (State.ADJUSTMENT.value, state) if units > 0 else (state, State.ADJUSTMENT.value)
    return Posting(
        sku, place, source, target, abs(units), reason=reason, note=note, reference=reference, key=key,
        unlotted=True,  # a file names no lots
    )  # fmt: skip


def _keep_costs(done: Sequence[Change], entries: Sequence[Posted]) -> None:
    """What units that came in cost, where their rows say so. Raises CostError."""
    costly = [pair for pair in zip(done, entries, strict=True) if "unit_cost" in pair[0].target]
    places = Location.objects.in_bulk({change.target["location"] for change, _entry in costly})
    for change, entry in costly:
        cost = UnitCost(Decimal(change.target["unit_cost"]))
        check_fact(cost, units=change.target["units"])
        keep_fact(cost, location=places[change.target["location"]], level_id=entry.level_id, number=entry.number)
