"""How orders become rows, reservations and entries: a batch at a time, one transaction, few statements.

Locks in this order: the orders' rows (by id), the stock levels (by id), debts, targets. A batch holds at most one state of
each order; ``orders`` splits longer ones into rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from channels.models import Channel, FulfilledBy
from channels.publishing import OwnSale, note_own_sales
from inventory.kernel import clock
from inventory.models import Reason
from inventory.reservations import Change, Fulfil, Release, Reserve, Step, change_reservations

from . import shortfalls
from .models import OrderStatus
from .signals import lines_parked, sale_recorded

HOLDER = "order_line"

#: An instant before every push: a sale accepted then leaves what is shown unknown.
_UNKNOWN_WHEN = datetime.fromisoformat("1970-01-02T00:00:00+00:00")


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


@dataclass(slots=True)
class _Line:
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
class _Order:
    id: int
    external_id: str
    version: int
    status: str
    is_new: bool
    lines: dict[str, _Line] = field(default_factory=dict)


@dataclass(slots=True)
class _Plan:
    """What a batch is about to do."""

    channel: Channel
    feeding: Sequence[int]
    actor: str
    whole: bool
    releases: list[Step] = field(default_factory=list)
    reserves: list[Step] = field(default_factory=list)
    fulfils: list[Step] = field(default_factory=list)
    sales: list[OwnSale] = field(default_factory=list)
    touched: dict[int, _Line] = field(default_factory=dict)
    new_lines: set[int] = field(default_factory=set)
    headers: list[tuple[int, int, str, str]] = field(default_factory=list)  # id, version, status, problem
    changed: set[int] = field(default_factory=set)  # orders
    were_short: set[int] = field(default_factory=set)  # lines
    parked: list[dict[str, str]] = field(default_factory=list)


def record_batch(
    channel: Channel, states: Sequence[OrderState], *, feeding: Sequence[int], actor: str, whole: bool = False
) -> list[int]:
    """Record the orders as stated, each at most once; the ids of those that changed.

    ``whole`` refuses everything with InsufficientStock where any line is short; otherwise a shortfall is recorded.
    """
    orders = _claim_orders(channel, states)
    _load_lines(orders)
    ids = iter(_line_ids(sum(_unknown_lines(orders[state.external_id], state) for state in states)))
    plan = _Plan(channel, feeding, actor, whole)
    for state in states:
        _plan_order(plan, orders[state.external_id], state, ids)
    if not plan.changed:
        return []
    changes = change_reservations(
        [*plan.releases, *plan.reserves, *plan.fulfils],
        holder_kind=HOLDER,
        actor=actor,
        cause="release" if plan.releases else "sale",
    )
    for line_id, change in changes.items():
        _take_change(plan.touched[line_id], change)
    _store_lines(plan)
    _store_headers(plan)
    note_own_sales(channel, plan.sales)
    short = [line for line in plan.touched.values() if line.short]
    shortfalls.classify(channel, short, filled=plan.were_short - {line.id for line in short})
    order_ids = sorted(plan.changed)
    sale_recorded.send(record_batch, channel_code=channel.code, order_ids=order_ids)
    if plan.parked:
        lines_parked.send(record_batch, channel_code=channel.code, lines=plan.parked)
    return order_ids


# The claim ---------------------------------------------------------------------------------------------------------

_SELECT_ORDERS = """
SELECT id, external_id, version, status FROM fulfillment_salesorder
WHERE channel_id = %s AND external_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

_INSERT_ORDERS = """
INSERT INTO fulfillment_salesorder (channel_id, external_id, version, status, status_before_pause, currency, ship_to,
    placed_at, promised_at, ship_by, recorded_at, delivery_id, problem)
SELECT %s, external_id, version, status, '', currency, ship_to, placed_at, promised_at, ship_by, %s, delivery_id, problem
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[], %s::bigint[], %s::text[])
    AS new (external_id, version, status, currency, ship_to, placed_at, promised_at, ship_by, delivery_id, problem)
ON CONFLICT (channel_id, external_id) DO NOTHING
RETURNING id, external_id, version, status
"""


def _claim_orders(channel: Channel, states: Sequence[OrderState]) -> dict[str, _Order]:
    """The orders' rows, locked; those that nobody knew are inserted."""
    by_id = {state.external_id: state for state in states}
    with connection.cursor() as cursor:
        orders = _select_orders(cursor, channel, list(by_id))
        missing = [state for key, state in by_id.items() if key not in orders]
        if missing:
            rows = [
                (s.external_id, s.version, s.status, s.currency, Jsonb(dict(s.ship_to)), s.placed_at, s.promised_at,
                 s.ship_by, s.delivery_id, s.problem[:200])
                for s in missing
            ]  # fmt: skip
            cursor.execute(_INSERT_ORDERS, [channel.pk, clock.now(), *map(list, zip(*rows, strict=True))])
            orders.update({row[1]: _Order(*row, is_new=True) for row in cursor.fetchall()})
        raced = [key for key in by_id if key not in orders]
        if raced:  # somebody else inserted them meanwhile, and has committed
            orders.update(_select_orders(cursor, channel, raced))
    return orders


