"""Access tokens that end: fetched in time, once, whoever needs them first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from channels import tokens
from channels.connectors.base import Account, ChannelBusy, OutboundRequest, Response
from channels.connectors.http import Http
from channels.credentials import account
from channels.models import Channel
from inventory.kernel import clock
from tests.channels.shop import Answer, Shop
from tests.channels.world import SECRET, Hands, a_channel

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _tokens_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``http`` contract, with an access token that ends."""

    def ends_at(self: Http, shop: Account) -> datetime | None:
        return datetime.fromisoformat(shop.credentials[tokens.ENDS_AT])

    def ask(self: Http, shop: Account, *, now: datetime) -> OutboundRequest | None:
        return OutboundRequest("POST", f"{shop.base_url}/token") if ends_at(self, shop) - now < AHEAD else None

    def read(self: Http, response: Response, *, now: datetime) -> Mapping[str, Any]:
        if response.status != 200:
            raise ChannelBusy("not now")
        return {
            "access_token": response.body.decode().strip('"'),
            tokens.ENDS_AT: (now + timedelta(hours=1)).isoformat(),
        }

    monkeypatch.setattr(Http, "token_ends_at", ends_at)
    monkeypatch.setattr(Http, "token_request", ask)
    monkeypatch.setattr(Http, "read_token", read)


def a_shop_with_tokens(shop: Shop, *, ends_in: timedelta) -> Channel:
    given = {"secret": SECRET, "access_token": "old", tokens.ENDS_AT: (clock.now() + ends_in).isoformat()}
    shop.always = lambda seen: Answer(body=f"new-{len(shop.requests)}")
    return a_channel(shop, credentials=given)


def held(channel: Channel) -> str:
    return str(account(Channel.objects.get(pk=channel.pk)).credentials["access_token"])


def at_once(deed: Callable[[], None], *, times: int) -> None:
    def run() -> None:
        try:
            deed()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_token_that_lasts_is_used_as_it_is(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=6))
    assert tokens.fresh_account(channel).credentials["access_token"] == "old"
    assert shop.requests == []


def test_a_token_that_ends_soon_is_fetched_and_kept(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=4))
    assert tokens.fresh_account(channel).credentials["access_token"] == "new-1"
    assert held(channel) == "new-1" and len(shop.requests) == 1
    assert account(Channel.objects.get(pk=channel.pk)).credentials["secret"] == SECRET, "the others stay"


def fetch_at_once(shop: Shop, channel: Channel) -> list[str]:
    """Six workers need a token at the same moment; what each got."""
    got: list[str] = []
    shop.while_busy = lambda seen: time.sleep(0.3)

    def need() -> None:
        try:
            got.append(str(tokens.fresh_account(Channel.objects.get(pk=channel.pk)).credentials["access_token"]))
        except ChannelBusy:
            got.append("busy")

    at_once(need, times=6)
    return sorted(got)


def test_of_several_workers_one_fetches_and_the_others_use_the_old_one_while_it_lasts(shop: Shop) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=4))
    got = fetch_at_once(shop, channel)
    assert len(shop.requests) == 1 and got.count("new-1") >= 1
    assert set(got) <= {"new-1", "old"}


def test_of_several_workers_one_fetches_and_the_others_wait_where_it_has_ended(shop: Shop) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=-1))
    got = fetch_at_once(shop, channel)
    assert len(shop.requests) == 1 and set(got) <= {"new-1", "busy"}


def test_control_without_the_lease_each_worker_spends_the_refresh_token(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=-1))
    monkeypatch.setattr(tokens, "_take_lease", lambda channel_id: Channel.objects.get(pk=channel_id))
    fetch_at_once(shop, channel)
    assert len(shop.requests) > 1


def test_a_fetch_that_fails_leaves_the_next_one_free(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=-1))
    shop.will(Answer(503, "down"))
    with pytest.raises(ChannelBusy, match="not now"):
        tokens.fresh_account(channel)
    assert tokens.fresh_account(channel).credentials["access_token"] == "new-2"


def test_a_worker_that_died_while_fetching_is_followed_by_another(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=-1))
    Channel.objects.filter(pk=channel.pk).update(token_lease_until=clock.now() + tokens.LEASE)
    with pytest.raises(ChannelBusy, match="being fetched"):
        tokens.fresh_account(channel)
    hands.later(tokens.LEASE.total_seconds() + 1)
    assert tokens.fresh_account(channel).credentials["access_token"] == "new-1"


def test_a_token_refused_before_its_time_is_fetched_at_the_next_call(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(hours=1))
    tokens.expire(channel)
    assert tokens.fresh_account(channel).credentials["access_token"] == "new-1"


def test_a_late_refusal_of_the_old_token_does_not_end_the_new_one(shop: Shop, hands: Hands) -> None:
    channel = a_shop_with_tokens(shop, ends_in=timedelta(minutes=4))
    before = Channel.objects.get(pk=channel.pk)
    tokens.fresh_account(channel)
    tokens.expire(before)
    assert tokens.fresh_account(Channel.objects.get(pk=channel.pk)).credentials["access_token"] == "new-1"
    assert len(shop.requests) == 1
