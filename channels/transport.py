"""The only HTTP client: channels, 3PLs, carriers and notifiers are all reached through it.

No database connection and no transaction is held while a request is out. Unless settings allow it, addresses that are
private, loopback or otherwise not public are refused at the instant of connecting, so that a channel's URL cannot be used to
reach into the merchant's own network, whatever its name resolves to.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx
from django.conf import settings
from django.db import connection, connections

from .connectors.base import ChannelBusy, ChannelUnclear, OutboundRequest, Response

CONNECT_SECONDS = 2.0
LARGEST_ANSWER = 64 * 1024 * 1024


class ForbiddenAddress(httpcore.ConnectError):
    """The address is not public, and this installation reaches only public ones."""


#: When the request that is out has to be answered, on the monotonic clock.
_deadline: ContextVar[float] = ContextVar("deadline")


class _Hurried(httpcore.NetworkStream):
    """A stream whose reads end at the deadline: who answers a byte at a time would wait out every single time-out."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _deadline.get() - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the answer took too long")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PublicOnly(httpcore.SyncBackend):
    """Connects to the very address that it checked."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if settings.CHANNEL_ALLOW_PRIVATE_URLS:
            return _Hurried(super().connect_tcp(host, port, timeout, local_address, socket_options))
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        addresses = [str(row[4][0]) for row in found]
        for address in addresses:
            if not _is_public(address):
                raise ForbiddenAddress(
                    f"{host} is {address}, which is not public; CHANNEL_ALLOW_PRIVATE_URLS allows it"
                )
        return _Hurried(super().connect_tcp(addresses[0], port, timeout, local_address, socket_options))


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _is_public(address: str) -> bool:
    """Whether the address, and the IPv4 address that may be wrapped in it, is one of the public Internet's."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        wrapped = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            wrapped = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if wrapped is not None:
            return wrapped.is_global and not wrapped.is_multicast
    return found.is_global and not found.is_multicast


_client: httpx.Client | None = None


def send(request: OutboundRequest, *, timeout_seconds: float) -> Response:
    """Send the request, wait at most so long for the whole answer, and bring it back whatever its status.

    Raises ChannelBusy where nothing can have been applied (no connection came about) and ChannelUnclear where it may have been.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a request must not be sent inside a transaction")
    connections.close_all()
    _deadline.set(time.monotonic() + timeout_seconds)
    timeout = httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS, pool=timeout_seconds)
    try:
        with _shared_client().stream(
            request.method, request.url, content=request.body or None, headers=dict(request.headers), timeout=timeout
        ) as answer:
            body = _read(answer)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status_code, body, headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ChannelBusy(f"no connection: {error or type(error).__name__}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ChannelUnclear(f"no answer: {error or type(error).__name__}") from error


def _read(answer: httpx.Response) -> bytes:
    chunks, size = [], 0
    for chunk in answer.iter_bytes():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise ChannelUnclear(f"the answer is larger than {LARGEST_ANSWER} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _shared_client() -> httpx.Client:
    global _client
    if _client is None:
        transport = httpx.HTTPTransport(
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=100), retries=0
        )
        transport._pool._network_backend = _PublicOnly()  # httpx offers no public way to give its pool a backend
        _client = httpx.Client(transport=transport, follow_redirects=False, trust_env=False)
    return _client
