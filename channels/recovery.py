"""An older database was put back: what channels show, and what they sold meanwhile, is not known any more.

No number leaves before the channels were asked for their orders since then: ours may be too high by all that was sold.
Until that is done the lanes are leased to nobody's worker.
"""

import logging
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction

from inventory.kernel import clock
from inventory.kernel.workqueue import ring_now

from . import publishing
from .credentials import connector_of
from .models import Channel, Delivery, DeliveryStatus, StockTarget, SyncLane

logger = logging.getLogger(__name__)

POLL = "fulfillment.tasks.poll_orders"

#: Holds the lanes.
HOLDER = "recovery"
WAITS = "a backup was put back: the orders since then are read before numbers leave"
UNTIL_STARTED = datetime(9999, 1, 1, tzinfo=UTC)

#: Once the stack runs, nobody waits longer than this for a channel that does not answer.
PATIENCE = timedelta(minutes=10)

#: Orders are read again from so long before the instant to which the database went back.
MARGIN = timedelta(hours=1)

_FORGET = """
WITH locked AS MATERIALIZED (SELECT id FROM channels_stocktarget ORDER BY id FOR NO KEY UPDATE)
UPDATE channels_stocktarget target
SET shown = NULL, in_flight = NULL, flight_key = NULL, claimed_until = NULL, claim_owed_at = NULL, claim_stored_at = NULL,
    disturbed = FALSE, suspect = NULL, suspect_at = NULL, attempts = 0, next_attempt_at = NULL
FROM locked WHERE target.id = locked.id
"""

_READ_AGAIN = """
UPDATE channels_channel
SET stock_read_at = NULL, orders_read_until = CASE
    WHEN orders_read_until IS NOT NULL THEN least(orders_read_until, %s::timestamptz)
END
"""


@transaction.atomic
def start_over(*, since: datetime) -> int:
    """Owe every target its number, and have orders read from before ``since`` first; how many targets.

    Numbers sent from then on carry versions above all earlier ones, since versions grow with the clock.
    """
    publishing.owe_targets(StockTarget.objects.values_list("pk", flat=True))  # debts before targets, as everywhere
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        targets: int = cursor.rowcount
        cursor.execute(_READ_AGAIN, [since - MARGIN])
    SyncLane.objects.update(
        holder=HOLDER, lease=uuid4(), lease_until=UNTIL_STARTED, not_before=None, failures=0, last_error=WAITS
    )
    return targets


def go_on() -> int:
    """Give the lanes free once every channel's orders are read and recorded, or patience ends; how many were given free."""
    held = SyncLane.objects.filter(holder=HOLDER)
    if not held.exists():
        return 0
    now = clock.now()
    unread = [one for one in Channel.objects.connected() if _is_unread(one, now)]
    if held.filter(lease_until=UNTIL_STARTED).update(lease_until=now + PATIENCE):
        for channel in unread:
            ring_now(POLL, [channel.pk])
    waiting = Delivery.objects.filter(status=DeliveryStatus.WAITING).exists()
    if (unread or waiting) and held.filter(lease_until__gt=now).exists():
        return 0
    if unread:
        logger.warning("numbers leave although orders were not read from %s", ", ".join(one.code for one in unread))
    return held.update(holder="", lease=None, lease_until=None, last_error="")


def _is_unread(channel: Channel, now: datetime) -> bool:
    if not connector_of(channel).capabilities(channel.settings).has_orders:
        return False
    return channel.orders_read_until is None or channel.orders_read_until < now - MARGIN / 2
