"""The sample catalogue and channels: plausible, all different, the same every time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from config.demo.catalogue import catalogue
from config.demo.channels import CHANNELS, RATES, external_id, price_in
from config.demo.world import RULES
from config.simulation.seeding import SkuSeed


@pytest.fixture(scope="module")
def skus() -> list[SkuSeed]:
    return catalogue(seed=7)


def test_two_thousand_different_skus(skus: list[SkuSeed]) -> None:
    assert len(skus) == 2000
    for name in ("code", "barcode"):
        assert len({getattr(sku, name) for sku in skus}) == 2000
    assert len({sku.category for sku in skus}) == 8
    assert 150 < len({sku.product_code for sku in skus}) < 600


def test_the_same_seed_makes_the_same_catalogue(skus: list[SkuSeed]) -> None:
    assert catalogue(seed=7) == skus != catalogue(seed=8)


def test_prices_cover_costs_and_barcodes_are_valid(skus: list[SkuSeed]) -> None:
    for sku in skus:
        assert sku.price is not None and sku.unit_cost is not None
        assert Decimal("3") < sku.price < Decimal("200")
        assert Decimal("0.3") < sku.unit_cost / sku.price < Decimal("0.65")
        assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(sku.barcode)) % 10 == 0


def test_thirty_channels_with_ids_of_their_own(skus: list[SkuSeed]) -> None:
    assert len({channel.code for channel in CHANNELS}) == 30
    for channel in CHANNELS:
        assert len({external_id(channel.code, sku.code) for sku in skus}) == 2000
    assert external_id("amazon-us", "A") == external_id("amazon-de", "A") != external_id("ebay-us", "A")


def test_prices_look_at_home() -> None:
    assert {channel.currency for channel in CHANNELS} <= set(RATES)
    assert price_in("USD", Decimal("17.95")) == "17.95"
    assert price_in("JPY", Decimal("17.95")) == "2690"
    assert price_in("SEK", Decimal("17.95")) == "187.95"


def test_rules_name_channels_and_categories_that_exist(skus: list[SkuSeed]) -> None:
    codes, categories = {channel.code for channel in CHANNELS}, {sku.category for sku in skus}
    tags = {tag for sku in skus for tag in sku.tags}
    for _kind, channel, category, tag, _value, _note in RULES:
        assert (not channel or channel in codes) and (not category or category in categories)
        assert not tag or tag in tags
