"""Transfers in the back office: drafted on a form, then dispatched, received, lost and cancelled by named actions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from inventory.adjustments import open_stock
from inventory.manifest import Units
from inventory.models import Location, Person, Role, Sku, StockLevel, Transfer, TransferLine
from inventory.rebuild import verify
from inventory.transfers import create_transfer
from tests.admin.house import House
from tests.admin.pages import address, confirm, page_of, text

ADD = "inventory.transfer"


def formset(*lines: tuple[Sku | str, object], ids: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
    """The form with its lines, as a browser sends it."""
    given: dict[str, Any] = {"lines-TOTAL_FORMS": len(lines), "lines-INITIAL_FORMS": len(ids), "_save": "1", "note": ""}
    given |= {"steps-TOTAL_FORMS": 0, "steps-INITIAL_FORMS": 0}
    for index, (sku, count) in enumerate(lines):
        given |= {f"lines-{index}-sku": getattr(sku, "pk", sku), f"lines-{index}-quantity": count}
        given[f"lines-{index}-id"] = ids[index] if index < len(ids) else ""
    return {**given, **fields}


def add(client: Client, house: House, *lines: tuple[Sku | str, object], **fields: Any) -> HttpResponse:
    source, target = house.locations[0].pk, house.locations[1].pk
    given = {"code": "", "from_location": source, "to_location": target, **fields}
    return client.post(address(ADD, "add"), formset(*lines, **given), follow=True)


def level(sku: Sku, place: Location) -> tuple[int, int, int]:
    """Available, damaged, in transit."""
    row = StockLevel.objects.filter(sku=sku, location=place).first() or StockLevel()
    return row.available, row.damaged, row.in_transit


def act(client: Client, transfer: Transfer, page: str, **values: Any) -> HttpResponse:
    return confirm(client, transfer, page, **{"key": uuid.uuid4(), "reason": "because", **values})


@pytest.fixture
def held(house: House) -> Transfer:
    """3 units of the first SKU under way from W1 to the shop."""
    return house.transfers[0]


@pytest.fixture
def only(held: Transfer) -> TransferLine:
    return held.lines.get()


def test_a_draft_is_added_with_its_lines(house: House, boss: Client) -> None:
    first, second, _third = house.skus
    said = text(add(boss, house, (first, 5), (second, 2), ("", ""), note="for spring"))
    made = Transfer.objects.latest("pk")
    assert (made.code, made.note, made.status) == (f"T-{made.pk}", "for spring", "draft")
    assert list(made.lines.values_list("sku", "quantity")) == [(first.pk, 5), (second.pk, 2)]
    assert [(step.kind, step.actor, step.units) for step in made.steps.all()] == [("created", "user:boss", 7)]
    assert made.code in said


def test_what_the_form_refuses_is_said_where_it_is(house: House, boss: Client) -> None:
    first, before = house.skus[0], Transfer.objects.count()
    here = house.locations[0].pk
    for lines, fields, said in (
        (((first, 5),), {"to_location": here}, "Choose another location than the one that it comes from."),
        (((first, 5), (first, 1)), {}, "is there already: put its units into one line."),
        (((first, 0),), {}, "greater than or equal to 1"),
        (((first, -2),), {}, "greater than or equal to 1"),
        (((first, 10**12),), {}, "less than or equal to 1000000000"),
        (((first, "many"),), {}, "Enter a whole number."),
        ((("", ""),), {}, "Name at least one SKU with its units."),
        (((first, 5),), {"code": "A/B"}, "A code has no slash"),
        (((first, 5),), {"code": house.transfers[0].code}, "already exists"),
        ((("999999999", 5),), {}, "Select a valid choice"),
    ):
        assert said in text(add(boss, house, *lines, **fields)), said
    assert Transfer.objects.count() == before


def test_a_draft_is_changed_on_its_form_and_nothing_else_is(house: House, boss: Client, held: Transfer) -> None:
    draft = house.transfers[1]
    row = draft.lines.get()
    places = {"from_location": draft.from_location_id, "to_location": draft.to_location_id}
    given = formset((house.skus[0], 7), (house.skus[1], 1), ids=(row.pk,), note="more", **places)
    text(boss.post(page_of(draft), given, follow=True))
    draft.refresh_from_db()
    assert (draft.note, list(draft.lines.values_list("sku", "quantity"))) == (
        "more", [(house.skus[0].pk, 7), (house.skus[1].pk, 1)],
    )  # fmt: skip
    assert boss.post(page_of(held), given).status_code == 403
    assert boss.get(page_of(held, "delete")).status_code == 403


def test_its_page_has_lines_steps_and_entries(held: Transfer, boss: Client) -> None:
    page = text(boss.get(page_of(held)))
    for said in ("Asked for", "In transit", "user:ann", "Another location", "MUG-0-BLUE", "All of its entries"):
        assert said in page, said
    assert "Nothing has moved yet" not in page


def test_dispatching_proposes_all_and_takes_less(house: House, boss: Client) -> None:
    draft = house.transfers[1]
    row, source, shop = draft.lines.get(), house.locations[0], house.locations[2]
    before = level(row.sku, source)[0]
    assert 'value="2"' in text(boss.get(page_of(draft, "dispatch_units")))
    said = text(act(boss, draft, "dispatch_units", **{f"leaves_{row.pk}": 1}))
    assert "Dispatched: 1 unit to SHOP." in said
    assert (level(row.sku, source)[0], level(row.sku, shop)) == (before - 1, (0, 0, 4))
    assert list(verify()) == []


def test_what_is_short_is_said_and_nothing_leaves(house: House, boss: Client) -> None:
    draft = house.transfers[1]
    TransferLine.objects.filter(transfer=draft).update(quantity=500)
    row = draft.lines.get()
    said = text(act(boss, draft, "dispatch_units", **{f"leaves_{row.pk}": 500}))
    assert "not enough stock: MUG-0-BLUE at W1: 500 wanted" in said
    assert Transfer.objects.get(pk=draft.pk).status == "draft"


def test_receiving_good_and_damaged_units_once_however_often_it_is_clicked(
    house: House, boss: Client, held: Transfer, only: TransferLine
) -> None:
    shop = house.locations[2]
    page = text(boss.get(page_of(held, "receive_units")))
    assert '[{"4000000000000": 1, "MUG-0-BLUE": 1}]' in page and 'id="so-scanner"' in page and "autofocus" in page
    values = {"key": uuid.uuid4(), f"good_{only.pk}": 1, f"damaged_{only.pk}": 1}
    assert "Received: 2 units at SHOP." in text(act(boss, held, "receive_units", **values))
    text(act(boss, held, "receive_units", **values))
    assert level(only.sku, shop) == (1, 1, 1)
    text(act(boss, held, "receive_units", **{f"good_{only.pk}": 1}))
    assert (level(only.sku, shop), Transfer.objects.get(pk=held.pk).status) == ((2, 1, 0), "received")


def test_more_than_is_under_way_and_nothing_at_all_are_refused(
    house: House, boss: Client, held: Transfer, only: TransferLine
) -> None:
    said = text(act(boss, held, "receive_units", **{f"good_{only.pk}": 5}))
    assert "5 units received, 3 under way; receive 3 and add the 2 too many to the stock of SHOP as found" in said
    assert 'value="5"' in said, "what was counted is not lost"
    assert "Say how many units." in text(act(boss, held, "receive_units"))
    assert level(only.sku, house.locations[2]) == (0, 0, 3)


def test_losing_and_cancelling_ask_why(house: House, boss: Client, held: Transfer, only: TransferLine) -> None:
    for page, values in (("lose_units", {f"lost_{only.pk}": 1}), ("cancel_transfer", {})):
        assert "This field is required" in text(act(boss, held, page, reason="", **values)), page
    before = level(only.sku, house.locations[0])[0]
    text(act(boss, held, "lose_units", reason="fell off", **{f"lost_{only.pk}": 1}))
    assert "2 units under way go back to W1" in text(boss.get(page_of(held, "cancel_transfer")))
    assert "is cancelled" in text(act(boss, held, "cancel_transfer", reason="turned back"))
    assert (level(only.sku, house.locations[0])[0], level(only.sku, house.locations[2])) == (before + 2, (0, 0, 0))
    assert list(held.steps.values_list("kind", "note"))[-2:] == [("lost", "fell off"), ("cancelled", "turned back")]
    page = text(boss.get(page_of(held)))
    assert page_of(held, "receive_units") not in page and page_of(held, "cancel_transfer") not in page


def test_a_transfer_that_is_not_there_is_not_found(boss: Client, house: House) -> None:
    for wrong in ("none", str(10**9), str(10**30)):
        assert boss.get(address(ADD, "change", wrong)).status_code == 302
        assert boss.get(address(ADD, "receive_units", wrong)).status_code == 404


def test_a_list_takes_as_many_queries_for_one_as_for_many(
    house: House, boss: Client, django_assert_max_num_queries: Any
) -> None:
    for _turn in range(5):
        text(add(boss, house, (house.skus[0], 1)))
    with django_assert_max_num_queries(25):
        text(boss.get(address(ADD)))


@pytest.fixture
def clerk(house: House) -> Client:
    """Works in the shop alone."""
    user = User.objects.create_user("clerk", is_staff=True)
    Person.objects.create(user=user, role=Role.WAREHOUSE).locations.set([house.locations[2]])
    client = Client()
    client.force_login(user)
    return client


def test_who_works_at_one_end_does_what_is_done_there(
    house: House, clerk: Client, held: Transfer, only: TransferLine
) -> None:
    draft = house.transfers[1]
    assert clerk.get(page_of(draft, "dispatch_units")).status_code == 403
    assert clerk.get(page_of(held, "cancel_transfer")).status_code == 403
    assert page_of(held, "cancel_transfer") not in text(clerk.get(page_of(held)))
    text(act(clerk, held, "receive_units", **{f"good_{only.pk}": 3}))
    assert level(only.sku, house.locations[2]) == (3, 0, 0)
    said = text(add(clerk, house, (house.skus[0], 1)))
    assert "One of the two is to be a location of yours." in said
    text(add(clerk, house, (house.skus[0], 1), to_location=house.locations[2].pk))
    assert Transfer.objects.count() == 3


def test_looking_is_not_changing(held: Transfer, viewer: Client) -> None:
    looked_at = text(viewer.get(page_of(held)))
    for page in ("dispatch_units", "receive_units", "lose_units", "cancel_transfer"):
        assert page_of(held, page) not in looked_at
        assert viewer.get(page_of(held, page)).status_code == 403
    assert viewer.get(address(ADD, "add")).status_code == 403


def test_what_is_in_transit_leads_to_its_transfer(
    house: House, boss: Client, clerk: Client, held: Transfer, only: TransferLine
) -> None:
    everywhere = address("inventory.sku", "changelist").replace("inventory/sku/", f"everywhere/{only.sku_id}/")
    for client in (boss, clerk):
        page = " ".join(text(client.get(everywhere)).split())
        assert f'<a href="{page_of(held)}">{held.code}</a> 3 in transit from W1 to SHOP' in page
    levels = text(boss.get(address("inventory.stocklevel"), {"holding": "in_transit"}))
    query = f"?q={only.sku.code}&amp;to_location__id__exact={held.to_location_id}"
    assert f'<a href="{address(ADD)}{query}">3</a>' in levels
    found = boss.get(address(ADD), {"q": only.sku.code, "to_location__id__exact": held.to_location_id})
    assert held in found.context["cl"].queryset
    text(act(boss, held, "receive_units", **{f"good_{only.pk}": 3}))
    assert "in transit from" not in text(boss.get(everywhere))


def test_a_long_transfer_is_no_form_and_is_moved_on_in_turns(house: House, boss: Client) -> None:
    product, (source, _other, shop) = house.skus[0].product, house.locations
    skus = Sku.objects.bulk_create(Sku(code=f"L-{n:04}", name="long", product=product) for n in range(301))
    open_stock([(sku.pk, source.pk, 2) for sku in skus], actor="test")
    long = create_transfer(
        from_location=source, to_location=shop, lines=[Units(sku, 2) for sku in skus], code="LONG", actor="test"
    )
    page = text(boss.get(page_of(long)))
    assert 'name="lines-0-quantity"' not in page and "L-0000" in page and page_of(long, "dispatch_units") in page
    asked = text(boss.get(page_of(long, "dispatch_units")))
    assert "Here are the first 300 of 301 lines." in asked
    for count, status in ((300, "dispatched"), (1, "dispatched")):
        waiting = [row for row in long.lines.all() if row.waiting][:300]
        assert len(waiting) == count
        text(act(boss, long, "dispatch_units", **{f"leaves_{row.pk}": 2 for row in waiting}))
        assert Transfer.objects.get(pk=long.pk).status == status
    assert sum(row.under_way for row in long.lines.all()) == 602
