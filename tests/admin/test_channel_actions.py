"""Stopping, disconnecting, resuming, pushing, replaying: each after a page that says what will happen and asks why."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from channels.models import Channel, Debt, Delivery, DeliveryStatus, Listing, StockTarget
from tests.admin.house import House
from tests.admin.pages import address, confirm, confirm_chosen, page_of, text


def _index(client: Client) -> str:
    return text(client.get(reverse("admin:index")))


def test_stopping_shows_a_banner_until_selling_is_resumed(house: House, boss: Client) -> None:
    channel = house.channels[0]
    assert "stays at 0 until you resume" in text(boss.get(page_of(channel, "stop_one")))
    assert "This field is required" in text(confirm(boss, channel, "stop_one"))
    channel.refresh_from_db()
    assert channel.stopped_at is None
    confirm(boss, channel, "stop_one", reason="recall")
    channel.refresh_from_db()
    assert channel.stopped_at is not None
    assert "listings have not acknowledged 0 yet" in _index(boss)
    StockTarget.objects.filter(channel=channel).update(shown=0)
    assert "every listing has acknowledged 0" in _index(boss)
    page = text(boss.get(page_of(channel)))
    assert page_of(channel, "resume_one") in page and page_of(channel, "stop_one") not in page
    confirm(boss, channel, "resume_one", reason="over")
    channel.refresh_from_db()
    assert channel.stopped_at is None and "so-banner" not in _index(boss)
    reasons = LogEntry.objects.filter(object_id=str(channel.pk)).values_list("change_message", flat=True)
    assert {reason.rpartition(": ")[2] for reason in reasons} == {"recall", "over"}


def test_disconnecting_says_that_the_last_numbers_stay_on_sale(house: House, boss: Client) -> None:
    channel = house.channels[1]
    assert "nobody lowers them" in text(boss.get(page_of(channel, "disconnect_one")))
    confirm(boss, channel, "disconnect_one", reason="contract ended")
    channel.refresh_from_db()
    assert channel.disconnected_at is not None
    assert "still on sale" in _index(boss)


def test_all_channels_are_stopped_and_resumed_at_once(house: House, boss: Client) -> None:
    for page, stopped in (("stop_all", True), ("resume_all", False)):
        url = address("channels.channel", page)
        assert house.channels[2].code in text(boss.get(url))
        text(boss.post(url, {"_confirm": "1", "reason": "drill"}, follow=True))
        assert {channel.stopped_at is not None for channel in Channel.objects.all()} == {stopped}


def test_chosen_channels(house: House, boss: Client) -> None:
    confirm_chosen(boss, house.channels[:2], "stop_selected", reason="drill")
    assert Channel.objects.filter(stopped_at__isnull=False).count() == 2
    confirm_chosen(boss, house.channels[:1], "resume_selected", reason="drill")
    confirm_chosen(boss, house.channels[:1], "disconnect_selected", reason="drill")
    assert Channel.objects.get(disconnected_at__isnull=False) == house.channels[0]


def test_reading_back_is_rung_for(house: House, boss: Client) -> None:
    assert "being read back" in text(confirm(boss, house.channels[0], "read_back", reason="doubt"))


def test_pushing_now_owes_the_number_again(house: House, boss: Client) -> None:
    target = StockTarget.objects.exclude(parked_reason="").order_by("pk").first()
    assert target is not None
    Debt.objects.all().delete()
    text(confirm(boss, target, "retry_one", reason="mended"))
    target.refresh_from_db()
    assert (target.parked_reason, target.shown) == ("", None)
    assert Debt.objects.filter(target=target).exists()
    Debt.objects.all().delete()
    listings = list(Listing.objects.filter(channel=house.channels[1]))
    confirm_chosen(boss, listings, "push_selected", reason="doubt")
    assert Debt.objects.count() == len(listings)
    confirm_chosen(boss, list(StockTarget.objects.all()), "push_selected", reason="doubt")
    assert Debt.objects.count() == StockTarget.objects.count()


def test_replaying_a_delivery_puts_it_back(house: House, boss: Client) -> None:
    done = Delivery.objects.filter(status=DeliveryStatus.DONE).order_by("pk").first()
    parked = list(Delivery.objects.filter(status=DeliveryStatus.PARKED))
    assert done is not None
    assert "nothing moves twice" in text(boss.get(page_of(done, "replay_one")))
    confirm(boss, done, "replay_one", reason="doubt")
    done.refresh_from_db()
    assert (done.status, done.detail) == (DeliveryStatus.WAITING, "replayed by user:boss")
    confirm_chosen(boss, parked, "replay_selected", reason="mended")
    assert not Delivery.objects.filter(status=DeliveryStatus.PARKED).exists()


def test_a_body_from_outside_is_shown_and_harmless(house: House, boss: Client) -> None:
    parked = Delivery.objects.filter(status=DeliveryStatus.PARKED).order_by("pk").first()
    assert parked is not None
    page = text(boss.get(page_of(parked)))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert(1)" not in page
    assert "\\xff\\xfe" in page and parked.reason in page


def test_why_this_number_is_a_list_of_steps(house: House, boss: Client) -> None:
    listing = Listing.objects.filter(channel=house.channels[0], sku=house.skus[0]).get()
    page = text(boss.get(page_of(listing)))
    assert "1. pool" in page and "2. percent" in page and "90 % of" in page


@pytest.mark.parametrize("page", ["stop_one", "disconnect_one", "resume_one", "read_back"])
def test_looking_is_not_acting(page: str, house: House, viewer: Client) -> None:
    assert confirm(viewer, house.channels[0], page, reason="no").status_code == 403
    assert viewer.get(address("channels.channel", "stop_all")).status_code == 403
    assert page_of(house.channels[0], page) not in text(viewer.get(page_of(house.channels[0])))
