"""Lots to test with."""

from __future__ import annotations

from datetime import date, timedelta

from inventory.adjustments import adjust
from inventory.kernel import clock
from inventory.lot_tracking import start
from inventory.models import Location, LotLevel, Sku
from inventory.rebuild import verify
from tests.factories import SkuFactory


def lotted(code: str = "MILK") -> Sku:
    """A SKU that keeps lots and has none yet."""
    sku: Sku = SkuFactory(code=code)
    return start(sku, actor="test")


def days(number: int) -> date:
    """The date so many days from now, in UTC."""
    return clock.now().date() + timedelta(days=number)


def bring(sku: Sku, place: Location, units: int, lot: str, expires_on: date | None = None) -> None:
    """Units of a lot come in."""
    adjust(sku=sku, location=place, quantity=units, lot=lot, expires_on=expires_on, reason="receipt", actor="test")


def shelf(sku: Sku, place: Location | None = None) -> dict[str, int]:
    """Units on the shelf by lot; those that have some."""
    return in_place(sku, "shelf", place)


def in_place(sku: Sku, name: str, place: Location | None = None) -> dict[str, int]:
    """Units there by lot; those that have some."""
    rows = LotLevel.objects.filter(lot__sku=sku, **{f"{name}__gt": 0})
    if place is not None:
        rows = rows.filter(level__location=place)
    return dict(rows.order_by("lot__code").values_list("lot__code", name))


def check() -> None:
    """Nothing differs."""
    assert [one.message for one in verify()] == []
