"""The work of fulfilling an order: which location has which units to ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from channels.simulators.shopify.identity import Numbers
from channels.simulators.shopify.orders import FulfilledUnits, Fulfillment, ShopLine, ShopOrder, Work, WorkLine
from channels.simulators.shopify.stock import Level


@dataclass(frozen=True)
class Tracking:
    """How a parcel can be followed."""

    company: str | None = None
    numbers: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


def place_work(order: ShopOrder, *, line: ShopLine, level: Level, quantity: int, numbers: Numbers) -> Work:
    """Units of a line are to be fulfilled from a level: on the location's work that has nothing fulfilled yet."""
    now = datetime.now(UTC)
    work = next((each for each in order.works if each.place is level.place and each.status == "OPEN"), None)
    if work is None:
        work = Work(numbers.next(), level.place, now, now)
        order.works.append(work)
    work.updated_at = now
    known = next((each for each in work.lines if each.line is line), None)
    if known is None:
        work.lines.append(WorkLine(numbers.next(), line, level, quantity, quantity))
    else:
        known.total += quantity
        known.remaining += quantity
    return work


def withdraw(order: ShopOrder, *, line: ShopLine, quantity: int) -> Iterator[tuple[Level, int]]:
    """Units of a line are not to be fulfilled after all; the last placed go first."""
    for work, work_line in reversed(list(order.works_of(line))):
        taken = min(quantity, work_line.remaining)
        if taken:
            work_line.remaining -= taken
            work_line.total -= taken
            work.updated_at = datetime.now(UTC)
            quantity -= taken
            yield work_line.level, taken


def fulfil(
    order: ShopOrder, *, chosen: Sequence[tuple[Work, WorkLine, int]], tracking: Tracking, numbers: Numbers
) -> Fulfillment:
    """Units left one location."""
    now = datetime.now(UTC)
    parts = []
    for work, work_line, quantity in chosen:
        work_line.remaining -= quantity
        work_line.line.shipped += quantity
        work_line.level.move(committed=-quantity)
        work.fulfilled += quantity
        work.updated_at = now
        parts.append(FulfilledUnits(numbers.next(), work_line.line, quantity, work))
    name = f"{order.name}-F{len(order.fulfillments) + 1}"
    place = chosen[0][0].place
    made = Fulfillment(numbers.next(), name, place, now, tracking.company, tracking.numbers, tracking.urls, parts)
    order.fulfillments.append(made)
    if not any(line.open for line in order.lines):
        order.status = "shipped"
        order.closed_at = now
    return made
