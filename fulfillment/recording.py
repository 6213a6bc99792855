"""How orders become rows, reservations and entries: a batch at a time, one transaction, few statements.

Locks in this order: the orders' rows (by id), the stock levels (by id), debts, targets. A batch holds at most one state of
each order; ``orders`` splits longer ones into rounds.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.models import Channel, FulfilledBy
from channels.publishing import NEVER, OwnSale, note_own_sales
from inventory.models import Reason
from inventory.reservations import Change, Fulfil, Release, Reserve, Step, change_reservations

from . import shortfalls
from .models import OrderStatus
from .rows import (
    Header,
    LineRow,
    LineState,
    OrderRow,
    OrderState,
    claim_orders,
    count_unknown_lines,
    load_lines,
    new_line_ids,
    store_headers,
    store_lines,
)
from .signals import lines_parked, sale_recorded

HOLDER = "order_line"


@dataclass(slots=True)
class _Plan:
    """What a batch is about to do."""

    feeding: Mapping[int, Sequence[tuple[int, str]]]
    actor: str
    whole: bool
    channels: dict[int, Channel] = field(default_factory=dict)  # by order
    releases: list[Step] = field(default_factory=list)
    reserves: list[Step] = field(default_factory=list)
    fulfils: list[Step] = field(default_factory=list)
    sales: list[OwnSale] = field(default_factory=list)
    touched: dict[int, LineRow] = field(default_factory=dict)
    new_lines: set[int] = field(default_factory=set)
    headers: list[Header] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)  # orders
    were_short: set[int] = field(default_factory=set)  # lines
    given_up: dict[int, int] = field(default_factory=dict)  # units that a line released of another product
    parked: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))  # by channel's code

    def actor_for(self, channel: Channel) -> str:
        """Who moves stock for an order: the person that was named, or the order's channel."""
        return self.actor or f"channel:{channel.code}"


def record_batch(
    states: Sequence[OrderState],
    *,
    feeding: Mapping[int, Sequence[tuple[int, str]]],
    actor: str = "",
    whole: bool = False,
) -> list[int]:
    """Record the orders as stated, each at most once; the ids of those that changed.

    ``feeding`` has what ``publishing.feeding_of`` says of the orders' channels. Without an ``actor`` each order's channel is it.
    ``whole`` refuses everything with InsufficientStock where any line is short; otherwise a shortfall is recorded.
    """
    orders = claim_orders(states)
    load_lines(orders)
    ids = iter(new_line_ids(sum(count_unknown_lines(orders[state.key], state) for state in states)))
    plan = _Plan(feeding, actor, whole)
    for state in states:
        plan.channels[orders[state.key].id] = state.channel
        _plan_order(plan, orders[state.key], state, ids)
    if not plan.changed:
        return []
    changes = change_reservations(
        [*plan.releases, *plan.reserves, *plan.fulfils],
        holder_kind=HOLDER,
        actor=actor,
        cause="release" if plan.releases else "sale",
    )
    for line_id, change in changes.items():
        change.released -= plan.given_up.get(line_id, 0)  # taken off the line already
        _take_change(plan.touched[line_id], change)
    store_lines(list(plan.touched.values()))
    store_headers(plan.headers)
    note_own_sales(plan.sales)
    short = [line for line in plan.touched.values() if line.short]
    shortfalls.classify(short, channels=plan.channels, filled=plan.were_short - {line.id for line in short})
    order_ids = sorted(plan.changed)
    sale_recorded.send(record_batch, order_ids=order_ids)
    for code, lines in plan.parked.items():
        lines_parked.send(record_batch, channel_code=code, lines=lines)
    return order_ids


def _plan_order(plan: _Plan, order: OrderRow, state: OrderState, ids: Any) -> None:
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
            line = LineRow(next(ids), order.id, given.external_id, len(order.lines) + 1)
            order.lines[given.external_id] = line
            plan.new_lines.add(line.id)
        _plan_line(plan, order, state, line, given, newer=newer, cancelled=status == OrderStatus.CANCELLED)
    if status == OrderStatus.CANCELLED or (newer and state.restates_lines):
        given_ids = {given.external_id for given in state.lines}
        for line in order.lines.values():
            if line.external_id not in given_ids:
                _plan_line(plan, order, state, line, _as_stated(line), newer=False, cancelled=True)
    stated, status = status, _final_status(status, order)
    if order.is_new:
        plan.changed.add(order.id)
    if (max(order.version, state.version), status) != (order.version, order.status):
        plan.changed.add(order.id)
        beneath = stated if status == OrderStatus.PAUSED and newer else ""
        news = (state.ship_to, state.currency, beneath) if newer else ({}, "", "")
        plan.headers.append(Header(order.id, max(order.version, state.version), status, state.problem, *news))


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


