"""A merchant's house with something in every list, built by the verbs that the product itself uses."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from channels import inbox, registration, rules
from channels.models import AllocationRule, Channel, Drift, Listing, Outcome, PushLog, StockTarget
from fulfillment import intake, orders, returns, shipping
from fulfillment.models import Return, SalesOrder, Shipment
from inventory import lot_tracking
from inventory.adjustments import adjust, open_stock
from inventory.assemblies import assemble, reverse
from inventory.bundles import Component, set_components
from inventory.companies import home_company
from inventory.costing.landed import create_landed
from inventory.costing.periods import close
from inventory.count_approval import approve
from inventory.counts import Take, count_lines, open_count, submit
from inventory.imports import batches, work
from inventory.kernel import clock
from inventory.manifest import Units
from inventory.models import (
    AccountMap,
    ApiKey,
    AttemptKind,
    CountTolerance,
    ExchangeRate,
    Location,
    Lot,
    Product,
    Role,
    Sku,
    Transfer,
)
from inventory.people import attempts, links
from inventory.recall import recall
from inventory.transfers import create_transfer, dispatch
from purchasing.models import ReorderRule
from purchasing.replenishment import check_reorder
from purchasing.rules import save_rule
from reports.models import Backup, BackupState, LedgerCheck

SECRET = "whsec_" + "c2VsbG9uY2U" * 4
NAMES = ("Web shop", "Amazon US", "eBay", "Walmart", "Etsy", "Zalando", "Otto", "Bol", "Kaufland", "Allegro")
STOCK = 40


@dataclass
class House:
    """What was built, for tests to point at."""

    locations: list[Location] = field(default_factory=list)
    skus: list[Sku] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    manual: Channel | None = None
    orders: list[SalesOrder] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)


def build(size: int = 3) -> House:
    """So many of everything."""
    house = House()
    _stock(house, size)
    _channels(house, size)
    _sell(house, size)
    _ship(house)
    _push(house)
    _invite(size)
    _back_up(size)
    _check_ledger()
    _bundle(house)
    _transfer(house)
    _lots(house)
    _count(house)
    _bring_in()
    _keep_books(house)
    return house


def _bring_in() -> None:
    """A file of SKUs that was applied, one row of it not valid."""
    data = io.BytesIO(b"code,name\nSPOON-1,Spoon\n,Nameless\n")
    ann = batches.Asker("user:ann")
    made = batches.upload(
        data, kind="skus", file_name="spoons.csv", asker=ann, wishes=batches.Wishes(reason="catalogue")
    )
    for step in (batches.check, batches.apply):
        step(made, asker=ann)
        work.run(made.pk, at_once=True)


def _keep_books(house: House) -> None:
    """Freight on what came in, a month that is closed, a rate and an account."""
    receipt = adjust(
        sku=house.skus[0], location=house.locations[0], quantity=100, reason="receipt", reference="PO-1",
        unit_cost=Decimal("4.20"), actor="user:ann",
    )  # fmt: skip
    assert receipt is not None
    create_landed(method="quantity", amount=Decimal("60.00"), receipts=[receipt], note="freight", actor="user:ann")
    month = (clock.now().date().replace(day=1) - timedelta(days=1)).replace(day=1)
    close(home_company(), first_day=month, actor="user:ann")
    ExchangeRate.objects.get_or_create(currency="USD", base="EUR", day=month, defaults={"rate": Decimal("0.9")})
    AccountMap.objects.get_or_create(kind="cogs", defaults={"account": "4000", "name": "Goods sold"})


def _count(house: House) -> None:
    """Counts of both warehouses: approved, submitted and being counted, each of one SKU."""
    for number, sku in enumerate(house.skus):
        place = house.locations[number % 2]
        count = open_count(location=place, skus=[sku], blind=number % 3 == 2, note="shelf", actor="user:ann")
        if number % 3 == 2:
            continue
        count_lines(count, [Take(sku, 1 if number % 3 else 39)], actor="user:ann")
        submit(count, actor="user:ann")
        if not number % 3:
            approve(count, actor="user:ben")
    CountTolerance.objects.get_or_create(stock_class="A", defaults={"units": 0})


def _bundle(house: House) -> None:
    """A pair of the first SKU, one of them packed and one packed and taken apart."""
    sku, place = house.skus[0], house.locations[0]
    pair = Sku.objects.create(code="PAIR", name="Pair", product=sku.product, bundle_mode="pre_packed")
    set_components(pair, [Component(sku, 2)])
    assemble(bundle=pair, location=place, quantity=1, actor="user:ann")
    reverse(assemble(bundle=pair, location=place, quantity=1, actor="user:ann"), actor="user:ann")


def _lots(house: House) -> None:
    """Milk of three lots, one of them expired and one recalled; some of it sold."""
    milk = Sku.objects.create(code="MILK", name="Milk", product=house.skus[0].product)
    lot_tracking.start(milk, actor="user:ann")
    today, place = clock.now().date(), house.locations[0]
    for code, left in (("L-1", 5), ("L-2", 60), ("L-3", 400)):
        adjust(
            sku=milk, location=place, quantity=12, lot=code, expires_on=today + timedelta(days=left), reason="receipt",
            reference="PO-7", actor="user:ann",
        )  # fmt: skip
    lot = Lot.objects.get(code="L-3")
    recall(lot, reason="broken glass", actor="user:ann")
    house.lots.append(lot)


def _transfer(house: House) -> None:
    """One under way from the first location to the shop, one that waits."""
    source, _other, shop = house.locations
    for note, count in (("for the shop", 3), ("later", 2)):
        lines = [Units(house.skus[0], count)]
        house.transfers.append(
            create_transfer(from_location=source, to_location=shop, lines=lines, note=note, actor="user:ann")
        )
    dispatch(house.transfers[0], actor="user:ann")


def _back_up(size: int) -> None:
    """Nights of which every other one went wrong."""
    for number in range(size):
        began = clock.now() - timedelta(days=number)
        failed = {"state": BackupState.FAILED, "remark": "Only 120 MiB are free on the disk."}
        done = {"state": BackupState.DONE, "size_bytes": 987654321, "row_count": 1234567, "checked_at": began}
        Backup.objects.create(
            started_at=began, finished_at=began + timedelta(seconds=13), is_nightly=True, made_by="system",
            path="/srv/sellonce/backups/sellonce-nightly-20300101-020000.zip", **(failed if number % 2 else done),
        )  # fmt: skip


def _check_ledger() -> None:
    """A check of last night that found nothing."""
    began = clock.now() - timedelta(hours=1)
    LedgerCheck.objects.create(
        asked_at=began, asked_by="system", started_at=began, finished_at=began + timedelta(seconds=2), differences=0
    )


def _invite(size: int) -> None:
    """People who have not come yet, and one who guesses."""
    for number in range(size):
        links.invite(email=f"person-{number}@example.com", role=Role.WAREHOUSE, actor="user:ann", by=None)
        attempts.admit(AttemptKind.LOGIN, account=f"guess-{number}", request=None)


def _stock(house: House, size: int) -> None:
    for code, name in (("W1", "Main warehouse"), ("W2", "Second warehouse"), ("SHOP", "Shop in town")):
        house.locations.append(Location.objects.create(code=code, name=name, country="DE"))
    for number in range(size):
        product = Product.objects.create(
            code=f"MUG-{number}", name=f"Mug of kind {number}", category="Mugs", brand="Potter"
        )
        sku = Sku.objects.create(
            code=f"MUG-{number}-BLUE", product=product, name=f"Blue mug of kind {number}", price=Decimal("12.50"),
            currency="EUR", barcode=f"40000000000{number:02}", tags=["blue"],
        )  # fmt: skip
        house.skus.append(sku)
        ApiKey.objects.create_key(name=f"program {number}")
    rows = [(sku.pk, place.pk, STOCK) for sku in house.skus for place in house.locations[:2]]
    open_stock(rows, actor="user:ann", reference="opening")
    for sku in house.skus:
        save_rule(ReorderRule(sku=sku, reorder_point=100))
    check_reorder()


def _channels(house: House, size: int) -> None:
    for number in range(size):
        name = NAMES[number % len(NAMES)] + (f" {number // len(NAMES) + 1}" if number >= len(NAMES) else "")
        channel = registration.create_channel(
            code=f"channel-{number}", name=name, connector="http", base_url="http://127.0.0.1:9",
            credentials={"secret": SECRET}, orders_from=clock.now() - timedelta(days=30), actor="user:ann",
        )  # fmt: skip
        house.channels.append(channel)
        registration.create_listings(
            channel, [{"sku": sku, "external": {"external_id": f"ext-{sku.code}"}} for sku in house.skus]
        )
        rules.save_rule(AllocationRule(kind="percent", channel=channel, value=Decimal(90), note="keep some back"))
    house.manual = registration.create_channel(
        code="phone", name="Phone", connector="manual", locations=[(house.locations[0], "")], actor="user:ann"
    )


def event(number: int, external_ids: list[tuple[str, int]], *, at: str | None = None) -> bytes:
    """One order as the ``http`` connector hears it."""
    at = at or clock.now().isoformat()
    lines = [
        {"id": str(index), "external_id": external_id, "quantity": quantity, "unit_price": "12.50"}
        for index, (external_id, quantity) in enumerate(external_ids)
    ]
    order = {
        "id": f"order-{number}",
        "version": 1,
        "placed_at": at,
        "currency": "EUR",
        "lines": lines,
        "ship_to": {"name": "Berta", "country": "DE"},
    }
    return json.dumps({"type": "order.created", "id": f"event-{number}", "occurred_at": at, "order": order}).encode()


def hear(channel: Channel, number: int, body: bytes) -> None:
    """A delivery arrives and is worked off."""
    inbox.store(
        channel_id=channel.pk, event_id=f"event-{number}", topic="order.created", order_ref=f"order-{number}", body=body
    )
    for lane in range(inbox.LANES):
        intake.drain_inbox(lane)


def _sell(house: House, size: int) -> None:
    for number in range(size):
        channel = house.channels[number % len(house.channels)]
        sold = house.skus[number % len(house.skus)]
        hear(channel, number, event(number, [(f"ext-{sold.code}", 2), (f"unknown-{number}", 1)]))
        hear(channel, 1000 + number, b'{"type": "order.created", "order": <script>alert(1)</script> \xff\xfe')
    for number in range(size):  # one sale more than there is, and then some
        channel = house.channels[number % len(house.channels)]
        hear(channel, 2000 + number, event(2000 + number, [(f"ext-{house.skus[-1].code}", STOCK)]))
    assert house.manual is not None
    line = orders.RequestLine("1", house.skus[0], 3)
    orders.request_order(channel=house.manual, external_id="phone-1", lines=[line], actor="user:ann")
    house.orders = list(SalesOrder.objects.order_by("pk"))


def _ship(house: House) -> None:
    known = [
        order
        for order in house.orders
        if len(order.external_id) < len("order-2000") and order.external_id.startswith("order-")
    ]
    for order in known:
        shipment = shipping.create_shipment(
            order=order, location=house.locations[0], carrier="DHL", tracking_number=f"T{order.pk}", actor="user:ann"
        )
        shipping.dispatch(shipment, actor="user:ann")
        house.shipments.append(shipment)
        line = order.lines.get(position=order.lines.earliest("position").position)
        house.returns.append(returns.create_return(order=order, lines=[(line, 1, "broken")], actor="user:ann"))


def _push(house: House) -> None:
    """What the sync workers would have left behind."""
    now = clock.now()
    for number, target in enumerate(StockTarget.objects.order_by("pk").select_related("channel")):
        sent = now + timedelta(milliseconds=40 * number)
        PushLog.objects.create(
            channel=target.channel, target=target, quantity=30, outcome=Outcome.APPLIED, stored_at=now, owed_at=now,
            computed_at=sent, sent_at=sent, acknowledged_at=sent + timedelta(milliseconds=90),
        )  # fmt: skip
        if number % 5 == 0:
            Drift.objects.create(target=target, expected=30, found=33, excess=3, found_at=now)
    for listing in Listing.objects.order_by("pk")[:: max(1, len(house.skus))]:
        listing.targets.update(
            parked_reason="unknown_item", last_error="unknown_item: no such item", outcome="rejected", attempts=1
        )
