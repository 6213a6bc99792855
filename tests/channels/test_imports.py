"""Listings by file."""

from __future__ import annotations

import pytest

from channels.models import Listing, StockTarget
from inventory.imports.batches import Asker
from inventory.imports.errors import NotYours
from inventory.models import Role
from inventory.people.roles import Standing
from tests.factories import ChannelFactory, ListingFactory, LocationFactory, SkuFactory
from tests.inventory.imports.bring import bring, check, counts, csv_of, problems, undo, upload

pytestmark = pytest.mark.django_db


def test_listings_are_made_and_remapped_by_file_and_taken_back() -> None:
    LocationFactory(code="W1")
    web = ChannelFactory(code="web")
    mug, jug = SkuFactory(code="MUG"), SkuFactory(code="JUG")
    ListingFactory(channel=web, sku=mug, external={"external_id": "m-1"})
    data = csv_of(
        ("channel", "sku", "external_id", "fulfilled_by"), ("web", "JUG", "m-1", ""), ("web", "MUG", "m-2", ""),
        ("nowhere", "MUG", "x", ""), ("web", "NOTHING", "y", ""), ("web", "MUG", "z", "nobody"),
    )  # fmt: skip
    batch = bring("listings", data)
    assert problems(batch) == [(4, "channel", "unknown"), (5, "sku", "unknown"), (6, "fulfilled_by", "bad_choice")]
    assert dict(Listing.objects.values_list("external_key", "sku__code")) == {"m-1": "JUG", "m-2": "MUG"}
    assert StockTarget.objects.filter(is_active=True).count() == 2
    assert counts(check("listings", data)) == (0, 0, 2, 3)
    assert undo(batch).applied == 2
    states = Listing.objects.order_by("external_key").values_list("external_key", "sku__code", "is_active")
    assert list(states) == [("m-1", "MUG", True), ("m-2", "MUG", False)]
    assert jug.listings.count() == 0


def test_who_is_limited_to_locations_or_does_not_sell_brings_no_listings_in() -> None:
    place = LocationFactory(code="W1")
    for standing in (Standing(Role.WAREHOUSE), Standing(Role.OPERATOR, frozenset({place.pk}))):
        with pytest.raises(NotYours):
            upload("listings", csv_of(("channel", "sku"), ("web", "MUG")), asker=Asker("user:ben", standing))