def _final_status(status: str, order: OrderRow) -> str:
    """Shipped once nothing is outstanding and something left; cancelled once nothing is outstanding and nothing left.

    A pause stays while there is something to wait for.
    """
    lines = order.lines.values()
    if status == OrderStatus.CANCELLED or not lines:
        return status
    if any(line.outstanding or line.parked_reason for line in lines):
        if order.status == OrderStatus.PAUSED and status != OrderStatus.SHIPPED:
            return OrderStatus.PAUSED
        return OrderStatus.OPEN if status == OrderStatus.SHIPPED else status
    return OrderStatus.SHIPPED if any(line.shipped for line in lines) else OrderStatus.CANCELLED


def _as_stated(line: LineRow) -> LineState:
    return LineState(
        line.external_id, line.quantity, line.listing_key, line.listing_id, line.sku_id, line.fulfilled_by,
        line.cancelled, line.refunded, line.shipped, line.unit_price, line.parked_reason, line.parked_detail,
    )  # fmt: skip


def _plan_line(
    plan: _Plan, order: OrderRow, state: OrderState, line: LineRow, given: LineState, *, newer: bool, cancelled: bool
) -> None:
    if newer and _is_other_product(line, given):
        _give_up(plan, state, line)
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
        plan.parked[state.channel.code].append(
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
    left_before = before[3] if before[4] is not None else 0  # while its SKU was not known, nothing could be posted
    _plan_stock(plan, state, line, shipped=line.shipped - left_before)


def _is_other_product(line: LineRow, given: LineState) -> bool:
    """Whether an order was edited so that a line of it now sells something else. What has left cannot be exchanged."""
    if given.problem.startswith("bad_") or line.shipped:
        return False
    return bool(line.sku_id and line.listing_key and given.listing_key and given.listing_key != line.listing_key)


def _give_up(plan: _Plan, state: OrderState, line: LineRow) -> None:
    """Release what the line holds of the old product; what it sells now is taken over as if it were new."""
    if line.reserved:
        actor = plan.actor_for(state.channel)
        plan.releases.append(
            Release(line.id, line.reserved, Reason.CANCELLATION, state.reference, state.occurred_at, actor=actor)
        )
        plan.given_up[line.id] = line.reserved
    if line.listing_id is not None:
        plan.sales.append(OwnSale(state.channel, line.listing_id, 0, NEVER))
    if line.short:
        plan.were_short.add(line.id)
    line.sku_id, line.listing_id, line.listing_key = None, None, ""
    line.quantity = line.cancelled = line.refunded = line.short = line.reserved = 0


def _restate(line: LineRow, given: LineState, *, newer: bool) -> None:
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


def _note_sale(plan: _Plan, state: OrderState, line: LineRow, *, sold: int, undone: bool) -> None:
    if line.listing_id is None:
        return
    if undone or sold < 0:  # whether the channel raised its own number is not known
        plan.sales.append(OwnSale(state.channel, line.listing_id, max(sold, 0), NEVER))
    elif sold > 0:
        accepted_at = state.placed_at if sold == line.quantity else state.occurred_at
        plan.sales.append(OwnSale(state.channel, line.listing_id, sold, accepted_at))


def _plan_stock(plan: _Plan, state: OrderState, line: LineRow, *, shipped: int) -> None:
    """Reserve what is newly wanted, give back what is no longer, ship what the channel says has left."""
    assert line.sku_id is not None
    reference, actor = state.reference, plan.actor_for(state.channel)
    wanted = line.outstanding + shipped
    change = wanted - line.reserved - line.short
    if change > 0:
        places = [location_id for location_id, _ in plan.feeding.get(state.channel.pk, ())]
        plan.reserves.append(
            Reserve(
                line.id, line.sku_id, change, places, Reason.SALE, reference, state.occurred_at, plan.whole, actor=actor
            )
        )
    elif change < 0:
        unfilled = min(line.short, -change)
        line.short -= unfilled
        if -change > unfilled:
            reason = Reason.REFUND if line.refunded else Reason.CANCELLATION
            units = -change - unfilled
            plan.releases.append(Release(line.id, units, reason, reference, state.occurred_at, actor=actor))
    if shipped:
        plan.fulfils.append(Fulfil(line.id, shipped, None, Reason.SHIPMENT, reference, state.occurred_at, actor=actor))
        line.short = max(0, line.short - max(0, shipped - line.reserved - max(change, 0)))


def _take_change(line: LineRow, change: Change) -> None:
    line.reserved += change.reserved - change.released - change.fulfilled
    line.short += change.short
    if line.short:  # what left without a reservation is short no more
        line.short = min(line.short, line.outstanding - min(line.reserved, line.outstanding))
