"""What channels show of bundles, and when they are owed it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import Channel, Debt, Listing
from channels.numbers import explanations_now, numbers_now
from channels.publishing import Offer, compute_numbers
from inventory.bundles import Component, set_components, set_make_up
from inventory.models import Location, Sku
from tests.factories import (
    AllocationRuleFactory,
    ChannelFactory,
    ListingFactory,
    LocationFactory,
    SkuFactory,
    add_stock,
    bundle,
    sell,
    stocked,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def w1() -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def shop() -> Channel:
    channel: Channel = ChannelFactory(code="shop")
    return channel


def show(channel: Channel, sku: Sku) -> int:
    """The number that would be pushed now; the same that people are shown."""
    target = Listing.objects.get(channel=channel, sku=sku).targets.get()
    return compute_numbers({channel.pk: channel}, [Offer(target.pk, channel.pk, sku.pk, "")])[target.pk]


def shown_to_people(channel: Channel, sku: Sku) -> int:
    (listing,) = Listing.objects.filter(channel=channel, sku=sku).select_related("channel", "sku__product")
    return numbers_now([listing])[listing.pk]


def owed() -> set[str]:
    return set(Debt.objects.values_list("target__listing__sku__code", flat=True))


def test_a_bundle_shows_what_its_components_make_and_why(w1: Location, shop: Channel) -> None:
    a, b = stocked(7, code="A", place=w1), stocked(100, code="B", place=w1)
    kit = bundle({a: 2, b: 1})
    for sku in (a, b, kit):
        ListingFactory(channel=shop, sku=sku)
    assert [show(shop, sku) for sku in (a, b, kit)] == [7, 100, 3]
    assert [shown_to_people(shop, sku) for sku in (a, b, kit)] == [7, 100, 3]
    AllocationRuleFactory(channel=shop, sku=kit, kind="buffer", value=Decimal(1))
    assert show(shop, kit) == 2
    (listing,) = Listing.objects.filter(sku=kit).select_related("channel", "sku__product")
    steps = explanations_now([listing])[listing.pk][""].steps
    note = "3 to be put together of 2 x A, 1 x B, all of one from one location; A limits"
    assert [(step.rule, step.input, step.output) for step in steps] == [("pool", 3, 3), ("buffer", 3, 2)]
    assert steps[0].note == note


def test_a_bundle_is_counted_over_the_locations_that_feed_the_channel(w1: Location) -> None:
    w2, w3 = LocationFactory(code="W2"), LocationFactory(code="W3")
    a, b = stocked(10, code="A", place=w1), stocked(10, code="B", place=w2)
    add_stock(a, w3, 4)
    add_stock(b, w3, 4)
    kit = bundle({a: 1, b: 1})
    add_stock(kit, w2, 2)
    near, all_ = ChannelFactory(locations=[(w1, ""), (w2, "")]), ChannelFactory()
    for channel in (near, all_):
        ListingFactory(channel=channel, sku=kit)
    assert [show(near, kit), show(all_, kit)] == [2, 6]
    set_make_up(kit, ships_together=False)
    assert [show(near, kit), show(all_, kit)] == [12, 16]
    set_make_up(kit, places={w3: "pre_packed"})
    assert [show(near, kit), show(all_, kit)] == [12, 12]
    assert shown_to_people(all_, kit) == 12


def test_a_change_of_a_component_owes_every_bundle_that_it_is_in(w1: Location, shop: Channel) -> None:
    a, b, c = (stocked(50, code=code, place=w1) for code in "ABC")
    inner = bundle({a: 1}, code="INNER")
    outer = bundle({inner: 2, b: 1}, code="OUTER")
    packed = bundle({a: 1, c: 1}, code="PACKED", mode="pre_packed")
    other = ChannelFactory(code="other")
    for sku in (a, b, c, inner, outer, packed):
        ListingFactory(channel=shop, sku=sku)
        ListingFactory(channel=other, sku=sku)
    Debt.objects.all().delete()
    add_stock(b, w1, 1)
    assert (owed(), Debt.objects.count()) == ({"B", "OUTER"}, 4)
    Debt.objects.all().delete()
    sell(shop, (a, 1))
    assert owed() == {"A", "INNER", "OUTER", "PACKED"}
    Debt.objects.all().delete()
    sell(shop, (outer, 1))
    assert owed() == {"A", "B", "INNER", "OUTER", "PACKED"}
    Debt.objects.all().delete()
    add_stock(packed, w1, 1)
    assert owed() == {"PACKED"}
    Debt.objects.all().delete()
    set_components(inner, [Component(c)])
    assert owed() == {"INNER", "OUTER"}


def test_owing_and_numbering_take_no_more_queries_for_bundles_around(w1: Location, shop: Channel) -> None:
    a, b = stocked(50, code="A", place=w1), stocked(50, code="B", place=w1)
    for sku in (a, b):
        ListingFactory(channel=shop, sku=sku)

    def queries(sku: Sku) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as sold:
            sell(shop, (sku, 1))
        with CaptureQueriesContext(connection) as shown:
            show(shop, sku)
        return len(sold), len(shown)

    before = queries(a)
    kit = bundle({a: 1, b: 1})
    ListingFactory(channel=shop, sku=kit)
    assert queries(a) == before
    sold, shown = queries(kit)
    assert (sold, shown) == (before[0] + 1, before[1] + 1), "the kit's recipe is read"


def test_a_listing_of_a_sku_that_becomes_a_bundle_is_told(w1: Location, shop: Channel) -> None:
    kit = SkuFactory(code="KIT")
    ListingFactory(channel=shop, sku=kit)
    assert show(shop, kit) == 0
    Debt.objects.all().delete()
    set_components(kit, [Component(stocked(4, code="A", place=w1), 2)])
    assert (owed(), show(shop, kit)) == ({"KIT"}, 2)
