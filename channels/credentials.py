"""Secrets of channels: encrypted at rest, handed to connectors, never shown."""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from .connectors import registry
from .connectors.base import Account, Connector
from .models import Channel

logger = logging.getLogger(__name__)


def connector_of(channel: Channel) -> Connector:
    """The plug-in that speaks this channel's language."""
    return registry.get(channel.connector)


def capable(channels: Iterable[Channel], capability: str) -> list[Channel]:
    """Those of the channels whose connector can do this; a channel whose plug-in is gone or fails can do nothing."""
    found = []
    for channel in channels:
        try:
            if getattr(connector_of(channel).capabilities(channel.settings), capability):
                found.append(channel)
        except Exception as error:  # whatever a plug-in stumbles over, the others go on
            logger.error("channel %s is left out: %r", channel.code, error)
    return found


def account(channel: Channel, *, with_remotes: bool = False) -> Account:
    """The channel as its connector sees it; with its own names of our locations where asked for."""
    remotes: Iterable[str] = ()
    if with_remotes:
        remotes = channel.location_map.exclude(remote="").order_by("remote").values_list("remote", flat=True).distinct()
    return Account(
        code=channel.code,
        base_url=channel.base_url.rstrip("/"),
        settings=channel.settings or {},
        credentials=json.loads(channel.credentials_text or "{}"),
        remotes=tuple(remotes),
    )


def store(channel: Channel, credentials: Mapping[str, Any]) -> None:
    """Put new secrets onto the channel, unsaved. Keys that are not given keep their value; empty ones are dropped."""
    held = json.loads(channel.credentials_text or "{}")
    held.update(credentials)
    channel.credentials_text = json.dumps({name: value for name, value in held.items() if value not in ("", None)})
