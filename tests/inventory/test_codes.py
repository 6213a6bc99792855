"""One SKU, several codes; no two SKUs share any."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from inventory.codes import CodeError, Given, Named, find_sku, find_skus, give_codes, has_check_digit
from inventory.models import Sku, SkuCode
from tests.factories import SkuFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> Sku:
    mug: Sku = SkuFactory(code="MUG", barcode="4006381333931")
    return mug


def codes_of(sku: Sku) -> list[tuple[str, str, int]]:
    return sorted(SkuCode.objects.filter(sku=sku).values_list("code", "kind", "units"))


def rename(sku: Sku, code: str) -> None:
    sku.code = code
    sku.save()


def test_a_new_sku_is_known_by_its_own_code(mug: Sku) -> None:
    assert codes_of(mug) == [("MUG", "own", 1)]


def test_many_made_at_once_are_known_too() -> None:
    product = SkuFactory(code="ONE").product
    Sku.objects.bulk_create([Sku(code=code, name=code, product=product) for code in ("A", "B")])
    assert sorted(find_skus(["A", "B", "C", "ONE"])) == ["A", "B", "ONE"]


def test_a_renamed_sku_is_known_by_all_that_it_was_called(mug: Sku) -> None:
    rename(mug, "CUP")
    rename(mug, "BOWL")
    assert codes_of(mug) == [("BOWL", "own", 1), ("CUP", "old", 1), ("MUG", "old", 1)]
    assert {code: named.sku_id for code, named in find_skus(["MUG", "CUP", "BOWL"]).items()} == {
        "MUG": mug.pk, "CUP": mug.pk, "BOWL": mug.pk,
    }  # fmt: skip


def test_a_sku_can_be_called_as_before_again(mug: Sku) -> None:
    rename(mug, "CUP")
    rename(mug, "MUG")
    assert codes_of(mug) == [("CUP", "old", 1), ("MUG", "own", 1)]


def test_a_code_on_a_case_becomes_the_skus_own_and_stands_for_one(mug: Sku) -> None:
    give_codes(mug, [Given("MUG-12", "case", 12)])
    rename(mug, "MUG-12")
    assert codes_of(mug) == [("MUG", "old", 1), ("MUG-12", "own", 1)]


@pytest.mark.parametrize("code", ["MUG", "OLD-MUG", "MUG-12"])
def test_no_other_sku_may_have_any_of_its_codes(mug: Sku, code: str) -> None:
    rename(mug, "OLD-MUG")
    rename(mug, "MUG")
    give_codes(mug, [Given("OLD-MUG", "old"), Given("MUG-12", "case", 12)])
    with pytest.raises(IntegrityError), transaction.atomic():
        SkuFactory(code=code)
    other = SkuFactory(code="PLATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        rename(Sku.objects.get(pk=other.pk), code)
    with pytest.raises(CodeError, match=f"{code} belongs to MUG") as raised:
        give_codes(other, [Given("PLATE-2", "supplier"), Given(code, "supplier")])
    assert list(raised.value.errors) == [1]
    assert codes_of(other) == [("PLATE", "own", 1)]


def test_given_codes_replace_those_that_were_there(mug: Sku) -> None:
    give_codes(mug, [Given("MUG-12", "case", 12), Given("ACME-7", "supplier")])
    give_codes(mug, [Given("MUG-12", "case", 24), Given("73513537")])
    assert codes_of(mug) == [("73513537", "barcode", 1), ("MUG", "own", 1), ("MUG-12", "case", 24)]
    give_codes(mug, [])
    assert codes_of(mug) == [("MUG", "own", 1)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Given("MUG", "supplier"), "MUG is the SKU's own code"),
        (Given("NEVER", "old"), "NEVER cannot be made an old code"),
        (Given("X", "own"), "own is no kind of code"),
        (Given("4006381333932"), "4006381333932 has a wrong check digit"),
        (Given("73513536"), "73513536 has a wrong check digit"),
    ],
)
def test_codes_that_cannot_be_given_are_named_and_none_is_given(mug: Sku, given: Given, why: str) -> None:
    with pytest.raises(CodeError, match=why) as raised:
        give_codes(mug, [Given("GOOD", "supplier"), given])
    assert list(raised.value.errors) == [1]
    assert codes_of(mug) == [("MUG", "own", 1)]


def test_a_code_is_given_once(mug: Sku) -> None:
    with pytest.raises(CodeError, match="A is named twice"):
        give_codes(mug, [Given("A", "supplier"), Given("A", "case", 12)])


@pytest.mark.parametrize("code", ["4006381333931", "036000291452", "73513537", "14006381333938"])
def test_check_digits_of_gs1_are_known(code: str) -> None:
    assert has_check_digit(code)
    assert not has_check_digit(code[:-1] + str((int(code[-1]) + 1) % 10))


def test_a_scan_stands_for_so_many_units(mug: Sku) -> None:
    give_codes(mug, [Given("MUG-12", "case", 12)])
    assert find_sku("MUG-12") == Named(mug.pk, 12)
    assert find_sku("MUG") == Named(mug.pk, 1)
    assert find_sku("mug") is None


def test_a_barcode_leads_to_its_sku_unless_it_is_on_two(mug: Sku) -> None:
    assert find_sku("4006381333931") == Named(mug.pk, 1)
    SkuFactory(code="CUP", barcode="4006381333931")
    assert find_sku("4006381333931") is None


def test_a_code_goes_before_a_barcode(mug: Sku) -> None:
    cup = SkuFactory(code="4006381333931")
    assert find_sku("4006381333931") == Named(cup.pk, 1)


@pytest.mark.parametrize("code", ["", "\x00", "NONE", "x" * 5000])
def test_what_is_no_code_leads_nowhere(mug: Sku, code: str) -> None:
    assert find_sku(code) is None


def test_codes_go_with_a_sku_that_is_deleted(mug: Sku) -> None:
    mug.delete()
    assert not SkuCode.objects.exists()
