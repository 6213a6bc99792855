"""Channels and listings come into being and change through verbs that check ids and owe numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from channels import sync
from channels.connectors.base import ConnectorError
from channels.credentials import account, store
from channels.models import AllocationRule, Channel, Debt, Listing, StockTarget, SyncLane
from channels.registration import create_channel, create_listings, update_channel, update_listing
from channels.rules import save_rule
from channels.selling import stop_selling
from inventory.catalogue import save_location, save_product, save_sku
from tests.channels.shop import Shop
from tests.channels.world import (
    SECRET,
    Hands,
    a_channel,
    a_listing,
    a_location,
    a_sku,
    drain,
    owed,
    set_available,
    target_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def remotes(listing: Listing) -> dict[str, bool]:
    return dict(StockTarget.objects.filter(listing=listing).values_list("remote", "is_active"))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"credentials": {}}, "credentials.secret"),
        ({"credentials": {"secret": "whsec_%%%"}}, "credentials.secret"),
        ({"credentials": {"secret": "whsec_"}}, "credentials.secret"),
        ({"base_url": ""}, "base_url"),
        ({"settings": {"max_batch": 0}}, "settings.max_batch"),
        ({"settings": {"max_batch": "many"}}, "settings.max_batch"),
        ({"settings": {"max_batch": True}}, "settings.max_batch"),
    ],
)
def test_a_channel_that_cannot_work_is_refused_and_says_what_is_missing(fields: dict[str, object], what: str) -> None:
    given = {"credentials": {"secret": SECRET}, "base_url": "http://127.0.0.1:1", **fields}
    with pytest.raises(ConnectorError, match=what):
        create_channel(code="c", name="C", connector="http", actor="test", **given)  # type: ignore[arg-type]
    assert not Channel.objects.exists() and not SyncLane.objects.exists()


def test_an_unknown_connector_is_refused_naming_those_there_are() -> None:
    with pytest.raises(LookupError, match="http, manual"):
        create_channel(code="c", name="C", connector="nothing", actor="test")


@pytest.mark.parametrize("external", [{}, {"external_id": ""}, {"external_id": " "}, {"external_id": None},
                                      {"external_id": ["a"]}, {"external_id": True}, {"external_id": "x" * 201},
                                      {"external_id": "a\x00"}])  # fmt: skip
def test_a_listing_without_a_usable_id_is_refused(external: dict[str, object]) -> None:
    channel, sku = a_channel(), a_sku("A")
    with pytest.raises(ConnectorError):
        create_listings(channel, [{"sku": sku, "external": external}])
    assert not Listing.objects.exists()


def test_ids_taken_twice_are_refused_as_a_whole() -> None:
    channel, sku = a_channel(), a_sku("A")
    a_listing(channel, sku, "taken")
    for keys in (["free", "taken"], ["twice", "twice"]):
        with pytest.raises(ConnectorError, match=r"taken|twice"):
            create_listings(channel, [{"sku": sku, "external": {"external_id": key}} for key in keys])
    assert Listing.objects.count() == 1
    a_listing(a_channel(code="other"), sku, "taken")


def test_numbers_as_ids_are_text() -> None:
    listing = create_listings(a_channel(), [{"sku": a_sku("A"), "external": {"external_id": 2**60}}])[0]
    assert listing.external_key == str(2**60)


def test_a_remap_is_owed_and_its_old_number_forgotten(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    listing = a_listing(channel, a_sku("A", available=5))
    a_listing(channel, a_sku("B"), "taken")
    sync.drain_channel(channel.pk)
    with pytest.raises(ConnectorError, match="taken"):
        update_listing(listing, external={"external_id": "taken"})
    listing.refresh_from_db()
    update_listing(listing, external={"external_id": "fresh"})
    assert target_of(listing).shown is None and owed() == {"fresh"}
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book["fresh"] == 5


def test_a_remap_to_the_same_ids_sends_nothing(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    sync.drain_channel(listing.channel_id)
    update_listing(listing, external={"external_id": "x-A"})
    hands.later(2)
    sync.drain_channel(listing.channel_id)
    assert len(shop.writes) == 1 and not owed()


def test_ids_beside_the_key_that_change_make_what_is_shown_unknown() -> None:
    """Shopify's orders name the variant; numbers are set by the inventory item, which may have been mistyped."""
    channel = create_channel(
        code="s", name="S", connector="shopify", base_url="http://127.0.0.1:1", actor="test",
        credentials={"access_token": "t", "client_secret": "s"}, settings={"location_id": 1},
    )  # fmt: skip
    (listing,) = create_listings(channel, [{"sku": a_sku("A"), "external": {"inventory_item_id": 1, "variant_id": 2}}])
    StockTarget.objects.update(shown=0, published=0)
    Debt.objects.all().delete()
    update_listing(listing, external={"inventory_item_id": "1", "variant_id": "2"})
    assert target_of(listing).shown == 0, "the same ids, typed otherwise"
    update_listing(listing, external={"inventory_item_id": 7, "variant_id": 2})
    assert (target_of(listing).shown, owed()) == (None, {"gid://shopify/ProductVariant/2"})


