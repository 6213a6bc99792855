"""Orders of many lines: their pages stay short, and so do the forms about them."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fulfillment.models import Return, ReturnLine, SalesOrderLine, Shipment, ShipmentLine
from tests.admin.house import House
from tests.admin.pages import confirm, page_of, text

LINES = 250
TOLD = "Here are the first 100 of 250 lines"


@pytest.fixture
def parcel(house: House) -> Return:
    """All of a long order that left in one parcel is announced back."""
    order, place = house.orders[0], house.locations[0]
    order.lines.update(shipped=0)
    lines = SalesOrderLine.objects.bulk_create(
        SalesOrderLine(order=order, external_id=f"n{n}", position=n, sku=house.skus[0], quantity=1, shipped=1)
        for n in range(1000, 1000 + LINES)
    )
    shipment = Shipment.objects.create(order=order, location=place)
    ShipmentLine.objects.bulk_create(ShipmentLine(shipment=shipment, line=line, quantity=1) for line in lines)
    announced = Return.objects.create(order=order)
    ReturnLine.objects.bulk_create(ReturnLine(parcel=announced, line=line, quantity=1) for line in lines)
    return announced


def lines_on(page: str) -> list[int]:
    """The numbers of the lines in a page's table."""
    return [int(number) for number in dict.fromkeys(re.findall(r"\bn(1\d{3})\b", page))]


@pytest.mark.parametrize("what", ["order", "shipment", "return"])
def test_a_page_shows_a_hundred_lines_and_leads_to_the_others(boss: Client, parcel: Return, what: str) -> None:
    shipment = Shipment.objects.get(lines__line__external_id="n1000")
    row, name = {
        "order": (parcel.order, "lines"), "shipment": (shipment, "lines"), "return": (parcel, "lines"),
    }[what]  # fmt: skip
    with CaptureQueriesContext(connection) as queries:
        first = text(boss.get(page_of(row)))
    assert len(queries) < 30
    seen = lines_on(first)
    assert len(seen) <= 100 and seen == sorted(seen)
    third = lines_on(text(boss.get(page_of(row), {f"{name}-page": "3"})))
    assert third[-1] == 1000 + LINES - 1 and not set(third) & set(seen)


def test_returns_of_many_lines_are_announced_and_received_in_turns(boss: Client, house: House, parcel: Return) -> None:
    announce = text(boss.get(page_of(parcel.order, "announce_return")))
    assert TOLD in announce and announce.count('name="line_') == 100
    receive = text(boss.get(page_of(parcel, "receive")))
    assert TOLD in receive and receive.count('name="restock_') == 100
    ids = re.findall(r'name="missing_(\d+)"', receive)
    given = {f"{word}_{pk}": "1" if word == "missing" else "0" for pk in ids for word in ("restock", "missing")}
    given |= {f"quarantine_{pk}": "0" for pk in ids}
    text(confirm(boss, parcel, "receive", reason="lost", location=house.locations[0].pk, **given))
    rest = text(boss.get(page_of(parcel, "receive")))
    assert "Here are the first 100 of 150 lines" in rest
    assert not set(ids) & set(re.findall(r'name="missing_(\d+)"', rest))
