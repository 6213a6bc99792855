"""Orders of bundles: what they take, give back, ship and lose, in kits and in components."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from channels.models import Channel
from fulfillment.models import SalesOrder, Shortfall
from fulfillment.orders import OrderShort, cancel_order, hold_order, release_order
from fulfillment.returns import create_return, receive
from fulfillment.shipping import NotCovered, create_shipment, dispatch
from fulfillment.shortfalls import fill_shortfalls
from inventory.adjustments import adjust
from inventory.bundles import Component, set_components, set_make_up
from inventory.count_approval import approve
from inventory.counts import Take, count_lines, open_count, submit
from inventory.errors import InsufficientStock
from inventory.models import Location, RecountRequest, Reservation, Sku, StockLevel
from inventory.rebuild import verify
from inventory.recipes import kits_now
from tests.factories import (
    ChannelFactory,
    LineEventFactory,
    ListingFactory,
    LocationFactory,
    ManualChannelFactory,
    OrderEventFactory,
    add_stock,
    bundle,
    hear,
    numbers,
    request,
    sell,
    stocked,
)

pytestmark = pytest.mark.django_db


class House:
    """7 A and 100 B in W1; a kit is 2 A and 1 B; all three are sold in one shop."""

    def __init__(self) -> None:
        self.w1, self.w2 = LocationFactory(code="W1"), LocationFactory(code="W2")
        self.a, self.b = stocked(7, code="A", place=self.w1), stocked(100, code="B", place=self.w1)
        self.kit = bundle({self.a: 2, self.b: 1})
        self.shop: Channel = ChannelFactory(code="shop")
        for sku in (self.a, self.b, self.kit):
            ListingFactory(channel=self.shop, sku=sku)

    def sell(self, *lines: tuple[Sku, int], order: str = "1") -> SalesOrder:
        return sell(self.shop, *lines, order=order)

    def state(self, order: str, version: int, *lines: LineEventFactory) -> SalesOrder:
        """The shop states an order anew."""
        event = OrderEventFactory(external_id=order, version=version, lines=list(lines))
        return hear(self.shop, event)[0]

    @property
    def kits(self) -> int:
        return kits_now([self.kit.pk])[self.kit.pk].available

    @property
    def free(self) -> tuple[int, int]:
        """Available of A and B."""
        return numbers(self.a)[1], numbers(self.b)[1]

    @property
    def held(self) -> tuple[int, int]:
        """Reserved of A and B."""
        return numbers(self.a)[2], numbers(self.b)[2]


@pytest.fixture
def house() -> Iterator[House]:
    """Whatever a test did, the ledger is whole and its kits are whole."""
    yield House()
    assert [one.message for one in verify()] == []


def line(order: SalesOrder, number: int = 1) -> tuple[int, int, int]:
    """Reserved, short and shipped of one of the order's lines."""
    row = order.lines.get(external_id=str(number))
    return row.reserved, row.short, row.shipped


def stated(quantity: int, *, key: str = "KIT", **figures: int) -> LineEventFactory:
    row: LineEventFactory = LineEventFactory(external_id="1", listing_key=key, quantity=quantity, **figures)
    return row


def send(order: SalesOrder, place: Location, kits: int, *, places: frozenset[int] | None = None) -> None:
    lines = [(order.lines.get(external_id="1"), kits)]
    dispatch(create_shipment(order=order, location=place, lines=lines, actor="test"), places=places, actor="test")


def find_only(units: int, sku: Sku, place: Location) -> None:
    count = open_count(location=place, skus=[sku], actor="user:ann")
    count_lines(count, [Take(sku, units)], actor="user:ann")
    approve(submit(count, actor="user:ann"), actor="user:ben")


def test_a_kit_takes_its_components_and_what_they_make_falls(house: House) -> None:
    assert house.kits == 3
    house.sell((house.kit, 1))
    assert (house.free, house.kits) == ((5, 99), 2)
    house.sell((house.a, 2), order="2")
    assert (house.free, house.kits) == ((3, 99), 1)


def test_the_demand_of_an_order_is_summed_over_its_lines_in_their_order(house: House) -> None:
    house.sell((house.a, 2))
    order = house.sell((house.kit, 2), (house.a, 2), order="2")
    assert [line(order, number) for number in (1, 2)] == [(2, 0, 0), (1, 1, 0)]
    assert house.free == (0, 98)


