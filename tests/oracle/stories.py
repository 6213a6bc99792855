"""Hypothesis strategies: what channels send about their orders, repeated and in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Delivery = tuple[str, dict[str, Any]]
CHANNELS = ("alpha", "beta", "gamma")
SKUS = ("MUG", "CUP", "JUG", "PAN")


def _event(kind: str, *, order_id: str, version: int, status: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": kind,
        "id": f"{order_id}-{version}-{kind}",
        "occurred_at": f"2026-11-23T10:{version:02}:00Z",
        "order": {
            "id": order_id,
            "version": version,
            "placed_at": "2026-11-23T10:00:00Z",
            "currency": "EUR",
            "status": status,
            "ship_to": {"country": "DE"},
            "lines": [dict(line) for line in lines],
        },
    }


@st.composite
def order_events(draw: st.DrawFn, *, order_id: str, largest: int = 4) -> list[dict[str, Any]]:
    """One order's life: created (perhaps unpaid), then amended, shipped, refunded; perhaps cancelled at the end.

    Only what the documents decide: units are shipped as far as they were sold, and refunded either before any of the
    line was shipped or after all of it was, so that nobody has to guess which units a refund meant.
    """
    count = draw(st.integers(1, 3))
    lines = [
        {
            "id": str(number),
            "external_id": draw(st.sampled_from(SKUS)),
            "quantity": draw(st.integers(1, largest)),
            "unit_price": "9.90",
            "cancelled": 0,
            "refunded": 0,
            "shipped": 0,
        }
        for number in range(1, count + 1)
    ]
    pending = draw(st.booleans())
    events = [
        _event("order.created", order_id=order_id, version=1, status="pending" if pending else "open", lines=lines)
    ]
    for version in range(2, 2 + draw(st.integers(0, 4))):
        kind = _happens(draw, draw(st.sampled_from(lines)))
        events.append(_event(kind, order_id=order_id, version=version, status="open", lines=lines))
    if draw(st.booleans()) and not any(line["shipped"] for line in lines):
        for line in lines:
            line["cancelled"] = line["quantity"] - line["refunded"]
        version = len(events) + 1
        events.append(_event("order.cancelled", order_id=order_id, version=version, status="cancelled", lines=lines))
    return events


def _happens(draw: st.DrawFn, line: dict[str, Any]) -> str:
    """Change one line by something that can have happened to it; the kind of event that tells of it is returned."""
    left = line["quantity"] - line["cancelled"] - line["refunded"] - line["shipped"]
    deed = draw(st.sampled_from(["cancel", "refund", "ship", "raise"]))
    units = draw(st.integers(0, max(0, left)))
    if deed == "cancel":
        line["cancelled"] += units
    elif deed == "refund" and not line["shipped"]:
        line["refunded"] += units
        return "order.refunded"
    elif deed == "refund" and not left:
        line["refunded"] = line["shipped"]
        return "order.refunded"
    elif deed == "ship" and not line["refunded"]:
        line["shipped"] += units
    elif deed == "raise" and not line["shipped"] and not line["refunded"]:
        line["quantity"] += draw(st.integers(1, 3))
    return "order.updated"


@st.composite
def orders(draw: st.DrawFn, *, most: int = 6, prefix: str = "") -> list[Delivery]:
    """Several orders on several channels, in the order in which things happened."""
    told: list[Delivery] = []
    for number in range(draw(st.integers(1, most))):
        channel = draw(st.sampled_from(CHANNELS))
        told += [(channel, event) for event in draw(order_events(order_id=f"{prefix}{channel}-{number}"))]
    return told


@st.composite
def disorder(draw: st.DrawFn, *, told: list[Delivery]) -> list[Delivery]:
    """The same deliveries as a network brings them: some twice, in any order."""
    again = draw(st.lists(st.sampled_from(told), max_size=len(told)))
    return list(draw(st.permutations(told + again)))
