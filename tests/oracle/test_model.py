"""The model itself: the documents' own examples, and the laws that any right answer obeys."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.model import Model
from tests.oracle.stories import SKUS, Delivery, disorder, orders

PLENTY = 1000


def line(quantity: int, sku: str = "MUG", number: str = "1", **fields: int) -> dict[str, Any]:
    return {"id": number, "external_id": sku, "quantity": quantity} | fields


def event(
    *lines: dict[str, Any], version: int = 1, kind: str = "order.created", order: str = "1", **fields: Any
) -> dict:
    return {"type": kind, "order": {"id": order, "version": version, "lines": list(lines)} | fields}


def told(model: Model, *events: dict) -> Model:
    for one in events:
        model.deliver("shop", event=one)
    return model


def test_a_third_sale_of_two_units_is_short() -> None:
    model = told(Model({"W": {"MUG": 2}}), *(event(line(1), order=str(number)) for number in range(3)))
    assert model.numbers("MUG") == (2, 0, 2)
    assert model.shortfall("MUG") == 1
    assert model.short("shop", order="2") == {"1": 1}


def test_a_cancel_before_its_create_leaves_nothing_reserved() -> None:
    cancel = event(line(3, cancelled=3), version=2, kind="order.cancelled")
    model = told(Model({"W": {"MUG": 10}}), cancel, event(line(3)))
    assert model.numbers("MUG") == (10, 10, 0)
    assert model.status("shop", order="1") == "cancelled"


def test_an_unknown_line_reserves_nothing_and_a_known_one_does() -> None:
    model = Model({"W": {"MUG": 10}}, listings={("shop", "mug"): "MUG"})
    told(model, event(line(1, "stranger"), line(2, "mug", "2")))
    assert model.numbers("MUG") == (10, 8, 2)


def test_a_line_that_the_channel_fulfils_never_reserves() -> None:
    model = Model({"W": {"MUG": 10}}, fulfilled_by_channel=[("shop", "MUG")])
    assert told(model, event(line(3))).numbers("MUG") == (10, 10, 0)


def test_a_line_is_taken_from_the_first_place_that_covers_it() -> None:
    model = told(Model({"A": {"MUG": 2}, "B": {"MUG": 5}}), event(line(3)))
    assert (model.available["A"]["MUG"], model.available["B"]["MUG"]) == (2, 2)


def test_a_line_that_no_place_covers_is_split() -> None:
    model = told(Model({"A": {"MUG": 2}, "B": {"MUG": 5}}), event(line(6)))
    assert (model.available["A"]["MUG"], model.available["B"]["MUG"]) == (0, 1)


def test_lines_reserve_in_the_orders_sequence() -> None:
    model = told(Model({"W": {"MUG": 5}}), event(line(4), line(2, number="2")))
    assert model.short("shop", order="1") == {"1": 0, "2": 1}


def test_refunded_units_are_released_before_shipment_and_not_after() -> None:
    model = told(Model({"W": {"MUG": 10}}), event(line(3)), event(line(3, refunded=1), version=2))
    assert model.numbers("MUG") == (10, 8, 2)
    model = told(Model({"W": {"MUG": 10}}), event(line(3, shipped=3)), event(line(3, shipped=3, refunded=3), version=2))
    assert model.numbers("MUG") == (7, 7, 0)


def test_shipped_units_leave_the_house_once() -> None:
    model = told(Model({"W": {"MUG": 10}}), event(line(3)), event(line(3, shipped=2), version=2))
    assert model.numbers("MUG") == (8, 7, 1)
    assert told(model, event(line(3, shipped=2), version=3)).numbers("MUG") == (8, 7, 1)
    assert model.status("shop", order="1") == "open"


def test_an_order_that_is_unpaid_reserves_and_is_pending() -> None:
    model = told(Model({"W": {"MUG": 10}}), event(line(3), status="pending"))
    assert model.numbers("MUG") == (10, 7, 3)
    assert model.status("shop", order="1") == "pending"


def test_units_that_come_free_while_a_line_is_short_are_left_out_of_comparisons() -> None:
    model = told(Model({"W": {"MUG": 1}}), event(line(1), order="1"), event(line(1), order="2"))
    assert not model.unspecified
    model.adjust("MUG", place="W", quantity=1)
    assert model.unspecified == {"MUG"}


@given(orders())
def test_on_hand_is_available_and_reserved(deliveries: list[Delivery]) -> None:
    model = Model({"A": dict.fromkeys(SKUS, 3), "B": dict.fromkeys(SKUS, 2)})
    for channel, one in deliveries:
        model.deliver(channel, event=one)
        for sku in SKUS:
            on_hand, available, reserved = model.numbers(sku)
            assert on_hand == available + reserved
            assert min(on_hand, available, reserved, *(stock[sku] for stock in model.available.values())) >= 0


@given(st.data())
def test_with_plenty_of_stock_the_end_does_not_depend_on_the_order_of_deliveries(data: st.DataObject) -> None:
    deliveries = data.draw(orders())
    straight, mixed = (Model({"W": dict.fromkeys(SKUS, PLENTY)}) for _ in range(2))
    straight.deliver_all(deliveries)
    mixed.deliver_all(data.draw(disorder(told=deliveries)))
    assert [mixed.numbers(sku) for sku in SKUS] == [straight.numbers(sku) for sku in SKUS]
    assert {key: order.status for key, order in mixed.orders.items()} == {
        key: order.status for key, order in straight.orders.items()
    }


@given(orders())
def test_telling_everything_twice_changes_nothing(deliveries: list[Delivery]) -> None:
    once, twice = (Model({"W": dict.fromkeys(SKUS, 5)}) for _ in range(2))
    once.deliver_all(deliveries)
    twice.deliver_all(both for one in deliveries for both in (one, one))
    assert [once.numbers(sku) for sku in SKUS] == [twice.numbers(sku) for sku in SKUS]


@given(orders())
def test_what_left_the_house_is_what_the_newest_versions_say_was_shipped(deliveries: list[Delivery]) -> None:
    model = Model({"W": dict.fromkeys(SKUS, PLENTY)})
    model.deliver_all(deliveries)
    newest = {(channel, one["order"]["id"]): one["order"] for channel, one in deliveries}
    for sku in SKUS:
        lines = [line for order in newest.values() for line in order["lines"] if line["external_id"] == sku]
        assert PLENTY - model.numbers(sku)[0] == sum(line["shipped"] for line in lines)
