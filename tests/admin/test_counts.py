"""Counting in the back office: opened, scanned, typed, submitted, looked through, approved."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from inventory.codes import Given, give_codes
from inventory.counts import Take, count_lines, open_count, submit
from inventory.models import Count, CountLine, CountTolerance, Location, Person, RecountRequest, Role, Sku
from inventory.recounts import want_recounts
from tests.admin.pages import address, confirm, confirm_chosen, page_of, text
from tests.factories import LocationFactory, numbers, stocked


def person(name: str, *places: Location) -> Client:
    """Somebody of a warehouse."""
    user = User.objects.create_user(name, is_staff=True)
    found = Person.objects.create(user=user, role=Role.WAREHOUSE)
    found.locations.set(places)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def place(db: None) -> Location:
    return LocationFactory(code="W1")


@pytest.fixture
def mug(place: Location) -> Sku:
    return stocked(10, place=place, barcode="4006381333931")


@pytest.fixture
def ann(db: None) -> Client:
    return person("ann")


@pytest.fixture
def ben(db: None) -> Client:
    return person("ben")


def opened(client: Client, place: Location, **values: Any) -> Count:
    """A count opened by hand."""
    given = {"_confirm": "1", "location": place.pk, "scope": "all", "days": "90", "stock_class": "A"}
    response = client.post(address("inventory.count", "open_new"), {**given, **values})
    count = Count.objects.latest("pk")
    assert response.headers["Location"] == page_of(count, "sheet")
    return count


def scan(client: Client, count: Count, code: str) -> str:
    return text(client.post(page_of(count, "sheet"), {"scan": code}, follow=True))


def recounted(ann: Client, ben: Client, count: Count) -> Count:
    """The same count, its lines to be counted anew."""
    confirm(ann, count, "submit_count")
    confirm(ben, count, "recount_lines", codes="MUG", reason="")
    return count


def line_of(count: Count, sku: Sku) -> CountLine:
    return CountLine.objects.get(count=count, sku=sku)


def test_a_count_from_its_opening_to_the_ledger(ann: Client, ben: Client, place: Location, mug: Sku) -> None:
    count = opened(ann, place, scope="skus", codes="MUG\n")
    page = text(ann.get(page_of(count, "sheet")))
    assert 'name="scan" autofocus' in page and "1 line is not counted yet" in page
    assert "MUG · Mug: 1 unit counted." in scan(ann, count, "MUG")
    assert "MUG · Mug: 3 units counted." in scan(ann, count, "4006381333931*2")
    give_codes(mug, [Given("CASE-4", "case", 4)])
    assert "MUG · Mug: 11 units counted." in scan(ann, count, "CASE-4*2")
    assert "MUG · Mug: 3 units counted." in scan(ann, recounted(ann, ben, count), "MUG*3")
    assert "all lines are counted" in text(ann.get(page_of(count, "sheet")))
    assert "waits for approval" in text(confirm(ann, count, "submit_count"))
    assert "somebody else has to approve it" in text(ann.get(page_of(count, "approve_count")))
    assert "somebody who has not counted has to approve it" in text(confirm(ann, count, "approve_count"))
    assert numbers(mug) == (10, 10, 0)
    assert "over tolerance" in text(ben.get(page_of(count, "variances")))
    assert "is approved" in text(confirm(ben, count, "approve_count"))
    assert numbers(mug) == (3, 3, 0)


@pytest.mark.parametrize(
    "code", ["NONE", "MUG*", "MUG*x", "MUG*-1", "MUG*0", "MUG*1.5", "", "*3", "MUG*99999999999", "\x00"]
)
def test_a_scan_that_names_nothing_is_said_and_changes_nothing(
    ann: Client, place: Location, mug: Sku, code: str
) -> None:
    count = opened(ann, place)
    page = scan(ann, count, code)
    assert "nothing was counted" in page or "Nothing was scanned" in page
    assert line_of(count, mug).counted is None


def test_numbers_are_typed_all_or_none_and_only_those_that_were_changed(
    ann: Client, ben: Client, place: Location, mug: Sku
) -> None:
    cup = stocked(5, code="CUP", place=place)
    count = opened(ann, place)
    mugs, cups = line_of(count, mug), line_of(count, cup)
    blank = {f"was_{mugs.pk}": "/", f"was_{cups.pk}": "/", f"picked_{mugs.pk}": "", f"picked_{cups.pk}": ""}
    bad = {**blank, f"counted_{mugs.pk}": "9", f"counted_{cups.pk}": "-4"}
    assert "CUP: -4 is too small; at least 0" in text(ann.post(page_of(count, "sheet"), bad, follow=True))
    assert line_of(count, mug).counted is None
    scan(ben, count, "CUP*5")
    good = {**blank, f"counted_{mugs.pk}": " 9 ", f"counted_{cups.pk}": ""}
    assert "1 line was taken down." in text(ann.post(page_of(count, "sheet"), good, follow=True))
    assert (line_of(count, mug).counted, line_of(count, cup).counted) == (9, 5)


def test_a_blind_count_hides_what_is_expected_on_every_page(ann: Client, ben: Client, place: Location) -> None:
    sku = stocked(7654, code="MUG", place=place)
    count = opened(ann, place, blind="on")
    scan(ann, count, "MUG*6000")
    pages = ("sheet", "change", "print_sheet", "lines_csv")
    assert all("7654" not in text(ann.get(page_of(count, page))) for page in pages)
    confirm(ann, count, "submit_count")
    shown = ("change", "variances", "lines_csv", "approve_count")
    for page in shown:
        said = text(ann.get(page_of(count, page))).replace(",", "")
        assert "7654" not in said and "1654" not in said, page
    assert "You counted, and the count is blind." in text(ann.get(page_of(count, "variances")))
    assert "1654" not in text(confirm(ann, count, "approve_count"))
    assert "7,654" in text(ben.get(page_of(count, "variances"))) or "7654" in text(ben.get(page_of(count, "variances")))
    confirm(ben, count, "approve_count")
    assert numbers(sku) == (6000, 6000, 0)


def test_a_recount_takes_four_clicks_from_the_overview(ann: Client, ben: Client, place: Location, mug: Sku) -> None:
    count = opened(ann, place)
    scan(ann, count, "MUG*2")
    confirm(ann, count, "submit_count")
    lists, row, page = address("inventory.count"), page_of(count), page_of(count, "recount_lines")
    boss = User.objects.create_superuser("boss")
    ben.force_login(boss)
    for here, way in ((reverse("admin:index"), lists), (lists, row), (row, page)):  # and the fourth confirms
        assert f'href="{way}' in text(ben.get(here)), (here, way)
    done = ben.post(page, {"_confirm": "1", "codes": "", "reason": ""})
    assert done.headers["Location"] == page_of(count, "sheet")
    assert (line_of(count, mug).counted, line_of(count, mug).recount) == (None, 1)


def test_what_is_left_uncounted_has_to_be_said(ann: Client, place: Location, mug: Sku) -> None:
    stocked(5, code="CUP", place=place)
    count = opened(ann, place)
    scan(ann, count, "MUG*10")
    assert "1 line is not counted" in text(ann.get(page_of(count, "submit_count")))
    assert "1 line is not counted yet (CUP)" in text(confirm(ann, count, "submit_count"))
    assert "waits for approval" in text(confirm(ann, count, "submit_count", skip_uncounted="on"))
    assert "Nothing differs." in text(ann.get(page_of(count, "variances")))
    assert "is cancelled" in text(confirm(ann, count, "cancel_count", reason="twice"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"scope": "skus", "codes": ""}, "Name at least one SKU."),
        ({"scope": "skus", "codes": "NONE\nMUG"}, "There is no SKU NONE."),
        ({"scope": "stale", "days": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"scope": "stale", "days": ""}, "Say for how many days."),
        ({"scope": "class", "stock_class": "A"}, "there is nothing to count"),
    ],
)
def test_what_cannot_be_opened_is_said_on_the_form(
    ann: Client, place: Location, mug: Sku, values: Any, said: str
) -> None:
    given = {"_confirm": "1", "location": place.pk, "scope": "all", "days": "9", "stock_class": "A", **values}
    assert said in text(ann.post(address("inventory.count", "open_new"), given))
    assert not Count.objects.exists()


def test_a_marketplaces_location_is_not_offered(ann: Client, place: Location, mug: Sku) -> None:
    theirs = LocationFactory(code="THEIRS", kind="fba")
    assert "THEIRS" not in text(ann.get(address("inventory.count", "open_new")))
    given = {"_confirm": "1", "location": theirs.pk, "scope": "all"}
    assert "Select a valid choice" in text(ann.post(address("inventory.count", "open_new"), given))


def test_count_now_on_a_skus_page_and_of_a_wanted_recount(ann: Client, place: Location, mug: Sku) -> None:
    assert page_of(mug, "count_now") in text(ann.get(reverse("sku-everywhere", args=(mug.pk,))))
    response = ann.post(page_of(mug, "count_now"), {"_confirm": "1", "location": place.pk})
    count = Count.objects.get()
    assert (response.headers["Location"], count.lines.get().sku) == (page_of(count, "sheet"), mug)
    want_recounts([(mug.pk, place.pk)], cause="oversell")
    wanted = RecountRequest.objects.get()
    assert page_of(wanted, "count_row") in text(ann.get(address("inventory.recountrequest")))
    again = ann.post(page_of(wanted, "count_now"), {"_confirm": "1", "location": place.pk})
    assert again.headers["Location"] == page_of(count, "sheet") and Count.objects.count() == 1
    assert "1 request is closed." in text(confirm_chosen(ann, [wanted], "close_selected", reason="looked"))


def test_the_sheet_of_paper_and_the_files(ann: Client, place: Location, mug: Sku) -> None:
    count = opened(ann, place)
    paper = text(ann.get(page_of(count, "print_sheet")))
    assert "<td>MUG</td>" in paper and "<td>10</td>" in paper and "http" not in paper.replace("http-equiv", "")
    scan(ann, count, "MUG*8")
    rows = list(csv.DictReader(io.StringIO(text(ann.get(page_of(count, "lines_csv"))))))
    assert [(row["sku"], row["counted"], row["expected"], row["variance"]) for row in rows] == [
        ("MUG", "8", "10", "-2")
    ]
    response: Any = ann.get(address("inventory.count", "export_csv"))
    listed = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [(row["code"], row["lines"], row["counted"]) for row in listed] == [(count.code, "1", "1")]


def test_who_is_limited_to_a_location_counts_there_alone(place: Location, mug: Sku, viewer: Client) -> None:
    other = LocationFactory(code="W2")
    keeper = person("keeper", other)
    count = open_count(location=place, skus=[mug], actor="user:ann")
    for page in ("sheet", "submit_count", "approve_count", "variances", "print_sheet", "lines_csv"):
        assert keeper.get(page_of(count, page)).status_code == 404, page
    given = {"_confirm": "1", "location": place.pk, "scope": "all"}
    assert "Select a valid choice" in text(keeper.post(address("inventory.count", "open_new"), given))
    for page in ("sheet", "submit_count", "approve_count", "recount_lines", "cancel_count"):
        assert viewer.get(page_of(count, page)).status_code == 403, page


def test_tolerances_are_edited_by_administrators(boss: Client, ann: Client) -> None:
    row, _made = CountTolerance.objects.get_or_create(stock_class="C")
    assert ann.get(address("inventory.counttolerance")).status_code == 403
    boss.post(page_of(row), {"units": "7", "percent": "12.5"})
    row.refresh_from_db()
    assert (row.units, str(row.percent)) == (7, "12.50")


def test_a_sheet_that_is_over_leads_to_the_count(ann: Client, place: Location, mug: Sku) -> None:
    count = open_count(location=place, skus=[mug], actor="user:ann")
    count_lines(count, [Take(mug, 10)], actor="user:ann")
    submit(count, actor="user:ann")
    answer: HttpResponse = ann.get(page_of(count, "sheet"))
    assert answer.headers["Location"] == page_of(count)
