"""When the stock of a SKU crosses its reorder point, one alert is raised; by the sale that crosses it."""

from collections.abc import Collection
from typing import Any

from django.db import connection, transaction

from inventory.kernel import clock
from inventory.kernel.workqueue import answer, ring_now
from inventory.locks import share_levels

from .models import ReorderAlert, ReorderCheck
from .signals import reorder_closed, reorder_raised

CHECK = "purchasing.tasks.check_reorder"

_MARK = """
INSERT INTO purchasing_reordercheck (sku_id, owed_at)
SELECT DISTINCT sku_id, %s::timestamptz FROM purchasing_reorderrule WHERE sku_id = ANY(%s) AND is_active ORDER BY sku_id
ON CONFLICT (sku_id) DO {conflict}
RETURNING sku_id
"""


def mark(sku_ids: Collection[int], *, firm: bool = False) -> bool:
    """Note that the rules of these SKUs are to be looked at; True where any has one. ``firm`` as for debts of channels."""
    conflict = "UPDATE SET owed_at = purchasing_reordercheck.owed_at" if firm else "NOTHING"
    with connection.cursor() as cursor:
        cursor.execute(_MARK.format(conflict=conflict), [clock.now(), sorted(sku_ids)])
        return cursor.rowcount > 0


_MARK_ALL = """
INSERT INTO purchasing_reordercheck (sku_id, owed_at)
SELECT DISTINCT sku_id, %s::timestamptz FROM purchasing_reorderrule WHERE is_active ORDER BY sku_id
ON CONFLICT (sku_id) DO NOTHING
"""

_CLAIM = """
DELETE FROM purchasing_reordercheck WHERE sku_id IN (
    SELECT sku_id FROM purchasing_reordercheck ORDER BY owed_at LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING sku_id
"""

# Inventory position = on hand + expected + in transit - unavailable - reserved - backordered. On hand less unavailable less
# reserved is available; nothing is expected yet, and what is short stands in the orders above: of the SKU
# and, in their components, of bundles that are put together when sold. Units lost in transit change
# nothing that is for sale, so that no news tells of them: the regular look at every rule finds them.
_POSITION = """
WITH position AS (
    SELECT rule.id AS rule_id, rule.reorder_point, rule.quantity,
        coalesce((
            SELECT sum(level.available + level.in_transit) FROM inventory_stocklevel level JOIN inventory_location place
                ON place.id = level.location_id
            WHERE level.sku_id = rule.sku_id AND (rule.location_id IS NULL OR level.location_id = rule.location_id)
                AND place.is_active
        ), 0) - CASE WHEN rule.location_id IS NULL THEN coalesce((
            SELECT sum(line.short) FROM fulfillment_salesorderline line WHERE line.sku_id = rule.sku_id AND line.short > 0
        ), 0) + coalesce((
            SELECT sum(line.short * part.units) FROM inventory_bundlepart part
            JOIN inventory_sku kit ON kit.id = part.bundle_id AND kit.bundle_mode = 'virtual'
            JOIN fulfillment_salesorderline line ON line.sku_id = part.bundle_id AND line.short > 0
            WHERE part.component_id = rule.sku_id
        ), 0) ELSE 0 END AS units
    FROM purchasing_reorderrule rule WHERE rule.sku_id = ANY(%(skus)s) AND rule.is_active
)
"""

_CLOSE = f"""
{_POSITION}
UPDATE purchasing_reorderalert alert SET closed_at = %(now)s, closed_by = 'system'
FROM position WHERE alert.rule_id = position.rule_id AND alert.closed_at IS NULL AND position.units > position.reorder_point
RETURNING alert.id
"""

_RAISE = f"""
{_POSITION}
INSERT INTO purchasing_reorderalert (rule_id, position, reorder_point, suggested_quantity, raised_at, closed_by)
SELECT rule_id, units, reorder_point, coalesce(quantity, greatest(1, 2 * reorder_point - units)), %(now)s, ''
FROM position WHERE units <= reorder_point
ON CONFLICT (rule_id) WHERE closed_at IS NULL DO NOTHING
RETURNING id
"""


def check_reorder(*, batch: int = 500) -> list[int]:
    """Compare the marked SKUs with their rules and raise alerts; their ids.

    As with debts: claim, commit, and only then read under a share lock, so that a sale that found its mark already there
    is in the position.
    """
    answer(CHECK)
    raised: list[int] = []
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, [batch])
            skus = [row[0] for row in cursor.fetchall()]
        if not skus:
            return raised
        try:
            raised += _raise_alerts(skus)
        except Exception:
            mark(skus, firm=True)
            raise


@transaction.atomic
def _raise_alerts(skus: list[int]) -> list[int]:
    share_levels(skus)
    given: dict[str, Any] = {"skus": skus, "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, given)
        closed = [row[0] for row in cursor.fetchall()]
        cursor.execute(_RAISE, given)
        ids = [row[0] for row in cursor.fetchall()]
    if closed:
        reorder_closed.send(check_reorder, alert_ids=closed)
    if ids:
        reorder_raised.send(check_reorder, alert_ids=ids)
    return ids


@transaction.atomic
def close_alert(alert: ReorderAlert, *, actor: str) -> ReorderAlert:
    """Somebody has dealt with it: the next crossing raises a new one."""
    ReorderAlert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=clock.now(), closed_by=actor[:150])
    reorder_closed.send(close_alert, alert_ids=[alert.pk])
    alert.refresh_from_db()
    return alert


def mark_all() -> None:
    """Have every rule looked at: a worker that died between its claim and its alert is made up for."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ALL, [clock.now()])
    ring_now(CHECK, even_if_rung=True)


def sweep() -> None:
    """Ring where marks have waited: their alarm was lost."""
    if ReorderCheck.objects.exists():
        ring_now(CHECK, even_if_rung=True)
