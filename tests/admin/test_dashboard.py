"""The overview: first steps in an empty house, then what needs a person, and all of it again every few seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels import selling
from channels.models import Channel, Debt, Delivery, DeliveryStatus, StockTarget, SyncLane
from inventory.kernel import clock
from reports import dashboard, pulse, tallies
from reports.alerts import raise_alert
from reports.attention import needs
from reports.models import AlertKind, TallyMark
from reports.pulse import ChannelPulse
from tests.admin.house import House
from tests.admin.pages import text

LIVE = "/admin/live/"
#: Channels, counts, sales, lags, and the newest alerts.
QUERIES = 5


@pytest.fixture(autouse=True)
def _asked_anew(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page asks for itself, and workers are at work."""
    monkeypatch.setattr(pulse, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(pulse, "_mute_until", 0.0)


def _figures(client: Client) -> dict[str, str]:
    return {str(figure.label): figure.value for figure in client.get(reverse("admin:index")).context["figures"]}


def _needs(client: Client) -> dict[str, tuple[int, str]]:
    """How many of each matter, and where its way leads."""
    return {need.key: (need.count, way.url) for need, way in client.get(LIVE).context["needs"]}


def _channel(code: str) -> ChannelPulse:
    return next(channel for channel in pulse.take().channels if channel.code == code)


def _works(house: House | None = None) -> None:
    """A worker counted just now."""
    TallyMark.objects.create(name=tallies.ORDERS, tallied_at=clock.now())


def test_an_empty_house_says_what_to_do_first(boss: Client) -> None:
    page = text(boss.get(reverse("admin:index")))
    for said in ("First steps", "Add a location", "Add a channel", "No channel yet", "Nothing needs you now",
                 "No sale in the last hour", "No alert is open"):  # fmt: skip
        assert said in page
    assert _figures(boss) == {
        "Sales a minute": "0.0", "Sale lag, p50": "–", "Numbers owed": "0", "Oversold today": "0", "Inbox": "0",
        "Available": "0", "Ledger differences": "–",
    }  # fmt: skip


def test_a_full_house_says_what_needs_a_person_and_where_to_act(house: House, boss: Client) -> None:
    _works()
    assert "First steps" not in text(boss.get(reverse("admin:index")))
    found = _needs(boss)
    assert {key: count for key, (count, _url) in found.items()} == {
        "oversold": 2, "parked_line": 3, "parked_delivery": 3, "parked_target": 3, "reorders": 3,
    }  # fmt: skip
    for _count, url in found.values():
        assert boss.get(url).status_code == 200, url
    figures = _figures(boss)
    assert figures["Oversold today"] == "2" and figures["Numbers owed"] == str(Debt.objects.count())
    channel = _channel("channel-0")
    assert (channel.listings, channel.parked, channel.orders, channel.units) == (3, 1, 2, 43)
    assert (channel.lag.p99 or 0) > 0 and _channel("phone").lag.p99 is None
    assert sum(pulse.take().orders) == 7


def test_channels_that_are_off_or_fail_come_first(house: House, boss: Client) -> None:
    _works()
    one, two, three = house.channels
    selling.disconnect(one, actor="user:ann")
    selling.stop_selling([two], actor="user:ann")
    SyncLane.objects.filter(channel=three).update(failures=4, last_error="connection refused")
    found = _needs(boss)
    assert list(found)[:3] == ["disconnected", "failing", "stopped"]
    assert found["disconnected"] == (1, reverse("admin:channels_channel_resume_one", args=(one.pk,)))
    assert found["failing"] == (1, reverse("admin:channels_channel_change", args=(three.pk,)))
    page = text(boss.get(LIVE))
    for said in (
        "connection refused",
        "Disconnected",
        "Selling stopped",
        "Failing",
        "3 listings may still show more than 0",
    ):
        assert said in page
    StockTarget.objects.filter(channel=two).update(shown=0)
    assert "all listings are at 0" in text(boss.get(LIVE))
    Channel.objects.filter(pk=three.pk).update(mode="shadow")
    assert "Shadow: nothing is sent" in text(boss.get(LIVE))


def test_what_is_late_is_told(house: House, boss: Client) -> None:
    _works()
    assert "held" not in _needs(boss) and "inbox" not in _needs(boss)
    Debt.objects.update(owed_at=clock.now() - timedelta(minutes=5))
    Delivery.objects.filter(status=DeliveryStatus.DONE).update(
        status=DeliveryStatus.WAITING, stored_at=clock.now() - timedelta(minutes=3)
    )
    found = _needs(boss)
    assert found["held"][0] == Debt.objects.count() and found["inbox"][0] == 7 - 1
    assert "5 min" in text(boss.get(LIVE))
    TallyMark.objects.update(tallied_at=clock.now() - timedelta(minutes=10))
    assert next(iter(_needs(boss))) == "standstill" and "stands still" in text(boss.get(LIVE))


def test_the_figures_take_a_handful_of_statements(house: House, rf: RequestFactory) -> None:
    request = rf.get(LIVE)
    request.user = User.objects.create_superuser("asks")
    with CaptureQueriesContext(connection) as asked:
        dashboard.live(request)
    assert len(asked) == QUERIES, [query["sql"][:80] for query in asked]


def test_within_a_second_all_look_at_the_same_figures(
    house: House, boss: Client, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "_FRESH_SECONDS", 60.0)
    cache.clear()
    first = pulse.current()
    with CaptureQueriesContext(connection) as asked:
        for client in (boss, viewer):
            assert client.get(LIVE).context["pulse"].at == first.at
    assert not any("channels_pushlog" in query["sql"] for query in asked)
    cache.clear()
    assert pulse.current().at > first.at


def test_while_one_asks_the_others_see_what_was_last_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    first = pulse.current()
    cache.add(pulse._LOCK, 1, timeout=5)
    assert pulse.current().at == first.at
    cache.delete(pulse._LOCK)
    assert pulse.current().at > first.at


def test_the_figures_are_right_with_redis_away(house: House, boss: Client, settings: Any) -> None:
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}
    settings.CACHES = {"default": away}
    assert boss.get(LIVE).context["pulse"].counts["oversold"] == 2
    assert pulse._mute_until > 0, "the next ones do not wait for it either"


