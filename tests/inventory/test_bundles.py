from __future__ import annotations

import pytest

from inventory.bundles import BundleError, Component, set_components, set_make_up
from inventory.models import BundleComponent, BundlePart, Sku
from inventory.rebuild import verify
from inventory.recipes import kits_now, recipes_of
from inventory.signals import stock_changed
from tests.factories import LocationFactory, SkuFactory, add_stock, bundle, stocked

pytestmark = pytest.mark.django_db


def parts(kit: Sku) -> dict[str, int]:
    return dict(BundlePart.objects.filter(bundle=kit).values_list("component__code", "units"))


def kits(sku: Sku) -> tuple[int, int]:
    there = kits_now([sku.pk])[sku.pk]
    return there.packed, there.made


@pytest.fixture
def news() -> list[set[int]]:
    heard: list[set[int]] = []

    def hear(sender: object, *, sku_ids: list[int], **rest: object) -> None:
        heard.append(set(sku_ids))

    stock_changed.connect(hear, weak=False, dispatch_uid="test.bundles")
    yield heard  # type: ignore[misc]
    stock_changed.disconnect(dispatch_uid="test.bundles")


def test_a_bundle_has_as_many_as_its_scarcest_component_makes() -> None:
    place = LocationFactory()
    a, b = stocked(7, code="A", place=place), stocked(100, code="B", place=place)
    kit = bundle({a: 2, b: 1})
    assert kits(kit) == (0, 3)
    assert kits_now([kit.pk])[kit.pk].limit_id == a.pk


def test_components_apart_make_a_kit_only_where_it_may_be_split() -> None:
    a, b = stocked(10, code="A", place=LocationFactory()), stocked(10, code="B", place=LocationFactory())
    kit = bundle({a: 1, b: 1})
    assert kits(kit) == (0, 0)
    set_make_up(kit, ships_together=False)
    assert kits(kit) == (0, 10)


def test_whole_kits_of_several_places_add_up() -> None:
    near, far = LocationFactory(), LocationFactory()
    a, b = stocked(5, code="A", place=near), stocked(3, code="B", place=near)
    add_stock(a, far, 5)
    add_stock(b, far, 1)
    kit = bundle({a: 2, b: 1})
    assert kits(kit) == (0, 3), "2 here, 1 there"
    set_make_up(kit, ships_together=False)
    assert kits(kit) == (0, 4), "10 of A make 5, 4 of B make 4"


def test_bundles_in_a_bundle_are_resolved() -> None:
    a, b, c = (SkuFactory(code=code) for code in "ABC")
    inner = bundle({a: 2, b: 1}, code="INNER")
    outer = bundle({inner: 3, b: 2, c: 1}, code="OUTER")
    assert parts(outer) == {"A": 6, "B": 5, "C": 1}
    set_components(inner, [Component(a, 1)])
    assert parts(outer) == {"A": 3, "B": 2, "C": 1}
    assert list(verify()) == []


def test_a_pre_packed_bundle_in_a_bundle_is_a_part_itself() -> None:
    place = LocationFactory()
    a, b = stocked(10, code="A", place=place), stocked(10, code="B", place=place)
    inner = bundle({a: 2}, code="INNER", mode="pre_packed")
    outer = bundle({inner: 1, b: 1}, code="OUTER")
    assert (parts(outer), kits(outer)) == ({"INNER": 1, "B": 1}, (0, 0))
    set_make_up(inner, mode="virtual")
    assert (parts(outer), kits(outer)) == ({"A": 2, "B": 1}, (0, 5))


def test_a_bundle_cannot_be_in_itself() -> None:
    a = SkuFactory(code="A")
    with pytest.raises(BundleError, match="A cannot be in itself: A > A"):
        set_components(a, [Component(a)])
    one = bundle({a: 1}, code="ONE")
    two = bundle({one: 1}, code="TWO")
    with pytest.raises(BundleError, match="ONE cannot be in itself: ONE > TWO > ONE"):
        set_components(one, [Component(a), Component(two)])
    assert parts(one) == {"A": 1}


