"""SKUs that should be counted soon, because something says that their number is wrong. Asked for once until counted."""

from collections.abc import Collection

from django.db import connection

from .kernel import clock
from .locks import Pair
from .models import Location, RecountRequest
from .models.location import MARKETPLACE_OWNED

# Sorted, so that two transactions that want the same wait and do not lock up.
_WANT = """
INSERT INTO inventory_recountrequest (sku_id, location_id, cause, wanted_at)
SELECT sku_id, location_id, %s, %s FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (sku_id, location_id)
ORDER BY sku_id, location_id
ON CONFLICT (sku_id, location_id) WHERE closed_at IS NULL DO NOTHING
"""


def want_recounts(pairs: Collection[Pair], *, cause: str) -> int:
    """Ask for these SKUs to be counted at these locations; how many were not asked for already.

    The last rows that a transaction takes: whoever closes one holds nothing that others wait for with this.
    """
    theirs = set(Location.objects.filter(kind__in=MARKETPLACE_OWNED).values_list("pk", flat=True))
    ours = sorted({pair for pair in pairs if pair[1] not in theirs})
    if not ours:
        return 0
    with connection.cursor() as cursor:
        columns = [[sku_id for sku_id, _ in ours], [location_id for _, location_id in ours]]
        cursor.execute(_WANT, [cause, clock.now(), *columns])
        return int(cursor.rowcount)


def close_recounts(request_ids: Collection[int]) -> int:
    """A person says that no recount is needed; how many were open."""
    return RecountRequest.objects.filter(pk__in=request_ids, closed_at=None).update(closed_at=clock.now())