def test_the_sidebar_counts_what_waits_and_shows_what_one_may_see(house: House, boss: Client, stranger: Client) -> None:
    context = boss.get(reverse("admin:index")).context
    items = {str(item["title"]): item for section in context["sidebar_navigation"] for item in section["items"]}
    assert items["Parked"]["badge"] == 9 and "badge" not in items["SKUs"]
    seen = stranger.get(reverse("admin:index"))
    assert "depends on your role" in text(seen) and "so-live" not in text(seen)
    assert stranger.get(LIVE).status_code == 403
    assert [str(item["title"]) for section in seen.context["sidebar_navigation"] for item in section["items"]] == [
        "Overview"
    ]


def test_one_sees_of_it_what_one_may_see_elsewhere(house: House) -> None:
    _works()
    now = pulse.take()
    assert [need.key for need, _way in needs(now, {"fulfillment.view_shortfall"}.__contains__)] == ["oversold"]
    assert needs(now, lambda permission: False) == []
    asked: set[str] = set()
    needs(now, lambda permission: bool(asked.add(permission)))
    assert {permission.partition("_")[0].partition(".")[2] for permission in asked} == {"view", "change", "add"}


def test_who_may_only_look_is_led_to_look(house: House, boss: Client, viewer: Client) -> None:
    def labels(client: Client) -> dict[str, str]:
        return {need.key: way.label for need, way in client.get(LIVE).context["needs"]}

    assert (labels(boss)["parked_line"], labels(viewer)["parked_line"]) == ("Map to a SKU", "See them")
    assert (labels(boss)["oversold"], labels(viewer)["oversold"]) == ("Find stock or cancel", "See them")


def test_nobody_gets_in_without_a_login(client: Client, db: None) -> None:
    for address in (reverse("admin:index"), LIVE):
        response = client.get(address)
        assert response.status_code == 302 and "login" in response["Location"]
    assert "so-banner" not in text(client.get(reverse("admin:login")))
    assert settings.SESSION_COOKIE_NAME not in response.cookies


def test_other_peoples_text_is_harmless(house: House, boss: Client) -> None:
    SyncLane.objects.filter(channel=house.channels[0]).update(failures=1, last_error="<script>alert(1)</script>")
    page = text(boss.get(LIVE))
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page


def test_a_backup_that_failed_is_grave(house: House, boss: Client) -> None:
    _works()
    raise_alert(AlertKind.BACKUP, subject="backup", message="The disk is full")
    found = _needs(boss)
    assert found["backups"][0] == 1 and boss.get(found["backups"][1]).context["cl"].result_count == 1
