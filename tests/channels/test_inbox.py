"""Stored raw, worked off in lanes, replayed at will."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from channels import inbox
from channels.models import Channel, Delivery, DeliveryStatus
from fulfillment import intake, polling
from fulfillment.models import SalesOrder
from fulfillment.orders import Heard
from inventory.kernel import clock
from inventory.models import LedgerEntry
from tests.channels.shop import Shop
from tests.channels.world import Alarms, Hands, a_channel, a_listing, a_sku, event, order

pytestmark = pytest.mark.django_db(transaction=True)


def store(channel: Channel, body: bytes, *, event_id: str = "e1", order_ref: str = "1") -> int | None:
    return inbox.store(channel_id=channel.pk, event_id=event_id, topic="", order_ref=order_ref, body=body)


def test_deliveries_of_one_order_share_a_lane_and_all_lanes_are_used() -> None:
    lanes = {str(number): inbox.lane_of(1, str(number)) for number in range(100)}
    assert set(lanes.values()) == set(range(inbox.LANES))
    assert all(inbox.lane_of(1, ref) == lane for ref, lane in lanes.items())
    channel = a_channel()
    for number in range(4):
        store(channel, event(order("77", ("x", number + 1))), event_id=f"e{number}", order_ref="77")
    assert len(set(Delivery.objects.values_list("lane", flat=True))) == 1


def test_one_worker_a_lane(alarms: Alarms) -> None:
    channel = a_channel()
    store(channel, event(order("1", ("x", 1))))
    lane = Delivery.objects.get().lane
    entered, leave, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        with transaction.atomic():
            seen.append(len(inbox.claim(lane, limit=10)))
            entered.set()
            leave.wait(5)
        connection.close()

    worker = threading.Thread(target=first)
    worker.start()
    assert entered.wait(5)
    with pytest.raises(inbox.LaneTaken), transaction.atomic():
        inbox.claim(lane, limit=10)
    with transaction.atomic():
        assert inbox.claim((lane + 1) % inbox.LANES, limit=10) == []
    alarms.forget()
    assert intake.drain_inbox(lane) == 0
    assert alarms.sent("fulfillment.tasks.drain_inbox") == [([lane], True)], "it is asked again later"
    leave.set()
    worker.join()
    assert seen == [1]


def test_a_flood_on_one_channel_holds_up_no_other() -> None:
    flooded, quiet = a_channel(code="flooded"), a_channel(code="quiet")
    lane = inbox.lane_of(quiet.pk, "1")
    mine = [str(n) for n in range(200) if inbox.lane_of(flooded.pk, str(n)) == lane][:20]
    for number in mine:
        store(flooded, b"{}", event_id=f"e{number}", order_ref=number)
    store(quiet, b"{}")
    with transaction.atomic():
        claimed = inbox.claim(lane, limit=3)
    assert [(one.channel_id, one.order_ref) for one in claimed] == [
        (flooded.pk, mine[0]), (quiet.pk, "1"), (flooded.pk, mine[1]),
    ]  # fmt: skip


def test_a_claim_takes_no_more_into_memory_than_there_is_room_for_and_one_delivery_at_least() -> None:
    channel = a_channel()
    mine = [ref for ref in map(str, range(100)) if inbox.lane_of(channel.pk, ref) == 0][:9]
    for ref in mine:
        size = inbox.CLAIM_BYTES + 1 if ref == mine[-1] else inbox.CLAIM_BYTES // 4
        store(channel, b"x" * size, event_id=f"e{ref}", order_ref=ref)
    claimed = []
    while Delivery.objects.filter(status=DeliveryStatus.WAITING).exists():
        with transaction.atomic():
            batch = inbox.claim(0, limit=300)
            Delivery.objects.filter(pk__in=[one.id for one in batch]).update(status=DeliveryStatus.DONE)
        claimed.append([one.order_ref for one in batch])
    assert claimed == [mine[:4], mine[4:8], mine[8:]]


def test_sales_of_several_channels_are_recorded_in_one_transaction_each_as_its_own_channels_deed() -> None:
    sku = a_sku("A", available=10)
    shops = [a_channel(code=code) for code in ("one", "two", "three")]
    for shop in shops:
        a_listing(shop, sku)
        number = next(str(n) for n in range(100) if inbox.lane_of(shop.pk, str(n)) == 0)
        store(shop, event(order(number, ("x-A", 2))), order_ref=number)
    with CaptureQueriesContext(connection) as queries:
        assert intake.drain_inbox(0) == 3
    assert len([one for one in queries if "FROM inventory_stocklevel" in one["sql"]]) == 1, "levels are locked once"
    sold = LedgerEntry.objects.filter(reason="sale").order_by("level", "number").values_list("actor", "quantity")
    assert sorted(sold) == [("channel:one", 2), ("channel:three", 2), ("channel:two", 2)]
    assert (sku.levels.get().available, sku.levels.get().reserved) == (4, 6)


def test_while_a_batch_is_recorded_its_lane_needs_no_alarm(alarms: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes meanwhile is found by the claim that follows; after the last claim the next sale rings again."""
    channel = a_channel()
    lane = inbox.lane_of(channel.pk, "1")
    record = intake.record_orders

    def another_comes(heard: Sequence[Heard]) -> list[int]:
        if heard[0].event.version == 1:
            store(channel, event(order("1", ("x", 1), version=2)), event_id="e2")
        return record(heard)

    monkeypatch.setattr(intake, "record_orders", another_comes)
    store(channel, event(order("1", ("x", 1))))
    alarms.forget()
    assert intake.drain_inbox(lane) == 2
    assert alarms.sent("fulfillment.tasks.drain_inbox") == []
    store(channel, event(order("1", ("x", 1), version=3)), event_id="e3")
    assert alarms.sent("fulfillment.tasks.drain_inbox") == [([lane], False)]


