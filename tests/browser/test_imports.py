"""A file from its choice to its undoing, looked at in every width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDTHS, Windows, window
from tests.browser.site import Site

FILE = "Article;Place;Count\nMUG-0-BLUE;W1;40\nMUG-1-BLUE;W1;41\nNO-SUCH;W1;1\nMUG-2-BLUE;W1;many\n"


@pytest.fixture
def page(people: Windows, browser: Browser, full_site: Site) -> Iterator[Page]:
    opened = window(people, browser, full_site).new_page()
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def photograph(page: Page, pictures: Path, name: str) -> None:
    """In every width; nothing is wider than the window."""
    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": 900})
        page.screenshot(path=pictures / f"import-{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            name,
            width,
        )


def work(site: Site, page: Page) -> None:
    """What the worker does; the page sees it by itself."""
    site.run("manage.py", "run_import", page.url.split("/importbatch/")[1].split("/")[0])


def test_a_file_from_its_choice_to_its_undoing(page: Page, full_site: Site, pictures: Path) -> None:
    page.goto("/admin/inventory/stocklevel/")
    page.locator("a[href*='bring-in']").first.click()
    photograph(page, pictures, "upload")
    page.set_input_files("[name=file]", {"name": "levels.csv", "mimeType": "text/csv", "buffer": FILE.encode()})
    page.fill("[name=reason]", "yearly count")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url("**/map/")
    page.select_option("[name=column_sku]", label="Article")
    page.select_option("[name=column_location]", label="Place")
    page.select_option("[name=column_quantity]", label="Count")
    photograph(page, pictures, "columns")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("It is being checked; nothing is changed.")).to_be_visible()
    photograph(page, pictures, "checking")
    work(full_site, page)
    expect(page.get_by_role("link", name="Apply 2 rows")).to_be_visible()  # without a click
    expect(page.get_by_text("There is no SKU NO-SUCH.")).to_be_visible()
    photograph(page, pictures, "errors")
    page.get_by_role("link", name="To be applied (2)").click()
    photograph(page, pictures, "differences")
    page.get_by_role("link", name="Apply 2 rows").click()
    photograph(page, pictures, "apply")
    page.get_by_role("button", name="Apply", exact=True).click()
    work(full_site, page)
    expect(page.get_by_role("link", name="Undo", exact=True)).to_be_visible()
    photograph(page, pictures, "applied")
    page.get_by_role("link", name="Undo", exact=True).click()  # one
    photograph(page, pictures, "undo")
    page.get_by_role("button", name="Undo", exact=True).click()  # two
    expect(page.get_by_text("takes back")).to_be_visible()
    work(full_site, page)
    expect(page.locator(".so-badge", has_text="Applied").first).to_be_visible()
    photograph(page, pictures, "undone")
    page.goto("/admin/inventory/importbatch/")
    photograph(page, pictures, "list")