def test_a_channel_that_moves_to_another_shop_is_told_every_number_anew(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=5))
    sync.drain_channel(channel.pk)
    shop.book.clear()  # what is at the new address knows nothing
    update_channel(channel, base_url=f"{shop.url}/eu", actor="test")
    assert StockTarget.objects.get().shown is None
    update_channel(channel, base_url=shop.url, actor="test")
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 5}


def test_changing_a_channel_undoes_nothing_that_others_did_to_it_meanwhile() -> None:
    """A form that was opened before a worker renewed the token, or somebody stopped selling."""
    opened = a_channel(credentials={"secret": SECRET, "refresh_token": "old"})
    worker = Channel.objects.get(pk=opened.pk)
    store(worker, {"refresh_token": "new"})
    worker.save(update_fields=["credentials_text"])
    stop_selling([worker], actor="test")
    changed = update_channel(opened, name="Better", credentials={"access_token": "typed"}, actor="test")
    found = Channel.objects.get(pk=opened.pk)
    assert (found.name, found.stopped_at) == ("Better", worker.stopped_at) and worker.stopped_at is not None
    assert account(found).credentials == {"secret": SECRET, "refresh_token": "new", "access_token": "typed"}
    assert (changed.name, account(changed).credentials) == ("Better", account(found).credentials)


def test_an_inactive_listing_is_owed_again_once_it_is_active(shop: Shop, hands: Hands) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5), is_active=False)
    assert not owed()
    update_listing(listing, is_active=True)
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": 5}


def test_what_the_channel_fulfils_has_no_target() -> None:
    listing = a_listing(a_channel(), a_sku("A", available=5), fulfilled_by="channel")
    assert remotes(listing) == {} and not owed()
    update_listing(listing, fulfilled_by="us")
    assert remotes(listing) == {"": True} and owed() == {"x-A"}
    update_listing(listing, fulfilled_by="channel")
    assert remotes(listing) == {"": False}


def test_manual_channels_have_listings_and_no_targets() -> None:
    channel = create_channel(code="phone", name="Phone", connector="manual", actor="test")
    (listing,) = create_listings(channel, [{"sku": a_sku("A", available=5)}])
    assert listing.external_key == "A" and remotes(listing) == {}


def test_a_channel_with_one_number_for_all_cannot_tell_places_apart() -> None:
    w1, w2 = a_location("W1"), a_location("W2")
    with pytest.raises(ConnectorError, match="cannot tell apart: berlin, paris"):
        a_channel(locations=[(w1, "berlin"), (w2, "paris")])
    assert not Channel.objects.exists()
    a_channel(locations=[(w1, "berlin"), (w2, "berlin")])


