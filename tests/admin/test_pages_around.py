"""What stands around every page: where one is, and what is said where there is nothing."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils.html import strip_tags

from fulfillment.models import SalesOrder
from inventory.models import AccessLink
from tests.admin.house import House
from tests.admin.pages import address, page_of, text


def way(response: HttpResponse) -> list[str]:
    """The steps to a page as its head names them."""
    head = re.search(r'<h1 class="so-crumbs.*?</h1>', text(response), re.DOTALL)
    assert head is not None
    return [step.strip() for step in strip_tags(head[0]).replace("chevron_right", "|").split("|")]


def test_the_head_speaks_the_sidebars_words(boss: Client) -> None:
    assert way(boss.get(address("channels.delivery"))) == ["Channels", "Inbox"]
    assert way(boss.get(address("auth.user"))) == ["People", "People"]
    assert way(boss.get(address("inventory.accesslink", "add"))) == ["People", "Invitations", "New invitation"]
    assert way(boss.get(address("reports.alert"))) == ["Alerts"]
    assert way(boss.get("/account/")) == ["My account"]
    assert way(boss.get("/account/password/")) == ["My account", "Change password"]
    assert "Inbox | SellOnce" in text(boss.get(address("channels.delivery")))


def test_names_of_rows_stay_as_they_are_written(house: House, boss: Client) -> None:
    channel = house.channels[0]
    assert way(boss.get(page_of(channel))) == ["Channels", "Channels", "channel-0"]
    assert way(boss.get(page_of(channel, "stop_one"))) == ["Channels", "Channels", "channel-0"]
    link = AccessLink.objects.get(email="person-0@example.com")
    assert way(boss.get(page_of(link)))[-1] == "person-0@example.com"
    assert way(boss.get(f"/admin/everywhere/{house.skus[0].pk}/")) == ["Stock", "SKUs", "MUG-0-BLUE"]


def test_a_list_counts_what_was_found_and_leads_back_to_all(house: House, boss: Client) -> None:
    found = way(boss.get(address("inventory.sku"), {"q": "MUG-1"}))[-1]
    assert " ".join(found.split()) == "SKUs 1 found, show all"
    assert way(boss.get(address("inventory.sku")))[-1] == "SKUs"


@pytest.mark.parametrize("path", ["/nothing/", "/admin/nothing/", "/admin/everywhere/999999/"])
def test_an_address_of_nothing_says_so_and_leads_back(boss: Client, path: str) -> None:
    answer = boss.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode() and 'href="/admin/"' in answer.content.decode()


def test_who_may_not_is_told_whom_to_ask(viewer: Client) -> None:
    answer = viewer.get(address("inventory.apikey"))
    assert answer.status_code == 403
    assert "This is not open to you" in answer.content.decode()
    assert "An administrator can change what you may see" in answer.content.decode()


def test_a_page_that_was_open_for_too_long_says_so(boss: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="boss"))
    answer = strict.post("/account/sessions/end-others/")
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.content.decode()


def test_an_error_of_ours_is_owned(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from reports import dashboard

    monkeypatch.setattr(dashboard, "may_see", lambda request: 1 / 0)
    boss.raise_request_exception = False
    answer = boss.get("/admin/live/")
    assert answer.status_code == 500
    assert "The fault is ours" in answer.content.decode()


def test_the_overviews_figures_alone_are_no_page(boss: Client) -> None:
    assert boss.get("/admin/live/", headers={"Sec-Fetch-Dest": "document"}).url == "/admin/"
    assert boss.get("/admin/live/").status_code == 200


def test_addresses_and_prices_read_as_people_write_them(house: House, boss: Client) -> None:
    order = SalesOrder.objects.filter(ship_to__name="Berta").earliest("pk")
    page = text(boss.get(page_of(order)))
    assert "Berta<br>DE" in page
    assert "12.50 EUR" in page and "12.5000" not in page


def test_resume_is_offered_where_something_is_halted(house: House, boss: Client) -> None:
    assert "resume-all" not in text(boss.get(address("channels.channel")))
    house.channels[0].stopped_at = house.orders[0].recorded_at
    house.channels[0].save()
    assert "resume-all" in text(boss.get(address("channels.channel")))
    page = text(boss.get("/admin/channels/channel/resume-all/"))
    assert "<li>channel-0</li>" in page or "channel-1" not in page.partition("<form")[2]


def test_a_product_leads_to_its_skus(house: House, boss: Client) -> None:
    product = house.skus[1].product
    link = f"{address('inventory.sku')}?product__id__exact={product.pk}"
    assert link in text(boss.get(page_of(product))) and link in text(boss.get(address("inventory.product")))
    assert " ".join(way(boss.get(link))[-1].split()) == "SKUs 1 found, show all"
    assert "MUG-1-BLUE" in text(boss.get(link)) and "MUG-2-BLUE" not in text(boss.get(link))


def test_parcels_offer_what_makes_sense(house: House, boss: Client) -> None:
    draft = house.shipments[0]
    draft.__class__.objects.filter(pk=draft.pk).update(status="draft", news="")
    page = text(boss.get(page_of(draft)))
    assert page_of(draft, "dispatch_parcel") in page and page_of(draft, "tell_again") not in page
    draft.__class__.objects.filter(pk=draft.pk).update(status="dispatched", news="parked")
    page = text(boss.get(page_of(draft)))
    assert page_of(draft, "dispatch_parcel") not in page and page_of(draft, "tell_again") in page
