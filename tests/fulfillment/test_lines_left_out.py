"""A newer statement of an order that leaves a known line out has taken it off the order."""

import base64
import json

import pytest

from channels import inbox, registration
from channels.models import Channel
from fulfillment import intake
from fulfillment.models import SalesOrder
from inventory.models import StockLevel
from tests import factories

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four by").decode()


def tell(channel: Channel, kind: str, version: int, lines: list[dict], **order: object) -> None:
    stated = {
        "id": "7",
        "version": version,
        "placed_at": "2026-11-23T10:00:00Z",
        "currency": "EUR",
        "lines": lines,
        **order,
    }
    body = json.dumps({"type": kind, "id": f"e{version}", "order": stated}).encode()
    inbox.store(channel_id=channel.pk, event_id=f"e{version}", topic="", order_ref="7", body=body)
    intake.drain_inbox(inbox.lane_of(channel.pk, "7"))


@pytest.fixture
def channel() -> Channel:
    made = registration.create_channel(
        code="web",
        name="Web",
        connector="http",
        base_url="http://127.0.0.1:9",
        credentials={"secret": SECRET},
        actor="test",
    )
    location = factories.LocationFactory(code="W1")
    for code in ("A", "B"):
        sku = factories.stocked(10, code=code, place=location)
        registration.create_listing(channel=made, sku=sku, external={"external_id": code})
    return made


def reserved() -> dict[str, int]:
    return {level.sku.code: level.reserved for level in StockLevel.objects.select_related("sku")}


LINES = [{"id": "1", "external_id": "A", "quantity": 2}, {"id": "2", "external_id": "B", "quantity": 3}]


def test_an_update_that_leaves_a_line_out_gives_its_units_back(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES)
    tell(channel, "order.updated", 2, LINES[:1])
    assert reserved() == {"A": 2, "B": 0}
    assert list(SalesOrder.objects.get().lines.values_list("external_id", "cancelled", "reserved")) == [
        ("1", 0, 2),
        ("2", 3, 0),
    ]


def test_a_refund_names_only_what_it_refunds(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES)
    tell(channel, "order.refunded", 2, [{**LINES[0], "refunded": 1}])
    assert reserved() == {"A": 1, "B": 3}


def test_an_older_update_takes_nothing_off(channel: Channel) -> None:
    tell(channel, "order.created", 3, LINES)
    tell(channel, "order.updated", 2, LINES[:1])
    assert reserved() == {"A": 2, "B": 3}


def test_a_newer_address_replaces_the_older(channel: Channel) -> None:
    tell(channel, "order.created", 1, LINES, ship_to={"country": "DE", "city": "Berlin"})
    tell(channel, "order.updated", 2, LINES, ship_to={"country": "DE", "city": "Bonn"})
    tell(channel, "order.updated", 3, LINES)
    assert SalesOrder.objects.get().ship_to == {"country": "DE", "city": "Bonn"}
