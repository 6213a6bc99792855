"""A transfer from the first scan to the last, by keyboard alone."""

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
    opened.set_viewport_size({"width": 390, "height": 800})
    yield opened
    opened.close()


def draft(page: Page, code: str, *lines: tuple[str, int]) -> str:
    """Draft and dispatch a transfer; where its page is."""
    page.goto("/admin/inventory/transfer/add/")
    page.select_option("[name=from_location]", label="W2")
    page.select_option("[name=to_location]", label="SHOP")
    page.fill("[name=code]", code)
    for index, (sku, count) in enumerate(lines):
        page.locator(f"[name=lines-{index}-sku] + .select2 .select2-selection").click()
        page.locator(".select2-search__field").last.fill(sku)
        page.locator(".select2-results__option", has_text=sku).first.click()
        page.fill(f"[name=lines-{index}-quantity]", str(count))
    page.locator("[name=_continue]").click()
    page.wait_for_url("**/change/")
    here = page.url
    page.goto(here.replace("/change/", "/dispatch/"))
    page.get_by_role("button", name="Dispatch", exact=True).click()
    expect(page.get_by_text("to SHOP.")).to_be_visible()
    return here


def scan(page: Page, text: str) -> None:
    """What a scanner does: it types and presses Enter, wherever the focus is."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_transfer_is_received_by_scanner(page: Page, full_site: Site) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    here = draft(page, "BOX-1", ("MUG-4-BLUE", 14), ("MUG-5-BLUE", 3))
    page.goto(here.replace("/change/", "/receive/"))
    said = page.locator("#so-scanner-said")
    expect(page.locator("#so-scanner")).to_be_focused()
    for text, answer in (
        ("MUG-4-BLUE", "MUG-4-BLUE: 1 of 14"),
        ("mug-4-blue*12", "MUG-4-BLUE: 13 of 14"),
        ("4000000000005", "MUG-5-BLUE: 1 of 3"),
        ("MUG-6-BLUE", "“MUG-6-BLUE” is not on this list: nothing was counted."),
        ("4000000000005*x", "“4000000000005*x” is no number of units: nothing was counted."),
        ("MUG-5-BLUE*4", "MUG-5-BLUE: 5 counted, but only 3 under way"),
    ):
        scan(page, text)
        expect(said).to_have_text(answer)
        expect(page.locator("#so-scanner")).to_be_focused()
        expect(page.locator("#so-scanner")).to_have_value("")
    first, second = page.locator("tbody tr").nth(0), page.locator("tbody tr").nth(1)
    good = second.locator("input").first
    good.focus()
    scan(page, "2")  # typed by hand; Enter goes back to scanning and sends nothing
    expect(said).to_have_text("MUG-5-BLUE: 2 of 3")
    expect(page.locator("#so-scanner")).to_be_focused()
    page.locator("#so-scanner-damaged").focus()
    page.keyboard.press("Space")
    scan(page, "MUG-5-BLUE")
    expect(second.locator("input").nth(1)).to_have_value("1")
    expect(first.locator("input").first).to_have_value("13")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    button = page.get_by_role("button", name="Receive", exact=True)
    for _step in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Received: 16 units at SHOP.")).to_be_visible()
    assert hosts == {full_site.base_url.split("/")[2]}


def test_all_of_it_is_received_with_one_button(page: Page) -> None:
    here = draft(page, "BOX-2", ("MUG-7-BLUE", 2))
    page.goto(here.replace("/change/", "/receive/"))
    page.get_by_role("button", name="All of it is here, in good order").click()
    page.get_by_role("button", name="Receive", exact=True).click()
    expect(page.get_by_text("Received: 2 units at SHOP.")).to_be_visible()
    expect(page.locator(".so-badge", has_text="Received")).to_be_visible()