def test_a_crash_gives_a_batch_back() -> None:
    channel = a_channel()
    store(channel, event(order("1", ("x", 1))))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert len(inbox.claim(inbox.lane_of(channel.pk, "1"), limit=10)) == 1
        raise ZeroDivisionError
    assert Delivery.objects.get().status == DeliveryStatus.WAITING


def test_a_replay_changes_nothing_that_is_known(alarms: Alarms) -> None:
    channel = a_channel()
    sku = a_sku("A", available=10)
    a_listing(channel, sku)
    pk = store(channel, event(order("1", ("x-A", 2))))
    lane = inbox.lane_of(channel.pk, "1")
    assert intake.drain_inbox(lane) == 1
    alarms.forget()
    assert inbox.replay([pk], actor="user:ann") == 1
    row = Delivery.objects.get()
    assert row.status == DeliveryStatus.WAITING and "user:ann" in row.detail and row.settled_at is None
    assert alarms.sent("fulfillment.tasks.drain_inbox") == [([lane], False)]
    assert intake.drain_inbox(lane) == 1
    assert SalesOrder.objects.count() == 1
    assert sku.levels.get().reserved == 2


def test_what_waits_already_is_not_replayed() -> None:
    pk = store(a_channel(), b"x")
    assert inbox.replay([pk, 10**9], actor="user:ann") == 0


def test_a_parked_delivery_keeps_its_evidence_and_may_be_replayed() -> None:
    channel = a_channel()
    body = b"not json"
    pk = store(channel, body, order_ref="")
    lane = inbox.lane_of(channel.pk, "")
    intake.drain_inbox(lane)
    row = Delivery.objects.get()
    assert (row.status, row.reason, bytes(row.body)) == (DeliveryStatus.PARKED, "not_json", body)
    assert row.detail and row.settled_at
    assert inbox.replay([pk], actor="user:ann") == 1
    assert Delivery.objects.get().reason == ""


def test_one_poisonous_delivery_among_300_is_parked_alone() -> None:
    channel = a_channel()
    a_listing(channel, a_sku("A", available=1000))
    for number in range(300):
        body = event(order(str(number), ("x-A", 1)))
        if number == 137:
            body = body.replace(b'"quantity": 1', b'"quantity": 1, "shipped": --')
        if number == 201:
            body = event({**order(str(number), ("x-A", 1)), "ship_to": {"name": "\x00"}})  # no database takes it
        store(channel, body, event_id=f"e{number}", order_ref=str(number))
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    parked = {row.order_ref: row.reason for row in Delivery.objects.filter(status=DeliveryStatus.PARKED)}
    assert parked.pop("137") == "not_json"
    assert set(parked) <= {"201"}
    assert SalesOrder.objects.count() == 299 - len(parked)
    assert not Delivery.objects.filter(status=DeliveryStatus.WAITING).exists()


def test_secrets_in_headers_are_not_kept() -> None:
    headers = {"Authorization": "Bearer s3cret", "Cookie": "s3cret", "X-Topic": "a\x00b", "Accept": "*/*"}
    inbox.store(channel_id=a_channel().pk, event_id="e", topic="", order_ref="1", body=b"", headers=headers)
    assert Delivery.objects.get().headers == {"x-topic": "ab", "accept": "*/*"}


def test_old_orders_of_the_shop_are_left_alone_when_polled_and_kept_when_told(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop, orders_from=clock.now())
    a_listing(channel, a_sku("A", available=10))
    before = clock.now() - timedelta(days=1)
    shop.orders = [order("old", ("x-A", 1), placed_at=before), order("new", ("x-A", 1), placed_at=clock.now())]
    hands.later(60)
    polling.poll_orders(channel.pk)
    body = event(order("told", ("x-A", 1), placed_at=before))
    store(channel, body, event_id="e-told", order_ref="told")
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert set(SalesOrder.objects.values_list("external_id", flat=True)) == {"new", "told"}
    shop.orders = [order("told", ("x-A", 3), version=2, placed_at=before)]
    polling.poll_orders(channel.pk)
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert SalesOrder.objects.get(external_id="told").lines.get().quantity == 3, "ours already: its news count"