def test_a_kit_is_never_promised_in_part(house: House) -> None:
    order = house.sell((house.kit, 5))
    assert (line(order), house.free, house.held) == ((3, 2, 0), (1, 97), (6, 3))
    assert Shortfall.objects.get().quantity == 2
    wanted = RecountRequest.objects.values_list("sku__code", "location__code").order_by("sku__code")
    assert list(wanted) == [("A", "W1"), ("B", "W1")], "what is oversold is counted: a kit in its components"


def test_a_cancelled_order_gives_whole_kits_back(house: House) -> None:
    order = house.sell((house.kit, 3))
    cancel_order(order, actor="test")
    assert (house.free, house.held) == ((7, 100), (0, 0))


def test_more_and_fewer_kits_than_before(house: House) -> None:
    house.sell((house.kit, 1))
    assert line(house.state("1", 2, stated(3))) == (3, 0, 0)
    assert (house.free, house.held) == ((1, 97), (6, 3))
    house.state("1", 3, stated(3, refunded=2))
    assert (house.free, house.held) == ((5, 99), (2, 1))
    assert line(house.state("1", 4, stated(3, refunded=2, shipped=1))) == (0, 0, 1)
    assert (numbers(house.a), numbers(house.b)) == ((5, 5, 0), (99, 99, 0))


def test_a_paused_order_keeps_its_kits(house: House) -> None:
    order = hold_order(house.sell((house.kit, 2)), actor="test")
    assert house.held == (4, 2)
    send(release_order(order, actor="test"), house.w1, 2)
    assert (line(order), numbers(house.a), numbers(house.b)) == ((0, 0, 2), (3, 3, 0), (98, 98, 0))


def test_a_line_that_sells_a_component_instead_of_the_kit(house: House) -> None:
    house.sell((house.kit, 2))
    assert line(house.state("1", 2, stated(3, key="A"))) == (3, 0, 0)
    assert (house.free, house.held) == ((4, 100), (3, 0))
    house.state("1", 3, stated(2))
    assert (house.free, house.held) == ((3, 98), (4, 2))
    assert line(house.state("1", 4, stated(2, cancelled=1))) == (1, 0, 0)
    assert house.held == (2, 1)


def test_kits_ship_in_parts_of_an_order(house: House) -> None:
    order = house.sell((house.kit, 3))
    send(order, house.w1, 1)
    assert (line(order), house.held) == ((2, 0, 1), (4, 2))
    send(order, house.w1, 2)
    assert (line(order), house.held, house.free) == ((0, 0, 3), (0, 0), (1, 97))


def test_kits_ship_from_another_place_than_where_they_were_promised(house: House) -> None:
    order = house.sell((house.kit, 2))
    add_stock(house.a, house.w2, 2)
    add_stock(house.b, house.w2, 5)
    with pytest.raises(InsufficientStock) as refused, transaction.atomic():
        send(order, house.w2, 2)
    (short,) = refused.value.lines
    assert (short.sku, short.location, short.wanted, short.available) == ("KIT", "W2", 2, 1)
    assert [(part.sku, part.wanted, part.available) for part in short.parts] == [("A", 4, 2)]
    send(order, house.w2, 1)
    assert (line(order), house.held) == ((1, 0, 1), (2, 1))
    at = {level.location.code: level.available for level in StockLevel.objects.filter(sku=house.a)}
    assert at == {"W1": 5, "W2": 0}


def test_a_kit_whose_components_lie_apart_waits_or_is_split(house: House) -> None:
    a, b = stocked(10, code="C", place=house.w1), stocked(10, code="D", place=house.w2)
    apart = bundle({a: 1, b: 1}, code="APART")
    ListingFactory(channel=house.shop, sku=apart)
    order = house.sell((apart, 4))
    assert line(order) == (0, 4, 0)
    set_make_up(apart, ships_together=False)
    assert fill_shortfalls() == 4
    assert (line(order), numbers(a), numbers(b)) == ((4, 0, 0), (10, 6, 4), (10, 6, 4))
    send(order, house.w2, 3)
    assert (line(order), numbers(a), numbers(b)) == ((1, 0, 3), (7, 6, 1), (7, 6, 1))


