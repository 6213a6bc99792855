"""Codes, names and ids of every kind that merchants really use."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.stack.client import eventually
from tests.stack.world import World, external


@pytest.mark.parametrize(
    "mark", [" ", ".", "-", "_", "+", "#", "&", "%", "é", "名", ":", "(1)", "'", '"', "\\", "/", "?"]
)
def test_a_code_with_any_sign_works_in_every_path_or_is_refused_with_its_field(world: World, mark: str) -> None:
    code = f"SKU{mark}{world.tag}"
    made = world.api.request("POST", path="skus/", body={"code": code, "name": "thing"})
    if made.status_code == 201:
        assert world.api.request("GET", path=f"skus/{quote(code, safe='')}/").json()["code"] == code
        assert world.api.row("skus/", code=code)["code"] == code
        world.adjust(code, quantity=3)
        assert world.numbers(code) == (3, 3, 0)
    else:
        assert made.status_code == 400, made.text
        assert "code" in made.json()["error"]["fields"]


def test_codes_that_differ_only_by_case_are_two_skus(world: World) -> None:
    upper, lower = f"{world.tag}A", f"{world.tag}a"
    for code in (upper, lower):
        world.api.post("skus/", body={"code": code, "name": "thing"})
    world.adjust(upper, quantity=5)
    assert world.numbers(upper) == (5, 5, 0)
    assert world.api.rows("stock-levels/", sku=lower) == [] or world.numbers(lower) == (0, 0, 0)


def test_ids_that_differ_only_by_case_are_two_listings(world: World) -> None:
    first, second = world.sku(on_hand=10), world.sku(on_hand=10)
    shop = world.shop(settle=False)
    world.offer(shop, sku=first, external_id="mug-A")
    world.offer(shop, sku=second, external_id="mug-a")
    order = shop.order(("mug-a", 2))
    world.tell(shop, order=order)
    world.recorded(shop, external_id=order["id"])
    assert (world.numbers(first), world.numbers(second)) == ((10, 10, 0), (10, 8, 2))


def test_one_id_cannot_stand_for_two_skus_of_a_channel(world: World) -> None:
    first, second = world.sku(), world.sku()
    shop = world.shop(settle=False)
    world.offer(shop, sku=first, external_id="same")
    body = {"channel": shop.code, "sku": second, "external": {"external_id": "same"}}
    answer = world.api.request("POST", path="listings/", body=body)
    assert answer.status_code in (400, 409), answer.text


def test_one_id_may_stand_for_different_skus_on_different_channels(world: World) -> None:
    first, second = world.sku(on_hand=10), world.sku(on_hand=10)
    shops = [world.shop(settle=False) for _ in range(2)]
    for shop, sku in zip(shops, (first, second), strict=True):
        world.offer(shop, sku=sku, external_id="same")
    order = shops[1].order(("same", 1))
    world.tell(shops[1], order=order)
    world.recorded(shops[1], external_id=order["id"])
    assert (world.numbers(first)[2], world.numbers(second)[2]) == (0, 1)


def test_a_sku_listed_twice_on_a_channel_shows_its_number_under_both_ids(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(settle=False)
    for name in ("left", "right"):
        answer = world.api.request(
            "POST", path="listings/", body={"channel": shop.code, "sku": sku, "external": {"external_id": name}}
        )
        assert answer.status_code in (201, 400, 409), answer.text
        if answer.status_code != 201:
            return
    eventually(lambda: shop.book == {"left": 10, "right": 10})


def test_an_id_longer_than_any_system_makes_is_a_clear_error_or_works(world: World) -> None:
    sku = world.sku(on_hand=1)
    shop = world.shop(settle=False)
    body = {"channel": shop.code, "sku": sku, "external": {"external_id": "x" * 5000}}
    assert world.api.request("POST", path="listings/", body=body).status_code in (201, 400)


@pytest.mark.parametrize(
    ("connector", "fields"),
    [
        ("http", {"base_url": ""}),
        ("http", {"base_url": "ftp://127.0.0.1/"}),
        ("http", {"base_url": "file:///nowhere/secret"}),
        ("http", {"base_url": "not an address"}),
        ("http", {"base_url": "http://"}),
        ("http", {"credentials": {"secret": "plain"}}),
        ("http", {"credentials": {}}),
        ("http", {"credentials": "secret"}),
        ("http", {"settings": {"max_batch": "many"}}),
        ("http", {"settings": {"max_batch": 0}}),
        ("http", {"settings": []}),
        ("nothing", {}),
        ("http", {"locations": ["nowhere"]}),
        ("http", {"locations": "all"}),
        ("http", {"mode": "dreaming"}),
        ("http", {"code": "with space/slash"}),
    ],
)
def test_a_malformed_channel_is_a_clear_error(world: World, connector: str, fields: dict) -> None:
    body = {
        "code": world.name("ch").lower(),
        "name": "Shop",
        "connector": connector,
        "base_url": "http://127.0.0.1:9",
        "credentials": {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        "locations": [world.place],
    }
    answer = world.api.request("POST", path="channels/", body=body | fields)
    assert answer.status_code == 400, answer.text
    named = {name.split(".")[0] for name in answer.json()["error"]["fields"]}
    assert named & (set(fields) or {"connector"}), answer.text


def test_pushes_hold_no_more_items_than_the_channel_takes(world: World) -> None:
    skus = [world.sku(on_hand=5) for _ in range(7)]
    shop = world.shop(*skus, settle=False, settings={"max_batch": 3})
    world.settle(*skus)
    sizes = [len(call.body["items"]) for call in shop.calls if call.method == "PUT"]
    assert max(sizes) <= 3


def test_a_channel_that_compares_before_it_sets_is_told_what_we_expect(world: World) -> None:
    sku = world.sku(on_hand=5)
    shop = world.shop(sku, settings={"compare_and_set": True})
    world.adjust(sku, quantity=2)
    world.shows(shop, sku=sku, number=7)
    last = [item for call in shop.calls if call.method == "PUT" for item in call.body["items"]][-1]
    assert last["expected"] == 5


def test_a_channel_that_sold_in_the_meantime_is_right_after_its_comparison_failed(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settings={"compare_and_set": True})
    order = shop.sell((external(sku), 3))
    world.adjust(sku, quantity=5)
    world.tell(shop, order=order)
    world.shows(shop, sku=sku, number=12, seconds=15)


def test_a_channel_that_does_not_lower_its_own_number_is_pushed_after_its_own_sale(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku, settings={"lowers_on_sale": False})
    world.bought_without_a_book(shop, (sku, 3))
    world.shows(shop, sku=sku, number=7)


def test_versions_of_one_listing_only_grow(world: World) -> None:
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    for number in range(1, 4):
        world.adjust(sku, quantity=1)
        world.shows(shop, sku=sku, number=10 + number)
    versions = [item["version"] for call in shop.calls if call.method == "PUT" for item in call.body["items"]]
    assert versions == sorted(set(versions))


def test_a_disconnected_channels_sales_are_still_recorded(world: World) -> None:
    """Its last numbers are still on sale, and a sale is a fact."""
    sku = world.sku(on_hand=10)
    shop = world.shop(sku)
    world.api.act(f"channels/{shop.code}/disconnect/", body={"reason": "moving house"})
    order = world.bought(shop, (sku, 2))
    assert order["status"] == "open"
    assert world.numbers(sku) == (10, 8, 2)
