"""Webhooks hand each other their database connections, whichever thread they come on, and however long it lives."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from channels.models import Channel, Delivery
from config import connections as kept_connections
from config import wsgi
from tests.channels.world import order, signed
from tests.factories import SECRET, ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)

POOL_SIZE = 3


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A channel to deliver for, on a pool of few connections and little patience."""
    channel = ChannelFactory()
    _forget_kept()
    connection.close()
    connection.close_pool()
    options = connection.settings_dict["OPTIONS"]
    usual = options["pool"]
    options["pool"] = {**usual, "max_size": POOL_SIZE, "timeout": 0.3}
    yield channel
    _forget_kept()
    connection.close()
    connection.close_pool()
    options["pool"] = usual


def _forget_kept() -> None:
    """Also those that another test's requests have left behind."""
    while kept_connections._idle:
        kept_connections._idle.pop()[0].close()


def deliver(channel: Channel, number: int) -> int:
    """The status that a delivery is answered with on this thread."""
    body = json.dumps({"type": "order.created", "id": f"e{number}", "order": order(str(number), ("MUG", 1))}).encode()
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body, secret=SECRET).items()}
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": f"/webhooks/{channel.code}/", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "CONTENT_LENGTH": str(len(body)), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    answered: list[str] = []
    wsgi.application(environ | headers, lambda status, headers: answered.append(status))  # type: ignore[arg-type, misc]
    return int(answered[0].split()[0])


def deliver_on_threads(channel: Channel, *numbers: int) -> list[int]:
    """Each on a thread of its own that ends before the next one begins; nobody tidies up after it."""
    statuses: list[int] = []
    for number in numbers:
        thread = threading.Thread(target=lambda number=number: statuses.append(deliver(channel, number)))
        thread.start()
        thread.join()
    return statuses


def test_threads_that_end_leave_the_pool_as_it_was(channel: Channel) -> None:
    assert deliver_on_threads(channel, *range(3 * POOL_SIZE)) == [200] * 3 * POOL_SIZE
    assert Delivery.objects.count() == 3 * POOL_SIZE
    assert len(kept_connections._idle) == 1


def test_control_connections_that_stay_with_their_thread_are_lost_with_it(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wsgi, "kept", contextlib.nullcontext)
    assert deliver_on_threads(channel, *range(POOL_SIZE + 2)) == [200] * POOL_SIZE + [503] * 2


def test_a_kept_connection_that_died_is_replaced_and_the_delivery_stored(channel: Channel) -> None:
    assert deliver(channel, 1) == 200
    ((kept, _),) = kept_connections._idle
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [kept.connection.info.backend_pid])
    assert [deliver(channel, 2), deliver(channel, 3)] == [200, 200]
    assert Delivery.objects.count() == 3


def test_a_connection_is_kept_and_after_a_while_renewed_by_the_pool(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_of_the_pool() -> int:
        return int(connection.pool.get_stats()["requests_num"])

    assert deliver(channel, 1) == 200
    before = asked_of_the_pool()
    assert (deliver(channel, 2), asked_of_the_pool()) == (200, before)
    monkeypatch.setattr(kept_connections, "KEPT_SECONDS", 0.0)
    assert (deliver(channel, 3), asked_of_the_pool()) == (200, before + 1)
