"""Any story of cost: nothing is lost or made, whatever the order; a naive model with a price tag on every unit agrees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from inventory.adjustments import adjust
from inventory.companies import home_company
from inventory.costing.journal import statement
from inventory.costing.landed import cancel_landed, create_landed
from inventory.costing.projection import catch_up, rebuild
from inventory.errors import InsufficientStock
from inventory.kernel import clock
from inventory.ledger import Posting, post
from inventory.manifest import Units
from inventory.models import Company, CostLayer, CostMove, CostScope, LandedCost, LedgerEntry, StockLevel
from inventory.rebuild import verify
from inventory.transfers import create_transfer, dispatch, receive
from tests.factories import LocationFactory, SkuFactory
from tests.properties.examples import IN_DATABASE, rolled_back

PLACES = ("HERE", "ALSO", "ABROAD")  # the third one is another company's
sku, place, units = st.sampled_from(("MUG", "CUP")), st.sampled_from(PLACES), st.integers(1, 9)
cost = st.none() | st.integers(0, 3_000_000).map(lambda micro: Decimal(micro).scaleb(-4))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), sku, place, units, cost),
        st.tuples(st.just("ship"), sku, place, units, st.integers(1, 3)),
        st.tuples(st.just("come_back"), sku, place, units, st.integers(1, 3)),
        st.tuples(st.just("lose"), sku, place, units),
        st.tuples(st.just("move"), sku, st.permutations(PLACES), units),
        st.tuples(st.just("assemble"), place, units),
        st.tuples(st.just("charge"), st.integers(1, 99_999).map(lambda cents: Decimal(cents).scaleb(-2))),
        st.tuples(st.just("cancel")),
        st.tuples(st.just("look")),
    ),
    min_size=5,
    max_size=22,
)  # fmt: skip


@dataclass
class Pile:
    """A SKU's units in one company: a price tag on each, the oldest first, and the value by average."""

    tags: list[Fraction] = field(default_factory=list)
    average: Fraction = Fraction(0)
    known: Fraction | None = None

    def take(self, count: int) -> tuple[list[Fraction], Fraction]:
        gone, self.tags = self.tags[:count], self.tags[count:]
        average = self.average * count / (count + len(self.tags))
        self.average -= average
        return gone, average

    def put(self, tags: Sequence[Fraction], average: Fraction, *, is_known: bool = True) -> None:
        self.tags += tags
        self.average += average
        if is_known or self.known is not None:
            self.known = self.average / len(self.tags)


