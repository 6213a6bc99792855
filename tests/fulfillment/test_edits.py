"""Orders that change their mind: other products, pauses, unpaid ones that expire, and several events of one order at once."""

from datetime import timedelta

import pytest
from django.db import connection

from channels import inbox
from channels.connectors.base import OrderState
from channels.models import Channel, Delivery
from fulfillment import intake, orders
from fulfillment.models import OrderStatus, SalesOrder
from inventory.kernel import clock
from tests import factories
from tests.fulfillment.test_lines_left_out import LINES, channel, reserved, tell

pytestmark = pytest.mark.django_db
__all__ = ["channel"]


def test_a_line_that_now_sells_something_else_gives_up_the_one_and_reserves_the_other(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES[:1])
    tell(channel, "order.updated", 2, [{"id": "1", "external_id": "B", "quantity": 4}])
    line = SalesOrder.objects.get().lines.get()
    assert (line.sku.code, line.quantity, line.reserved, line.short) == ("B", 4, 4, 0)
    assert reserved() == {"A": 0, "B": 4}


def test_a_line_that_now_sells_something_unknown_gives_its_units_back_and_waits(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES[:1])
    tell(channel, "order.updated", 2, [{"id": "1", "external_id": "new", "quantity": 4}])
    line = SalesOrder.objects.get().lines.get()
    assert (line.sku, line.quantity, line.reserved, line.parked_reason) == (None, 4, 0, "unknown_listing")
    assert reserved() == {"A": 0, "B": 0}


def test_an_order_paid_while_paused_is_open_once_released(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES, status="pending")
    orders.hold_order(SalesOrder.objects.get(), actor="test")
    tell(channel, "order.updated", 2, LINES)
    assert SalesOrder.objects.get().status == OrderStatus.PAUSED
    assert orders.release_order(SalesOrder.objects.get(), actor="test").status == OrderStatus.OPEN


def test_an_order_told_as_pending_again_stays_paused(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES, status="pending")
    orders.hold_order(SalesOrder.objects.get(), actor="test")
    tell(channel, "order.updated", 2, LINES, status="pending")
    assert SalesOrder.objects.get().status == OrderStatus.PAUSED


def test_an_order_that_expired_on_its_channel_gives_its_units_back(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES, status="pending")
    assert reserved() == {"A": 2, "B": 3}
    tell(channel, "order.updated", 2, LINES, status="expired")
    assert (SalesOrder.objects.get().status, reserved()) == (OrderStatus.CANCELLED, {"A": 0, "B": 0})


def test_an_order_unpaid_for_too_long_gives_its_units_back_and_reserves_anew_when_paid(channel: Channel) -> None:
    channel.settings["pending_expires_hours"] = 2
    channel.save()
    tell(channel, "order.created", 1, LINES, status="pending")
    assert orders.expire_pending() == 0
    SalesOrder.objects.update(recorded_at=clock.now() - timedelta(hours=3))
    assert orders.expire_pending() == 1
    assert (SalesOrder.objects.get().status, reserved()) == (OrderStatus.CANCELLED, {"A": 0, "B": 0})
    tell(channel, "order.updated", 2, LINES)
    assert (SalesOrder.objects.get().status, reserved()) == (OrderStatus.OPEN, {"A": 2, "B": 3})


@pytest.mark.parametrize("hours", [10**12, -1])
def test_hours_that_make_no_sense_expire_nothing_and_hold_up_no_other_channel(channel: Channel, hours: int) -> None:
    channel.settings["pending_expires_hours"] = hours
    channel.save()
    tell(channel, "order.created", 1, LINES, status="pending")
    other = factories.ChannelFactory(code="other")
    sku = factories.stocked(10, code="C")
    factories.ListingFactory(channel=other, sku=sku)
    pending = factories.OrderEventFactory(
        lines=[factories.LineEventFactory(listing_key="C", quantity=4)], state=OrderState.PENDING
    )
    factories.hear(other, pending)
    SalesOrder.objects.update(recorded_at=clock.now() - timedelta(days=30))
    assert orders.expire_pending() == 1
    assert reserved() == {"A": 2, "B": 3, "C": 0}


def test_a_price_beyond_what_can_be_kept_and_a_nul_in_an_id_do_not_hold_up_the_good_line(channel: Channel) -> None:
    bad = [{"id": "3", "external_id": "a\x00", "quantity": 1}]
    tell(channel, "order.created", 1, [{**LINES[0], "unit_price": "9999999999.99999"}, *bad])
    assert reserved() == {"A": 2, "B": 0}
    assert list(SalesOrder.objects.get().lines.values_list("external_id", "parked_reason")) == [
        ("1", ""),
        ("3", "bad_listing"),
    ]


def test_events_of_one_order_that_wait_together_are_recorded_one_transaction_each(channel: Channel) -> None:
    import json

    for version, quantity in ((1, 2), (2, 5), (3, 4)):
        order = {"id": "9", "version": version, "placed_at": "2026-11-23T10:00:00Z", "currency": "EUR"}
        order["lines"] = [{"id": "1", "external_id": "A", "quantity": quantity}]
        body = json.dumps({"type": "order.updated", "order": order}).encode()
        inbox.store(channel_id=channel.pk, event_id=f"v{version}", topic="", order_ref="9", body=body)
    with connection.execute_wrapper(_Count()) as _:
        assert intake.drain_inbox(inbox.lane_of(channel.pk, "9")) == 3
    assert reserved() == {"A": 4, "B": 0}
    assert set(Delivery.objects.values_list("status", flat=True)) == {"done"}
    assert _Count.locks == 3  # one lock of the levels for each transaction


class _Count:
    locks = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if "inventory_stocklevel" in sql and "FOR NO KEY UPDATE" in sql:
            _Count.locks += 1
        return execute(sql, params, many, context)
