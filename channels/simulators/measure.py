"""What the simulator's own clock and books say about a run.

An absolute number does not name the sales that are in it, so *when does a book hold a number that includes a
purchase* needs a definition. Let T be a SKU's opening stock, and let every movement be a purchase (SKUs that moved
otherwise are left out and counted as ``unmeasured``). For a channel c at time t, with book B and own sales S (what
its buyers took so far),

    X(t) = T - S(t) - B(t)

is the number of units sold *elsewhere* that the book accounts for: its own sales lower B and raise S alike, so X
moves only when a write lands. For a purchase of q units, numbered by its instant, let E be the units sold elsewhere
than on c up to and including it. Two answers are given:

``lag``
    The book includes the purchase from the first write with X >= E: the horizontal distance between the curve of
    units sold and the curve of units accounted for. It takes sales as accounted for in the order in which they
    happened. Where a later sale was in fact recorded first, single values may be too small or too large by that
    exchange, their mean hardly.

``certain``
    An upper bound that assumes nothing about order: a write whose request arrived at a surely includes the purchase
    when the units sold elsewhere and *told to anybody* before a, less X, are fewer than q, for then even the
    smallest set of units that the number may be missing cannot contain it. On busy SKUs it says more than the
    truth, never less.

A book at 0 includes everything: no number says more. Both answers need channels that show the whole available stock
(no rules, no buffers), one listing a SKU. The lag of an order is the largest over its SKUs and the other channels that
offer them; one that a book never came to include is counted in ``never``, not in the percentiles. A marketplace that
does not lower its own number has S = 0, and its own sales count as sold elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from channels.simulators.log import Change, ClockLog, Purchase, Stock
from channels.simulators.marketplace import Marketplace

Order = tuple[str, str]  # channel, order id


class Write(NamedTuple):
    """When a write landed, when its request arrived, and X after it."""

    landed: float
    arrived: float
    accounted: float


def percentiles(values: Iterable[float]) -> dict[str, float | int | None]:
    """p50, p95, p99 and max by nearest rank, in seconds."""
    ranked = sorted(values)
    if not ranked:
        return {"count": 0, "p50": None, "p95": None, "p99": None, "max": None}
    ranks = {f"p{p}": round(ranked[max(0, -(-p * len(ranked) // 100) - 1)], 4) for p in (50, 95, 99)}
    return {"count": len(ranked), **ranks, "max": round(ranked[-1], 4)}


def lags(
    log: ClockLog, *, stock: Stock, marketplaces: Mapping[str, Marketplace], without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Sale lag by the simulator's clock; ``without`` names channels that are not waited for."""
    if not log.is_complete:
        return {"lag": None, "certain": None, "unmeasured": len(log.told)}
    purchases, changes = _by_sku(log.purchases), _by_sku_and_channel(log.changes)
    offering = _offering(marketplaces)
    orders: dict[str, dict[Order, float | None]] = {"lag": {}, "certain": {}}
    unsteady = {(each.channel, each.order_id) for each in log.purchases if each.sku in stock.unsteady}
    for sku, bought in purchases.items():
        if sku in stock.unsteady:
            continue
        for name, worst in orders.items():
            found = _worst(
                bought,
                opening=stock.opening.get(sku, 0),
                channels=[code for code in offering[sku] if code not in without],
                changes={code: changes[sku, code] for code in offering[sku]},
                lowering={code: marketplaces[code].spec.lowers_on_sale for code in offering[sku]},
                told=log.told if name == "certain" else None,
            )
            for each, lag in zip(bought, found, strict=True):
                before = worst.get((each.channel, each.order_id), 0.0)
                worst[each.channel, each.order_id] = None if lag is None or before is None else max(lag, before)
    result: dict[str, Any] = {name: _summary(worst, unsteady=unsteady) for name, worst in orders.items()}
    return {**result, "unmeasured": len(unsteady)}


def _summary(worst: Mapping[Order, float | None], *, unsteady: set[Order]) -> dict[str, Any]:
    measured = [lag for order, lag in worst.items() if order not in unsteady]
    included = [lag for lag in measured if lag is not None]
    return {**percentiles(included), "never": len(measured) - len(included)}


