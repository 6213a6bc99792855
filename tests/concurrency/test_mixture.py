"""Everything at once over the same few SKUs: no two transactions ever wait for each other in a circle.

``SELLONCE_MIXED=10000`` has it go on for so many operations.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fulfillment.models import OrderStatus, SalesOrder, SalesOrderLine
from fulfillment.orders import OrderError, cancel_order
from fulfillment.returns import ReturnError, create_return
from fulfillment.returns import receive as take_back
from fulfillment.shipping import ShippingError, create_shipment
from fulfillment.shipping import dispatch as ship
from fulfillment.shortfalls import fill_shortfalls
from inventory import count_approval, counts, expiry, recall, transfers
from inventory.adjustments import adjust, move
from inventory.assemblies import AssemblyError, assemble, disassemble
from inventory.costing.projection import catch_up
from inventory.errors import CountError, InsufficientStock, LotError
from inventory.kernel import clock
from inventory.manifest import Arrived, TransferError, Units
from inventory.models import Location, Lot, Sku, State, StockLevel, Transfer, TransferStatus
from inventory.rebuild import verify
from tests.concurrency.threads import together
from tests.factories import (
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    bundle,
    request,
    sell,
    stocked,
)
from tests.inventory.imports import bring as files
from tests.inventory.lots import lotted

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = int(os.environ.get("SELLONCE_MIXED", "400"))
THREADS = 8

REFUSALS = (
    AssemblyError,
    CountError,
    InsufficientStock,
    LotError,
    OrderError,
    ReturnError,
    ShippingError,
    TransferError,
)


class House:
    """Two places, two mugs, a lot-keeping SKU, a kit of all three; a marketplace and a shop of our own."""

    def __init__(self) -> None:
        self.places: list[Location] = [LocationFactory(code=code) for code in ("A", "B")]
        here = self.places[0]
        self.skus: list[Sku] = [stocked(60, code=code, place=here) for code in ("MUG", "CUP")]
        self.milk = lotted("MILK")
        for sku in (*self.skus, self.milk):
            for place in self.places:
                self.bring(sku, place, 40)
        self.skus += [self.milk, bundle({self.skus[0]: 2, self.skus[1]: 1, self.milk: 1}, code="BOX")]
        self.web, self.own = ChannelFactory(code="web"), ManualChannelFactory(code="own")
        for sku in self.skus:
            ListingFactory(channel=self.web, sku=sku)

    def bring(self, sku: Sku, place: Location, units: int) -> None:
        lot = {"lot": "L1", "expires_on": (clock.now() + timedelta(days=30)).date()} if sku == self.milk else {}
        adjust(sku=sku, location=place, quantity=units, actor="test", **lot)


class Trader:
    """One thread: draws deeds and does them; what is refused is refused."""

    def __init__(self, house: House, number: int) -> None:
        self.house, self.number = house, number
        self.dice = random.Random(f"mixture/{number}")
        self.done: Counter[str] = Counter()
        self.turn = 0

    def work(self) -> Counter[str]:
        deeds: list[Callable[[], Any]] = [
            self.buy, self.buy, self.buy, self.order, self.order, self.cancel, self.send, self.send, self.come_back, self.adjust,
            self.move, self.transfer, self.receive, self.receive, self.count, self.pack, self.expire, self.recall, self.file,
            fill_shortfalls, catch_up,
        ]  # fmt: skip
        for self.turn in range(OPERATIONS // THREADS):
            deed = self.dice.choice(deeds)
            try:
                deed()
                self.done[deed.__name__] += 1
            except REFUSALS:
                self.done["refused"] += 1
        return self.done

    @property
    def sku(self) -> Sku:
        return self.dice.choice(self.house.skus)

    @property
    def place(self) -> Location:
        return self.dice.choice(self.house.places)

    def lines(self) -> list[tuple[Sku, int]]:
        return [(sku, self.dice.randint(1, 3)) for sku in self.dice.sample(self.house.skus, self.dice.randint(1, 3))]

    def any_order(self) -> SalesOrder | None:
        """One that is not of this thread alone."""
        ids = list(SalesOrder.objects.exclude(status=OrderStatus.CANCELLED).values_list("pk", flat=True))
        return SalesOrder.objects.get(pk=self.dice.choice(ids)) if ids else None

    def buy(self) -> None:
        sell(self.house.web, *self.lines(), order=f"{self.number}-{self.turn}")

    def order(self) -> None:
        request(self.house.own, *self.lines(), order=f"{self.number}-{self.turn}")

    def cancel(self) -> None:
        if (order := self.any_order()) is not None:
            cancel_order(order, actor="test")

    def send(self) -> None:
        if (order := self.any_order()) is not None:
            ship(create_shipment(order=order, location=self.place, actor="test"), actor="test")

    def come_back(self) -> None:
        line = SalesOrderLine.objects.filter(shipped__gt=0).order_by("?").first()
        if line is not None:
            parcel = create_return(order=line.order, lines=[(line, 1, "no use")], actor="test")
            take_back(parcel, location=self.place, actor="test")

    def adjust(self) -> None:
        self.house.bring(self.sku, self.place, self.dice.randint(1, 12))

    def move(self) -> None:
        states = self.dice.sample([State.AVAILABLE, State.QUARANTINE, State.DAMAGED, State.HOLD], 2)
        move(
            sku=self.sku, location=self.place, from_state=states[0], to_state=states[1], quantity=self.dice.randint(1, 3),
            actor="test",
        )  # fmt: skip

    def transfer(self) -> None:
        ends = self.dice.sample(self.house.places, 2)
        lines = [Units(sku, units) for sku, units in self.lines()]
        made = transfers.create_transfer(from_location=ends[0], to_location=ends[1], lines=lines, actor="test")
        transfers.dispatch(made, actor="test")

    def receive(self) -> None:
        held = Transfer.objects.filter(status=TransferStatus.DISPATCHED).order_by("?").first()
        if held is None:
            return
        line = held.lines.select_related("sku").order_by("?")[0]
        if self.dice.random() < 0.6:
            transfers.receive(held, lines=[Arrived(line.sku, 1)], actor="test")
        elif self.dice.random() < 0.5:
            transfers.report_lost(held, lines=[Units(line.sku, 1)], actor="test")
        else:
            transfers.cancel(held, actor="test")

    def count(self) -> None:
        place, skus = self.place, self.dice.sample(self.house.skus, 2)
        held = counts.open_count(location=place, skus=skus, actor="ann")
        levels = {level.sku_id: level.available + level.reserved for level in StockLevel.objects.filter(location=place)}
        takes = [
            counts.Take(sku, max(0, levels.get(sku.pk, 0) + self.dice.randint(-4, 3)), row=f"lines.{n}")
            for n, sku in enumerate(skus)
        ]
        counts.count_lines(held, takes, actor="ann")
        counts.submit(held, actor="ann")
        try:
            count_approval.approve(held, actor="ben")
        except CountError:
            counts.cancel(held, actor="ben")

    def pack(self) -> None:
        deed = self.dice.choice((assemble, disassemble))
        deed(bundle=self.house.skus[-1], location=self.place, quantity=self.dice.randint(1, 2), actor="test")

    def expire(self) -> None:
        expiry.sweep()

    def recall(self) -> None:
        lot = Lot.objects.get(code="L1", sku=self.house.milk)
        (
            recall.end_recall
            if lot.is_recalled
            else lambda held, actor: recall.recall(held, reason="glass", actor=actor)
        )(lot, actor="test")

    def file(self) -> None:
        rows = [
            (sku.code, self.place.code, self.dice.randint(5, 40)) for sku in self.dice.sample(self.house.skus[:2], 2)
        ]
        files.bring("stock", files.csv_of(("sku", "location", "quantity"), *rows))


@pytest.mark.timeout(3600 if OPERATIONS > 400 else 300)
def test_any_verbs_at_once_never_lock_up_and_leave_every_book_whole() -> None:
    house = House()
    traders = [Trader(house, number) for number in range(THREADS)]
    outcomes = together(*(trader.work for trader in traders), seconds=3000)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert sum((trader.done for trader in traders), Counter()).total() == OPERATIONS // THREADS * THREADS
    assert catch_up(wait=True)
    assert [one.message for one in verify()] == []
    for line in SalesOrderLine.objects.all():
        assert line.reserved + line.short == line.outstanding, line
