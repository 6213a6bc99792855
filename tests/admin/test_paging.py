"""Pages of long lists, from whichever end is nearer."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.admin.paging import NearerEndPaginator
from inventory.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(db: None) -> list[str]:
    codes = [f"P{number:02}" for number in range(23)]
    Product.objects.bulk_create(Product(code=code, name=code) for code in codes)
    return codes


def test_every_page_holds_the_rows_that_it_would_hold_when_counted_from_the_front(rows: list[str]) -> None:
    pages = NearerEndPaginator(Product.objects.order_by("code"), 5)
    assert [[product.code for product in pages.page(number)] for number in pages.page_range] == [
        rows[0:5], rows[5:10], rows[10:15], rows[15:20], rows[20:23],
    ]  # fmt: skip


def test_orphans_are_on_the_last_page(rows: list[str]) -> None:
    pages = NearerEndPaginator(Product.objects.order_by("-code"), 5, orphans=3)
    assert [product.code for product in pages.page(4)] == rows[::-1][15:]
    assert pages.num_pages == 4


def test_a_page_in_the_back_half_is_read_from_the_end(rows: list[str]) -> None:
    pages = NearerEndPaginator(Product.objects.order_by("code"), 5)
    assert pages.count == 23
    with CaptureQueriesContext(connection) as captured:
        list(pages.page(2)), list(pages.page(5))
    ends = [query["sql"].split("ORDER BY")[1] for query in captured]
    assert ["DESC LIMIT 3" in end for end in ends] == [False, True]


def test_a_list_is_cut_as_it_is() -> None:
    assert list(NearerEndPaginator(list(range(7)), 3).page(3)) == [6]
