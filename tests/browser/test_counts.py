"""Counting in a real browser: every page in every width, and a shelf counted by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Windows, window
from tests.browser.site import Site
from tests.browser.test_pages import look

LISTS = {
    "counts": "inventory/count/", "recounts": "inventory/recountrequest/", "tolerances": "inventory/counttolerance/",
    "open-count": "inventory/count/open/",
}  # fmt: skip
ROWS = {
    "count": "inventory/count/2/change/", "sheet": "inventory/count/3/sheet/", "variances": "inventory/count/2/variances/",
    "no-variances": "inventory/count/3/variances/", "approve": "inventory/count/2/approve/",
    "recount": "inventory/count/2/recount/", "submit": "inventory/count/3/submit/", "print": "inventory/count/3/print/",
    "count-now": "inventory/sku/1/count-now/", "tolerance": "inventory/counttolerance/1/change/",
}  # fmt: skip


@pytest.mark.parametrize("name", [*LISTS, *ROWS])
def test_counting_in_a_full_house(
    name: str, people: Windows, browser: Browser, full_site: Site, pictures: Path
) -> None:
    look(people, browser, full_site, {**LISTS, **ROWS}[name], pictures, f"full-{name}")


@pytest.mark.parametrize("name", LISTS)
def test_counting_in_an_empty_house(
    name: str, people: Windows, browser: Browser, empty_site: Site, pictures: Path
) -> None:
    look(people, browser, empty_site, LISTS[name], pictures, f"empty-{name}")


@pytest.fixture
def page(people: Windows, browser: Browser, full_site: Site) -> Iterator[Page]:
    opened = window(people, browser, full_site).new_page()
    opened.set_default_timeout(20_000)
    opened.set_viewport_size({"width": 390, "height": 800})
    yield opened
    opened.close()


def test_a_shelf_is_counted_by_scanner_alone_on_a_telephone(page: Page, pictures: Path) -> None:
    page.goto("/admin/inventory/sku/7/count-now/")
    page.get_by_role("button", name="Count", exact=True).click()
    expect(page.locator("#so-scan")).to_be_focused()
    for typed, said in (
        ("MUG-6-BLUE", "MUG-6-BLUE · Blue mug of kind 6: 1 unit counted."),
        ("4000000000006*12", "MUG-6-BLUE · Blue mug of kind 6: 13 units counted."),
        ("NOTHING", "“NOTHING” is no code of a SKU: nothing was counted."),
    ):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.locator("#so-scan")).to_be_focused()
    page.screenshot(path=pictures / "scanned-narrow.png", full_page=True)
    expect(page.get_by_label("MUG-6-BLUE: counted")).to_have_value("13")