def test_polled_orders_go_the_way_of_webhooks_and_are_paged(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=100))
    shop.page_size = 3
    hands.later(30)
    shop.orders = [order(str(number), ("x-A", 1)) for number in range(8)]
    body = event(shop.orders[0])
    store(channel, body, order_ref="0")
    intake.drain_inbox(inbox.lane_of(channel.pk, "0"))
    hands.later(20)
    assert polling.poll_orders(channel.pk) == 7
    assert [seen.query.get("cursor") for seen in shop.reads("/orders")] == [None, "3", "6"]
    assert polling.poll_orders(channel.pk) == 0, "the inbox holds them"
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert SalesOrder.objects.count() == 8
    assert Delivery.objects.filter(source="poll").count() == 7


def test_the_watermark_moves_with_an_overlap_and_only_after_the_last_page(shop: Shop, hands: Hands) -> None:
    from tests.channels.shop import Answer

    channel = a_channel(shop)
    began = clock.now()
    polling.poll_orders(channel.pk)
    marked = Channel.objects.get().orders_read_until
    assert marked is not None and marked >= began
    hands.later(600)
    shop.page_size = 1
    shop.orders = [order("1", ("x", 1)), order("2", ("x", 1))]
    hands.later(60)
    shop.will(lambda seen: shop._route(seen), Answer(500, {}))
    assert polling.poll_orders(channel.pk) == 1, "what was read is kept"
    assert Channel.objects.get().orders_read_until == marked, "and is read again from where it began"
    assert polling.poll_orders(channel.pk) == 1
    since = [seen.query["updated_since"] for seen in shop.reads("/orders")]
    assert since[1] == (marked - timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert Channel.objects.get().orders_read_until > marked + timedelta(seconds=600)


def test_one_unreadable_order_does_not_take_its_page_with_it(shop: Shop, hands: Hands) -> None:
    import json

    from tests.channels.shop import Answer

    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=10))
    hands.later(60)
    good = [
        json.dumps(order(str(number), ("x-A", 1), placed_at=clock.now() - timedelta(seconds=30))) for number in (1, 2)
    ]
    page = f'{{"orders": [{good[0]}, {{"id": "bad", "version": 1e999}}, 7, {good[1]}], "next": null}}'
    shop.always = Answer(body=page.encode())
    polling.poll_orders(channel.pk)
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert set(SalesOrder.objects.values_list("external_id", flat=True)) == {"1", "2"}
    assert Delivery.objects.filter(status=DeliveryStatus.PARKED).count() == 2
    assert polling.poll_orders(channel.pk) == 0, "and is parked once"


def test_an_id_that_no_column_takes_does_not_take_its_page_with_it(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=10))
    shop.orders = [order("1", ("x-A", 1)), order("b\x00d", ("x-A", 1)), order("2", ("x-A", 1))]
    hands.later(60)
    channel.orders_from = clock.now() - timedelta(days=1)
    channel.save()
    assert polling.poll_orders(channel.pk) == 3
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert set(SalesOrder.objects.values_list("external_id", flat=True)) == {"1", "2"}
    assert Delivery.objects.get(status=DeliveryStatus.PARKED).reason == "bad_id"


def test_an_order_that_says_more_under_the_version_that_we_hold_is_news_to_the_poll(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=10))
    stated = order("1", ("x-A", 4))
    store(channel, event(stated), order_ref="1")
    intake.drain_inbox(inbox.lane_of(channel.pk, "1"))
    shop.orders = [stated]
    hands.later(60)
    assert polling.poll_orders(channel.pk) == 0, "nothing that we do not hold"
    stated["lines"][0]["cancelled"] = 3
    assert polling.poll_orders(channel.pk) == 1
    intake.drain_inbox(inbox.lane_of(channel.pk, "1"))
    line = SalesOrder.objects.get().lines.get()
    assert (line.cancelled, line.reserved) == (3, 1)
    assert polling.poll_orders(channel.pk) == 0


def test_disconnected_channels_are_not_polled(shop: Shop) -> None:
    from channels.selling import disconnect

    channel = a_channel(shop)
    disconnect(channel, actor="test")
    assert polling.poll_orders(channel.pk) == 0 and not shop.requests


def test_dates_at_the_ends_of_time_are_parked_and_break_no_page() -> None:
    channel = a_channel()
    a_listing(channel, a_sku("A", available=10))
    for number, when in enumerate(("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T00:00:00Z")):
        body = event({**order(f"o{number}", ("x-A", 1)), "placed_at": when})
        store(channel, body, event_id=f"e{number}", order_ref=f"o{number}")
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)
    assert set(Delivery.objects.values_list("reason", flat=True)) == {"bad_time"}
    assert not SalesOrder.objects.exists()
