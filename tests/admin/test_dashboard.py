"""The overview: first steps in an empty house, then what needs a person."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from inventory.kernel import clock
from reports.dashboard import channel_rows
from tests.admin.house import House
from tests.admin.pages import text


def _figures(client: Client) -> dict[str, str]:
    context = client.get(reverse("admin:index")).context
    return {str(figure.label): figure.value for figure in (*context["attention"], *context["today"])}


def test_an_empty_house_says_what_to_do_first(boss: Client) -> None:
    page = text(boss.get(reverse("admin:index")))
    for said in ("First steps", "Add a location", "Add a channel", "No channel yet"):
        assert said in page
    assert set(_figures(boss).values()) == {"0"}


def test_a_full_house_says_what_needs_a_person(house: House, boss: Client) -> None:
    assert "First steps" not in text(boss.get(reverse("admin:index")))
    figures = _figures(boss)
    assert figures["Parked"] == "9" and figures["Oversold"] == "2" and figures["Orders today"] == "7"
    rows = {row["channel"].code: row for row in channel_rows(clock.now())}
    assert rows["channel-0"]["listings"] == 3 and rows["channel-0"]["parked"] == 1
    assert rows["channel-0"]["lag"]["p99"] > 0 and rows["phone"]["lag"] is None


def test_the_sidebar_counts_what_waits_and_shows_what_one_may_see(house: House, boss: Client, stranger: Client) -> None:
    context = boss.get(reverse("admin:index")).context
    items = {str(item["title"]): item for section in context["sidebar_navigation"] for item in section["items"]}
    assert items["Parked"]["badge"] == 9 and "badge" not in items["SKUs"]
    seen = stranger.get(reverse("admin:index"))
    assert "depends on your role" in text(seen)
    assert [str(item["title"]) for section in seen.context["sidebar_navigation"] for item in section["items"]] == [
        "Overview"
    ]


def test_nobody_gets_in_without_a_login(client: Client, db: None) -> None:
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302 and "login" in response["Location"]
    assert "so-banner" not in text(client.get(reverse("admin:login")))
