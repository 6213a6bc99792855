"""The broker's transport: Kombu's for Redis, with one client for a channel instead of one for each message."""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A client draws its connections from the channel's pool for each command, so that one serves all of them."""

    _held: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._held is None:
            self._held = super()._create_client()  # type: ignore[no-untyped-call]
        return self._held


class Transport(redis.Transport):
    """Named by ``broker_transport``."""

    Channel = Channel
