"""What a person does with the mouse: finding, adding, stopping."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Windows, window
from tests.browser.site import Site


@pytest.fixture
def page(people: Windows, browser: Browser, full_site: Site) -> Iterator[Page]:
    opened = window(people, browser, full_site).new_page()
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def test_stock_is_found_and_adjusted(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Stock levels").first.click()
    page.fill("#searchbar", "MUG-3")
    page.press("#searchbar", "Enter")
    page.locator("#result_list th a", has_text="MUG-3-BLUE").first.click()
    page.get_by_role("link", name="Adjust stock").click()
    page.fill("[name=quantity]", "4")
    page.select_option("[name=reason]", "found")
    page.get_by_role("button", name="Adjust").click()
    expect(page.get_by_text("4 units from adjustment to available")).to_be_visible()


def test_a_new_channels_form_follows_its_connector(page: Page) -> None:
    page.goto("/admin/channels/channel/add/")
    secret = page.locator("[name=credentials_http_secret]")
    expect(secret).to_be_visible()
    page.select_option("[name=connector]", "manual")
    expect(secret).to_be_hidden()
    expect(page.locator("[name=base_url]")).to_be_hidden()
    page.select_option("[name=connector]", "http")
    expect(secret).to_be_visible()
    page.fill("[name=code]", "new-shop")
    page.fill("[name=name]", "New shop")
    page.fill("[name=base_url]", "https://shop.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("credentials.secret is missing")).to_be_visible()


def test_a_channel_is_stopped_and_the_banner_stays(page: Page) -> None:
    page.goto("/admin/channels/channel/4/change/")
    page.get_by_role("link", name="Stop selling").click()
    expect(page.get_by_text("stays at 0 until you resume")).to_be_visible()
    page.fill("[name=reason]", "recall")
    page.get_by_role("button", name="Confirm").click()
    banner = page.locator(".so-banner", has_text="Walmart")
    expect(banner).to_contain_text("have not acknowledged 0 yet")
    page.goto("/admin/inventory/sku/")
    expect(banner).to_be_visible()
    page.goto("/admin/channels/channel/4/change/")
    page.get_by_role("link", name="Resume").click()
    page.fill("[name=reason]", "over")
    page.get_by_role("button", name="Confirm").click()
    expect(banner).to_have_count(0)


def test_chosen_rows_are_acted_on_together(page: Page) -> None:
    page.goto("/admin/channels/stocktarget/?standing=parked")
    for box in page.locator("input.action-select").all()[:2]:
        box.check()
    page.select_option("select[name=action]", "retry_selected")
    page.get_by_role("button", name="Run").click()
    page.fill("[name=reason]", "mended")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("2 targets are tried again now")).to_be_visible()


def test_an_unknown_item_is_mapped_from_the_parking_lot(page: Page) -> None:
    page.goto("/admin/fulfillment/salesorderline/parked/?kind=line")
    page.get_by_role("link", name="Map to a SKU").first.click()
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("MUG-5")
    page.locator(".select2-results__option", has_text="MUG-5-BLUE").click()
    page.fill("[name=reason]", "same mug")
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.get_by_text("the lines that waited for it go on")).to_be_visible()


def test_filters_open(page: Page) -> None:
    page.goto("/admin/inventory/stocklevel/")
    page.get_by_text("Filters", exact=False).first.click()
    page.select_option("#changelist-filter select[name=holding]", "reserved")
    page.get_by_role("button", name="Apply Filters").click()
    page.wait_for_url("**holding=reserved**")
