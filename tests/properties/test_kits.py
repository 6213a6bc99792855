"""Bundles in bundles, sold and given up in any order, against a model in a few lines of plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.adjustments import open_stock
from inventory.bundles import Component, set_components
from inventory.models import Location, Sku, StockLevel
from inventory.rebuild import verify
from inventory.recipes import kits_now
from inventory.reservations import Fulfil, Release, Reserve, change_reservations
from tests.factories import LocationFactory, SkuFactory
from tests.properties.examples import IN_DATABASE, rolled_back

pytestmark = pytest.mark.django_db

PLAIN = ("A", "B", "C")
BUNDLES = ("ONE", "TWO", "THREE")
PLACES = ("W1", "W2")

some_units = st.integers(1, 3)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, dict[str, int]]:
    """Each bundle of SKUs and of bundles before it: never a circle, never deeper than three."""
    found: dict[str, dict[str, int]] = {}
    for place, name in enumerate(BUNDLES):
        inside = st.sampled_from([*PLAIN, *BUNDLES[:place]])
        found[name] = draw(st.dictionaries(inside, some_units, min_size=1, max_size=3))
    return found


@dataclass
class Model:
    """What there is of plain SKUs at each place, and what every holder has of it, in kits made at one place each."""

    recipes: dict[str, dict[str, int]]
    free: dict[str, Counter[str]]
    sold: dict[int, str] = field(default_factory=dict)  # by holder
    held: dict[int, Counter[str]] = field(default_factory=dict)  # by holder: kits by place, in the order of reserving

    def parts(self, sku: str) -> Counter[str]:
        """What one comes to."""
        found: Counter[str] = Counter()
        for inside, units in self.recipes.get(sku, {}).items():
            for part, each in self.parts(inside).items():
                found[part] += each * units
        return found or Counter({sku: 1})

    def there(self, sku: str, place: str) -> int:
        return min(self.free[place][part] // units for part, units in self.parts(sku).items())

    def reserve(self, holder: int, sku: str, wanted: int) -> int:
        """One place that has all, else each in turn; how many were got."""
        whole = [place for place in PLACES if self.there(sku, place) >= wanted]
        got = 0
        for place in whole[:1] or PLACES:
            if units := min(wanted - got, self.there(sku, place)):
                self._move(place, sku, -units)
                self.held.setdefault(holder, Counter())[place] += units
                self.sold[holder] = sku
                got += units
        return got

    def release(self, holder: int, units: int) -> None:
        """Those of the place that was reserved at last, first."""
        for place in reversed(list(self.held.get(holder, ()))):
            back = min(units, self.held[holder][place])
            self._move(place, self.sold[holder], back)
            self.held[holder][place] -= back
            units -= back

    def fulfil(self, holder: int, units: int) -> None:
        """Those of the place that was reserved at first, first."""
        for place in self.held.get(holder, ()):
            gone = min(units, self.held[holder][place])
            self.held[holder][place] -= gone
            units -= gone

    def _move(self, place: str, sku: str, kits: int) -> None:
        for part, each in self.parts(sku).items():
            self.free[place][part] += kits * each


deeds = st.lists(
    st.tuples(st.sampled_from(["reserve", "reserve", "release", "fulfil"]), st.integers(1, 4), st.integers(1, 4)),
    min_size=1,
    max_size=10,
)
stock = st.fixed_dictionaries(
    {place: st.fixed_dictionaries(dict.fromkeys(PLAIN, st.integers(0, 25))) for place in PLACES}
)


@IN_DATABASE
@given(
    made_of=recipes(),
    opening=stock,
    told=deeds,
    of=st.lists(st.sampled_from([*PLAIN, *BUNDLES]), min_size=4, max_size=4),
)
def test_kits_take_give_back_and_ship_what_the_model_says(
    made_of: dict[str, dict[str, int]],
    opening: dict[str, dict[str, int]],
    told: list[tuple[str, int, int]],
    of: list[str],
) -> None:
    """Each holder (1 to 4) holds one SKU, as an order's line does."""
    with rolled_back():
        skus, places = _build(made_of, opening)
        model = Model(made_of, {place: Counter(units) for place, units in opening.items()})
        for deed, holder, units in told:
            sku = of[holder - 1]
            step: Reserve | Release | Fulfil
            if deed == "reserve":
                step = Reserve(holder, skus[sku].pk, units, [place.pk for place in places.values()])
            else:
                step = Release(holder, units) if deed == "release" else Fulfil(holder, units)
            change = change_reservations([step], holder_kind="test", actor="test", cause="test")[holder]
            if deed == "reserve":
                got = model.reserve(holder, sku, units)
                assert (change.reserved, change.short) == (got, units - got)
            else:
                getattr(model, deed)(holder, units)
        _compare(model, skus, places)


def _build(
    made_of: dict[str, dict[str, int]], opening: dict[str, dict[str, int]]
) -> tuple[dict[str, Sku], dict[str, Location]]:
    places = {code: LocationFactory(code=code) for code in PLACES}
    skus = {code: SkuFactory(code=code) for code in (*PLAIN, *BUNDLES)}
    for code, inside in made_of.items():
        set_components(skus[code], [Component(skus[name], units) for name, units in inside.items()])
    rows = [(skus[sku].pk, places[place].pk, units) for place, some in opening.items() for sku, units in some.items()]
    open_stock(rows, actor="test")
    return skus, places


def _compare(model: Model, skus: dict[str, Sku], places: dict[str, Location]) -> None:
    assert list(verify()) == []
    levels = {(row.sku.code, row.location.code): row for row in StockLevel.objects.select_related("sku", "location")}
    reserved: Counter[tuple[str, str]] = Counter()
    for holder, kits in model.held.items():
        for place, units in kits.items():
            for sku, each in model.parts(model.sold[holder]).items():
                reserved[sku, place] += units * each
    for (sku, place), level in levels.items():
        assert (level.available, level.reserved) == (model.free[place][sku], reserved[sku, place]), (sku, place)
    for code in BUNDLES:
        made = sum(model.there(code, place) for place in PLACES)
        assert kits_now([skus[code].pk])[skus[code].pk].available == made, code
