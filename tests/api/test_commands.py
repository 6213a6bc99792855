"""The commands beside the API: keys, and the ledger's check."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from inventory.models import ApiKey, Location, Sku
from tests.api.conftest import Api, stock


def made(*words: str) -> str:
    out = StringIO()
    call_command("create_api_key", *words, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()[-1]


def test_a_made_key_opens_the_api(mug: Sku) -> None:
    assert Api(made("--role", "viewer", "--name", "erp")).get("skus/")["count"] == 1


def test_a_key_is_stored_as_a_hash_only(db: None) -> None:
    key = made("--role", "viewer", "--name", "erp")
    row = ApiKey.objects.get()
    assert key not in (row.pk, row.hashed_key, row.prefix)
    assert (row.name, row.role) == ("erp", "viewer")


def test_a_key_is_limited_to_the_locations_that_are_named(w1: Location, w2: Location) -> None:
    key = made("--role", "viewer", "--name", "erp", "--location", "W2")
    assert [row["code"] for row in Api(key).rows("locations/")] == ["W2"]


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "king", "--name", "erp"),
        ("--role", "viewer"),
        ("--role", "viewer", "--name", " "),
        ("--role", "viewer", "--name", "x" * 51),
        ("--role", "viewer", "--name", "erp", "--location", "nowhere"),
        ("--role", "viewer", "--name", "erp", "--days", "0"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_none_is_made(db: None, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        made(*words)
    assert not ApiKey.objects.exists()


def test_a_ledger_in_order_is_passed_over_in_silence(mug: Sku, w1: Location) -> None:
    stock(mug, w1, 5)
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue() == ""


def test_a_level_off_by_three_is_printed_with_its_numbers_and_mended_on_request(mug: Sku, w1: Location) -> None:
    stock(mug, w1, 5)
    mug.levels.update(available=8)
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_ledger", stdout=out)
    assert end.value.code == 1
    assert out.getvalue() == "level: MUG at W1: available is 8, the entries say 5 (+3)\n"
    with pytest.raises(SystemExit):
        call_command("verify_ledger", "--repair", stdout=StringIO(), stderr=StringIO())
    call_command("verify_ledger", stdout=out)
    assert mug.levels.get().available == 5
