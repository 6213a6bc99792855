"""Secrets are encrypted at rest, handed to connectors, and shown nowhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from channels import credentials, sync
from channels.models import Channel
from channels.registration import update_channel
from inventory.models import ApiKey, Role
from tests.channels.shop import Answer, Shop
from tests.channels.world import SECRET, a_channel, a_listing, a_sku

pytestmark = pytest.mark.django_db(transaction=True)

BARE = SECRET.removeprefix("whsec_")


def test_encrypted_at_rest() -> None:
    channel = a_channel()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c)::text FROM channels_channel c")
        (row,) = cursor.fetchone()
    assert BARE not in row
    assert credentials.account(channel).credentials == {"secret": SECRET}


def test_what_is_not_given_is_kept_and_what_is_empty_goes() -> None:
    channel = a_channel(credentials={"secret": SECRET, "other": "x"})
    update_channel(channel, credentials={"other": ""}, actor="test")
    assert credentials.account(Channel.objects.get()).credentials == {"secret": SECRET}


def test_shown_in_no_representation() -> None:
    channel = a_channel()
    shop = credentials.account(channel)
    for text in (repr(shop), str(shop), f"{shop}", repr(channel), str(channel)):
        assert BARE not in text


def test_shown_in_no_answer() -> None:
    a_channel()
    _row, key = ApiKey.objects.create_key(name="k", role=Role.ADMIN)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    body = {"credentials": {"secret": SECRET}, "settings": {"max_batch": 9}}
    answers: list[Any] = [
        client.get("/api/v1/channels/"),
        client.get("/api/v1/channels/web/"),
        client.patch("/api/v1/channels/web/", body, format="json"),
        client.patch("/api/v1/channels/web/", {"credentials": {"nonsense": SECRET}}, format="json"),
        client.patch("/api/v1/channels/web/", {"credentials": SECRET}, format="json"),
    ]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert all(answer.status_code in (400, 422) for answer in answers[3:])
    for answer in answers:
        assert BARE.encode() not in answer.content
    assert b'"credentials"' not in answers[1].content


def test_shown_in_no_log(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.will(Answer(500, {}), Answer(401, {}))
    for _ in range(2):
        sync.drain_channel(listing.channel_id)
        listing.channel.lane.__class__.objects.update(not_before=None)
    channel = Channel.objects.select_related("lane").get()
    assert BARE not in caplog.text
    assert BARE not in channel.lane.last_error + "".join(str(seen.headers) for seen in shop.requests)
