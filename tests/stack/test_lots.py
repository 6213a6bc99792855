"""Lots from outside: what comes names its lot, what goes is taken by expiry, a lot is recalled, and the books agree."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.stack.audit import verify
from tests.stack.client import Json, eventually
from tests.stack.world import World


def day(left: int) -> str:
    """The date so many days from now."""
    return str(datetime.now(UTC).date() + timedelta(days=left))


@pytest.fixture
def milk(world: World) -> str:
    """A SKU that keeps lots: 6 units that expire in 30 days, 6 in 90."""
    sku = world.sku()
    world.api.patch(f"skus/{sku}/", body={"tracks_lots": True})
    bring(world, sku, 6, "LATE", expires_on=day(90))
    bring(world, sku, 6, "SOON", expires_on=day(30))
    return sku


def bring(world: World, sku: str, units: int, lot: str, *, status: int = 201, **fields: str) -> Json:
    body = {"sku": sku, "location": world.place, "quantity": units, "reason": "receipt", "lot": lot, **fields}
    return world.api.post("stock-adjustments/", body=body, status=status)


def take(world: World, sku: str, units: int) -> int:
    """Units are lost; the answer's status."""
    body = {"sku": sku, "location": world.place, "quantity": -units, "reason": "loss"}
    return world.api.request("POST", path="stock-adjustments/", body=body).status_code


def shelf(world: World, sku: str) -> dict[str, int]:
    """Units on the shelf by lot."""
    rows = world.api.rows("lots/", sku=sku)
    return {row["code"]: sum(level["shelf"] for level in row["levels"]) for row in rows if row["on_hand"]}


def test_what_expires_first_leaves_first_however_many_ask_at_once(world: World, milk: str) -> None:
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _n: take(world, milk, 1), range(8)))
    assert answers == [201] * 8
    assert shelf(world, milk) == {"LATE": 4}
    checked = verify(world)
    assert checked.returncode == 0, checked.stdout


def test_a_lot_with_two_dates_is_refused_and_nothing_half_applied(world: World, milk: str) -> None:
    said = bring(world, milk, 1, "SOON", status=409, expires_on=day(31))["error"]
    assert list(said["fields"]) == ["expires_on"]
    assert "a lot has one expiry date for ever" in said["message"]
    assert shelf(world, milk) == {"LATE": 6, "SOON": 6}


@pytest.mark.timeout(200, func_only=True)
def test_a_lot_leaves_sale_when_its_day_begins_where_it_lies(world: World, milk: str) -> None:
    """The place moves from the last time zone of the world to the first one: there it is a later day."""
    code = world.location(time_zone="Etc/GMT+12")
    body = {"sku": milk, "location": code, "quantity": 3, "reason": "receipt", "lot": "TODAY"}
    begun = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    world.api.post("stock-adjustments/", body=body | {"expires_on": str(begun)})
    world.api.patch(f"locations/{code}/", body={"time_zone": "Pacific/Kiritimati"})

    def off_sale() -> bool:
        level = world.api.row("stock-levels/", sku=milk, location=code)
        return (level["available"], level["hold"]) == (0, 3)

    assert eventually(off_sale, seconds=170.0, every=1.0)
    refused = world.api.post("stock-adjustments/", body=body, status=400)["error"]["message"]
    assert f"lot TODAY expired on {begun}" in refused


def test_a_recall_takes_it_off_sale_and_tells_where_it_is(world: World, milk: str) -> None:
    lot = f"R-{milk}"
    bring(world, milk, 5, lot)
    world.api.act(f"lots/{lot}/recall/", body={"reason": "glass"})
    level = world.api.row("stock-levels/", sku=milk)
    assert (level["available"], level["quarantine"]) == (12, 5)
    told = world.api.get(f"lots/{lot}/recall/")
    assert (told["on_hand"], told["shipped"], [one["quantity"] for one in told["received"]]) == (5, 0, [5])
    bring(world, milk, 1, lot, status=400)
