"""The only HTTP client: where it may reach, how long it waits, and what it holds meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from channels import sync, transport
from channels.connectors.base import ChannelBusy, ChannelUnclear, OutboundRequest
from config import servers
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import a_channel, a_listing, a_sku

pytestmark = pytest.mark.django_db(transaction=True)


def get(url: str, *, timeout: float = 20.0) -> transport.Response:
    return transport.send(OutboundRequest("GET", url), timeout_seconds=timeout)


def test_an_answer_is_brought_back_whatever_its_status(shop: Shop) -> None:
    for status in (200, 204, 404, 500):
        shop.will(Answer(status, {"n": status} if status != 204 else b"", {"X-Some": "Thing"}))
        response = get(f"{shop.url}/stock")
        assert response.status == status and response.headers["x-some"] == "Thing"


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
def test_private_addresses_are_refused_whatever_they_are_called(shop: Shop, settings: Any, name: str) -> None:
    settings.CHANNEL_ALLOW_PRIVATE_URLS = False
    with pytest.raises(ChannelBusy, match="no connection"):
        get(f"http://{name}:{shop.port}/stock")
    assert not shop.requests


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1", "224.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::1", "::ffff:10.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_a_host_name_is_judged_by_where_it_leads(settings: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    settings.CHANNEL_ALLOW_PRIVATE_URLS = False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 80))]
    monkeypatch.setattr(transport.socket, "getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(ChannelBusy, match="not public"):
        get("http://shop.example/stock")


def test_one_private_address_among_public_ones_is_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHANNEL_ALLOW_PRIVATE_URLS = False
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(transport.socket, "getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(ChannelBusy, match=r"10\.0\.0\.1, which is not public"):
        get("http://shop.example/stock")


def test_a_name_that_leads_nowhere(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHANNEL_ALLOW_PRIVATE_URLS = False

    def nowhere(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(transport.socket, "getaddrinfo", nowhere)
    with pytest.raises(ChannelBusy, match="cannot be resolved"):
        get("http://shop.invalid/stock")


def test_redirects_are_not_followed(shop: Shop) -> None:
    shop.will(Answer(302, {}, {"Location": f"{shop.url}/orders"}))
    assert get(f"{shop.url}/stock").status == 302
    assert [seen.path for seen in shop.requests] == ["/stock"]


def test_proxies_of_the_environment_are_not_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert get(f"{shop.url}/stock").status == 200


def test_never_inside_a_transaction(shop: Shop) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        get(f"{shop.url}/stock")
    assert not shop.requests


def test_no_database_connection_is_held_while_a_request_is_out(shop: Shop) -> None:
    sessions: list[tuple[int, int]] = []

    def held(seconds: float = 5.0) -> int:
        """Connections that somebody has, where one given back just now has the time to arrive: the pool's threads take it in."""
        until = time.monotonic() + seconds
        while True:
            stats = connection.pool.get_stats()
            number = stats["pool_size"] - stats["pool_available"]
            if not number or time.monotonic() > until:
                return number
            time.sleep(0.01)

    def look(_seen: Seen) -> None:
        taken = held()
        url = servers.superuser_url(django_settings.LAYOUT, database=connection.settings_dict["NAME"])
        with psycopg.connect(url, autocommit=True) as owner:
            (busy,) = owner.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            ).fetchone()
        sessions.append((busy, taken))

    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    shop.while_busy = look
    sync.drain_channel(listing.channel_id)
    assert sessions == [(0, 0)], "neither a transaction nor a connection of the pool"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "ftp://127.0.0.1/x",
        "http://",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://a b/",
        "http://\x00/",
    ],
)
def test_addresses_that_make_no_sense(url: str) -> None:
    with pytest.raises((ChannelUnclear, ChannelBusy)):
        get(url)


def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(ChannelBusy, match="no connection"):
            get(f"http://127.0.0.1:{reserved.getsockname()[1]}/")


@pytest.mark.parametrize("answer", [Answer(after_seconds=60), Answer(drips=True)], ids=["silent", "dripping"])
def test_waiting_has_an_end_whatever_comes_meanwhile(shop: Shop, answer: Answer) -> None:
    shop.will(answer)
    began = time.monotonic()
    with pytest.raises(ChannelUnclear, match="no answer"):
        get(f"{shop.url}/stock", timeout=0.4)
    assert time.monotonic() - began < 10


def test_headers_that_drip_end_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def drip() -> None:
            session, _ = listener.accept()
            with session:
                try:
                    session.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                    while not stop.wait(0.05):
                        session.sendall(b"a")
                except OSError:
                    return

        worker = threading.Thread(target=drip)
        worker.start()
        began = time.monotonic()
        try:
            with pytest.raises(ChannelUnclear, match="no answer"):
                get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.4)
            assert time.monotonic() - began < 10
        finally:
            stop.set()
            worker.join(5)


def test_an_endless_answer_is_cut_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1000)
    shop.will(Answer(body=b"x" * 1001))
    with pytest.raises(ChannelUnclear, match="larger than 1000"):
        get(f"{shop.url}/stock")


def test_a_reset_connection_is_unclear(shop: Shop) -> None:
    shop.will(Answer(resets=True))
    with pytest.raises(ChannelUnclear, match="no answer"):
        get(f"{shop.url}/stock")


def test_many_at_once_share_one_client(shop: Shop) -> None:
    together = threading.Barrier(20, timeout=30)
    shop.while_busy = lambda _seen: together.wait() and None
    threads = [threading.Thread(target=get, args=(f"{shop.url}/stock",), kwargs={"timeout": 30}) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shop.requests) == 20 and not together.broken, "none of them waited for another"
