"""Lag from the product's rows, on a history worked out by hand."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from channels.models import Channel, Debt, Delivery, DeliveryStatus, Listing, PushLog, StockTarget, SyncLane
from channels.models.inbox import DeliverySource
from config.simulation import measure
from fulfillment.models import SalesOrder, SalesOrderLine
from inventory.models import Product, Sku

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class History:
    """Three channels offer A and B."""

    def __init__(self) -> None:
        product = Product.objects.create(code="P", name="P")
        self.skus = {code: Sku.objects.create(code=code, name=code, product=product) for code in "AB"}
        self.channels = {
            code: Channel.objects.create(code=code, name=code, connector="http") for code in ("x", "y", "z")
        }
        self.targets: dict[tuple[str, str], StockTarget] = {}
        for code, channel in self.channels.items():
            for sku in self.skus.values():
                listing = Listing.objects.create(channel=channel, sku=sku, external_key=sku.code)
                self.targets[code, sku.code] = StockTarget.objects.create(channel=channel, listing=listing)

    def sale(self, channel: str, *skus: str, placed: float, stored: float, recorded: float, poll: bool = False) -> None:
        name = f"{channel}-{placed}"
        delivery = Delivery.objects.create(
            channel=self.channels[channel],
            source=DeliverySource.POLL if poll else DeliverySource.WEBHOOK,
            event_id=name,
            body=b"{}",
            body_hash=hashlib.sha256(name.encode()).digest(),
            stored_at=at(stored),
            settled_at=at(recorded),
            status=DeliveryStatus.DONE,
        )
        order = SalesOrder.objects.create(
            channel=self.channels[channel],
            external_id=name,
            version=1,
            status="open",
            placed_at=at(placed),
            recorded_at=at(recorded - 0.01),
            delivery=delivery,
        )
        for position, sku in enumerate(skus):
            SalesOrderLine.objects.create(
                order=order, external_id=str(position), position=position, sku=self.skus[sku], quantity=1
            )

    def push(
        self, channel: str, sku: str, *, computed: float, acknowledged: float | None, outcome: str = "applied"
    ) -> None:
        PushLog.objects.create(
            channel=self.channels[channel],
            target=self.targets[channel, sku],
            quantity=1,
            outcome=outcome,
            owed_at=at(computed),
            computed_at=at(computed),
            acknowledged_at=None if acknowledged is None else at(acknowledged),
        )


def test_lag_runs_to_the_last_channels_first_number_computed_afterwards() -> None:
    history = History()
    history.sale("x", "A", "B", placed=0.0, stored=0.1, recorded=0.3)
    history.push("y", "A", computed=0.2, acknowledged=9.0)  # computed before the sale was recorded: not in it
    history.push("y", "A", computed=0.4, acknowledged=0.5)
    history.push("y", "A", computed=0.8, acknowledged=5.0)  # a later number: not waited for
    history.push("y", "B", computed=0.4, acknowledged=0.6)
    history.push("z", "A", computed=0.5, acknowledged=0.7, outcome="unknown")
    history.push("z", "A", computed=0.8, acknowledged=1.1)
    history.push("z", "B", computed=0.9, acknowledged=None, outcome="unchanged")
    found = measure.sale_lags(since=NOON)
    assert found["sale"]["max"] == pytest.approx(1.0)
    assert found["intake"]["max"] == pytest.approx(0.2)
    assert found["sync"]["max"] == pytest.approx(0.8)
    assert found["arrival"]["max"] == pytest.approx(0.1)
    assert (found["sale"]["count"], found["never"]) == (1, 0)


def test_the_selling_channel_counts_only_where_it_was_sent_a_number() -> None:
    history = History()
    history.sale("x", "A", placed=0.0, stored=0.0, recorded=0.1)
    for channel, acknowledged in (("y", 0.3), ("z", 0.4), ("x", 0.9)):
        history.push(channel, "A", computed=0.2, acknowledged=acknowledged)
    assert measure.sale_lags(since=NOON)["sale"]["max"] == pytest.approx(0.9)


def test_a_channel_that_was_never_told_is_counted_apart() -> None:
    history = History()
    history.sale("x", "A", placed=0.0, stored=0.0, recorded=0.1)
    history.sale("x", "B", placed=1.0, stored=1.0, recorded=1.1)
    for sku in "AB":
        history.push("y", sku, computed=1.2, acknowledged=1.3)
    history.push("z", "B", computed=1.2, acknowledged=1.4)
    found = measure.sale_lags(since=NOON)
    assert (found["sale"]["count"], found["intake"]["count"], found["never"]) == (1, 2, 1)
    assert measure.sale_lags(since=at(1.0))["never"] == 0


def test_what_is_left_and_what_was_repaired() -> None:
    history = History()
    before = measure.Repairs.count()
    target = history.targets["x", "A"]
    Debt.objects.create(channel=target.channel, target=target, owed_at=NOON)
    StockTarget.objects.filter(pk=target.pk).update(claimed_until=NOON)
    assert measure.unfinished() == {"deliveries": 0, "debts": 1, "in_flight": 1}
    SyncLane.objects.update_or_create(channel=target.channel, defaults={"repairs": 2})
    history.sale("x", "A", placed=0.0, stored=0.0, recorded=0.1, poll=True)
    assert measure.Repairs.count().since(before) == {"sweep": 2, "reconciliation": 0, "poll": 1, "total": 3}
    StockTarget.objects.filter(pk=target.pk).update(parked_reason="listing_blocked")
    assert measure.parked() == {"deliveries": 0, "targets": 1}
