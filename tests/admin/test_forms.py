"""What may be added: through the verbs, so that checks run and their errors stand on the form."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from channels.credentials import account
from channels.models import AllocationRule, Channel, Debt, Listing
from inventory.models import ApiKey, Location, Product, Sku
from purchasing.models import ReorderRule
from tests.admin.house import SECRET, House
from tests.admin.pages import address, page_of, text

NO_LOCATIONS = {"location_map-TOTAL_FORMS": "0", "location_map-INITIAL_FORMS": "0"}
SHOP = {
    "code": "shop", "name": "My shop", "connector": "http", "base_url": "https://shop.example", "mode": "live",
    "priority": "100", "fee_percent": "0", "currency": "EUR", "orders_from_0": "2026-01-01", "orders_from_1": "00:00:00",
    "is_active": "on", "credentials_http_secret": SECRET, "settings_http_max_batch": "50",
    "settings_http_lowers_on_sale": "on", **NO_LOCATIONS,
}  # fmt: skip


def _add(client: Client, label: str, **values: Any) -> str:
    return text(client.post(address(label, "add"), values, follow=True))


def _save(client: Client, row: Any, **values: Any) -> str:
    return text(client.post(page_of(row), values, follow=True))


def test_a_channel_is_added_with_its_connectors_fields(boss: Client) -> None:
    place = Location.objects.create(code="W1", name="Main")
    form = text(boss.get(address("channels.channel", "add")))
    assert "HTTP (any shop)" in form and "Manual orders" in form and "credentials_http_secret" in form
    mapped = {"location_map-TOTAL_FORMS": "1", "location_map-0-location": str(place.pk), "location_map-0-remote": "R1"}
    _add(boss, "channels.channel", **{**SHOP, **mapped})
    channel = Channel.objects.get(code="shop")
    assert channel.settings == {"max_batch": 50, "compare_and_set": False, "lowers_on_sale": True}
    assert account(channel).credentials == {"secret": SECRET}
    assert list(channel.location_map.values_list("location", "remote")) == [(place.pk, "R1")]
    page = text(boss.get(page_of(channel)))
    assert "http://testserver/webhooks/shop/" in page
    assert SECRET not in page and "Leave empty to keep it" in page


def test_the_connectors_complaint_stands_beside_its_field(boss: Client) -> None:
    page = _add(boss, "channels.channel", **{**SHOP, "credentials_http_secret": ""})
    assert "credentials.secret is missing" in page
    assert "base_url is missing" in _add(boss, "channels.channel", **{**SHOP, "base_url": ""})
    assert "already exists" in (_add(boss, "channels.channel", **SHOP) and _add(boss, "channels.channel", **SHOP))
    assert Channel.objects.count() == 1


def test_a_manual_channel_needs_nothing(boss: Client) -> None:
    _add(boss, "channels.channel", **{**SHOP, "connector": "manual", "base_url": "", "credentials_http_secret": ""})
    assert Channel.objects.get(code="shop").settings == {}


def test_changing_a_channel_keeps_what_is_not_typed_in(house: House, boss: Client) -> None:
    channel = house.channels[0]
    channel.settings = {"max_batch": 10, "set_by_a_program": 1, "backorders": True}
    channel.save()
    values = {
        name: value for name, value in SHOP.items() if name not in ("code", "connector", "credentials_http_secret")
    }
    Debt.objects.all().delete()
    _save(boss, channel, **{**values, "name": "New name", "backorders": "on"})
    channel.refresh_from_db()
    assert channel.name == "New name" and account(channel).credentials == {"secret": SECRET}
    assert channel.settings["set_by_a_program"] == 1 and channel.settings["max_batch"] == 50
    assert channel.settings["backorders"] is True
    assert Debt.objects.filter(channel=channel).exists()
    _save(boss, channel, **values)
    channel.refresh_from_db()
    assert "backorders" not in channel.settings


def test_a_listing_is_added_and_mapped_anew(house: House, boss: Client) -> None:
    channel, sku = house.channels[0], house.skus[0]
    given = {"channel": channel.pk, "sku": sku.pk, "fulfilled_by": "us", "is_active": "on"}
    assert "external.external_id is missing" in _add(boss, "channels.listing", **given)
    taken = {**given, "external_external_id": f"ext-{house.skus[1].code}"}
    assert "has that id already" in _add(boss, "channels.listing", **taken)
    _add(boss, "channels.listing", **given, external_external_id="second-offer")
    listing = Listing.objects.get(external_key="second-offer")
    assert listing.targets.count() == 1
    _save(boss, listing, sku=house.skus[1].pk, fulfilled_by="us", is_active="on", external_external_id="third-offer")
    listing.refresh_from_db()
    assert (listing.external_key, listing.sku) == ("third-offer", house.skus[1])
    form = text(boss.get(address("channels.listing", "add"), {"channel": channel.pk}))
    assert "external_external_id" in form


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [("percent", "101", "from 0 to 100"), ("buffer", "1.5", "whole number"), ("buffer", "", "whole")],
)
def test_a_rule_is_checked_by_its_kind(kind: str, value: str, said: str, boss: Client) -> None:
    assert said in _add(boss, "channels.allocationrule", kind=kind, value=value, enabled="on")
    assert not AllocationRule.objects.exists()


def test_a_rule_owes_what_it_touches(house: House, boss: Client) -> None:
    Debt.objects.all().delete()
    channel = house.channels[0]
    _add(boss, "channels.allocationrule", kind="buffer", value="2", enabled="on", channel=channel.pk)
    owed = Debt.objects.filter(channel=channel).count()
    assert owed == len(house.skus) and Debt.objects.count() == owed
    Debt.objects.all().delete()
    rule = AllocationRule.objects.get(kind="buffer")
    boss.post(page_of(rule, "delete"), {"post": "yes"})
    assert not AllocationRule.objects.filter(kind="buffer").exists()
    assert Debt.objects.filter(channel=channel).count() == owed
    inverted = {"starts_at_0": "2026-02-02", "starts_at_1": "00:00", "ends_at_0": "2026-02-01", "ends_at_1": "00:00"}
    assert "ends after it starts" in _add(boss, "channels.allocationrule", kind="stop_sell", enabled="on", **inverted)


def test_catalogue_and_places_are_added(boss: Client) -> None:
    _add(boss, "inventory.product", code="MUG", name="Mug")
    levels = {"levels-TOTAL_FORMS": "0", "levels-INITIAL_FORMS": "0"}
    product = Product.objects.get(code="MUG")
    _add(
        boss,
        "inventory.sku",
        code="MUG-RED",
        name="Red mug",
        product=product.pk,
        tags="red, new",
        is_active="on",
        **levels,
    )
    assert Sku.objects.get(code="MUG-RED").tags == ["red", "new"]
    given = {
        "kind": "warehouse",
        "priority": "100",
        "is_active": "on",
        "time_zone": "Europe/Berlin",
        "working_days": "1,2,3",
    }
    _add(boss, "inventory.location", code="W9", name="Ninth", **given)
    assert Location.objects.get(code="W9").working_days == [1, 2, 3]
    sku = Sku.objects.get(code="MUG-RED")
    _add(boss, "purchasing.reorderrule", sku=sku.pk, reorder_point="5", is_active="on")
    assert ReorderRule.objects.get().sku == sku


def test_a_key_is_shown_once(boss: Client) -> None:
    page = _add(boss, "inventory.apikey", name="erp", role="operator")
    key = ApiKey.objects.get(name="erp")
    (shown,) = re.findall(rf"{key.prefix}\.\w{{20,}}", page.split("so-panel")[0].split("is not kept")[0])
    assert key.is_valid(shown)
    assert shown not in text(boss.get(address("inventory.apikey")))
    _save(boss, key, name="erp", role="operator", revoked="on")
    key.refresh_from_db()
    assert key.revoked and boss.get(page_of(key, "delete")).status_code == 403


def test_what_rules_go_by_is_told_to_channels(house: House, boss: Client) -> None:
    product, sku, place = house.skus[0].product, house.skus[0], house.locations[1]
    tables = ("levels", "components", "bundle_places", "codes")
    levels = {f"{rows}-{count}_FORMS": "0" for rows in tables for count in ("TOTAL", "INITIAL")}
    levels |= {"bundle_mode": "virtual", "ships_together": "on"}
    zone = {"kind": "warehouse", "priority": "100", "time_zone": "Europe/Berlin", "working_days": "1,2"}
    for row, values in (
        (product, {"code": product.code, "name": product.name, "category": "Cups"}),
        (sku, {"name": sku.name, "product": product.pk, "tags": "green", "is_active": "on", **levels}),
        (place, {"name": "Second", **zone}),
    ):
        Debt.objects.all().delete()
        _save(boss, row, **values)
        assert Debt.objects.filter(target__listing__sku=sku).count() == len(house.channels), row
    wrong = {**zone, "code": "W9", "name": "Ninth", "time_zone": "Mars/Olympus"}
    assert "Select a valid choice" in _add(boss, "inventory.location", **wrong)


def test_a_channel_whose_plug_in_is_gone_and_its_listings_are_shown_and_cannot_be_changed(
    boss: Client, house: House
) -> None:
    listing = Listing.objects.first()
    assert listing is not None
    Channel.objects.filter(pk=listing.channel_id).update(connector="withdrawn")
    channel = Channel.objects.get(pk=listing.channel_id)
    for row in (channel, listing):
        page = text(boss.get(page_of(row)))
        assert 'name="_save"' not in page
        assert str(row) in page
        assert boss.post(page_of(row), {"is_active": ""}).status_code == 403
    assert "Plug-in missing" in text(boss.get(page_of(channel)))
    assert "Plug-in missing" in text(boss.get(address("channels.channel")))
