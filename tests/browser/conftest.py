"""A real browser, two sites to look at, and a folder for the photographs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.site import NAME, PASSWORD, Site

HERE = Path(__file__).parent
PICTURES = "SELLONCE_PICTURES"  # environment variable: where the photographs go
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
Windows = dict[str, BrowserContext]
WIDTHS = {"wide": 1920, "middle": 1280, "narrow": 390}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and skip them where there is no browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium here: apt-get install chromium"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the photographs go."""
    given = os.environ.get(PICTURES)
    folder = Path(given) if given else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def empty_site() -> Iterator[Site]:
    yield from _site(full=False)


@pytest.fixture(scope="session")
def full_site() -> Iterator[Site]:
    yield from _site(full=True)


def _site(*, full: bool) -> Iterator[Site]:
    site = Site(full=full)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def people(browser: Browser) -> Iterator[Windows]:
    """Windows with a person logged in, by site; each is opened once."""
    windows: Windows = {}
    yield windows
    for context in windows.values():
        context.close()


def window(people: Windows, browser: Browser, site: Site) -> BrowserContext:
    """A window on a site, somebody logged in."""
    if site.base_url not in people:
        context = browser.new_context(viewport={"width": WIDTHS["wide"], "height": 900}, base_url=site.base_url)
        page = context.new_page()
        page.goto("/admin/login/")
        page.fill("[name=username]", NAME)
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        page.wait_for_url("**/admin/")
        page.close()
        people[site.base_url] = context
    return people[site.base_url]
