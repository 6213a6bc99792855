"""The rows of orders and their lines: claimed, loaded and stored a batch at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from channels.models import Channel, FulfilledBy
from inventory.kernel import clock

from .models.order import order_reference


@dataclass(slots=True)
class LineState:
    """A line as somebody states it. Quantities are cumulative units; ``sku_id`` None parks it for ``problem``."""

    external_id: str
    quantity: int
    listing_key: str = ""
    listing_id: int | None = None
    sku_id: int | None = None
    fulfilled_by: str = FulfilledBy.US
    cancelled: int = 0
    refunded: int = 0
    shipped: int = 0
    unit_price: Decimal | None = None
    problem: str = ""
    detail: str = ""


@dataclass(slots=True)
class OrderState:
    """An order as somebody states it, with where that came from."""

    channel: Channel
    external_id: str
    version: int
    status: str
    placed_at: datetime
    occurred_at: datetime
    lines: Sequence[LineState]
    currency: str = ""
    ship_to: Mapping[str, Any] = field(default_factory=dict)
    promised_at: datetime | None = None
    ship_by: datetime | None = None
    delivery_id: int | None = None
    problem: str = ""
    restates_lines: bool = False  # a known line that is left out was taken off the order

    @property
    def key(self) -> "OrderKey":
        """What no two orders share."""
        return self.channel.pk, self.external_id

    @property
    def reference(self) -> str:
        """How the ledger names the order."""
        return order_reference(self.channel.code, self.external_id)


@dataclass(slots=True)
class LineRow:
    """A line's row: as it stands, and as it will stand."""

    id: int
    order_id: int
    external_id: str
    position: int
    listing_key: str = ""
    listing_id: int | None = None
    sku_id: int | None = None
    fulfilled_by: str = FulfilledBy.US
    quantity: int = 0
    cancelled: int = 0
    refunded: int = 0
    shipped: int = 0
    reserved: int = 0
    short: int = 0
    unit_price: Decimal | None = None
    parked_reason: str = ""
    parked_detail: str = ""
    returned: int = 0

    @property
    def outstanding(self) -> int:
        return max(0, self.quantity - self.cancelled - self.refunded - self.shipped)


@dataclass(slots=True)
class OrderRow:
    id: int
    channel_id: int
    external_id: str
    version: int
    status: str
    is_new: bool
    lines: dict[str, LineRow] = field(default_factory=dict)


_SELECT_ORDERS = """
SELECT id, channel_id, external_id, version, status FROM fulfillment_salesorder
WHERE (channel_id, external_id) IN (SELECT * FROM unnest(%s::bigint[], %s::text[])) ORDER BY id FOR NO KEY UPDATE
"""

_INSERT_ORDERS = """
INSERT INTO fulfillment_salesorder (channel_id, external_id, version, status, status_before_pause, currency, ship_to,
    placed_at, promised_at, ship_by, recorded_at, delivery_id, problem)
SELECT channel_id, external_id, version, status, '', currency, ship_to, placed_at, promised_at, ship_by, %s, delivery_id,
    problem
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[])
    AS new (channel_id, external_id, version, status, currency, ship_to, placed_at, promised_at, ship_by, delivery_id, problem)
ON CONFLICT (channel_id, external_id) DO NOTHING
RETURNING id, channel_id, external_id, version, status
"""

OrderKey = tuple[int, str]  # (channel's id, the channel's id of the order)


def claim_orders(states: Sequence[OrderState]) -> dict[OrderKey, OrderRow]:
    """The orders' rows, locked; those that nobody knew are inserted."""
    by_key = {state.key: state for state in states}
    with connection.cursor() as cursor:
        orders = _select_orders(cursor, by_key)
        missing = sorted(
            by_key.keys() - orders.keys()
        )  # sorted: two batches that bring the same wait, and do not lock up
        if missing:
            rows = [
                (s.channel.pk, s.external_id, s.version, s.status, s.currency, Jsonb(dict(s.ship_to)), s.placed_at,
                 s.promised_at, s.ship_by, s.delivery_id, s.problem[:200])
                for s in map(by_key.__getitem__, missing)
            ]  # fmt: skip
            cursor.execute(_INSERT_ORDERS, [clock.now(), *map(list, zip(*rows, strict=True))])
            orders.update({(row[1], row[2]): OrderRow(*(*row, True)) for row in cursor.fetchall()})
        raced = [key for key in missing if key not in orders]
        if raced:  # somebody else inserted them meanwhile, and has committed
            orders.update(_select_orders(cursor, raced))
    return orders


