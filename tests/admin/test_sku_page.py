"""A SKU everywhere: stock, all channels side by side with their reasons, movements, orders."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels import rules, selling, sync
from channels.models import AllocationRule, Debt, Listing, StockTarget
from channels.numbers import explanations_now, numbers_now
from inventory.models import Product, Sku
from tests.admin.house import House, build
from tests.admin.pages import page_of, text


def everywhere(sku: Sku) -> str:
    return reverse("sku-everywhere", args=(sku.pk,))


def test_all_channels_stand_side_by_side_with_their_steps(house: House, boss: Client) -> None:
    sku = house.skus[0]
    rule = rules.save_rule(AllocationRule(kind="buffer", channel=house.channels[1], sku=sku, value=Decimal(7)))
    answer = boss.get(everywhere(sku))
    page = text(answer)
    rows = {row["channel"].code: row for row in answer.context["listings"]}
    listings = Listing.objects.filter(sku=sku).select_related("channel", "sku__product")
    assert {code: row["published"] for code, row in rows.items()} == {
        one.channel.code: numbers_now([one])[one.pk] for one in listings
    }
    assert rows["channel-1"]["published"] == rows["channel-0"]["published"] - 7
    assert "2. percent" in page and "3. buffer" in page and page_of(rule) in page
    assert "Why Amazon US should show" in page and "<details>" in page
    assert page_of(listings[0], "push_one") in page


def test_what_a_channel_was_told_and_is_owed(house: House, boss: Client) -> None:
    sku = house.skus[0]
    Debt.objects.all().delete()
    StockTarget.objects.filter(listing__sku=sku).update(parked_reason="", shown=12, published=12)
    target = StockTarget.objects.get(listing__sku=sku, channel=house.channels[0])
    sync.push_now([target.pk])
    selling.disconnect(house.channels[1], actor="user:ann")
    rows = {row["channel"].code: row for row in boss.get(everywhere(sku)).context["listings"]}
    assert rows["channel-0"]["owed_since"] is not None and rows["channel-0"]["shown"] is None
    assert rows["channel-2"]["owed_since"] is None and rows["channel-2"]["shown"] == 12
    assert (rows["channel-2"]["last"].quantity, rows["channel-2"]["last_word"]) == (30, "Applied")
    words = {code: str(row["word"]) for code, row in rows.items()}
    assert words == {"channel-0": "Owed", "channel-1": "Disconnected", "channel-2": "Up to date"}


def test_stock_orders_and_movements(house: House, boss: Client) -> None:
    sku = house.skus[-1]
    answer = boss.get(everywhere(sku))
    levels = sku.levels.all()
    assert answer.context["stock"]["on_hand"] == sum(level.on_hand for level in levels)
    lines = answer.context["lines"]
    assert lines["short"] == sum(row.short for row in lines["rows"]) > 0
    entries = answer.context["entries"]
    assert len(entries) > 3 and [one.recorded_at for one in entries] == sorted(
        (one.recorded_at for one in entries), reverse=True
    )
    assert "All its movements" in text(answer) and page_of(sku, "adjust_stock") in text(answer)


def test_a_sku_that_is_nowhere_says_so(boss: Client) -> None:
    sku = Sku.objects.create(code="NEW", name="New", product=Product.objects.create(code="NEW", name="New"))
    page = text(boss.get(everywhere(sku)))
    for said in ("No stock anywhere yet", "No channel sells it", "No order waits for it", "Nothing has moved it yet"):
        assert said in page
    assert boss.get(reverse("sku-everywhere", args=(999_999,))).status_code == 404


def test_its_queries_do_not_grow_with_channels(boss: Client) -> None:
    counts = []
    for size in (2, 9):
        house = build(size) if size == 2 else _more(size)
        with CaptureQueriesContext(connection) as asked:
            text(boss.get(everywhere(house.skus[0])))
        counts.append(len(asked))
    assert counts[1] <= counts[0], counts


def _more(size: int) -> House:
    """More channels that list the same SKU."""
    from channels import registration
    from tests.admin.house import SECRET

    house = House(skus=list(Sku.objects.order_by("pk")))
    for number in range(10, 10 + size):
        channel = registration.create_channel(
            code=f"more-{number}", name=f"More {number}", connector="http", base_url="http://127.0.0.1:9",
            credentials={"secret": SECRET}, actor="user:ann",
        )  # fmt: skip
        registration.create_listings(channel, [{"sku": house.skus[0], "external": {"external_id": "x"}}])
    return house


def test_explanations_of_many_are_those_of_each(house: House) -> None:
    listings = list(Listing.objects.select_related("channel", "sku__product"))
    found = explanations_now(listings)
    for listing in listings:
        assert found[listing.pk] == explanations_now([listing])[listing.pk]


def test_one_sees_of_it_what_one_may_see(house: House, stranger: Client, viewer: Client, client: Client) -> None:
    address = everywhere(house.skus[0])
    assert stranger.get(address).status_code == 403
    assert client.get(address).status_code == 302
    page = text(viewer.get(address))
    assert "On every channel" in page and "Push now" not in page and "Adjust stock" not in page


@pytest.mark.parametrize("way", ["list", "page", "listing"])
def test_ways_to_it(way: str, house: House, boss: Client) -> None:
    sku = house.skus[0]
    listing = Listing.objects.filter(sku=sku).order_by("pk")[0]
    if way == "list":
        assert everywhere(sku) in text(boss.get(reverse("admin:inventory_sku_changelist"), {"q": sku.code}))
        return
    address = page_of(sku if way == "page" else listing, "all_channels")
    assert address in text(boss.get(page_of(sku if way == "page" else listing)))
    assert boss.get(address)["Location"] == everywhere(sku)


def test_a_listings_page_links_the_rules_behind_its_number(house: House, boss: Client) -> None:
    rule = AllocationRule.objects.get(channel=house.channels[0])
    listing = Listing.objects.get(channel=house.channels[0], sku=house.skus[0])
    page = text(boss.get(page_of(listing)))
    assert page_of(rule) in page and "1. pool" in page and "Should show" in page