class Story:
    """The product's books, and the model's beside them."""

    def __init__(self) -> None:
        self.skus = {code: SkuFactory(code=code) for code in ("MUG", "CUP", "KIT")}
        abroad = Company.objects.create(code="INC", name="Inc.")
        owners = {"HERE": home_company(), "ALSO": home_company(), "ABROAD": abroad}
        self.places = {code: LocationFactory(code=code, company=owners[code]) for code in PLACES}
        self.owner = {code: company.pk for code, company in owners.items()}
        self.piles: dict[tuple[int, str], Pile] = defaultdict(Pile)
        self.sold: dict[tuple[int, str, int], list[tuple[Fraction, Fraction]]] = defaultdict(list)

    def tell(self, name: str, *told: Any) -> None:
        try:
            with transaction.atomic():
                getattr(self, name)(*told)
        except InsufficientStock:
            pass

    def pile(self, code: str, place: str) -> Pile:
        return self.piles[self.owner[place], code]

    def post(self, *moves: tuple[str, str, str, str, int], reference: str = "") -> None:
        rows = [Posting(self.skus[code].pk, self.places[at].pk, *states, count, reference=reference)
                for code, at, *states, count in moves]  # fmt: skip
        post(rows, actor="test", cause="story")

    def buy(self, code: str, at: str, count: int, each: Decimal | None) -> None:
        adjust(
            sku=self.skus[code], location=self.places[at], quantity=count, reason="receipt", unit_cost=each, actor="t"
        )
        pile = self.pile(code, at)
        tag = Fraction(each) if each is not None else pile.known
        pile.put([tag or Fraction(0)] * count, (tag or Fraction(0)) * count, is_known=tag is not None)

    def ship(self, code: str, at: str, count: int, order: int) -> None:
        self.post((code, at, "available", "customer", count), reference=f"shipment:{order} order:web/{order}")
        tags, average = self.pile(code, at).take(count)
        self.sold[self.owner[at], code, order] += [(tag, average / count) for tag in tags]

    def come_back(self, code: str, at: str, count: int, order: int) -> None:
        sold, pile = self.sold[self.owner[at], code, order], self.pile(code, at)
        self.post((code, at, "customer", "available", count), reference=f"return:{order} order:web/{order}")
        if len(sold) >= count:  # each is worth what those that left were worth on the whole
            fifo, average = (sum(each[side] for each in sold) / len(sold) for side in (0, 1))
            self.sold[self.owner[at], code, order] = [(fifo, average)] * (len(sold) - count)
            pile.put([fifo] * count, average * count)
        else:
            known = pile.known
            pile.put([known or Fraction(0)] * count, (known or Fraction(0)) * count, is_known=known is not None)

    def lose(self, code: str, at: str, count: int) -> None:
        self.post((code, at, "available", "adjustment", count))
        self.pile(code, at).take(count)

    def move(self, code: str, ends: list[str], count: int) -> None:
        source, target, _other = ends
        places = {"from_location": self.places[source], "to_location": self.places[target]}
        held = dispatch(create_transfer(**places, lines=[Units(self.skus[code], count)], actor="t"), actor="t")
        receive(held, actor="t")
        if self.owner[source] != self.owner[target]:
            tags, average = self.pile(code, source).take(count)
            self.pile(code, target).put([sum(tags, Fraction(0)) / count] * count, average)

    def assemble(self, at: str, count: int) -> None:
        parts = [("MUG", 2 * count), ("CUP", count)]
        moves = [(code, at, "available", "adjustment", units) for code, units in parts]
        kit = ("KIT", at, "adjustment", "available", count)
        self.post(*moves, kit, reference="assembly:A")
        taken = [self.pile(code, at).take(units) for code, units in parts]
        fifo = sum((tag for tags, _ in taken for tag in tags), Fraction(0))
        self.pile("KIT", at).put([fifo / count] * count, sum((average for _, average in taken), Fraction(0)))

    def charge(self, amount: Decimal) -> None:
        entry = LedgerEntry.objects.filter(reason="receipt").order_by("pk").last()
        if entry is not None:
            create_landed(method="equal", amount=amount, receipts=[entry], actor="t")
            self._charged(entry)

    def cancel(self) -> None:
        held = LandedCost.objects.filter(cancelled_at=None).first()
        if held is not None:
            cancel_landed(held, reason="story", actor="t")
            self._charged(LedgerEntry.objects.get(pk=held.shares.get().entry_id))

    def _charged(self, entry: LedgerEntry) -> None:
        """What a charge does to each unit has tests of its own: the model takes the product's word for it."""
        at = StockLevel.objects.select_related("sku", "location").get(pk=entry.level_id)
        pile = self.pile(at.sku.code, at.location.code)
        scope = CostScope.objects.get(company=self.owner[at.location.code], sku=at.sku)
        pile.average, pile.tags = Fraction(scope.average_value), []
        for layer in scope.layers.filter(units_left__gt=0).order_by("pk"):
            pile.tags += [Fraction(layer.value_left) / layer.units_left] * layer.units_left
        pile.known = None if scope.known_cost is None else Fraction(scope.known_cost)

    def look(self) -> None:
        catch_up()
        self.check()

    def check(self) -> None:
        for scope in CostScope.objects.select_related("sku"):
            pile = self.piles[scope.company_id, scope.sku.code]
            there = StockLevel.objects.filter(sku=scope.sku, location__company=scope.company_id)
            assert scope.quantity == len(pile.tags) == sum(level.on_hand + level.in_transit for level in there)
            assert abs(Fraction(scope.fifo_value) - sum(pile.tags, Fraction(0))) < Fraction(1, 1000)
            assert abs(Fraction(scope.average_value) - pile.average) < Fraction(1, 1000)
            sums = scope.moves.aggregate(Sum("quantity"), Sum("fifo_cost"), Sum("average_cost"))
            assert tuple(sums.values()) == (scope.quantity, scope.fifo_value, scope.average_value)
            left = scope.layers.aggregate(Sum("units_left"), Sum("value_left"))
            assert (left["units_left__sum"] or 0, left["value_left__sum"] or 0) == (scope.quantity, scope.fifo_value)
            if not scope.quantity:
                assert scope.fifo_value == scope.average_value == 0


def valued() -> list[tuple[Any, ...]]:
    """All that the projection holds, in an order that does not change."""
    layers = CostLayer.objects.order_by("entry").values_list("entry", "quantity", "units_left", "value_left")
    columns = ("position", "kind", "quantity", "fifo_cost", "average_cost", "fifo_after", "average_after", "is_unknown")
    return [*layers, *CostMove.objects.order_by("pk").values_list(*columns, "document", "booked_at")]


@pytest.mark.django_db
@IN_DATABASE
@given(steps)
def test_cost_is_conserved_and_made_anew_it_is_the_same(told: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        story, began = Story(), clock.now()
        for step in told:
            story.tell(*step)
        story.look()
        assert list(verify()) == []
        before = valued()
        rebuild()
        assert valued() == before
        for company in Company.objects.all():
            said = statement(company, starts_at=began, ends_at=clock.now())
            assert said.opening == 0 and said.adds_up
