"""Units sold with no stock behind them: what kind of shortfall they are, and how they are filled when stock comes."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from django.db import connection, transaction

from channels.models import Channel
from channels.publishing import feeding_of
from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring
from inventory.losses import Loss
from inventory.models import RecountCause, StockLevel
from inventory.recipes import WITH_BUNDLES, recipes_of
from inventory.recounts import want_recounts
from inventory.reservations import Reserve, change_reservations

from .models import SalesOrder, SalesOrderLine, Shortfall, ShortfallCause, ShortfallKind
from .signals import shortfall_found

FILL = "fulfillment.tasks.fill_shortfalls"


class ShortLine(Protocol):
    """What is asked of a line here."""

    id: int
    order_id: int
    sku_id: int | None
    short: int


_STORE = """
WITH known AS (SELECT line_id FROM fulfillment_shortfall WHERE line_id = ANY(%(lines)s) AND closed_at IS NULL)
INSERT INTO fulfillment_shortfall (line_id, kind, cause, quantity, found_at)
SELECT line_id, kind, %(cause)s, quantity, %(now)s
FROM unnest(%(lines)s::bigint[], %(kinds)s::text[], %(units)s::bigint[]) AS new (line_id, kind, quantity)
ON CONFLICT (line_id) DO UPDATE
SET quantity = greatest(fulfillment_shortfall.quantity, excluded.quantity), closed_at = NULL,
    kind = CASE WHEN fulfillment_shortfall.closed_at IS NULL THEN fulfillment_shortfall.kind ELSE excluded.kind END,
    cause = CASE WHEN fulfillment_shortfall.closed_at IS NULL THEN fulfillment_shortfall.cause ELSE excluded.cause END
