"""Every list opens, full and empty, is searched, filtered and exported; facts can be neither added nor edited."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from inventory.models import Role
from inventory.people import roles
from inventory.people.roles import about
from tests.admin.house import House
from tests.admin.pages import ADMINS, FORBIDDEN, address, text

LISTS = sorted(ADMINS)
EXPORTS = [label for label in LISTS if hasattr(ADMINS[label], "csv_columns")]


#: Who looks at these has filled them by coming in, or has them from the start.
NEVER_EMPTY = {"inventory.accessevent", "inventory.loginsession", "inventory.counttolerance", "inventory.company"}


@pytest.mark.parametrize("label", sorted(set(LISTS) - NEVER_EMPTY))
def test_an_empty_list_says_what_to_do(label: str, boss: Client) -> None:
    assert "Nothing here yet" in text(boss.get(address(label)))
    assert ADMINS[label].empty_hint


def test_every_list_has_search_and_filters() -> None:
    bare = [label for label in LISTS if not ADMINS[label].search_fields or not ADMINS[label].list_filter]
    assert bare in ([], ["inventory.product"]) and not bare


def test_every_list_opens_full_and_is_searched(house: House, boss: Client) -> None:
    for label in LISTS:
        found = boss.get(address(label))
        assert "Nothing here yet" not in text(found), label
        searched = boss.get(address(label), {"q": "no such thing at all"})
        assert "No results found" in text(searched), label


def test_every_filter_opens_with_every_choice(house: House, boss: Client) -> None:
    for label in LISTS:
        changelist = boss.get(address(label)).context["cl"]
        for spec in changelist.filter_specs:
            names = getattr(spec, "lookup_choices", None) or []
            parameter = getattr(spec, "parameter_name", None) or getattr(spec, "lookup_kwarg", None)
            for choice in [choice[0] if isinstance(choice, tuple) else choice for choice in names][:6]:
                response = boss.get(address(label), {parameter: choice})
                assert response.status_code == 200, (label, parameter, choice)


def test_every_row_has_a_page(house: House, boss: Client) -> None:
    for label in LISTS:
        row = ADMINS[label].model.objects.order_by("pk").first()
        assert row is not None, label
        text(boss.get(address(label, "change", row.pk)))


@pytest.mark.parametrize("label", sorted(FORBIDDEN))
def test_facts_are_neither_added_nor_edited_nor_deleted(label: str, house: House, boss: Client) -> None:
    assert boss.get(address(label, "add")).status_code == 403
    row = ADMINS[label].model.objects.order_by("pk").first()
    assert row is not None
    assert boss.post(address(label, "change", row.pk), {"_save": "1"}).status_code == 403
    assert boss.get(address(label, "delete", row.pk)).status_code == 403
    assert "delete_selected" not in text(boss.get(address(label)))


def test_who_may_only_look_is_offered_nothing_else(house: House, viewer: Client, stranger: Client) -> None:
    for label in LISTS:
        assert stranger.get(address(label)).status_code == 403, label
        if about(ADMINS[label].model).area in roles.HIDDEN[Role.VIEWER]:
            assert viewer.get(address(label)).status_code == 403, label
            continue
        page = text(viewer.get(address(label)))
        assert 'name="action"' not in page, label
        assert viewer.get(address(label, "add")).status_code == 403, label


@pytest.mark.parametrize("label", EXPORTS)
def test_lists_are_exported(label: str, house: House, boss: Client) -> None:
    response = boss.get(address(label, "export_csv"))
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert len(rows) == 1 + ADMINS[label].get_queryset(response.wsgi_request).count()
    assert len(set(map(len, rows))) == 1


def test_an_export_keeps_search_and_filters_and_is_no_formula(house: House, boss: Client) -> None:
    sku = house.skus[0]
    sku.name = "=HYPERLINK(1)"
    sku.save()
    response = boss.get(
        address("inventory.stocklevel", "export_csv"), {"q": sku.code, "location__id__exact": house.locations[0].pk}
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [row["sku"] for row in rows] == [sku.code]
    assert rows[0]["name"] == "'=HYPERLINK(1)"


def test_stock_levels_are_found_by_name_and_barcode_and_summed(house: House, boss: Client) -> None:
    sku = house.skus[1]
    for wanted in (sku.name, sku.barcode, sku.code):
        response = boss.get(address("inventory.stocklevel"), {"q": wanted})
        levels = list(response.context["cl"].queryset)
        assert {level.sku_id for level in levels} == {sku.pk}
        totals = {str(label): number for label, number in response.context["totals"]}
        assert totals["On hand"] == sum(level.on_hand for level in levels)
    out = boss.get(address("inventory.stocklevel"), {"holding": "out"}).context["cl"].queryset
    assert out.count() and all(level.available == 0 for level in out)
