"""Rows of the product, counted from outside its processes: what was recorded must be there, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from psycopg import Connection

from config.bench.world import CHANNELS

_COUNT = """
SELECT (SELECT count(*) FROM fulfillment_salesorder), (SELECT count(*) FROM fulfillment_salesorderline),
    (SELECT count(*) FROM inventory_reservation), (SELECT count(*) FROM inventory_ledgerentry),
    (SELECT coalesce(sum(reserved), 0) FROM inventory_stocklevel), (SELECT count(*) FROM channels_debt),
    (SELECT count(*) FROM channels_delivery WHERE status <> 'done')
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """How many there are."""

    orders: int
    lines: int
    reservations: int
    entries: int
    units_reserved: int
    debts: int
    deliveries_open: int

    @classmethod
    def count(cls, connection: Connection) -> "Rows":
        """As of now."""
        row = connection.execute(_COUNT).fetchone()
        assert row is not None
        return cls(*map(int, row))

    def since(self, before: "Rows") -> dict[str, int]:
        """What was added since an earlier count."""
        return {name: getattr(self, name) - getattr(before, name) for name in self.__slots__}


def expected_rows(orders: int, *, skus: int) -> dict[str, int]:
    """What single-line orders of one unit add: a debt for each channel and SKU that was sold, in a world without debts."""
    same = dict.fromkeys(("orders", "lines", "reservations", "entries", "units_reserved"), orders)
    return {**same, "debts": skus * CHANNELS, "deliveries_open": 0}


def differences(found: Mapping[str, int], *, expected: Mapping[str, int]) -> list[str]:
    """What is not as expected, in words."""
    return [
        _("{name}: {found} rows instead of {expected}").format(name=name, found=found[name], expected=wanted)
        for name, wanted in expected.items()
        if found[name] != wanted
    ]