def test_parts_of_a_split_kit_leave_only_from_places_that_the_sender_covers(house: House) -> None:
    c, d = stocked(10, code="C", place=house.w1), stocked(10, code="D", place=house.w2)
    ListingFactory(channel=house.shop, sku=bundle({c: 1, d: 2}, code="APART", ships_together=False))
    order = house.sell((Sku.objects.get(code="APART"), 4), (house.kit, 1))
    draft = create_shipment(order=order, location=house.w1, actor="test")
    mine, both = frozenset({house.w1.pk}), frozenset({house.w1.pk, house.w2.pk})
    with pytest.raises(NotCovered, match="line 1: parts of its kits lie at locations that you do not cover"):
        dispatch(draft, places=mine, actor="test")
    assert (numbers(c), numbers(d)) == ((10, 6, 4), (10, 2, 8))
    second = order.lines.get(sku=house.kit)
    assert dispatch(draft, lines=[(second, 1)], places=mine, actor="test").status == "dispatched"
    send(order, house.w2, 4, places=both)
    assert (numbers(c), numbers(d)) == ((6, 6, 0), (2, 2, 0))


def test_kits_that_one_place_makes_whole_are_made_there_before_any_is_split(house: House) -> None:
    add_stock(house.a, house.w2, 3)
    set_make_up(house.kit, ships_together=False)
    assert house.kits == 5, "10 of A"
    order = house.sell((house.kit, 5))
    assert line(order) == (5, 0, 0)
    rows = Reservation.objects.values_list("kit", "level__sku__code", "level__location__code", "quantity")
    assert sorted(rows) == [
        (1, "A", "W1", 6), (1, "B", "W1", 3), (2, "A", "W1", 1), (2, "A", "W2", 3), (2, "B", "W1", 2),
    ]  # fmt: skip
    send(order, house.w1, 4)
    assert (line(order), house.held) == ((1, 0, 4), (2, 1))


def test_packed_kits_go_first_and_what_is_made_fills_up(house: House) -> None:
    add_stock(house.kit, house.w1, 2)
    order = house.sell((house.kit, 4))
    assert (line(order), numbers(house.kit), house.held) == ((4, 0, 0), (2, 0, 2), (4, 2))
    house.state("1", 2, stated(4, cancelled=1))
    assert (numbers(house.kit), house.held) == ((2, 0, 2), (2, 1)), "those reserved last are given back first"
    send(order, house.w1, 3)
    assert (numbers(house.kit), numbers(house.a), numbers(house.b)) == ((0, 0, 0), (5, 5, 0), (99, 99, 0))


def test_a_packed_kit_is_not_put_together(house: House) -> None:
    set_make_up(house.kit, mode="pre_packed")
    order = house.sell((house.kit, 1))
    assert (line(order), house.free) == ((0, 1, 0), (7, 100))
    add_stock(house.kit, house.w2, 1)
    assert fill_shortfalls() == 1
    assert (line(order), numbers(house.kit)) == ((1, 0, 0), (1, 0, 1))


def test_short_kits_are_filled_when_a_component_comes(house: House) -> None:
    order = house.sell((house.kit, 5))
    adjust(sku=house.a, location=house.w1, quantity=2, actor="test")
    assert fill_shortfalls() == 1
    assert (line(order), house.free) == ((4, 1, 0), (1, 96))
    adjust(sku=house.a, location=house.w1, quantity=1, actor="test")
    assert fill_shortfalls() == 1
    assert (line(order), Shortfall.objects.get().closed_at is None) == ((5, 0, 0), False)


def test_an_order_of_our_own_is_refused_with_the_kit_and_its_component(house: House) -> None:
    phone = ManualChannelFactory()
    with pytest.raises(OrderShort, match="KIT \\(of which A is lacking\\)") as refused:
        request(phone, (house.b, 1), (house.kit, 4), order="1")
    assert refused.value.lines == [
        {"sku": "KIT", "wanted": 4, "available": 3, "components": [{"sku": "A", "wanted": 8, "available": 7}]}
    ]
    assert house.held == (0, 0)