RETURNING line_id, line_id NOT IN (SELECT line_id FROM known) AS is_news
"""


def classify(short: Sequence[ShortLine], *, channels: Mapping[int, Channel], filled: Collection[int]) -> None:
    """Record what is short: a backorder where its channel's settings allow it (``backorders``), else an oversell.

    ``channels`` are those of the orders, by the order's id; ``filled`` are lines (ids) that were short and no longer are.
    """
    if filled:
        close(filled)
    if not short:
        return
    kinds = {line.id: _kind(channels[line.order_id]) for line in short}
    fresh = _store(short, kinds, ShortfallCause.SOLD)
    oversold = [line for line in short if line.id in fresh and kinds[line.id] == ShortfallKind.OVERSELL]
    if oversold:
        _want_recounts(oversold, channels)
    if fresh:
        _tell(fresh)


def take_losses(losses: Sequence[Loss]) -> None:
    """Units that lines (the losses' holders, their orders locked) were promised are gone: the lines wait for others.

    They are backorders: nobody sold what was not there.
    """
    lost: Counter[int] = Counter()
    for loss in losses:
        lost[loss.holder_id] += loss.units
    lines = list(SalesOrderLine.objects.filter(pk__in=lost).order_by("pk"))
    for line in lines:
        line.reserved -= lost[line.pk]
        line.short += lost[line.pk]
    SalesOrderLine.objects.bulk_update(lines, ["reserved", "short"], batch_size=1000)
    fresh = _store(lines, {line.pk: ShortfallKind.BACKORDER for line in lines}, ShortfallCause.LOST)
    if fresh:
        _tell(fresh)
    ring(FILL)  # another location may have them


def lock_orders(line_ids: Collection[int]) -> None:
    """Lock the orders of these lines, in their order: before stock, as everybody who changes what lines hold."""
    orders = SalesOrder.objects.filter(pk__in=SalesOrderLine.objects.filter(pk__in=line_ids).values("order"))
    list(orders.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _store(short: Sequence[ShortLine], kinds: Mapping[int, str], cause: str) -> set[int]:
    """Write it down; the lines (ids) that were not known to be short."""
    given: dict[str, Any] = {
        "now": clock.now(),
        "cause": str(cause),
        "lines": [line.id for line in short],
        "kinds": [str(kinds[line.id]) for line in short],
        "units": [line.short for line in short],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STORE, given)
        return {row[0] for row in cursor.fetchall() if row[1]}


def _want_recounts(oversold: Sequence[ShortLine], channels: Mapping[int, Channel]) -> None:
    """What was oversold should be counted where it lies: at the locations that its channel sells from."""
    feeding = feeding_of({channels[line.order_id].pk for line in oversold})
    sold = {line.sku_id for line in oversold if line.sku_id is not None}
    counted = {sku_id: [sku_id] for sku_id in sold}  # of a bundle, what it is made of
    counted |= {key: [*recipe.parts, *([] if recipe.is_virtual else [key])] for key, recipe in recipes_of(sold).items()}
    levels = StockLevel.objects.filter(sku__in={sku_id for some in counted.values() for sku_id in some})
    held = set(levels.values_list("sku", "location"))
    wanted: set[tuple[int, int]] = set()
    for line in oversold:
        places = [pk for pk, _ in feeding[channels[line.order_id].pk]]
        for sku_id in counted.get(line.sku_id or 0, ()):
            pairs = [(sku_id, place) for place in places]
            wanted |= set(pairs) & held or set(pairs[:1])
    want_recounts(wanted, cause=RecountCause.OVERSELL)


def _kind(channel: Channel) -> str:
    return ShortfallKind.BACKORDER if channel.settings.get("backorders") else ShortfallKind.OVERSELL


def close(line_ids: Collection[int]) -> None:
    """None of these lines (ids) is short any more."""
    Shortfall.objects.filter(line__in=line_ids, closed_at=None).update(closed_at=clock.now())


def _tell(line_ids: set[int]) -> None:
    rows = Shortfall.objects.filter(line_id__in=line_ids).select_related("line__order__channel", "line__sku")
    shortfall_found.send(
        classify,
        lines=[
            {
                "order": str(row.line.order),
                "sku": str(row.line.sku),
                "units": row.line.short or row.quantity,
                "kind": row.kind,
            }
            for row in rows
        ],
    )


_WAIT = f"""
SELECT EXISTS (SELECT 1 FROM fulfillment_salesorderline WHERE short > 0 AND sku_id = {WITH_BUNDLES})
"""


def wait_for(sku_ids: Collection[int]) -> bool:
    """Whether any line waits for these SKUs, or for bundles that they are parts of."""
    with connection.cursor() as cursor:
        cursor.execute(_WAIT, [list(sku_ids), list(sku_ids)])
        return bool(cursor.fetchone()[0])


def fill_shortfalls(*, batch: int = 500) -> int:
    """Reserve for short lines what has become available, first come, first served; the number of units."""
    answer(FILL)
    filled, after = 0, 0
    while True:
        count, last, units = _fill_batch(after, batch)
        filled += units
        if count < batch:
            return filled
        after = last


@transaction.atomic
def _fill_batch(after: int, batch: int) -> tuple[int, int, int]:
    """One batch of short lines after that id: how many there were, the last one's id, units reserved."""
    waiting = list(
        SalesOrderLine.objects.filter(short__gt=0, sku__isnull=False, pk__gt=after)
        .order_by("pk")
        .values_list("pk", "order")[:batch]
    )
    if not waiting:
        return 0, after, 0
    orders = SalesOrder.objects.filter(pk__in={order_id for _, order_id in waiting}).order_by("pk")
    list(orders.select_for_update(no_key=True).values_list("pk"))
    lines = list(
        SalesOrderLine.objects.filter(short__gt=0, pk__in=[pk for pk, _ in waiting])
        .select_related("order__channel")
        .order_by("pk")
    )
    feeding = {
        key: [pk for pk, _ in rows] for key, rows in feeding_of({line.order.channel_id for line in lines}).items()
    }
    steps = [
        Reserve(line.pk, line.sku_id, line.short, feeding[line.order.channel_id], reference=line.order.reference)
        for line in lines
        if line.sku_id is not None
    ]
    changes = change_reservations(steps, holder_kind="order_line", actor="system", cause="shortfall")
    moved = [line for line in lines if changes.get(line.pk) and changes[line.pk].reserved]
    for line in moved:
        line.reserved += changes[line.pk].reserved
        line.short -= changes[line.pk].reserved
    SalesOrderLine.objects.bulk_update(moved, ["reserved", "short"])
    close([line.pk for line in moved if not line.short])
    return len(waiting), waiting[-1][0], sum(changes[line.pk].reserved for line in moved)