def _select_orders(cursor: Any, keys: Collection[OrderKey]) -> dict[OrderKey, OrderRow]:
    cursor.execute(_SELECT_ORDERS, [[channel_id for channel_id, _ in keys], [name for _, name in keys]])
    return {(row[1], row[2]): OrderRow(*(*row, False)) for row in cursor.fetchall()}


_COLUMNS = (
    "id", "order_id", "external_id", "position", "listing_key", "listing_id", "sku_id", "fulfilled_by", "quantity",
    "cancelled", "refunded", "shipped", "reserved", "short", "unit_price", "parked_reason", "parked_detail",
)  # fmt: skip


def load_lines(orders: Mapping[OrderKey, OrderRow]) -> None:
    held = {order.id: order for order in orders.values() if not order.is_new}
    if not held:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM fulfillment_salesorderline WHERE order_id = ANY(%s) ORDER BY position, id",
            [list(held)],
        )
        for row in cursor.fetchall():
            line = LineRow(*row)
            held[line.order_id].lines[line.external_id] = line


def count_unknown_lines(order: OrderRow, state: OrderState) -> int:
    return sum(line.external_id not in order.lines for line in state.lines)


def new_line_ids(count: int) -> list[int]:
    """Ids of lines to come, so that reservations can name their holder before it is stored."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('fulfillment_salesorderline', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


_TYPES = (
    "bigint", "bigint", "text", "int", "text", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "bigint",
    "bigint", "bigint", "numeric", "text", "text",
)  # fmt: skip

_STORE_LINES = f"""
INSERT INTO fulfillment_salesorderline ({", ".join(_COLUMNS)}, returned)
SELECT *, 0 FROM unnest({", ".join(f"%s::{type}[]" for type in _TYPES)})
ON CONFLICT (id) DO UPDATE SET {
    ", ".join(
        f"{name} = excluded.{name}" for name in _COLUMNS if name not in ("id", "order_id", "external_id", "position")
    )
}
"""


def store_lines(lines: Sequence[LineRow]) -> None:
    """Insert new lines and write the changed ones."""
    if not lines:
        return
    columns = [[getattr(line, name) for line in lines] for name in _COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(_STORE_LINES, columns)


_STORE_HEADERS = """
UPDATE fulfillment_salesorder AS held
SET version = new.version, status = new.status, problem = coalesce(nullif(new.problem, ''), held.problem),
    ship_to = coalesce(new.ship_to, held.ship_to), currency = coalesce(nullif(new.currency, ''), held.currency),
    status_before_pause = coalesce(nullif(new.beneath, ''), held.status_before_pause)
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::text[])
    AS new (id, version, status, problem, ship_to, currency, beneath)
WHERE held.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Header:
    """What an order's own row will say. An empty problem, address or currency keeps what stands there."""

    order_id: int
    version: int
    status: str
    problem: str = ""
    ship_to: Mapping[str, Any] = field(default_factory=dict)
    currency: str = ""
    beneath: str = ""  # what a paused order goes back to


def store_headers(headers: Sequence[Header]) -> None:
    """Write the orders' own rows."""
    if not headers:
        return
    rows = [
        (one.order_id, one.version, one.status, one.problem[:200], Jsonb(dict(one.ship_to)) if one.ship_to else None,
         one.currency, one.beneath)
        for one in headers
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_STORE_HEADERS, list(map(list, zip(*rows, strict=True))))
