"""The overview keeps itself up to date, without a reload and without getting in anybody's way; and pages beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDTHS, Windows, window
from tests.browser.site import NAME, PASSWORD, Site

STATE = "#so-state"


@pytest.fixture
def page(people: Windows, browser: Browser, full_site: Site) -> Iterator[Page]:
    opened = window(people, browser, full_site).new_page()
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def orders(page: Page) -> int:
    said = page.locator(".so-figure", has_text="Sales a minute").inner_text()
    return int(re.search(r"([\d,]+) orders? in the last hour", said)[1].replace(",", ""))


def test_a_sale_appears_without_a_reload_and_nothing_moves(page: Page, full_site: Site) -> None:
    page.goto("/admin/")
    before = orders(page)
    page.evaluate("window.sameWindow = true")
    link = page.locator(".so-channels a", has_text="Zalando").first
    link.focus()
    page.evaluate("scrollTo(0, 500)")
    full_site.run("-m", "tests.browser.sell")
    expect(page.locator(".so-figure", has_text="Sales a minute")).to_contain_text(
        f"{before + 1} orders in the last hour"
    )
    assert page.evaluate("window.sameWindow") is True
    assert page.evaluate("document.activeElement.textContent") == "Zalando"
    assert page.evaluate("scrollY") == 500
    expect(page.locator(STATE)).to_contain_text("Last updated")


def test_it_says_when_it_cannot_reach_the_site_and_goes_on_by_itself(page: Page) -> None:
    page.goto("/admin/")
    page.route("**/admin/live/", lambda route: route.abort())
    expect(page.locator(STATE)).to_contain_text("Not reachable, trying again", timeout=20_000)
    page.unroute("**/admin/live/")
    expect(page.locator(STATE)).not_to_contain_text("Not reachable", timeout=40_000)


def test_it_rests_while_nobody_looks(page: Page) -> None:
    page.goto("/admin/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/admin/live/") else None)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    page.evaluate(hide % "true" + "document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(7000)
    assert asked == []
    with page.expect_request("**/admin/live/", timeout=3000):
        page.evaluate(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")


def test_after_the_session_ended_it_asks_for_the_login(browser: Browser, full_site: Site) -> None:
    context = browser.new_context(base_url=full_site.base_url)
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("[name=username]", NAME)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    expect(page.locator(STATE)).to_contain_text("Last updated")
    context.clear_cookies()
    page.wait_for_url("**/admin/login/?next=/admin/", timeout=20_000)
    context.close()


def test_times_are_those_of_the_person_who_looks(browser: Browser, people: Windows, full_site: Site) -> None:
    state = window(people, browser, full_site).storage_state()
    context = browser.new_context(base_url=full_site.base_url, timezone_id="Asia/Kolkata", storage_state=state)
    page = context.new_page()
    page.goto("/admin/")
    expect(page.locator(STATE)).to_contain_text(
        re.compile(r"Last updated \d\d:\d\d:\d\d \(times in Asia/(Kolkata|Calcutta)\)")
    )
    page.goto("/admin/everywhere/1/")
    expect(page.locator("#so-entries").locator("..")).to_contain_text(re.compile("When .Asia/(Kolkata|Calcutta)"))
    context.close()


def test_a_number_is_explained_where_it_stands(page: Page) -> None:
    page.goto("/admin/everywhere/1/")
    row = page.locator("tr.why", has_text="Walmart")
    steps = row.locator(".so-why")
    expect(steps).to_be_hidden()
    row.locator("summary").click()
    expect(steps).to_be_visible()
    expect(steps).to_contain_text("1. pool")
    steps.get_by_role("link", name="the rule").click()
    page.wait_for_url("**/channels/allocationrule/*/change/")


def test_the_search_finds_a_sku(page: Page) -> None:
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("mug-3")
    page.locator("#command-results-list a", has_text="MUG-3-BLUE").click()
    page.wait_for_url("**/admin/everywhere/*/")
    expect(page.locator(".so-subject")).to_contain_text("MUG-3-BLUE")


def test_the_description_of_the_api_opens_without_a_network(page: Page, pictures: Path, full_site: Site) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
    here = (full_site.base_url, "data:", "blob:")
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(here) else None)
    page.goto("/api/docs/")
    asked = page.locator(".opblock", has_text="Ask for an order")
    expect(page.locator(".opblock").first).to_be_visible()
    for _screen in range(60):  # of so many operations the page draws those alone that are to be seen
        if asked.count():
            break
        page.mouse.move(600, 600)
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(150)
    asked.locator(".opblock-summary").click()
    expect(page.get_by_text("A-1001", exact=False).first).to_be_visible()
    for width in WIDTHS.values():
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, width
    page.locator("button.authorize").click()
    expect(page.get_by_text("(http, Bearer)")).to_be_visible()
    page.screenshot(path=pictures / "docs.png")
    assert said == []
