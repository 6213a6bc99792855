"""What the product's own rows say about a run: lag in its parts, repairs, and what is still under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from channels.models import Debt, Delivery, DeliveryStatus, Drift, StockTarget, SyncLane
from channels.models.inbox import DeliverySource
from channels.simulators.measure import percentiles
from fulfillment.models import SalesOrder
from inventory.models import StockLevel

# For each sale and each channel that offers one of its SKUs: the first acknowledged number computed after the sale was
# recorded. The selling channel lowers its own number, so it counts only where it was sent one. Recorded means settled,
# the last stamp before the commit: a number whose levels were read before that commit was stamped earlier.
_LAGS = """
WITH sale AS (
    SELECT DISTINCT sales.id, sales.channel_id, sales.placed_at, delivery.stored_at, line.sku_id,
        greatest(delivery.settled_at, sales.recorded_at) AS recorded_at
    FROM fulfillment_salesorder AS sales
    JOIN channels_delivery AS delivery ON delivery.id = sales.delivery_id
    JOIN fulfillment_salesorderline AS line ON line.order_id = sales.id
    WHERE sales.recorded_at >= %s AND line.sku_id IS NOT NULL AND line.fulfilled_by = 'us'
), told AS (
    SELECT sale.id, listing.channel_id = sale.channel_id AS is_own, push.acknowledged_at
    FROM sale
    JOIN channels_listing AS listing ON listing.sku_id = sale.sku_id AND listing.is_active
    JOIN channels_stocktarget AS target ON target.listing_id = listing.id AND target.is_active
    LEFT JOIN LATERAL (
        SELECT coalesce(pushlog.acknowledged_at, pushlog.computed_at) AS acknowledged_at
        FROM channels_pushlog AS pushlog
        WHERE pushlog.target_id = target.id AND pushlog.computed_at >= sale.recorded_at
            AND pushlog.outcome IN ('applied', 'unchanged')
        ORDER BY pushlog.computed_at
        LIMIT 1
    ) AS push ON true
    WHERE listing.fulfilled_by = 'us'
), reached AS (
    SELECT id, max(acknowledged_at) AS last_at,
        count(*) FILTER (WHERE NOT is_own AND acknowledged_at IS NULL) AS missing
    FROM told
    GROUP BY id
)
SELECT DISTINCT sale.id, sale.placed_at, sale.stored_at, sale.recorded_at, reached.last_at, reached.missing
FROM sale
JOIN reached ON reached.id = sale.id
"""


@dataclass(frozen=True, slots=True)
class Repairs:
    """Counts that only grow, and stay at 0 where nothing failed."""

    sweep: int
    reconciliation: int
    poll: int

    @classmethod
    def count(cls) -> "Repairs":
        """As of now."""
        return cls(
            sweep=SyncLane.objects.aggregate(total=Sum("repairs"))["total"] or 0,
            reconciliation=Drift.objects.count(),
            poll=SalesOrder.objects.filter(delivery__source=DeliverySource.POLL).count(),
        )

    def since(self, before: "Repairs") -> dict[str, int]:
        """What was added since an earlier count."""
        parts = {name: getattr(self, name) - getattr(before, name) for name in self.__slots__}
        return {**parts, "total": sum(parts.values())}


def sale_lags(*, since: datetime) -> dict[str, Any]:
    """Lag of every sale recorded since then, in seconds, by our clock.

    ``sale`` runs from the commit of the delivery to the last channel's acknowledgement; ``intake`` and ``sync`` are
    its parts. ``arrival`` lies before them: from the channel's own time of the order to the commit of its delivery.
    ``never`` counts sales that some channel has not acknowledged a number for; of the percentiles they are in
    arrival's and intake's only.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAGS, [since])
        rows = [row[1:] for row in cursor.fetchall()]
    done = [row for row in rows if not row[4] and row[3] is not None]
    return {
        "sale": percentiles(_seconds(stored, last) for _, stored, _, last, _ in done),
        "arrival": percentiles(_seconds(placed, stored) for placed, stored, *_ in rows),
        "intake": percentiles(_seconds(stored, recorded) for _, stored, recorded, *_ in rows),
        "sync": percentiles(_seconds(recorded, last) for _, _, recorded, last, _ in done),
        "never": len(rows) - len(done),
    }


def unfinished() -> dict[str, int]:
    """What is owed or waits to be worked on now."""
    return {
        "deliveries": Delivery.objects.filter(status=DeliveryStatus.WAITING).count(),
        "debts": Debt.objects.count(),
        "in_flight": StockTarget.objects.filter(
            Q(in_flight__isnull=False) | Q(claimed_until__isnull=False), parked_reason=""
        ).count(),
    }


def parked() -> dict[str, int]:
    """What was set aside for a person."""
    return {
        "deliveries": Delivery.objects.filter(status=DeliveryStatus.PARKED).count(),
        "targets": StockTarget.objects.exclude(parked_reason="").count(),
    }


def available(skus: Sequence[str]) -> dict[str, int]:
    """Available units by SKU over all locations, by the ledger's projection."""
    rows = StockLevel.objects.filter(sku__code__in=skus).values_list("sku__code").annotate(Sum("available"))
    return dict(rows)


def _seconds(begun: datetime, ended: datetime) -> float:
    return (ended - begun).total_seconds()
