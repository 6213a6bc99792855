"""What the product made of a replayed log: read from its ledger, orders and outbox, beside what the file says."""

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Q, Sum

from channels.models import Debt, Delivery, DeliveryStatus, StockTarget
from fulfillment.models import SalesOrder, SalesOrderLine
from inventory.models import LedgerEntry, Reason, StockLevel
from inventory.rebuild import verify

from .planning import Plan

POLL_SECONDS = 0.5
STALLED_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Held:
    """Units of one SKU over all locations."""

    opening: int
    reserved: int
    available: int


def busy(channel_ids: Sequence[int]) -> dict[str, int]:
    """What is not settled yet."""
    mine = Q(channel_id__in=channel_ids)
    return {
        "deliveries": Delivery.objects.filter(mine, status=DeliveryStatus.WAITING).count(),
        "debts": Debt.objects.filter(mine).count(),
        "flights": StockTarget.objects.filter(mine, claimed_until__isnull=False).count(),
    }


def wait_until_quiet(channel_ids: Sequence[int], *, tell: Callable[[dict[str, int]], None]) -> bool:
    """Wait until nothing is waiting, owed or under way. False where none of it has become less for two minutes."""
    now = least = busy(channel_ids)
    moved_at = time.monotonic()
    while any(now.values()):
        tell(now)
        time.sleep(POLL_SECONDS)
        now = busy(channel_ids)
        if any(now[what] < least[what] for what in now):
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STALLED_SECONDS:
            return False
        least = {what: min(now[what], least[what]) for what in now}
    tell(now)
    return True


def holdings(*, reference: str) -> dict[str, Held]:
    """By SKU: what this run opened, and what is reserved and available now, from the ledger."""
    opened = LedgerEntry.objects.filter(reason=Reason.OPENING, reference=reference)
    opening = dict(opened.values_list("level__sku__code").annotate(Sum("quantity")))
    levels = StockLevel.objects.values_list("sku__code").annotate(Sum("reserved"), Sum("available"))
    now = {code: (reserved, available) for code, reserved, available in levels.filter(sku__code__in=opening)}
    return {code: Held(opening[code], *now[code]) for code in sorted(opening)}


def write_csv(path: Path, held: Mapping[str, Held]) -> None:
    """One row a SKU: code, opening, reserved, available."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["code", "opening", "reserved", "available"])
        for code, row in held.items():
            writer.writerow([code, row.opening, row.reserved, row.available])


def not_as_the_file_says(held: Mapping[str, Held], *, plan: Plan) -> Iterator[dict[str, Any]]:
    """SKUs whose numbers are not the file's."""
    for code in sorted(plan.opening):
        sold, back = plan.opening[code], plan.returned[code]
        wanted, found = Held(sold, sold - back, back), held.get(code)
        if found != wanted:
            yield {"code": code, "file": _numbers(wanted), "ledger": _numbers(found) if found else None}


def books_not_ours(books: Mapping[str, Mapping[str, int]], *, held: Mapping[str, Held]) -> Iterator[dict[str, Any]]:
    """Rows of the channels' books that are not what we have available."""
    for channel, book in books.items():
        for code in sorted(set(held) | set(book)):
            ours, theirs = held[code].available if code in held else None, book.get(code)
            if ours != theirs:
                yield {"channel": channel, "code": code, "ours": ours, "theirs": theirs}


def recorded(channel_ids: Sequence[int]) -> dict[str, int]:
    """Orders, lines and units as the product has recorded them."""
    lines = SalesOrderLine.objects.filter(order__channel_id__in=channel_ids)
    taken, parked = lines.filter(parked_reason=""), lines.exclude(parked_reason="")
    sums = taken.aggregate(
        *(Sum(name, default=0) for name in ("quantity", "refunded", "reserved", "short")),
    )
    deliveries = Delivery.objects.filter(channel_id__in=channel_ids)
    return {
        "orders": SalesOrder.objects.filter(channel_id__in=channel_ids, lines__in=taken).distinct().count(),
        "lines": taken.count(),
        "units_sold": sums["quantity__sum"],
        "units_returned": sums["refunded__sum"],
        "reserved": sums["reserved__sum"],
        "short": sums["short__sum"],
        "parked_lines": parked.count(),
        "units_parked": parked.aggregate(units=Sum("refunded", default=0))["units"],
        "deliveries": deliveries.count(),
        "parked_deliveries": deliveries.filter(status=DeliveryStatus.PARKED).count(),
    }


def ledger_differences() -> list[str]:
    """What ``verify_ledger`` would print."""
    return [difference.message for difference in verify()]


def _numbers(held: Held) -> dict[str, int]:
    return {"opening": held.opening, "reserved": held.reserved, "available": held.available}