def test_a_loss_breaks_whole_kits_and_frees_their_other_components(house: House) -> None:
    early, late = house.sell((house.kit, 1)), house.sell((house.kit, 2), order="2")
    find_only(4, house.a, house.w1)
    assert (line(early), line(late)) == ((1, 0, 0), (1, 1, 0))
    assert (house.free, house.held) == ((0, 98), (4, 2))
    find_only(3, house.a, house.w1)
    assert (line(early), line(late)) == ((1, 0, 0), (0, 2, 0))
    assert (house.free, house.held) == ((1, 99), (2, 1)), "of 2 that a broken kit gave back, 1 was gone"
    assert set(Shortfall.objects.values_list("kind", "cause")) == {("backorder", "lost")}


def test_a_kit_loses_two_components_at_once(house: House) -> None:
    order = house.sell((house.kit, 3))
    count = open_count(location=house.w1, skus=[house.a, house.b], actor="user:ann")
    count_lines(count, [Take(house.a, 4), Take(house.b, 2)], actor="user:ann")
    approve(submit(count, actor="user:ann"), actor="user:ben")
    assert (line(order), house.free, house.held) == ((2, 1, 0), (0, 0), (4, 2))


def test_a_split_kit_breaks_at_both_places(house: House) -> None:
    c, d = stocked(4, code="C", place=house.w1), stocked(2, code="D", place=house.w2)
    apart = bundle({c: 2, d: 1}, code="APART", ships_together=False)
    ListingFactory(channel=house.shop, sku=apart)
    order = house.sell((apart, 2))
    find_only(3, c, house.w1)
    assert (line(order), numbers(c), numbers(d)) == ((1, 1, 0), (3, 1, 2), (2, 1, 1))


def test_a_kit_comes_back_as_its_components(house: House) -> None:
    order = house.sell((house.kit, 3))
    send(order, house.w1, 3)
    row = order.lines.get()
    parcel = create_return(order=order, lines=[(row, 3, "")], actor="test")
    receive(parcel, lines=[(row, {"restock": 1, "quarantine": 1, "missing": 1}, house.w2)], actor="test")
    back = {
        level.sku.code: (level.available, level.quarantine) for level in StockLevel.objects.filter(location=house.w2)
    }
    assert back == {"A": (2, 2), "B": (1, 1)}


def test_packed_and_made_kits_come_back_as_they_left(house: House) -> None:
    add_stock(house.kit, house.w1, 1)
    order = house.sell((house.kit, 2))
    send(order, house.w1, 2)
    row = order.lines.get()
    for _turn in range(2):
        receive(create_return(order=order, lines=[(row, 1, "")], actor="test"), location=house.w2, actor="test")
    back = {level.sku.code: level.available for level in StockLevel.objects.filter(location=house.w2)}
    assert back == {"KIT": 1, "A": 2, "B": 1}


def test_what_was_promised_ships_as_it_was_made_though_the_recipe_changed(house: House) -> None:
    order = house.sell((house.kit, 1))
    set_components(house.kit, [Component(house.a, 1), Component(house.b, 3)])
    house.state("1", 2, stated(3))
    assert (house.held, house.free) == ((2 + 2, 1 + 6), (3, 93))
    send(order, house.w1, 3)
    assert (numbers(house.a), numbers(house.b)) == ((3, 3, 0), (93, 93, 0))
    receive(
        create_return(order=order, lines=[(order.lines.get(), 2, "")], actor="test"), location=house.w2, actor="test"
    )
    back = {level.sku.code: level.available for level in StockLevel.objects.filter(location=house.w2)}
    assert back == {"A": 2 + 1, "B": 1 + 3}


def test_a_bundle_that_became_a_sku_again_ships_what_it_was(house: House) -> None:
    order = house.sell((house.kit, 2))
    set_components(house.kit, [])
    cancelled = house.state("1", 2, stated(2, cancelled=1))
    assert house.held == (2, 1)
    send(cancelled, house.w1, 1)
    assert (line(order), house.held) == ((0, 0, 1), (0, 0))


def test_a_promise_that_lost_a_component_behind_the_houses_back_is_named(house: House) -> None:
    house.sell((house.kit, 2))
    Reservation.objects.filter(level__sku=house.b).update(released=1)
    messages = {one.kind: one.message for one in verify()}
    assert "is promised 1 whole kits, 2 units, and has 4 (+2)" in messages["kit"]
    Reservation.objects.update(released=0)
