"""Where channels knock: every status code, and never 2xx unless stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory

from channels.models import Channel, Delivery, DeliveryStatus
from config import servers
from inventory.kernel import clock
from tests.channels.world import SECRET, Alarms, a_channel, event, order, signed

pytestmark = pytest.mark.django_db(transaction=True)

BODY = event(order("1001", ("x-A", 2)))


def knock(
    body: bytes = BODY, *, code: str = "web", headers: dict[str, str] | None = None, **more: str
) -> tuple[int, dict]:
    given = signed(body) if headers is None else headers
    answer = Client().post(f"/webhooks/{code}/", body, content_type="application/json", headers={**given, **more})
    return answer.status_code, answer.json()


@pytest.fixture(autouse=True)
def channel(db: None, transactional_db: None) -> Channel:
    return a_channel()


def test_stored_before_it_is_answered_and_rung_for(alarms: Alarms, channel: Channel) -> None:
    assert knock() == (200, {"status": "stored"})
    row = Delivery.objects.get()
    assert (row.event_id, row.order_ref, row.status, bytes(row.body)) == ("msg_1", "1001", DeliveryStatus.WAITING, BODY)
    assert row.headers["webhook-id"] == "msg_1" and not row.conflicting
    assert alarms.sent("fulfillment.tasks.drain_inbox") == [([row.lane], False)]


def test_a_duplicate_is_answered_alike_and_stored_once() -> None:
    assert [knock()[0] for _ in range(5)] == [200] * 5
    assert Delivery.objects.count() == 1


def test_the_same_event_with_other_contents_is_kept_and_marked() -> None:
    knock()
    other = event(order("1001", ("x-A", 3)))
    assert knock(other)[0] == 200
    first, second = Delivery.objects.order_by("id")
    assert (first.conflicting, second.conflicting) == (False, True)
    assert bytes(second.body) == other


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: h.pop("webhook-signature"),
        lambda h: h.pop("webhook-id"),
        lambda h: h.pop("webhook-timestamp"),
        lambda h: h.update({"webhook-id": "msg_2"}),
        lambda h: h.update({"webhook-timestamp": "now"}),
        lambda h: h.update({"webhook-timestamp": "-1"}),
        lambda h: h.update({"webhook-timestamp": "9" * 40}),
        lambda h: h.update({"webhook-signature": "v1,"}),
        lambda h: h.update({"webhook-signature": "v2," + h["webhook-signature"][3:]}),
        lambda h: h.update({"webhook-signature": "é"}),
        lambda h: h.clear(),
    ],
)
def test_a_bad_signature_is_401_and_nothing_is_stored(spoil: object) -> None:
    headers = signed(BODY)
    spoil(headers)  # type: ignore[operator]
    status, body = knock(headers=headers)
    assert (status, body["error"]["code"]) == (401, "bad_signature")
    assert SECRET not in json.dumps(body) and not Delivery.objects.exists()


@pytest.mark.parametrize(("minutes", "status"), [(-5.1, 401), (-4.9, 200), (4.9, 200), (5.1, 401)])
def test_timestamps_out_of_the_window_are_401(minutes: float, status: int) -> None:
    headers = signed(BODY, at=clock.now() + timedelta(minutes=minutes))
    assert knock(headers=headers)[0] == status


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed(BODY)
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert knock(headers=headers)[0] == 200


def test_a_changed_body_is_401() -> None:
    assert knock(BODY + b" ", headers=signed(BODY))[0] == 401


def test_unknown_inactive_and_silent_channels_are_404(channel: Channel) -> None:
    from channels.registration import create_channel

    create_channel(code="phone", name="Phone", connector="manual", actor="test")
    Channel.objects.filter(pk=channel.pk).update(is_active=False)
    for code in ("nobody", "phone", "web"):
        status, body = knock(code=code)
        assert (status, body["error"]["code"]) == (404, "unknown_channel")


def test_a_channel_whose_plug_in_is_gone_is_404(channel: Channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(connector="withdrawn")
    assert knock()[0] == 404


def test_disconnected_channels_are_still_heard(channel: Channel) -> None:
    """Their sales are facts."""
    from channels.selling import disconnect

    disconnect(channel, actor="test")
    assert knock()[0] == 200


def test_larger_than_the_limit_is_413_counted_and_alerted() -> None:
    from reports.models import Alert

    assert settings.WEBHOOK_MAX_BYTES == 16 * 1024 * 1024
    exactly = b" " * settings.WEBHOOK_MAX_BYTES
    assert knock(exactly)[0] == 200
    for _ in range(2):
        status, body = knock(exactly + b" ")
        assert (status, body["error"]["code"]) == (413, "too_large")
    assert Delivery.objects.count() == 1
    assert Alert.objects.get().count == 2


def test_other_methods_are_405() -> None:
    client = Client()
    for method in ("get", "put", "patch", "delete"):
        assert getattr(client, method)("/webhooks/web/").status_code == 405


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/xml;q=0.9", "nonsense", ""])
def test_whatever_a_channel_accepts(accept: str) -> None:
    assert knock(Accept=accept) == (200, {"status": "stored"})


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"\xff\xfe\x00", b"[]", b"{}", b'"\\ud800"', b"[" * 100_000, b"\x00" * 100]
)
def test_whatever_is_signed_is_stored(body: bytes) -> None:
    assert knock(body)[0] == 200
    assert bytes(Delivery.objects.get().body) == body


def test_long_and_odd_ids_are_stored() -> None:
    body = event({**order("1", ("x-A", 1)), "id": "\x00" + "i" * 5000})
    assert knock(body, headers=signed(body, identity="m" * 900))[0] == 200
    assert len(Delivery.objects.get().event_id) == 200


@pytest.fixture
def refusing() -> Iterator[None]:
    """The database refuses to store deliveries, as with a full disk."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(servers.superuser_url(settings.LAYOUT, database=name), autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"
        )
        owner.execute("CREATE TRIGGER refuse BEFORE INSERT ON channels_delivery FOR EACH ROW EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            owner.execute("DROP TRIGGER refuse ON channels_delivery")
            owner.execute("DROP FUNCTION refuse")


def test_what_cannot_be_stored_is_503(refusing: None, alarms: Alarms) -> None:
    status, body = knock()
    assert (status, body["error"]["code"]) == (503, "not_stored")
    assert not alarms.sent("fulfillment.tasks.drain_inbox")


def test_the_channel_that_was_told_503_succeeds_later() -> None:
    name = connection.settings_dict["NAME"]
    with psycopg.connect(servers.superuser_url(settings.LAYOUT, database=name), autocommit=True) as owner:
        owner.execute("ALTER TABLE channels_delivery RENAME TO away")
        try:
            assert knock()[0] == 503
        finally:
            owner.execute("ALTER TABLE away RENAME TO channels_delivery")
    assert knock()[0] == 200


def test_a_broker_that_is_away_delays_and_loses_nothing(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    from inventory.kernel import workqueue

    nobody = redis.Redis.from_url("unix:///nowhere/at/all.sock")
    monkeypatch.setattr(workqueue, "_client", nobody)
    assert knock()[0] == 200
    assert Delivery.objects.count() == 1


def test_a_new_secret_is_felt_within_seconds(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from channels.registration import update_channel

    assert knock()[0] == 200
    update_channel(channel, credentials={"secret": "whsec_" + "A" * 32}, actor="test")
    later = time.monotonic() + 2.1
    monkeypatch.setattr("channels.webhooks.time.monotonic", lambda: later)
    assert knock()[0] == 401


@pytest.mark.parametrize("code", ["a%00b", "%00", "web%00"])
def test_a_channels_code_with_a_nul_is_404(code: str) -> None:
    status, body = knock(code=code)
    assert (status, body["error"]["code"]) == (404, "unknown_channel")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_any_other_method_is_405_in_the_form_of_errors(method: str) -> None:
    answer = getattr(Client(), method)("/webhooks/web/")
    assert answer.status_code == 405
    error = answer.json()["error"]
    assert (error["code"], error["fields"]) == ("method_not_allowed", {}) and error["message"]


def test_a_connection_that_died_since_the_last_delivery_costs_nobody_an_answer() -> None:
    """A thread keeps its connection from one delivery to the next; the server may have been started anew meanwhile."""
    assert knock()[0] == 200
    mine = connection.connection.info.backend_pid
    with psycopg.connect(servers.superuser_url(settings.LAYOUT), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
    assert knock(headers=signed(BODY, identity="msg_2"))[0] == 200
    assert connection.connection.info.backend_pid != mine
    assert sorted(Delivery.objects.values_list("event_id", flat=True)) == ["msg_1", "msg_2"]


@pytest.mark.parametrize("host", ["my_shop_1:8000", "a b<>", "..", ""])
def test_a_delivery_is_stored_under_whatever_name_we_were_called(host: str) -> None:
    """Names of containers have underscores, which Django does not answer to."""
    from config.wsgi import application  # webhooks come in past the pages' middleware

    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(BODY).items()}
    answered: list[str] = []
    environ = RequestFactory().post("/webhooks/web/", BODY, "application/json", **given, HTTP_HOST=host).environ
    answer = application({**environ, "wsgi.input": BytesIO(BODY)}, lambda status, headers: answered.append(status))
    assert (answered, b"".join(answer)) == (["200 OK"], b'{"status": "stored"}')
    assert Delivery.objects.count() == 1
