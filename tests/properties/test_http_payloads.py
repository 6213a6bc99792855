"""Whatever bytes a shop sends: an event, nothing of our concern, or a malformed payload; and never a held-up inbox."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels import inbox
from channels.connectors.base import MalformedPayload, OrderEvent
from channels.connectors.http import Http
from channels.models import Channel, Delivery, DeliveryStatus
from fulfillment.intake import drain_inbox
from tests.factories import ChannelFactory, ListingFactory, stocked
from tests.properties.examples import IN_DATABASE, PURE, rolled_back

EVENT: dict[str, Any] = {
    "type": "order.updated",
    "id": "e-1",
    "occurred_at": "2026-11-23T10:00:00Z",
    "order": {
        "id": "A-1",
        "version": 3,
        "placed_at": "2026-11-23T10:00:00+01:00",
        "currency": "EUR",
        "status": "open",
        "ship_to": {"country": "DE"},
        "lines": [
            {"id": "1", "external_id": "MUG", "quantity": 2, "cancelled": 0, "refunded": 1, "shipped": 0,
             "unit_price": "9.90"},
            {"id": "2", "external_id": "CUP", "quantity": 1},
        ],
    },
}  # fmt: skip

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "-1", "3", "1e3", "NaN", "Infinity", "9" * 30, "\x00", "\ud800", "²", "٣", "9999-12-31"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the event."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in paths(one, (*path, key)))]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """The event with one to three places replaced, removed or repeated."""
    event: Any = {"event": copy.deepcopy(EVENT)}
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(event)[1:]))
        place = event
        for key in way:
            place = place[key]
        if draw(st.integers(0, 4)):
            place[last] = draw(anything)
        else:
            del place[last]
        if "event" not in event:
            break
    return json.dumps(event.get("event")).encode("utf-8", "surrogatepass")


def parsed(body: bytes) -> OrderEvent | MalformedPayload | None:
    Http().order_ref(body)
    try:
        return Http().parse(body, topic="")
    except MalformedPayload as error:
        assert error.reason
        assert str(error)
        return error


@PURE
@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b'{"order":' * 50_000)
@example(b'{"type": "order.created", "order": ' + b"9" * 5000 + b"}")
def test_any_bytes_are_an_event_or_none_or_malformed(body: bytes) -> None:
    parsed(body)


@PURE
@given(mutants())
def test_any_mutilated_event_is_an_event_or_none_or_malformed(body: bytes) -> None:
    found = parsed(body)
    if isinstance(found, OrderEvent):
        assert 0 < len(found.external_id) <= 200
        assert found.version >= 0
        assert found.placed_at.tzinfo
        for line in found.lines:
            assert line.problem or (line.cancelled + line.refunded <= line.quantity >= line.shipped)


def test_the_whole_event_is_read() -> None:
    found = parsed(json.dumps(EVENT).encode())
    assert isinstance(found, OrderEvent)
    assert [(line.external_id, line.listing_key, line.quantity, line.refunded) for line in found.lines] == [
        ("1", "MUG", 2, 1), ("2", "CUP", 1, 0),
    ]  # fmt: skip


@pytest.fixture
def shop(db: None) -> Channel:
    channel: Channel = ChannelFactory()
    ListingFactory(channel=channel, sku=stocked(50, code="MUG"))
    return channel


@IN_DATABASE
@given(bodies=st.lists(mutants(), min_size=1, max_size=8))
def test_any_mutilated_events_are_recorded_or_parked_and_hold_up_nobody(shop: Channel, bodies: list[bytes]) -> None:
    with rolled_back():
        good = json.dumps({**EVENT, "id": "good", "order": {**EVENT["order"], "id": "GOOD", "version": 2**40}}).encode()
        for number, body in enumerate([*bodies, good]):
            inbox.store(channel_id=shop.pk, event_id=f"e{number}", topic="", order_ref="A-1", body=body)
        drain_inbox(inbox.lane_of(shop.pk, "A-1"))
        found = Delivery.objects.order_by("pk")
        assert all(delivery.status in (DeliveryStatus.DONE, DeliveryStatus.PARKED) for delivery in found)
        assert all(delivery.reason for delivery in found if delivery.status == DeliveryStatus.PARKED)
        assert found.last().status == DeliveryStatus.DONE  # type: ignore[union-attr]
