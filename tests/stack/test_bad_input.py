"""Bad input by webhook: recorded or parked with its evidence; never a 500, a lost order or a held-up inbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.client import Json, eventually
from tests.stack.shop import Shop, now_text
from tests.stack.world import World, by_line, external

Change = Callable[[Json], None]
BIG = 2**53 + 1


@pytest.fixture
def sku(world: World) -> str:
    return world.sku(on_hand=100)


@pytest.fixture
def shop(world: World, sku: str) -> Shop:
    return world.shop(sku, settle=False)


def send(world: World, shop: Shop, sku: str, change: Change, *, quantity: int = 2) -> Json:
    """Send an order of one line after changing it; the answer has to be 200."""
    order = json.loads(json.dumps(shop.order((external(sku), quantity))))
    change(order)
    world.tell(shop, order=order)
    return order


def fate(world: World, shop: Shop, *, order_id: str) -> str:
    """Wait until the order is recorded or something of the channel is parked with a reason; neither is a lost order."""

    def check() -> str:
        parked = world.waiting("parked", about=shop.code)
        assert all(row["reason"] for row in parked), parked
        return "parked" if parked else ("recorded" if world.order(shop, external_id=order_id) else "")

    return eventually(lambda: check() or None, seconds=15)


def assert_the_next_is_processed(world: World, shop: Shop, sku: str) -> None:
    """A good order right behind the bad one is recorded and reserves."""
    good = shop.order((external(sku), 1))
    world.tell(shop, order=good)
    assert by_line(world.recorded(shop, external_id=good["id"]))["1"]["reserved"] == 1


def set_line(**fields: object) -> Change:
    return lambda order: order["lines"][0].update(fields)


def set_order(**fields: object) -> Change:
    return lambda order: order.update(fields)


def drop(*names: str) -> Change:
    return lambda order: [order.pop(name) for name in names] and None


@pytest.mark.parametrize("quantity", [0, -1, -(10**9), 10**30, 1.5, "many", None, True, [], {}, "", "-3", 1e400])
def test_a_quantity_that_is_none_is_parked_and_moves_nothing(
    world: World, shop: Shop, sku: str, quantity: object
) -> None:
    send(world, shop, sku, set_line(quantity=quantity))
    (row, *_rest) = eventually(lambda: world.waiting("parked", about=shop.code))
    assert row["reason"], row
    assert world.numbers(sku) == (100, 100, 0)
    assert_the_next_is_processed(world, shop, sku)


@pytest.mark.parametrize("quantity", [10**6, 2**31 - 1, 2**31, 2**53 + 1, 2**63])
def test_a_huge_quantity_is_recorded_or_parked_and_never_takes_more_than_there_is(
    world: World, shop: Shop, sku: str, quantity: int
) -> None:
    order = send(world, shop, sku, set_line(quantity=quantity))
    fate(world, shop, order_id=order["id"])
    on_hand, available, reserved = world.numbers(sku)
    assert on_hand == 100
    assert available + reserved == 100
    world.adjust(sku, quantity=10)
    eventually(lambda: world.numbers(sku)[0] == 110)


def test_a_bad_line_does_not_take_its_order_with_it(world: World, shop: Shop, sku: str) -> None:
    order = json.loads(json.dumps(shop.order((external(sku), 2), (external(sku), 3))))
    order["lines"][1]["quantity"] = -3
    world.tell(shop, order=order)
    assert fate(world, shop, order_id=order["id"])
    assert_the_next_is_processed(world, shop, sku)
    assert world.numbers(sku) in ((100, 97, 3), (100, 99, 1)), "the good line reserves, or the whole order is parked"


@pytest.mark.parametrize("currency", ["USD", "usd", "XXX", "EURO", "", "€", 978, None])
def test_a_wrong_currency_is_recorded_or_parked(world: World, shop: Shop, sku: str, currency: object) -> None:
    order = send(world, shop, sku, set_order(currency=currency))
    fate(world, shop, order_id=order["id"])
    assert_the_next_is_processed(world, shop, sku)


def test_a_sale_in_another_currency_still_takes_its_stock(world: World, shop: Shop, sku: str) -> None:
    """The sale is a fact, in whatever money it was paid."""
    order = send(world, shop, sku, set_order(currency="USD"))
    assert by_line(world.recorded(shop, external_id=order["id"]))["1"]["reserved"] == 2


def test_two_lines_of_one_sku_both_reserve(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 2), (external(sku), 3))
    world.tell(shop, order=order)
    lines = by_line(world.recorded(shop, external_id=order["id"]))
    assert {number: line["reserved"] for number, line in lines.items()} == {"1": 2, "2": 3}
    assert world.numbers(sku) == (100, 95, 5)


def test_two_lines_under_one_line_id_are_parked_or_counted_once(world: World, shop: Shop, sku: str) -> None:
    order = json.loads(json.dumps(shop.order((external(sku), 2), (external(sku), 2))))
    order["lines"][1]["id"] = order["lines"][0]["id"]
    world.tell(shop, order=order)
    fate(world, shop, order_id=order["id"])
    assert world.numbers(sku)[2] in (0, 2, 4)
    assert_the_next_is_processed(world, shop, sku)


@pytest.mark.parametrize(
    "change",
    [
        set_order(placed_at="2999-01-01T00:00:00Z"),
        set_order(placed_at="9999-12-31T23:59:59Z"),
        set_order(placed_at="yesterday"),
        set_order(placed_at="2026-02-30T00:00:00Z"),
        set_order(placed_at=1764000000),
        set_order(placed_at=10**20),
        set_order(placed_at=None),
        set_order(placed_at="2026-11-23T10:00:00"),
        drop("placed_at"),
        set_order(ship_to=None),
        set_order(ship_to="Berlin"),
        set_order(ship_to={"latitude": "north", "longitude": 1e9, "country": "Deutschland" * 50}),
        drop("ship_to"),
        set_order(lines=None),
        set_order(lines=[]),
        set_order(lines={}),
        set_order(lines=[None]),
        set_order(lines=["a"]),
        drop("lines"),
        set_order(version=None),
        set_order(version="one"),
        set_order(version=-1),
        set_order(version=2**64),
        set_order(version=1.5),
        drop("version"),
        set_order(status="exploded"),
        set_order(status=17),
        set_line(unit_price="free"),
        set_line(unit_price=-1),
        set_line(unit_price="1e500"),
        set_line(unit_price="NaN"),
        set_line(unit_price=None),
        set_line(external_id=None),
        set_line(external_id=""),
        set_line(external_id={"a": 1}),
        set_line(external_id="x" * 10_000),
        set_line(external_id="a\u0000b"),
        set_line(id=None),
        set_line(id="l" * 5_000),
        set_line(cancelled=99),
        set_line(cancelled=-1),
        set_line(refunded="some"),
        set_line(shipped=99),
        set_line(shipped=-5),
    ],
    ids=lambda change: change.__closure__ and repr([cell.cell_contents for cell in change.__closure__])[:60],
)
def test_a_strange_order_is_recorded_or_parked_and_the_next_is_processed(
    world: World, shop: Shop, sku: str, change: Change
) -> None:
    order = send(world, shop, sku, change)
    fate(world, shop, order_id=order["id"])
    on_hand, available, reserved = world.numbers(sku)
    assert available + reserved == on_hand
    assert_the_next_is_processed(world, shop, sku)


@pytest.mark.parametrize("order_id", [None, "", "x" * 10_000, "a\u0000b", "\ud800", {"a": 1}, [], True, 1.5])
def test_a_strange_order_id_is_parked_or_recorded_and_the_next_is_processed(
    world: World, shop: Shop, sku: str, order_id: object
) -> None:
    send(world, shop, sku, set_order(id=order_id))

    def kept() -> bool:
        return bool(world.waiting("parked", about=shop.code) or world.api.count("sales-orders/", channel=shop.code))

    eventually(kept)
    assert_the_next_is_processed(world, shop, sku)


@pytest.mark.parametrize("kind", ["order.exploded", "", None, 17, {"a": 1}])
def test_an_unknown_type_of_event_does_not_hold_up_the_next(world: World, shop: Shop, sku: str, kind: object) -> None:
    body = {"type": kind, "id": "e", "occurred_at": now_text(), "order": shop.order((external(sku), 1))}
    assert world.deliver_raw(shop, body=json.dumps(body).encode()).status_code == 200
    assert_the_next_is_processed(world, shop, sku)


def test_unknown_fields_are_ignored(world: World, shop: Shop, sku: str) -> None:
    order = shop.order((external(sku), 2), gift={"wrapped": True}, loyalty=[1, 2], **{"$ref": "#/x"})
    order["lines"][0]["colour"] = "blue"
    world.tell(shop, order=order, extra={"a": None})
    assert by_line(world.recorded(shop, external_id=order["id"]))["1"]["reserved"] == 2


def test_a_quantity_written_as_text_is_read_or_parked(world: World, shop: Shop, sku: str) -> None:
    order = send(world, shop, sku, set_line(quantity="2"))
    how = fate(world, shop, order_id=order["id"])
    assert world.numbers(sku) == ((100, 98, 2) if how == "recorded" else (100, 100, 0))
    assert_the_next_is_processed(world, shop, sku)


def test_a_price_written_as_a_number_is_read(world: World, shop: Shop, sku: str) -> None:
    order = send(world, shop, sku, set_line(unit_price=9.9))
    assert by_line(world.recorded(shop, external_id=order["id"]))["1"]["reserved"] == 2


def test_an_order_id_beyond_two_to_the_53_is_kept_to_the_last_digit(world: World, shop: Shop, sku: str) -> None:
    order_id = BIG * 1000 + int(world.tag, 16) * 2 + 1
    send(world, shop, sku, set_order(id=order_id))
    assert world.recorded(shop, external_id=str(order_id))["external_id"] == str(order_id)


def test_a_listing_id_beyond_two_to_the_53_finds_its_sku(world: World) -> None:
    near, meant = world.sku(on_hand=10), world.sku(on_hand=10)
    shop = world.shop(settle=False)
    number = BIG * 1000 + int(world.tag, 16) * 2
    world.offer(shop, sku=near, external_id=str(number - 1))
    world.offer(shop, sku=meant, external_id=str(number))
    send(world, shop, near, set_line(external_id=number), quantity=3)
    eventually(lambda: world.numbers(meant) == (10, 7, 3))
    assert world.numbers(near) == (10, 10, 0)


def test_an_order_of_ten_thousand_lines_is_recorded_whole(world: World) -> None:
    skus = [world.sku(on_hand=3000) for _ in range(5)]
    shop = world.shop(*skus)
    order = shop.order(*((external(skus[number % 5]), 1) for number in range(10_000)))
    world.tell(shop, order=order)
    recorded = world.recorded(shop, external_id=order["id"], seconds=40)
    assert len(recorded["lines"]) == 10_000
    assert [world.numbers(sku) for sku in skus] == [(3000, 1000, 2000)] * 5


def test_one_poisonous_delivery_among_three_hundred_is_parked_and_the_rest_recorded(
    world: World, shop: Shop, sku: str
) -> None:
    world.adjust(sku, quantity=900)
    orders = [json.loads(json.dumps(shop.order((external(sku), 1)))) for _ in range(300)]
    orders[150]["lines"][0]["id"] = "poison\u0000\ud800"
    orders[150]["lines"][0]["quantity"] = -7
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda order: world.deliver(shop, order=order).status_code, orders))
    assert answers == [200] * 300
    eventually(lambda: world.numbers(sku)[2] == 299, seconds=20)
    recorded = {row["external_id"] for row in world.api.rows("sales-orders/", channel=shop.code)}
    assert {order["id"] for order in orders if order is not orders[150]} <= recorded
    assert eventually(lambda: world.waiting("parked", about=shop.code))