def _select_orders(cursor: Any, channel: Channel, keys: list[str]) -> dict[str, _Order]:
    cursor.execute(_SELECT_ORDERS, [channel.pk, keys])
    return {row[1]: _Order(*row, is_new=False) for row in cursor.fetchall()}


_COLUMNS = (
    "id", "order_id", "external_id", "position", "listing_key", "listing_id", "sku_id", "fulfilled_by", "quantity",
    "cancelled", "refunded", "shipped", "reserved", "short", "unit_price", "parked_reason", "parked_detail",
)  # fmt: skip


def _load_lines(orders: Mapping[str, _Order]) -> None:
    held = {order.id: order for order in orders.values() if not order.is_new}
    if not held:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM fulfillment_salesorderline WHERE order_id = ANY(%s) ORDER BY position, id",
            [list(held)],
        )
        for row in cursor.fetchall():
            line = _Line(*row)
            held[line.order_id].lines[line.external_id] = line


def _unknown_lines(order: _Order, state: OrderState) -> int:
    return sum(line.external_id not in order.lines for line in state.lines)


def _line_ids(count: int) -> list[int]:
    """Ids of lines to come, so that reservations can name their holder before it is stored."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('fulfillment_salesorderline', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


# The plan ----------------------------------------------------------------------------------------------------------


def _plan_order(plan: _Plan, order: _Order, state: OrderState, ids: Any) -> None:
    """Turn one order's statement into steps, by its version: newer replaces, equal adds up, older is logged only."""
    older = not order.is_new and state.version < order.version
    if older and order.lines:
        return
    newer = order.is_new or state.version > order.version
    status = state.status if newer else _further(order.status, state.status)
    if older:
        status = order.status  # an order that was cancelled before it was created gets its lines, and reserves nothing
    for given in state.lines:
        line = order.lines.get(given.external_id)
        if line is None:
            line = _Line(next(ids), order.id, given.external_id, len(order.lines) + 1)
            order.lines[given.external_id] = line
            plan.new_lines.add(line.id)
        _plan_line(plan, order, state, line, given, newer=newer, cancelled=status == OrderStatus.CANCELLED)
    if status == OrderStatus.CANCELLED:
        given_ids = {given.external_id for given in state.lines}
        for line in order.lines.values():
            if line.external_id not in given_ids:
                _plan_line(plan, order, state, line, _as_stated(line), newer=False, cancelled=True)
    status = _final_status(status, order)
    if order.is_new:
        plan.changed.add(order.id)
    if (max(order.version, state.version), status) != (order.version, order.status):
        plan.changed.add(order.id)
        plan.headers.append((order.id, max(order.version, state.version), status, state.problem[:200]))


def _further(held: str, stated: str) -> str:
    """Of two statuses in statements of one version, the one further on; a pause of ours stays."""
    rank = {
        OrderStatus.PENDING: 0,
        OrderStatus.OPEN: 1,
        OrderStatus.PAUSED: 2,
        OrderStatus.SHIPPED: 3,
        OrderStatus.CANCELLED: 4,
    }
    return max(held, stated, key=lambda status: rank[OrderStatus(status)])


def _final_status(status: str, order: _Order) -> str:
    """Shipped once nothing is outstanding and something left; cancelled once nothing is outstanding and nothing left."""
    if order.status == OrderStatus.PAUSED and status == OrderStatus.OPEN:
        return OrderStatus.PAUSED
    lines = order.lines.values()
    if status not in (OrderStatus.OPEN, OrderStatus.PENDING, OrderStatus.SHIPPED) or not lines:
        return status
    if any(line.outstanding or line.parked_reason for line in lines):
        return OrderStatus.OPEN if status == OrderStatus.SHIPPED else status
    return OrderStatus.SHIPPED if any(line.shipped for line in lines) else OrderStatus.CANCELLED


def _as_stated(line: _Line) -> LineState:
    return LineState(
        line.external_id, line.quantity, line.listing_key, line.listing_id, line.sku_id, line.fulfilled_by,
        line.cancelled, line.refunded, line.shipped, line.unit_price, line.parked_reason, line.parked_detail,
    )  # fmt: skip


