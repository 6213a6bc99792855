"""Every verb of the ledger in any order: after each step nothing is lost or made, nothing is negative, and all books agree.

The machine keeps one number a SKU, how many units ought to be there or on their way: it adds what each verb says that it did.
Everything else is asked of the product: the checker finds no difference, levels rebuilt from entries are the levels that stand,
cost enters and leaves exactly, promises are as many as orders were told.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from fulfillment.models import OrderStatus, SalesOrder, SalesOrderLine
from fulfillment.orders import OrderError, cancel_order
from fulfillment.returns import ReturnError, create_return
from fulfillment.returns import receive as take_back
from fulfillment.shipping import ShippingError, create_shipment
from fulfillment.shipping import dispatch as ship
from fulfillment.shortfalls import fill_shortfalls
from inventory import assemblies, bundles, count_approval, counts, expiry, recall, transfers
from inventory.adjustments import adjust, move
from inventory.assemblies import AssemblyError
from inventory.bundles import Component
from inventory.companies import home_company
from inventory.costing.journal import statement
from inventory.costing.projection import catch_up
from inventory.costing.projection import rebuild as value_anew
from inventory.errors import CountError, InsufficientStock, InvalidMovement, LotError
from inventory.kernel import clock
from inventory.manifest import Arrived, TransferError, Units
from inventory.models import (
    Assembly,
    BundleMode,
    CostMove,
    Count,
    ImportBatch,
    Location,
    Lot,
    Sku,
    StockLevel,
    Transfer,
)
from inventory.models.ledger import BY_HAND, INSIDE
from inventory.rebuild import repair, verify
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    SkuFactory,
    request,
    sell,
)
from tests.inventory.imports import bring as files
from tests.inventory.lots import lotted
from tests.properties.examples import rolled_back

#: What a verb answers that cannot be done; whatever else is raised is a fault.
REFUSALS = (
    AssemblyError, CountError, InsufficientStock, InvalidMovement, LotError, OrderError, ReturnError, ShippingError,
    TransferError,
)  # fmt: skip

Brought = tuple[ImportBatch, str, int]
PLACES = ("A", "B", "C")
#: What a unit of each SKU comes to in the end: two are kits, the second with the first in it.
LEAVES = {
    "MUG": Counter(MUG=1), "CUP": Counter(CUP=1), "MILK": Counter(MILK=1),
    "BOX": Counter(MUG=2, CUP=1), "SET": Counter(MUG=2, CUP=1, MILK=1),
}  # fmt: skip
LOTLESS = ("MUG", "CUP", "BOX", "SET")
codes = st.sampled_from(tuple(LEAVES))
places = st.sampled_from(PLACES)
states = st.sampled_from([state.value for state in BY_HAND])
units = st.integers(1, 6)
costs = st.none() | st.integers(0, 3_000_000).map(lambda micro: Decimal(micro).scaleb(-4))


def in_leaves(rows: Iterable[tuple[str, int]]) -> Counter[str]:
    """Units by SKU, kits as what they come to."""
    found: Counter[str] = Counter()
    for sku, count in rows:
        for leaf, each in LEAVES[sku].items():
            found[leaf] += count * each
    return +found


class Ledger(RuleBasedStateMachine):
    """Three places, two plain SKUs and one that keeps lots, a marketplace and a shop of our own."""

    orders = Bundle("orders")
    journeys = Bundle("journeys")
    counted = Bundle("counted")
    assembled = Bundle("assembled")
    imported = Bundle("imported")

    def __init__(self) -> None:
        super().__init__()
        self._all = rolled_back()
        self._all.__enter__()
        self._now, self._late = clock.now, timedelta()
        clock.now = lambda: self._now() + self._late
        self.began = clock.now()
        self.ought: Counter[str] = Counter()
        self.told = 0

    def teardown(self) -> None:
        clock.now = self._now
        self._all.__exit__(None, None, None)

    @initialize()
    def open_house(self) -> None:
        self.places: dict[str, Location] = {code: LocationFactory(code=code) for code in PLACES}
        self.skus: dict[str, Sku] = {code: SkuFactory(code=code) for code in LOTLESS} | {"MILK": lotted("MILK")}
        mug, cup, box, milk = (self.skus[code] for code in ("MUG", "CUP", "BOX", "MILK"))
        bundles.set_components(box, [Component(mug, 2), Component(cup)])
        bundles.set_components(self.skus["SET"], [Component(box), Component(milk)])
        bundles.set_make_up(box, places={self.places["A"]: BundleMode.PRE_PACKED})
        bundles.set_make_up(self.skus["SET"], mode=BundleMode.PRE_PACKED, places={self.places["B"]: BundleMode.VIRTUAL})
        self.web, self.own = ChannelFactory(code="web"), ManualChannelFactory(code="own")
        for sku in self.skus.values():
            ListingFactory(channel=self.web, sku=sku)

        for sku, place, number in itertools.product(LEAVES, PLACES, (0, 1)):
            self.adjust(sku=sku, place=place, state="available", by=12, lot="XY"[number], cost=Decimal(3 + 2 * number))

    @contextmanager
    def refusable(self) -> Iterator[None]:
        """A verb that is refused has done nothing."""
        try:
            with transaction.atomic():
                yield
        except REFUSALS:
            pass

    def level(self, sku: str, place: str) -> StockLevel | None:
        return StockLevel.objects.filter(sku=self.skus[sku], location=self.places[place]).first()

    def gain(self, sku: str, units: int) -> None:
        """So many more of a SKU ought to be there."""
        for leaf, count in LEAVES[sku].items():
            self.ought[leaf] += units * count

    def lot_of(self, sku: str, lot: str) -> str:
        return lot if sku == "MILK" else ""

    # --- by hand

    @rule(
        sku=codes,
        place=places,
        state=states,
        by=st.integers(-6, 12).filter(bool),
        lot=st.sampled_from("XYZ"),
        cost=costs,
    )
    def adjust(self, sku: str, place: str, state: str, by: int, lot: str, cost: Decimal | None) -> None:
        comes = by > 0
        with self.refusable():
            adjust(
                sku=self.skus[sku], location=self.places[place], state=state, quantity=by, actor="test",
                lot=self.lot_of(sku, lot) if comes else "", expires_on=self.expiry(sku, lot) if comes else None,
                unit_cost=cost if comes else None,
            )  # fmt: skip
            self.gain(sku, by)

    def expiry(self, sku: str, lot: str) -> Any:
        known = Lot.objects.filter(sku=self.skus[sku], code=lot).first()
        if sku != "MILK" or known:
            return known.expires_on if known else None
        return None if lot == "Z" else (clock.now() + timedelta(days={"X": 2, "Y": 9}[lot])).date()

    @rule(sku=st.sampled_from(LOTLESS), place=places, state=states, to=st.integers(0, 9))
    def set_units(self, sku: str, place: str, state: str, to: int) -> None:
        level = self.level(sku, place)
        with self.refusable():
            adjust(sku=self.skus[sku], location=self.places[place], state=state, set_to=to, actor="test")
            self.gain(sku, to - (getattr(level, state) if level else 0))

    @rule(sku=codes, place=places, pair=st.permutations([state.value for state in BY_HAND]), by=units)
    def move(self, sku: str, place: str, pair: list[str], by: int) -> None:
        with self.refusable():
            move(
                sku=self.skus[sku], location=self.places[place], from_state=pair[0], to_state=pair[1], quantity=by,
                actor="test",
            )  # fmt: skip

    # --- orders

    @rule(target=orders, lines=st.lists(st.tuples(codes, units), min_size=1, max_size=3), is_fact=st.booleans())
    def order(self, lines: list[tuple[str, int]], is_fact: bool) -> SalesOrder | None:
        self.told += 1
        wanted = [(self.skus[sku], count) for sku, count in lines]
        if is_fact:
            return sell(self.web, *wanted, order=f"f{self.told}")
        found: list[SalesOrder] = []
        with self.refusable():
            found.append(request(self.own, *wanted, order=f"o{self.told}"))
        return found[0] if found else None

    @rule(order=orders)
    def cancel(self, order: SalesOrder | None) -> None:
        if order is not None and order.channel_id == self.own.pk and self.now(order) != OrderStatus.CANCELLED:
            with self.refusable():
                cancel_order(order, actor="test")

    @rule(order=orders, place=places, share=st.integers(1, 3))
    def ship(self, order: SalesOrder | None, place: str, share: int) -> None:
        if order is None or self.now(order) == OrderStatus.CANCELLED:
            return
        before = self.shipped()
        lines = [(line, -(-line.outstanding // share)) for line in order.lines.all() if line.outstanding]
        with self.refusable():
            parcel = create_shipment(order=order, location=self.places[place], lines=lines, actor="test")
            ship(parcel, actor="test")
            self.ought.subtract(self.shipped() - before)

    def now(self, order: SalesOrder) -> str:
        return SalesOrder.objects.get(pk=order.pk).status

    def shipped(self) -> Counter[str]:
        """Units that left for good, by SKU, as orders say."""
        return in_leaves(SalesOrderLine.objects.values_list("sku__code").annotate(units=Sum("shipped")))

    @rule(order=orders, by=st.integers(1, 2), place=places, how=st.sampled_from(("restock", "quarantine", "missing")))
    def bring_back(self, order: SalesOrder | None, by: int, place: str, how: str) -> None:
        line = None if order is None else order.lines.filter(shipped__gt=0).select_related("sku").first()
        if order is None or line is None:
            return
        with self.refusable():
            parcel = create_return(order=order, lines=[(line, by, "no use")], actor="test")
            take_back(parcel, lines=[(line, {how: by}, self.places[place])], actor="test")
            assert line.sku is not None
            self.gain(line.sku.code, by if how != "missing" else 0)

    @rule()
    def fill(self) -> None:
        fill_shortfalls()

    # --- transfers

    @rule(target=journeys, sku=codes, by=units, ends=st.permutations(PLACES))
    def send_off(self, sku: str, by: int, ends: list[str]) -> Transfer | None:
        found: list[Transfer] = []
        with self.refusable():
            made = transfers.create_transfer(
                from_location=self.places[ends[0]], to_location=self.places[ends[1]],
                lines=[Units(self.skus[sku], by)], actor="test",
            )  # fmt: skip
            found.append(transfers.dispatch(made, actor="test"))
        return found[0] if found else None

    @rule(journey=journeys, good=st.integers(0, 3), damaged=st.integers(0, 1))
    def arrive(self, journey: Transfer | None, good: int, damaged: int) -> None:
        if journey is not None:
            sku = journey.lines.select_related("sku").get().sku
            with self.refusable():
                transfers.receive(journey, lines=[Arrived(sku, good, damaged)], actor="test")

    @rule(journey=journeys, by=st.integers(1, 2))
    def lose(self, journey: Transfer | None, by: int) -> None:
        if journey is not None:
            sku = journey.lines.select_related("sku").get().sku
            with self.refusable():
                transfers.report_lost(journey, lines=[Units(sku, by)], actor="test")
                self.gain(sku.code, -by)

    @rule(journey=journeys)
    def turn_back(self, journey: Transfer | None) -> None:
        if journey is not None:
            with self.refusable():
                transfers.cancel(journey, actor="test")

    # --- counts

    @rule(target=counted, sku=codes, place=places, found=st.integers(0, 20))
    def count(self, sku: str, place: str, found: int) -> Count | None:
        made: list[Count] = []
        with self.refusable():
            held = counts.open_count(location=self.places[place], skus=[self.skus[sku]], actor="ann")
            counts.count_lines(held, [counts.Take(self.skus[sku], found)], actor="ann")
            made.append(counts.submit(held, actor="ann"))
        return made[0] if made else None

    @rule(held=consumes(counted))
    def approve(self, held: Count | None) -> None:
        if held is not None:
            line = held.lines.select_related("sku").get()
            with self.refusable():
                count_approval.approve(held, actor="ben")
                self.gain(line.sku.code, line.variance or 0)

    # --- lots

    @rule(days=st.integers(0, 3))
    def time_goes_by(self, days: int) -> None:
        self._late += timedelta(days=days)
        expiry.sweep()

    @rule(lot=st.sampled_from("XYZ"), is_over=st.booleans())
    def recall(self, lot: str, is_over: bool) -> None:
        found = Lot.objects.filter(sku=self.skus["MILK"], code=lot).first()
        if found is not None:
            with self.refusable():
                if is_over:
                    recall.end_recall(found, actor="test")
                else:
                    recall.recall(found, reason="glass", actor="test")

    # --- kits

    @rule(
        target=assembled,
        sku=st.sampled_from(("BOX", "SET")),
        place=places,
        kits=st.integers(1, 4),
        is_apart=st.booleans(),
    )
    def assemble(self, sku: str, place: str, kits: int, is_apart: bool) -> Assembly | None:
        deed = assemblies.disassemble if is_apart else assemblies.assemble
        made: list[Assembly] = []
        with self.refusable():
            made.append(deed(bundle=self.skus[sku], location=self.places[place], quantity=kits, actor="test"))
        return made[0] if made else None

    @rule(held=assembled)
    def reverse(self, held: Assembly | None) -> None:
        if held is not None:
            with self.refusable():
                assemblies.reverse(held, actor="test")

    # --- files

    @rule(target=imported, sku=st.sampled_from(LOTLESS), place=places, to=st.integers(0, 12))
    def bring_in(self, sku: str, place: str, to: int) -> Brought:
        level = self.level(sku, place)
        before = level.available if level else 0
        batch = files.bring("stock", files.csv_of(("sku", "location", "quantity"), (sku, place, to)))
        assert (batch.status, batch.applied) == ("applied", int(to != before)), batch.message
        self.gain(sku, to - before)
        return batch, sku, to - before

    @rule(brought=consumes(imported))
    def undo(self, brought: Brought) -> None:
        batch, sku, units = brought
        if units:
            undone = files.undo(batch)
            if undone.applied:
                self.gain(sku, -units)

    # --- what is always true

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        found: Counter[str] = Counter()
        for level in StockLevel.objects.select_related("sku"):
            held = [getattr(level, state) for state in INSIDE]
            assert min(held) >= 0, level
            found[level.sku.code] += sum(held)
        assert in_leaves(found.items()) == +self.ought

    @invariant()
    def promises_are_what_orders_were_told(self) -> None:
        lines = SalesOrderLine.objects.values_list("sku__code").annotate(units=Sum("reserved"))
        levels = StockLevel.objects.values_list("sku__code").annotate(units=Sum("reserved"))
        assert in_leaves(lines) == in_leaves(levels)

    @invariant()
    def the_checker_finds_nothing_and_levels_made_anew_are_the_same(self) -> None:
        assert [one.message for one in verify()] == []
        assert repair() == 0

    @invariant()
    def cost_is_conserved(self) -> None:
        assert catch_up(wait=True)
        said = statement(home_company(), starts_at=self.began, ends_at=clock.now() + timedelta(seconds=1))
        assert said.opening == 0 and said.adds_up

    @rule()
    def value_anew(self) -> None:
        """Made anew, cost is the same: now and then, since it goes over all that was."""
        before = self.worth()
        value_anew()
        assert self.worth() == before

    def worth(self) -> list[tuple[Any, ...]]:
        columns = ("position", "kind", "quantity", "fifo_after", "average_after")
        return list(CostMove.objects.order_by("position").values_list(*columns))
