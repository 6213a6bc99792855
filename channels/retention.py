"""History that has served its time goes, in small batches."""

from datetime import timedelta

from django.db import connection

from inventory.kernel import clock

#: How long pushes are kept: enough for a month's lag report.
PUSHES_KEPT = timedelta(days=35)

_PRUNE = """
DELETE FROM channels_pushlog WHERE id IN (
    SELECT id FROM channels_pushlog WHERE computed_at < %s ORDER BY id LIMIT %s
)
"""


def prune(*, batch: int = 20_000, most_batches: int = 50) -> int:
    """Delete old pushes; how many went."""
    before, gone = clock.now() - PUSHES_KEPT, 0
    for _ in range(most_batches):
        with connection.cursor() as cursor:
            cursor.execute(_PRUNE, [before, batch])
            gone += cursor.rowcount
            if cursor.rowcount < batch:
                break
    return gone