def _worst(
    bought: Sequence[Purchase],
    *,
    opening: int,
    channels: Sequence[str],
    changes: Mapping[str, Sequence[Change]],
    lowering: Mapping[str, bool],
    told: Mapping[tuple[str, str], float] | None,
) -> list[float | None]:
    """For each purchase the largest lag over the other channels, None where one of them never included it."""
    worst: list[float | None] = [0.0] * len(bought)
    for code in channels:
        own = [each for each in bought if each.channel == code] if lowering[code] else []
        elsewhere = [number for number, each in enumerate(bought) if each.channel != code or not lowering[code]]
        writes = _accounted(changes[code], own=own, opening=opening)
        others = [bought[number] for number in elsewhere]
        instants = _in_order(others, writes) if told is None else _for_certain(others, writes, told=told)
        for number, instant in zip(elsewhere, instants, strict=True):
            lag = worst[number]
            if bought[number].channel == code or lag is None:
                continue
            worst[number] = None if instant is None else max(lag, instant - bought[number].at)
    return worst


def _accounted(changes: Sequence[Change], *, own: Sequence[Purchase], opening: int) -> list[Write]:
    """Each write with X after it."""
    result: list[Write] = []
    sold, upcoming = 0, 0
    for change in changes:
        while upcoming < len(own) and own[upcoming].at <= change.at:
            sold += own[upcoming].quantity
            upcoming += 1
        if change.source == "write":
            accounted = opening - sold - change.quantity if change.quantity else inf
            result.append(Write(change.at, change.arrived, accounted))
    return result


def _in_order(others: Sequence[Purchase], writes: Sequence[Write]) -> Iterator[float | None]:
    """The first write, not before the purchase, that accounts for it and everything sold elsewhere before it."""
    cumulative, position = 0, 0
    for purchase in others:
        cumulative += purchase.quantity
        while position < len(writes) and (
            writes[position].accounted < cumulative or writes[position].landed < purchase.at
        ):
            position += 1
        yield writes[position].landed if position < len(writes) else None


def _for_certain(
    others: Sequence[Purchase],
    writes: Sequence[Write],
    *,
    told: Mapping[tuple[str, str], float],
) -> list[float | None]:
    """The first write that cannot be missing the purchase."""
    instants: list[float | None] = [None] * len(others)
    order = sorted(
        (at, number)
        for number, each in enumerate(others)
        if (at := told.get((each.channel, each.order_id))) is not None
    )
    waiting: list[int] = []
    known, upcoming = 0, 0
    for landed, arrived, accounted in writes:
        while upcoming < len(order) and order[upcoming][0] <= arrived:
            known += others[order[upcoming][1]].quantity
            waiting.append(order[upcoming][1])
            upcoming += 1
        missing = known - accounted
        for number in [number for number in waiting if others[number].quantity > missing]:
            instants[number] = landed
            waiting.remove(number)
    return instants


def differences(stock: Stock, *, marketplaces: Mapping[str, Marketplace]) -> list[dict[str, Any]]:
    """Every book line that does not show what is left by the books' own count."""
    return [
        {"channel": code, "external_id": external_id, "sku": line.offer.sku, "shows": line.quantity, "left": left}
        for code, marketplace in marketplaces.items()
        for external_id, line in marketplace.book
        if not line.offer.own_stock and line.quantity != (left := max(0, stock.left[line.offer.sku]))
    ]


def calls(marketplaces: Mapping[str, Marketplace]) -> dict[str, int]:
    """Requests, answers and written items, summed over the marketplaces."""
    total: dict[str, int] = defaultdict(int)
    for marketplace in marketplaces.values():
        for name, count in marketplace.requests.items():
            total[name] += count
    return dict(sorted(total.items()))


def writes(calls: Mapping[str, int]) -> int:
    """Requests that write: stock, and in a Shopify shop every other mutation."""
    return calls.get("PUT /stock", 0) + calls.get("POST graphql mutation", 0)


def _by_sku(purchases: Iterable[Purchase]) -> dict[str, list[Purchase]]:
    found: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        found[purchase.sku].append(purchase)
    return found


def _by_sku_and_channel(changes: Iterable[Change]) -> dict[tuple[str, str], list[Change]]:
    found: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in changes:
        found[change.sku, change.channel].append(change)
    return found


def _offering(marketplaces: Mapping[str, Marketplace]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for code, marketplace in marketplaces.items():
        for sku in {line.offer.sku for _, line in marketplace.book if not line.offer.own_stock}:
            found[sku].append(code)
    return found