@pytest.mark.usefixtures("_has_places")
def test_a_location_map_gives_a_target_for_each_remote() -> None:
    w1, w2, w3 = (a_location(code) for code in ("W1", "W2", "W3"))
    channel = a_channel(locations=[(w1, "berlin"), (w2, "paris"), (w3, "paris")])
    listing = a_listing(channel, a_sku("A", available=5))
    assert remotes(listing) == {"berlin": True, "paris": True}
    update_channel(channel, locations=[(w1, "berlin"), (w2, "rome")], actor="test")
    assert remotes(listing) == {"berlin": True, "paris": False, "rome": True}
    assert Debt.objects.count() >= 2
    update_channel(channel, locations=[], actor="test")
    assert remotes(listing) == {"berlin": False, "paris": False, "rome": False, "": True}
    update_channel(channel, locations=[(w1, "berlin")], actor="test")
    assert remotes(listing) == {"berlin": True, "paris": False, "rome": False, "": False}


def test_ids_of_shopify_are_kept_as_gids_however_they_are_typed() -> None:
    secrets = {"access_token": "shpat_x", "client_secret": "hush"}
    place = a_location("W9")
    channel = create_channel(
        code="shopify-eu", name="Shopify EU", connector="shopify", base_url="https://shop.example", credentials=secrets,
        settings={"location_id": "301"}, locations=[(place, "302")], actor="tests",
    )  # fmt: skip
    listing = create_listings(
        channel, [{"sku": a_sku("GID"), "external": {"variant_id": 7001, "inventory_item_id": "8001"}}]
    )[0]
    channel.refresh_from_db()
    listing.refresh_from_db()
    assert channel.settings == {"location_id": "gid://shopify/Location/301"}
    assert remotes(listing) == {"gid://shopify/Location/302": True}
    assert listing.external_key == "gid://shopify/ProductVariant/7001"
    assert listing.external == {
        "variant_id": "gid://shopify/ProductVariant/7001",
        "inventory_item_id": "gid://shopify/InventoryItem/8001",
    }
    update_listing(listing, external={"variant_id": "7001", "inventory_item_id": "8002"})
    listing.refresh_from_db()
    assert listing.external["inventory_item_id"] == "gid://shopify/InventoryItem/8002"
    update_channel(channel, settings={"location_id": 303}, locations=[], actor="tests")
    channel.refresh_from_db()
    assert channel.settings == {"location_id": "gid://shopify/Location/303"}
    with pytest.raises(ConnectorError, match=r"channel's name of a location is 'Main'"):
        update_channel(channel, locations=[(place, "Main")], actor="tests")


def test_changing_a_channel_owes_all_its_numbers(shop: Shop) -> None:
    channel, other = a_channel(shop), a_channel(shop, code="other")
    a_listing(channel, a_sku("A"))
    a_listing(other, a_sku("B"))
    Debt.objects.all().delete()
    update_channel(channel, settings={"max_batch": 7}, actor="test")
    assert owed() == {"x-A"}
    with pytest.raises(ConnectorError):
        update_channel(channel, settings={"max_batch": -7}, actor="test")
    assert Channel.objects.get(pk=channel.pk).settings == {"max_batch": 7}


@pytest.mark.parametrize(
    ("change", "number"), [({"is_active": False}, 5), ({"kind": "fba"}, 5), ({"priority": 7}, 12)], ids=str
)
def test_a_location_that_closes_or_changes_its_kind_is_felt(
    shop: Shop, hands: Hands, change: dict[str, object], number: int
) -> None:
    """What feeds a channel changed: every number that its stock was part of is owed."""
    place, sku = a_location("W2", priority=2), a_sku("A", available=5)
    set_available(sku, 7, location=place)
    listing = a_listing(a_channel(shop), sku)
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 12}
    for name, value in change.items():
        setattr(place, name, value)
    save_location(place)
    drain(listing.channel, hands)
    assert shop.book == {"x-A": number}


def test_a_rules_scope_that_changes_is_felt(shop: Shop, hands: Hands) -> None:
    sku = a_sku("A", available=50)
    listing = a_listing(a_channel(shop), sku)
    save_rule(AllocationRule(kind="buffer", value=Decimal(10), category="mugs"))
    save_rule(AllocationRule(kind="buffer", value=Decimal(20), channel=listing.channel, tag="blue"))
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 50}
    sku.product.category = "mugs"
    save_product(sku.product)
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 40}
    sku.tags = ["blue"]
    save_sku(sku)
    drain(listing.channel, hands)
    assert shop.book == {"x-A": 30}
