"""Two people give one code to two SKUs at the same time."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from config import servers
from inventory import codes
from inventory.codes import CodeError, Given, find_sku, give_codes
from inventory.models import Sku, SkuCode
from tests.concurrency.threads import together
from tests.factories import SkuFactory

pytestmark = pytest.mark.django_db(transaction=True)


def both_at_once(deed_of: str) -> list[type]:
    """What came of two who did it together: the kinds of their outcomes."""
    first, second = SkuFactory(code="FIRST"), SkuFactory(code="SECOND")

    def give(sku: Sku) -> None:
        if deed_of == "rename":
            Sku.objects.filter(pk=sku.pk).update(code="SAME")
        else:
            give_codes(sku, [Given("SAME", "supplier")])

    return sorted((type(one) for one in together(lambda: give(first), lambda: give(second))), key=str)


@pytest.mark.parametrize("deed", ["rename", "give"])
@pytest.mark.parametrize("turn", range(3))
def test_one_of_them_gets_it(deed: str, turn: int) -> None:
    outcomes = both_at_once(deed)
    assert outcomes.count(type(None)) == 1
    assert set(outcomes) - {type(None)} <= {IntegrityError, CodeError}
    assert SkuCode.objects.filter(code="SAME").count() == 1
    assert find_sku("SAME") is not None


def test_what_the_check_has_missed_the_database_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_taken", lambda given, sku: {})
    assert both_at_once("give").count(IntegrityError) == 1
    assert SkuCode.objects.filter(code="SAME").count() == 1


def test_control_without_the_databases_key_both_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_taken", lambda given, sku: {})
    with superuser() as link:
        link.execute("ALTER TABLE inventory_skucode DROP CONSTRAINT sku_code_once")
        try:
            assert both_at_once("give") == [type(None)] * 2
            assert SkuCode.objects.filter(code="SAME").count() == 2
        finally:
            Sku.objects.all().delete()
            link.execute("ALTER TABLE inventory_skucode ADD CONSTRAINT sku_code_once UNIQUE (code)")


def superuser() -> psycopg.Connection[Any]:
    url = servers.superuser_url(settings.LAYOUT, database=connection.settings_dict["NAME"])
    return psycopg.connect(url, autocommit=True)
