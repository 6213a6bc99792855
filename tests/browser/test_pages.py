"""Every page is photographed, wide and narrow, full and empty; none complains or is wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import WIDTHS, Windows, window
from tests.browser.site import Site

LISTS = {
    "overview": "", "parked": "fulfillment/salesorderline/parked/", "alerts": "reports/alert/",
    "shortfalls": "fulfillment/shortfall/", "drifts": "channels/drift/", "levels": "inventory/stocklevel/",
    "skus": "inventory/sku/", "products": "inventory/product/", "ledger": "inventory/ledgerentry/",
    "reservations": "inventory/reservation/", "orders": "fulfillment/salesorder/", "lines": "fulfillment/salesorderline/",
    "shipments": "fulfillment/shipment/", "returns": "fulfillment/return/", "channels": "channels/channel/",
    "listings": "channels/listing/", "rules": "channels/allocationrule/", "inbox": "channels/delivery/",
    "targets": "channels/stocktarget/", "pushes": "channels/pushlog/", "reorder-alerts": "purchasing/reorderalert/",
    "reorder-rules": "purchasing/reorderrule/", "locations": "inventory/location/", "keys": "inventory/apikey/",
    "people": "auth/user/", "schedule": "django_celery_beat/periodictask/", "backups": "reports/backup/",
    "invitations": "inventory/accesslink/", "sessions": "inventory/loginsession/",
    "transfers": "inventory/transfer/", "imports": "inventory/importbatch/",
    "ledger-checks": "reports/ledgercheck/",
    "values": "inventory/costscope/", "cost-moves": "inventory/costmove/", "landed-costs": "inventory/landedcost/",
    "periods": "inventory/period/", "companies": "inventory/company/", "rates": "inventory/exchangerate/",
    "accounts": "inventory/accountmap/", "lots": "inventory/lot/",
    "bundles": "inventory/bundlecomponent/", "assemblies": "inventory/assembly/",
    "attempts": "inventory/attemptcount/", "record": "inventory/accessevent/", "account": "/account/",
}  # fmt: skip
FORMS = {
    "add-channel": "channels/channel/add/", "add-listing": "channels/listing/add/", "add-sku": "inventory/sku/add/",
    "add-rule": "channels/allocationrule/add/", "add-location": "inventory/location/add/",
    "add-key": "inventory/apikey/add/", "invite": "inventory/accesslink/add/", "password": "/account/password/",
    "add-transfer": "inventory/transfer/add/", "import-file": "inventory/importbatch/bring-in/",
    "export": "inventory/importbatch/write-out/?kind=stock",
    "check-ledger": "reports/ledgercheck/check-now/",
    "add-landed-cost": "inventory/landedcost/new/", "close-month": "inventory/period/close/",
    "add-company": "inventory/company/add/", "add-rate": "inventory/exchangerate/add/",
    "second-factor": "/account/second-factor/", "nothing-found": "inventory/sku/?q=nothing+of+that+name",
}  # fmt: skip
ROWS = {
    "level": "inventory/stocklevel/1/change/", "adjust": "inventory/stocklevel/1/adjust/",
    "move": "inventory/sku/1/move/", "sku": "inventory/sku/1/change/", "entry": "inventory/ledgerentry/1/change/",
    "channel": "channels/channel/1/change/", "stop": "channels/channel/1/stop/",
    "disconnect": "channels/channel/1/disconnect/", "stop-all": "channels/channel/stop-all/",
    "listing": "channels/listing/1/change/", "target": "channels/stocktarget/1/change/",
    "rule": "channels/allocationrule/1/change/", "delivery": "channels/delivery/1/change/",
    "bad-delivery": "channels/delivery/2/change/", "order": "fulfillment/salesorder/1/change/",
    "walk": "fulfillment/salesorder/1/walk/", "ship": "fulfillment/salesorder/1/ship/",
    "line": "fulfillment/salesorderline/2/change/", "map": "fulfillment/salesorderline/2/map/",
    "shipment": "fulfillment/shipment/1/change/", "receive": "fulfillment/return/1/receive/",
    "everywhere": "everywhere/1/", "alert": "reports/alert/1/change/", "close": "purchasing/reorderalert/1/close/",
    "person": "auth/user/1/change/", "invitation": "inventory/accesslink/1/change/", "history": "inventory/sku/1/history/",
    "resume-all": "channels/channel/resume-all/", "cancel": "fulfillment/salesorder/1/cancel/",
    "ledger-check": "reports/ledgercheck/1/change/",
    "backup": "reports/backup/1/change/", "transfer": "inventory/transfer/1/change/",
    "draft": "inventory/transfer/2/change/", "dispatch": "inventory/transfer/2/dispatch/",
    "take-in": "inventory/transfer/1/receive/", "lose": "inventory/transfer/1/lose/",
    "call-off": "inventory/transfer/1/cancel/",
    "lot": "inventory/lot/4/change/", "recall": "inventory/lot/2/recall/", "assign-lot": "inventory/lot/2/assign/",
    "keep-lots": "inventory/sku/1/keep-lots/", "bins": "inventory/stocklevel/1/bins/",
}  # fmt: skip


#: Texts that their own box, or one around it that does not scroll, cuts off.
CUT = """() => [...document.querySelectorAll("body *")].filter((one) => {
  const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text || !one.checkVisibility() || one.matches(".material-symbols-outlined, .so-hidden, option")) return false;
  const here = one.getBoundingClientRect();
  for (let box = one; box && box !== document.body; box = box.parentElement) {
    const flow = getComputedStyle(box).overflowX;
    if (flow === "auto" || flow === "scroll") return false;
    if (flow === "hidden" || flow === "clip") {
      const edge = box.getBoundingClientRect();
      const over = here.right > edge.right + 2 || (box === one && one.scrollWidth > one.clientWidth + 1);
      return edge.width > 1 && here.left < edge.right && over;
    }
  }
  return false;
}).map((one) => one.textContent.trim().slice(0, 60))"""


def look(people: Windows, browser: Browser, site: Site, address: str, pictures: Path, name: str) -> None:
    """Open a page, photograph it in every width, and hold it to what every page has to be."""
    page = window(people, browser, site).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    path = address if address.startswith("/") else f"/admin/{address}"
    try:
        answer = page.goto(path, wait_until="load")
        assert answer is not None and answer.status == 200
        assert page.url.endswith(path), page.url
        page.evaluate("document.fonts.ready")
        wider, cut = {}, {}
        for width, pixels in WIDTHS.items():
            page.set_viewport_size({"width": pixels, "height": 900})
            page.screenshot(path=pictures / f"{name}-{width}.png", full_page=True)
            if width == "middle" and site.full:
                page.evaluate("document.documentElement.classList.toggle('dark')")
                page.screenshot(path=pictures / f"{name}-dark.png", full_page=True)
                page.evaluate("document.documentElement.classList.toggle('dark')")
            wider[width] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut[width] = page.evaluate(CUT)
        assert said == []
        assert {width: texts for width, texts in cut.items() if texts} == {}
        assert {width: more for width, more in wider.items() if more > 0} == {}
    finally:
        page.close()


@pytest.mark.parametrize("name", [*LISTS, *FORMS, *ROWS])
def test_a_full_house(name: str, people: Windows, browser: Browser, full_site: Site, pictures: Path) -> None:
    look(people, browser, full_site, {**LISTS, **FORMS, **ROWS}[name], pictures, f"full-{name}")


@pytest.mark.parametrize("name", [*LISTS, *FORMS])
def test_an_empty_house(name: str, people: Windows, browser: Browser, empty_site: Site, pictures: Path) -> None:
    look(people, browser, empty_site, {**LISTS, **FORMS}[name], pictures, f"empty-{name}")