def test_bundles_are_nested_three_deep_and_no_deeper() -> None:
    a = SkuFactory(code="A")
    one = bundle({a: 1}, code="ONE")
    two = bundle({one: 2}, code="TWO")
    three = bundle({two: 2}, code="THREE")
    assert parts(three) == {"A": 4}
    with pytest.raises(BundleError, match="at most 3 deep: FOUR > THREE > TWO > ONE > A"):
        bundle({three: 1}, code="FOUR")
    plain = SkuFactory(code="B")
    with pytest.raises(BundleError, match="at most 3 deep: THREE > TWO > ONE > A > B"):
        set_components(a, [Component(plain)])


def test_a_bundle_that_comes_to_more_units_than_can_be_reckoned_with_is_refused() -> None:
    a = SkuFactory(code="A")
    box = bundle({a: 1000}, code="BOX")
    pallet = bundle({box: 1000}, code="PALLET")
    ship = bundle({pallet: 1000}, code="SHIP")
    assert parts(ship) == {"A": 1_000_000_000}
    with pytest.raises(BundleError, match="at most 1000000000 units of a SKU"):
        set_components(box, [Component(a, 1001)])
    assert (parts(box), parts(ship)) == ({"A": 1000}, {"A": 1_000_000_000})
    BundleComponent.objects.filter(bundle__in=[box, pallet, ship]).update(quantity=10_000_000)
    numbers = [(found.sku, found.expected) for found in verify() if found.kind == "bundle"]
    assert numbers == [("BOX", str(10**7)), ("PALLET", str(10**14)), ("SHIP", str(10**21))]


def test_every_component_that_is_wrong_is_named() -> None:
    a, b, kit = (SkuFactory(code=code) for code in ("A", "B", "KIT"))
    with pytest.raises(BundleError) as error:
        set_components(kit, [Component(a, 0), Component(b), Component(b, 2), Component(kit)])
    assert error.value.rows == {
        0: "A: 1 to 1,000,000 units can be in a bundle.",
        2: "B is named twice.",
        3: "KIT cannot be in itself: KIT > KIT.",
    }


def test_a_bundle_without_components_is_a_sku_again() -> None:
    kit = bundle({SkuFactory(): 1})
    assert recipes_of([kit.pk])[kit.pk].is_virtual
    set_components(kit, [])
    assert recipes_of([kit.pk]) == {}


def test_what_is_packed_counts_beside_what_can_be_made_where_it_is_made_so() -> None:
    shop, store = LocationFactory(), LocationFactory()
    a = stocked(9, code="A", place=shop)
    add_stock(a, store, 40)
    kit = bundle({a: 2}, mode="pre_packed")
    assert kits(kit) == (0, 0)
    add_stock(kit, store, 3)
    assert kits(kit) == (3, 0)
    set_make_up(kit, places={shop: "virtual"})
    assert kits(kit) == (3, 4)
    set_make_up(kit, mode="virtual", places={store: "pre_packed"})
    assert kits(kit) == (3, 4)
    set_make_up(kit, places={})
    assert kits(kit) == (3, 24)


def test_a_changed_recipe_is_news_of_the_bundle_and_of_those_around_it(news: list[set[int]]) -> None:
    a, b = SkuFactory(code="A"), SkuFactory(code="B")
    inner = bundle({a: 1}, code="INNER")
    outer = bundle({inner: 1}, code="OUTER")
    news.clear()
    set_components(inner, [Component(b)])
    set_components(inner, [Component(b)])
    set_make_up(inner, ships_together=True)
    assert news == [{inner.pk, outer.pk}]
    set_make_up(inner, ships_together=False)
    assert len(news) == 2


def test_a_part_that_was_written_by_hand_is_named() -> None:
    kit = bundle({SkuFactory(code="A"): 2})
    BundlePart.objects.filter(bundle=kit).update(units=3)
    (found,) = verify()
    assert (found.kind, found.message) == ("bundle", "KIT: its components come to 2 of A, it is reckoned with 3")