def _plan_line(
    plan: _Plan, order: _Order, state: OrderState, line: _Line, given: LineState, *, newer: bool, cancelled: bool
) -> None:
    before = (line.quantity, line.cancelled, line.refunded, line.shipped, line.sku_id, line.parked_reason)
    _restate(line, given, newer=newer)
    if cancelled:
        line.cancelled = max(line.cancelled, line.quantity - line.refunded - line.shipped, 0)
    after = (line.quantity, line.cancelled, line.refunded, line.shipped, line.sku_id, line.parked_reason)
    is_new = line.id in plan.new_lines
    if before == after and not is_new:
        return
    plan.touched[line.id] = line
    plan.changed.add(order.id)
    if line.short:
        plan.were_short.add(line.id)
    if line.parked_reason and (is_new or not before[5]):
        plan.parked.append(
            {
                "order": order.external_id,
                "line": line.external_id,
                "reason": line.parked_reason,
                "detail": line.parked_detail,
            }
        )
    if line.sku_id is None or line.fulfilled_by != FulfilledBy.US:
        return
    _note_sale(plan, state, line, sold=line.quantity - before[0], undone=(line.cancelled, line.refunded) != before[1:3])
    _plan_stock(plan, order, state, line, shipped=line.shipped - before[3])


def _restate(line: _Line, given: LineState, *, newer: bool) -> None:
    """Take over what is stated: a newer version replaces, an equal one can only add. What we shipped stays shipped."""
    fresh = not line.quantity and not line.listing_key
    if line.sku_id is None:  # a line that waits for its listing, or is new
        line.listing_key, line.listing_id, line.sku_id = given.listing_key, given.listing_id, given.sku_id
        line.fulfilled_by = given.fulfilled_by
        line.parked_reason, line.parked_detail = given.problem[:40], given.detail[:300]
    elif given.problem.startswith("bad_") or line.parked_reason:
        line.parked_reason, line.parked_detail = given.problem[:40], given.detail[:300]
    if given.problem.startswith("bad_") and not fresh:
        return  # a figure that makes no sense changes nothing that we know
    if newer or fresh:
        line.quantity, line.cancelled, line.refunded = given.quantity, given.cancelled, given.refunded
        line.unit_price = given.unit_price if given.unit_price is not None else line.unit_price
    else:
        line.quantity = max(line.quantity, given.quantity)
        line.cancelled, line.refunded = max(line.cancelled, given.cancelled), max(line.refunded, given.refunded)
    line.shipped = max(line.shipped, given.shipped)
    line.quantity = max(line.quantity, line.shipped)


def _note_sale(plan: _Plan, state: OrderState, line: _Line, *, sold: int, undone: bool) -> None:
    if line.listing_id is None:
        return
    if undone:  # whether the channel raised its own number is not known
        plan.sales.append(OwnSale(line.listing_id, max(sold, 0), _UNKNOWN_WHEN))
    elif sold > 0:
        accepted_at = state.placed_at if sold == line.quantity else state.occurred_at
        plan.sales.append(OwnSale(line.listing_id, sold, accepted_at))


def _plan_stock(plan: _Plan, order: _Order, state: OrderState, line: _Line, *, shipped: int) -> None:
    """Reserve what is newly wanted, give back what is no longer, ship what the channel says has left."""
    assert line.sku_id is not None
    reference = f"order:{plan.channel.code}/{order.external_id}"
    wanted = line.outstanding + shipped
    change = wanted - line.reserved - line.short
    if change > 0:
        plan.reserves.append(
            Reserve(line.id, line.sku_id, change, plan.feeding, Reason.SALE, reference, state.occurred_at, plan.whole)
        )
    elif change < 0:
        unfilled = min(line.short, -change)
        line.short -= unfilled
        if -change > unfilled:
            reason = Reason.REFUND if line.refunded else Reason.CANCELLATION
            plan.releases.append(Release(line.id, -change - unfilled, reason, reference, state.occurred_at))
    if shipped:
        plan.fulfils.append(Fulfil(line.id, shipped, None, Reason.SHIPMENT, reference, state.occurred_at))
        line.short = max(0, line.short - max(0, shipped - line.reserved - max(change, 0)))


def _take_change(line: _Line, change: Change) -> None:
    line.reserved += change.reserved - change.released - change.fulfilled
    line.short += change.short
    if line.short:  # what left without a reservation is short no more
        line.short = min(line.short, line.outstanding - min(line.reserved, line.outstanding))


# The rows ----------------------------------------------------------------------------------------------------------

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


def _store_lines(plan: _Plan) -> None:
    lines = list(plan.touched.values())
    if not lines:
        return
    columns = [[getattr(line, name) for line in lines] for name in _COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(_STORE_LINES, columns)


_STORE_HEADERS = """
UPDATE fulfillment_salesorder AS held
SET version = new.version, status = new.status, problem = CASE WHEN new.problem = '' THEN held.problem ELSE new.problem END
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[]) AS new (id, version, status, problem)
WHERE held.id = new.id AND (held.version, held.status, held.problem) IS DISTINCT FROM (new.version, new.status, new.problem)
"""


def _store_headers(plan: _Plan) -> None:
    if not plan.headers:
        return
    with connection.cursor() as cursor:
        cursor.execute(_STORE_HEADERS, list(map(list, zip(*plan.headers, strict=True))))
